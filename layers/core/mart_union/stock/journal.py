"""The journal: every movement of every level, as the stream of the table saw it, written once and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mart_union.kernel.errors import Invalid
from mart_union.kernel.paging import Page
from mart_union.kernel.storage import Ref, fetch_all
from mart_union.stock.model import COUNTS, JournalEntry, Level
from mart_union.stock.service import get_level
from mart_union.stock.tables import BLOCK, JournalItem, journal_key

_PAGE = 50


def journal_entry(old: Level | None, new: Level) -> JournalEntry:
    """What the change from one image of a level to the next was."""
    before = old or Level(new.id)
    moved = {name: getattr(new, name) - getattr(before, name) for name in COUNTS}
    return JournalEntry(
        level=new.id,
        sequence=new.sequence,
        at=new.at,
        reason=new.reason,
        actor=new.actor,
        reference=new.reference,
        reserve_after=new.reserve,
        moved={name: change for name, change in moved.items() if change},
    )


def record_movements(changes: Iterable[tuple[Level | None, Level]]) -> list[JournalEntry]:
    """Write the entries of some changes, each given as the level before and after it; answers with those before which the journal has a gap.

    A gap is that the movement before one is missing. What comes twice, late, or from a stream that was begun again has what is before it in
    the journal already, and writes the same entry again. One write an entry, and one consistent batch read of what precedes the batch.
    """
    entries = [journal_entry(old, new) for old, new in changes]
    for entry in entries:
        JournalItem(*journal_key(entry.level, entry.sequence), document=entry).save()
    written = {(entry.level, entry.sequence) for entry in entries}
    begin = [each for each in entries if each.sequence > 1 and (each.level, each.sequence - 1) not in written]
    before = fetch_all([_entry_ref(each.level, each.sequence - 1) for each in begin], consistent=True)
    return [entry for entry, found in zip(begin, before, strict=True) if found is None]


def _entry_ref(level: str, sequence: int) -> Ref[JournalEntry]:
    return Ref(JournalItem, *journal_key(level, sequence), lambda item: item.document)


def list_journal(level: str, *, before_sequence: int | None = None, limit: int = 50) -> list[JournalEntry]:
    """A level's movements, newest first, from before a sequence. One query a block of a thousand, at most two a page."""
    newest = (before_sequence - 1) if before_sequence is not None else get_level(level).sequence
    entries: list[JournalEntry] = []
    block = newest // BLOCK
    while len(entries) < limit and block >= max(0, newest // BLOCK - 1):
        upto = JournalItem.sk <= journal_key(level, newest)[1]
        found = JournalItem.query(
            journal_key(level, block * BLOCK)[0], upto, scan_index_forward=False, limit=limit - len(entries)
        )
        entries += [item.document for item in found]
        block -= 1
    return entries


def journal_page(level: str, cursor: str = "") -> Page[JournalEntry]:
    """A page of fifty of a level's movements, newest first.

    Raises:
        NotFound: there is no such level.
        Invalid: the cursor is not one of ours.
    """
    if cursor and not (cursor.isdecimal() and len(cursor) <= 12):
        raise Invalid("the cursor is not one of ours", errors=[{"field": "cursor", "reason": "unknown"}])
    entries = list_journal(level, before_sequence=int(cursor) if cursor else None, limit=_PAGE)
    more = str(entries[-1].sequence) if len(entries) == _PAGE and entries[-1].sequence > 1 else ""
    return Page(tuple(entries), more)


def read_journal(level: str, newest: int) -> Iterator[JournalEntry]:
    """A level's movements from the first to that of a sequence. One query a block of a thousand, or a MB: for an operator, not for a page."""
    for block in range(newest // BLOCK + 1):
        upto = JournalItem.sk <= journal_key(level, newest)[1]
        found = JournalItem.query(journal_key(level, block * BLOCK)[0], upto, consistent_read=True)
        yield from (item.document for item in found)
