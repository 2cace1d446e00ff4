"""Notices to mail: addresses are read when it is sent, and each person is told each thing once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from mart_union.customers.model import Profile
from mart_union.customers.service import (
    claim_message,
    finish_message,
    get_profile,
    list_staff,
    release_message,
)
from mart_union.kernel.settings import settings
from notifications.model import Audience, Notice
from notifications.naming import with_names
from notifications.wording import Mail, word

logger = Logger(service="notifications", child=True)

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

REFUSED = frozenset({"MessageRejected", "BadRequestException"})
"""What SES says of a mail that it will take no more the next time (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html)."""

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
        Exception: why the first of those that failed did; repeating sends what was not sent.
    """
    sent, failures = 0, []
    for notice in notices:
        try:
            named, subjects = with_names(notice), subjects_of(notice.audience)
        except Exception as error:  # noqa: BLE001 - whatever keeps one notice back must keep no other
            failures.append(_noted(notice, error))
            continue
        for subject in subjects:
            try:
                sent += _tell(named, subject, send)
            except Exception as error:  # noqa: BLE001 - nor one of its readers another
                failures.append(_noted(notice, error))
    if failures:
        raise failures[0]
    return sent


def _noted(notice: Notice, error: Exception) -> Exception:
    """The error, noted by its name only: what SES says holds the address."""
    logger.warning(
        "not told", template=notice.template, entity=notice.entity, sequence=notice.sequence, problem=_problem(error)
    )
    return error


def _problem(error: Exception) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


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
    channel = f"email/{notice.audience.kind}/{notice.audience.id}/{subject}"
    claim = claim_message(notice.entity, channel, notice.sequence, notice.news, parts=notice.parts)
    if claim is None:
        return False
    try:
        send(profile.email, word(notice.template, _language(profile, notice), notice.facts_of(claim.parts)))
    except Exception as error:
        if _problem(error) not in REFUSED:
            release_message(claim)
            raise
        _noted(notice, error)
        finish_message(claim)
        return False
    finish_message(claim)
    return True


def _language(profile: Profile, notice: Notice) -> str:
    return profile.language or notice.language or settings().languages[0]
