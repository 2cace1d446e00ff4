"""Which news were sent to whom: claimed before a message is handed to its channel, done after.

A message is sent at least once. Two deliveries of one event never send it twice, side by side or one after the other; only a process that dies
between handing it over and `finish_message` leaves a claim that lapses, and then it is sent again. The other order, marking first, would lose
the message in the same crash, and a lost "your order was refused" is worse than a second one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from mart_union.customers.tables import SentItem, sent_key
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Busy, Conflict
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

LEASE_SECONDS = 120  # longer than the function may run, so that nobody who still sends has lost the claim
KEPT_DAYS = 120


class Claim(Struct, frozen=True):
    """The right to send one message until a moment."""

    entity: str
    channel: str
    sequence: int
    until: int


def claim_message(entity: str, channel: str, sequence: int, news: str, now: datetime | None = None) -> Claim | None:
    """The right to tell a channel the news of an entity; None when it was told them, or newer ones, before.

    News with a higher sequence than the last are new unless they say the same; a lower one comes too late, unless the higher was never told:
    where several could not be sent, all come again, and are told in their order.

    Raises:
        Busy: another process is sending them; ask again when its claim has ended.
    """
    now = now or utc_now()
    until = int((now + timedelta(seconds=LEASE_SECONDS)).timestamp())
    seconds = int(now.timestamp())
    newer = (SentItem.sequence < sequence) & (SentItem.news != news)
    lapsed = (SentItem.done == False) & (SentItem.claimed_until <= seconds)  # noqa: E712 - a PynamoDB condition
    item = SentItem(
        *sent_key(entity, channel),
        sequence=sequence,
        news=news,
        done=False,
        claimed_until=until,
        at=iso(now),
        expires_at=int((now + timedelta(days=KEPT_DAYS)).timestamp()),
    )
    transaction = WriteTransaction()
    transaction.put(
        item, condition=SentItem.pk.does_not_exist() | newer | lapsed, refusal=refuse(Conflict, "told before")
    )
    try:
        transaction.commit()
    except Conflict:
        _refuse_while_sending(item)
        return None
    return Claim(entity, channel, sequence, until)


def _refuse_while_sending(wanted: SentItem) -> None:
    found = find(SentItem, wanted.pk, wanted.sk, consistent=True)
    if found is not None and not found.done and found.news == wanted.news and found.sequence <= wanted.sequence:
        raise Busy("this message is being sent")


def finish_message(claim: Claim) -> None:
    """Say that the channel has taken the message."""
    _end(claim, done=True)


def release_message(claim: Claim) -> None:
    """Say that the channel has not taken the message, so that the next try need not wait."""
    _end(claim, done=False)


def _end(claim: Claim, *, done: bool) -> None:
    transaction = WriteTransaction()
    transaction.update(
        SentItem(*sent_key(claim.entity, claim.channel)),
        [SentItem.done.set(done), SentItem.claimed_until.set(0)],
        condition=(SentItem.sequence == claim.sequence) & (SentItem.claimed_until == claim.until),
        refusal=refuse(Conflict, "newer news have taken over"),
    )
    try:
        transaction.commit()
    except Conflict:
        return
