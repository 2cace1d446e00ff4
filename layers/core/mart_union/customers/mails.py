"""What became of mails: each try, with whom it told of what, and how to have one sent again. No address and no words of it; kept for two weeks, as the
tries to tell shops are.

The event of which a mail tells is kept beside its tries, so that a mail can be worded anew. It holds no personal data.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from mart_union.customers.model import MAIL_OUTCOMES, MailAttempt
from mart_union.customers.tables import MailAttemptItem, MailedEventItem, mail_attempts_key, mailed_event_key
from mart_union.kernel.clock import attempt_expires_at, from_iso, iso
from mart_union.kernel.errors import Invalid, NotFound
from mart_union.kernel.events import Event, publish
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import find


def attempt_of(
    event: Event,
    template: str,
    audience: str,
    subject: str,
    now: datetime,
    *,
    outcome: str = "sent",
    problem: str = "",
    asked_by: str = "",
) -> MailAttempt:
    """A try that was made at a moment."""
    at = iso(now)
    identity = f"{at}-{derived_id(event.id, template, audience, subject)[:8]}"
    return MailAttempt(
        identity, at, outcome, event.id, event.name, event.entity, template, audience, subject, problem, asked_by
    )


def attempt_item(attempt: MailAttempt) -> MailAttemptItem:
    """A try as an item, for the transaction that ends it."""
    key = mail_attempts_key(attempt.outcome, attempt.at[:10]), attempt.id
    return MailAttemptItem(*key, document=attempt, expires_at=attempt_expires_at(from_iso(attempt.at)))


def list_attempts(outcome: str, day: str, cursor: str = "") -> Page[MailAttempt]:
    """A page of the tries of a day (`yyyy-mm-dd`, UTC) that came out so, newest first. One query.

    Raises:
        Invalid: there is no such outcome, or the cursor is not one of this list.
    """
    if outcome not in MAIL_OUTCOMES:
        reason = f"one of {', '.join(MAIL_OUTCOMES)}"
        raise Invalid(reason, errors=[{"field": "outcome", "reason": reason}])
    page = read_page(MailAttemptItem.query, mail_attempts_key(outcome, day), cursor=cursor)
    return Page(tuple(item.document for item in page.items), page.next)


def keep_event(event: Event, now: datetime) -> None:
    """Keep the event of which mails tell. One write, by its size."""
    MailedEventItem(*mailed_event_key(event.id), document=event, expires_at=attempt_expires_at(now)).save()


def find_event(event: str) -> Event | None:
    """An event of which mails told in the last two weeks, by its id."""
    item = find(MailedEventItem, *mailed_event_key(event), consistent=True)
    return None if item is None else item.document


def send_again(outcome: str, identity: str, actor: str, key: str, now: datetime) -> MailAttempt:
    """Have the mail of a try sent once more, whatever became of it since; the same key again sends it no second time. It is worded anew and goes to the
    address that its reader has by now. Two reads and an event.

    Raises:
        NotFound: there is no such try, or it is older than two weeks.
        Busy: the bus kept refusing it.
    """
    item = find(MailAttemptItem, mail_attempts_key(outcome, identity[:10]), identity, consistent=True)
    if item is None or find_event(item.document.event) is None:
        raise NotFound("there is no such mail of the last two weeks")
    asked = MailReplay(item.document, actor)
    again = derived_id("mail", identity, outcome, key)
    publish([Event(again, "MailReplayed", f"mail/{again}", 1, iso(now), msgspec.to_builtins(asked))])
    return item.document


class MailReplay(Struct, frozen=True):
    """What a MailReplayed event says: whose mail of which try is to be sent again, and who asked for that."""

    attempt: MailAttempt
    asked_by: str
