"""Which news were sent to whom: claimed before a message is handed to its channel, done after.

A message is sent at least once. Two deliveries of one event never send it twice, side by side or one after the other; only a process that dies
between handing it over and `finish_message` leaves a claim that lapses, and then it is sent again. The other order, marking first, would lose
the message in the same crash, and a lost "your order was refused" is worse than a second one.

News are of parts of an entity, such as the lines of an order, and a part is told its newest: what is said late of one part keeps nothing back that is
said of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from pynamodb.expressions.update import Action

from mart_union.customers.mails import attempt_item
from mart_union.customers.model import MailAttempt
from mart_union.customers.tables import SentItem, sent_key
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Busy, Conflict
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

LEASE_SECONDS = 120  # longer than the function may run, so that nobody who still sends has lost the claim
KEPT_DAYS = 120

Told = dict[str, tuple[int, str]]
"""By part, the sequence and the news that a channel was told last."""


class Claim(Struct, frozen=True):
    """The right to send one message, of those parts that are news, until a moment; `told` is what the channel was told afterwards."""

    entity: str
    channel: str
    until: int
    parts: tuple[str, ...]
    told: Told


def claim_message(
    entity: str,
    channel: str,
    sequence: int,
    news: str,
    now: datetime | None = None,
    *,
    parts: Sequence[str] = ("",),
) -> Claim | None:
    """The right to tell a channel the news of parts of an entity; None when it was told them, or newer ones, of each of these.

    News with a higher sequence than the last of a part are new unless they say the same; a lower one comes too late, unless the higher was never told:
    where several could not be sent, all come again, and are told in their order. One read and one write.

    Raises:
        Busy: another process is sending to this channel; ask again when its claim has ended.
    """
    now = now or utc_now()
    key = sent_key(entity, channel)
    found = find(SentItem, *key, consistent=True)
    told: Told = found.told if found else {}
    fresh = tuple(part for part in parts if _is_news(told.get(part), sequence, news))
    if not fresh:
        return None
    if found is not None and found.claimed_until > int(now.timestamp()):
        raise Busy("a message is being sent")
    until = int((now + timedelta(seconds=LEASE_SECONDS)).timestamp())
    expires_at = int((now + timedelta(days=KEPT_DAYS)).timestamp())
    item = SentItem(*key, told=told, claimed_until=until, at=iso(now), expires_at=expires_at)
    unchanged = (
        (SentItem.claimed_until == found.claimed_until) & (SentItem.told == found.told)
        if found
        else SentItem.pk.does_not_exist()
    )
    transaction = WriteTransaction()
    transaction.put(item, condition=unchanged, refusal=refuse(Busy, "a message is being sent"))
    transaction.commit()
    return Claim(entity, channel, until, fresh, told | dict.fromkeys(fresh, (sequence, news)))


def _is_news(before: tuple[int, str] | None, sequence: int, news: str) -> bool:
    return before is None or (before[0] < sequence and before[1] != news)


def finish_message(claim: Claim, attempt: MailAttempt | None = None) -> None:
    """Say that the channel has taken the message, or never will, and note the try with that."""
    _end(claim, [SentItem.told.set(claim.told)], attempt)


def release_message(claim: Claim, attempt: MailAttempt | None = None) -> None:
    """Say that the channel has not taken the message, so that the next try need not wait, and note this one."""
    _end(claim, [], attempt)


def _end(claim: Claim, actions: list[Action], attempt: MailAttempt | None) -> None:
    item = attempt_item(attempt) if attempt else None
    transaction = WriteTransaction()
    transaction.update(
        SentItem(*sent_key(claim.entity, claim.channel)),
        [*actions, SentItem.claimed_until.set(0)],
        condition=SentItem.claimed_until == claim.until,
        refusal=refuse(Conflict, "whoever claimed it next sends it"),
    )
    if item is not None:
        transaction.put(item)
    try:
        transaction.commit()
    except Conflict:
        if item is not None:
            item.save()
