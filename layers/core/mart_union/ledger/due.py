"""Marks of the parties that are due: written by the stream from payables, read by settlement, so that no payable is read to find them.

A mark stands under the day on which its payables fall due, or under the day on which it is written, if that is later: however late
the stream runs, settlement still looks there. It is quiet once a settlement has begun well after the mark was made, for the
index of payables lags by a moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from mart_union.kernel.clock import iso, local_date
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.settings import settings
from mart_union.ledger.model import Payable
from mart_union.ledger.tables import DueItem, due_key

INDEX_LAG = timedelta(minutes=10)
"""Far longer than the index of payables has been seen to lag; a mark younger than this is looked at once more."""

_KEPT = timedelta(days=400)


class DueParty(Struct, frozen=True):
    """A party with payables due on the day `due`, as its mark under `day` tells."""

    day: str
    party: str
    due: str
    touched_at: str
    settled_at: str

    @property
    def is_quiet(self) -> bool:
        """Whether a settlement has seen everything that the mark stands for."""
        if not self.settled_at:
            return False
        return datetime.fromisoformat(self.settled_at) >= datetime.fromisoformat(self.touched_at) + INDEX_LAG


def mark_due(payables: Iterable[Payable], now: datetime) -> None:
    """Mark the parties of payables that were made, or carried. One write a party and day, however many payables; repeating it is harmless."""
    for party, due in sorted({(payable.party, payable.due) for payable in payables}):
        mark_party(party, due, now)


def mark_party(party: str, due: str, now: datetime) -> None:
    """Have settlement look at a party's payables of a day, and at what was carried forward."""
    day = max(due, local_date(now, settings().time_zone).isoformat())
    expires = int((datetime.fromisoformat(f"{day}T00:00:00+00:00") + _KEPT).timestamp())
    DueItem(*due_key(day, party, due)).update([DueItem.touched_at.set(iso(now)), DueItem.expires_at.set(expires)])


def list_due_parties(day: str, cursor: str = "") -> Page[DueParty]:
    """A page of the marks of a day, by party."""
    page = read_page(DueItem.query, f"DUE#{day}", cursor=cursor, limit=500, newest_first=False, consistent_read=True)
    return Page(tuple(_party(item) for item in page.items), page.next)


def note_settled(found: DueParty, began: datetime) -> None:
    """Note that a settlement which began at a moment left nothing undone of what the mark stands for."""
    DueItem(*due_key(found.day, found.party, found.due)).update([DueItem.settled_at.set(iso(began))])


def _party(item: DueItem) -> DueParty:
    party, _, due = item.sk.rpartition("#")
    return DueParty(item.pk.removeprefix("DUE#"), party, due, item.touched_at, item.settled_at or "")
