"""Notices to mail: addresses are read when it is sent, and each person is told each thing once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from mart_union.customers.mails import MailReplay
from mart_union.customers.messages import Claim
from mart_union.customers.model import Profile
from mart_union.customers.service import (
    attempt_of,
    claim_message,
    find_event,
    finish_message,
    get_profile,
    keep_event,
    list_staff,
    release_message,
)
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Busy
from mart_union.kernel.events import Event
from mart_union.kernel.settings import settings
from notifications.model import Audience, Notice
from notifications.naming import with_names
from notifications.notices import notices_of
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


def deliver(event: Event, *, send: Send = send_by_ses) -> int:
    """Send what was not sent yet of an event's mails, and say how many that were. One that fails keeps none of the others back.

    Raises:
        Exception: why the first of those that failed did; repeating sends what was not sent.
    """
    if event.name == "MailReplayed":
        return _deliver_again(event, send)
    sent, failures, kept = 0, [], KeptEvent(event)
    for notice in notices_of(event):
        try:
            named, subjects = with_names(notice), subjects_of(notice.audience)
        except Exception as error:  # noqa: BLE001 - whatever keeps one notice back must keep no other
            failures.append(_noted(notice, error))
            continue
        for subject in subjects:
            try:
                sent += _tell(named, subject, kept, send)
            except Exception as error:  # noqa: BLE001 - nor one of its readers another
                failures.append(_noted(notice, error))
    if failures:
        raise failures[0]
    return sent


class KeptEvent:
    """An event, kept once it is known that somebody is told of it."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self._is_kept = False

    def keep(self) -> None:
        """Keep it, so that its mails can be sent again."""
        if not self._is_kept:
            keep_event(self.event, utc_now())
            self._is_kept = True


def _deliver_again(event: Event, send: Send) -> int:
    """The mail of one try once more, if its reader is still one of those who hear of it, and its event is still kept."""
    asked = msgspec.convert(event.data, MailReplay)
    attempt, told = asked.attempt, find_event(asked.attempt.event)
    sent = 0
    for notice in notices_of(told) if told else ():
        meant = (notice.template, f"{notice.audience.kind}/{notice.audience.id}") == (
            attempt.template,
            attempt.audience,
        )
        if told and meant and attempt.subject in subjects_of(notice.audience):
            sent += _tell_again(with_names(notice), attempt.subject, told, event.id, asked.asked_by, send)
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


def _tell(notice: Notice, subject: str, kept: KeptEvent, send: Send) -> bool:
    """Whether one of the people of a notice was sent it now."""
    profile = _reader(notice, subject)
    if profile is None:
        return False
    claim = claim_message(notice.entity, _channel(notice, subject), notice.sequence, notice.news, parts=notice.parts)
    return claim is not None and _send(claim, notice, profile, kept.event, send, keep=kept.keep)


def _tell_again(notice: Notice, subject: str, event: Event, replay: str, asked_by: str, send: Send) -> bool:
    """Whether it was sent by a replay, which happens once. Then it counts as told, so that no try of the event itself sends it, too."""
    profile, channel = _reader(notice, subject), _channel(notice, subject)
    if profile is None:
        return False
    claim = claim_message(f"mail/{replay}", channel, 1, "MailReplayed", parts=notice.parts)
    sent = claim is not None and _send(claim, notice, profile, event, send, asked_by=asked_by)
    with suppress(Busy):  # and of a replay that was cut off here when it comes again
        original = claim_message(notice.entity, channel, notice.sequence, notice.news, parts=notice.parts)
        if original is not None:
            finish_message(original)
    return sent


def _reader(notice: Notice, subject: str) -> Profile | None:
    """Whom a mail is for, None where they have no address or do not want it."""
    profile = get_profile(subject)
    if profile is None or not profile.email or OPTIONAL.get(notice.template) in profile.unwanted_mails:
        return None
    return profile


def _channel(notice: Notice, subject: str) -> str:
    return f"email/{notice.audience.kind}/{notice.audience.id}/{subject}"


def _send(
    claim: Claim,
    notice: Notice,
    profile: Profile,
    event: Event,
    send: Send,
    *,
    keep: Callable[[], None] = lambda: None,
    asked_by: str = "",
) -> bool:
    """Whether the channel has taken the mail. Every try is noted with the end of its claim."""
    audience = f"{notice.audience.kind}/{notice.audience.id}"
    attempt = partial(attempt_of, event, notice.template, audience, profile.customer, asked_by=asked_by)
    try:
        keep()
        send(profile.email, word(notice.template, _language(profile, notice), notice.facts_of(claim.parts)))
    except Exception as error:
        problem = _problem(error)
        if problem not in REFUSED:
            release_message(claim, attempt(utc_now(), outcome="failed", problem=problem))
            raise
        _noted(notice, error)
        finish_message(claim, attempt(utc_now(), outcome="refused", problem=problem))
        return False
    finish_message(claim, attempt(utc_now()))
    return True


def _language(profile: Profile, notice: Notice) -> str:
    return profile.language or notice.language or settings().languages[0]
