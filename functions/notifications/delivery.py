"""Notices to mail: addresses are read when it is sent, and each person is told each thing once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from mart_union.customers.model import Profile
from mart_union.customers.service import (
    claim_message,
    finish_message,
    get_profile,
    list_staff,
    release_message,
)
from mart_union.kernel.errors import Busy
from mart_union.kernel.settings import settings
from notifications.notices import Audience, Notice
from notifications.titles import with_titles
from notifications.wording import Mail, word

OPTIONAL = {
    **dict.fromkeys(("order_accepted", "order_making"), "progress"),
    "response_answered": "answers",
    **dict.fromkeys(
        (
            "store_stock_low",
            "store_stock_out",
            "store_link_low_stock",
            "store_link_out_of_stock",
            "supplier_stock_low",
            "supplier_stock_out",
            "supplier_allotment_low",
            "supplier_allotment_out",
        ),
        "stock",
    ),
    "statement_made": "statements",
}
"""The templates of mails that their reader may have said not to want, each with its kind (`customers.model.OPTIONAL_MAILS`)."""

Send = Callable[[str, Mail], None]
"""Hand a mail for an address to the channel."""


@cache
def _ses() -> Any:
    config = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 3})
    return get_session().create_client("sesv2", config=config)


def send_by_ses(address: str, mail: Mail) -> None:
    """Hand a mail to Amazon SES.

    Raises:
        ClientError, BotoCoreError: SES did not take it.
    """
    _ses().send_email(
        FromEmailAddress=settings().email_sender,
        Destination={"ToAddresses": [address]},
        Content={
            "Simple": {
                "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": mail.text, "Charset": "UTF-8"}},
            }
        },
    )


def deliver(notices: Iterable[Notice], *, send: Send = send_by_ses) -> int:
    """Send what was not sent yet, and say how many mails that were. One that fails keeps none of the others back.

    Raises:
        ClientError, BotoCoreError: a mail was not taken; repeating sends that one only.
        Busy: another process is sending one of them at this moment.
    """
    sent, failure = 0, None
    for each in notices:
        notice = with_titles(each)
        for subject in subjects_of(notice.audience):
            try:
                sent += _tell(notice, subject, send)
            except (ClientError, BotoCoreError, Busy) as error:
                failure = failure or error
    if failure is not None:
        raise failure
    return sent


def subjects_of(audience: Audience) -> list[str]:
    """The people of an audience."""
    if audience.kind == "customer":
        return [audience.id]
    staff = list_staff(audience.kind, audience.id)
    return [member.subject for member in staff if not audience.roles or member.role in audience.roles]


def _tell(notice: Notice, subject: str, send: Send) -> bool:
    profile = get_profile(subject)
    if profile is None or not profile.email or OPTIONAL.get(notice.template) in profile.unwanted_mails:
        return False
    mail = word(notice.template, _language(profile, notice), notice.facts)
    claim = claim_message(notice.entity, f"email/{notice.audience.kind}/{subject}", notice.sequence, notice.news)
    if claim is None:
        return False
    try:
        send(profile.email, mail)
    except (ClientError, BotoCoreError):
        release_message(claim)
        raise
    finish_message(claim)
    return True


def _language(profile: Profile, notice: Notice) -> str:
    return profile.language or notice.language or settings().languages[0]
