"""Marks of parties that are due, made anew from what waits: for a mark that the stream lost, and for what was carried forward.

What waits is the index `due`, which payables leave when a statement claims them and statements when they are closed: so its size is
that of what is open, not of what ever was. It is gone through in parts, a page at a time, each page by a job of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from mart_union.kernel.clock import local_date
from mart_union.kernel.paging import scan_page
from mart_union.kernel.settings import settings
from mart_union.ledger.due import mark_party
from mart_union.ledger.tables import LedgerItem

_PARTS = 4
_ITEMS_A_PAGE = 1_000
"""What waits on a page is of at most so many parties: a job makes at most so many writes."""


class Part(Struct, frozen=True):
    """Where in the index to go on: part `number` of four, from a cursor on ('' for its beginning)."""

    number: int
    cursor: str = ""


FIRST_PARTS = tuple(Part(number) for number in range(_PARTS))


def mark_part(part: Part, now: datetime) -> Part | None:
    """Mark whoever has something waiting that is due by today, on one page of a part; where to go on, None at its end. Repeating it is
    harmless. One read of a thousand items at most, and one write a party and day."""
    today = local_date(now, settings().time_zone).isoformat()
    page = scan_page(LedgerItem.due.scan, _ITEMS_A_PAGE, part.number, _PARTS, part.cursor)
    for party, due in sorted(set(_waiting((item.due_pk, item.due_sk) for item in page.items))):
        if due <= today:
            mark_party(party, due or today, now)
    return Part(part.number, page.next) if page.next else None


def _waiting(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The parties of what waits, and the day on which it is due: '' for what was carried forward, which is due on any day."""
    for pk, sk in keys:
        head, _, rest = pk.partition("#")
        if head == "carried":
            yield rest, ""
        elif rest == "begun":
            party, _, period = sk.partition("#")
            yield party, period[:10]
        elif "/" in rest:
            yield rest, head
