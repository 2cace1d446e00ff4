"""Applying an upload's rows to a store: batches of listings, and a count of each level.

A row states the whole listing, so a row and an edit by hand at the same moment end as whichever is written last. An unchanged row
writes nothing. Rows applied before a crash are applied again without effect: a level that was counted since the upload was made is
not counted a second time, since sales may have come between.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.categories import add_categories, list_categories
from mart_union.catalog.files import Finding, Row
from mart_union.catalog.model import Listing, Upload
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.rows import REQUIRED, ListingRow, known_columns, read_listing
from mart_union.catalog.showing import get_store
from mart_union.catalog.tables import ListingItem, listing_item
from mart_union.kernel.errors import Busy
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch_all
from mart_union.stock.model import Level
from mart_union.stock.refs import level_ref
from mart_union.stock.service import count, list_journal

_THREADS = 8
_JOURNAL = 100


@dataclass
class Outcome:
    """What became of some rows: how many changed something, how many nothing, and which were refused."""

    applied: int = 0
    unchanged: int = 0
    refused: list[tuple[Row, Finding]] = field(default_factory=list)


class _Change(Struct, frozen=True):
    """A row beside what the store has under its SKU now."""

    row: ListingRow
    before: Listing | None
    level: Level | None

    @property
    def after(self) -> Listing:
        """The listing that the row makes; what rows do not say stays as it is."""
        if self.before is None:
            return self.row.listing
        kept = {name: getattr(self.before, name) for name in ("state", "image", "urgent", "sequence")}
        return replace(self.row.listing, **kept)

    def level_differs(self) -> bool:
        """Whether the level is new, or has another reserve or mark than the row says."""
        wanted = (self.row.quantity, self.row.listing.low_stock, self.after.state == "on_sale")
        return (
            self.level is None
            or (self.level.reserve + self.level.fenced, self.level.low_stock, self.level.on_sale) != wanted
        )


class ListingImport:
    """Applies the rows of one store's upload.

    Raises:
        NotFound: there is no such store.
    """

    required = REQUIRED

    def __init__(self, store: str) -> None:
        self._store = get_store(store).id
        self._languages = settings().languages
        self._union_categories = frozenset(category.id for category in list_categories())
        self._own_categories = {category.id for category in list_categories(store)}
        self.known = known_columns(self._languages)

    def read(self, row: Row) -> ListingRow:
        """A row as a listing.

        Raises:
            RowRefused: with everything that is wrong.
        """
        return read_listing(row, self._store, self._union_categories, self._languages, settings().currency)

    def look(self, rows: Sequence[ListingRow]) -> Outcome:
        """Which of some rows would be refused, and nothing else."""
        return self._sort(rows)[0]

    def apply(self, rows: Sequence[ListingRow], upload: Upload, now: datetime, *, again: bool) -> Outcome:
        """Make the store's listings and levels as some rows say. `again`: some of them may have been applied before."""
        outcome, changes = self._sort(rows)
        self._add_categories(changes)
        counted = self._count(changes, upload, now, again=again)
        written: list[Listing] = []
        for change, has_counted in zip(changes, counted, strict=True):
            if isinstance(has_counted, Finding):
                outcome.refused.append((change.row.row, has_counted))
                continue
            differs = change.after != change.before
            if differs:
                sequence = change.before.sequence + 1 if change.before else 1
                written.append(replace(change.after, sequence=sequence))
            outcome.applied += differs or has_counted
            outcome.unchanged += not (differs or has_counted)
        _write(written)
        return outcome

    def _sort(self, rows: Sequence[ListingRow]) -> tuple[Outcome, list[_Change]]:
        listings = fetch_all([listing_ref(self._store, each.listing.sku) for each in rows])
        levels = fetch_all([level_ref(each.listing.level) for each in rows])
        outcome, changes = Outcome(), []
        for each, before, level in zip(rows, listings, levels, strict=True):
            if before is not None and before.offer is not None:
                message = f"id: {before.sku} is made from an offer; change it under links"
                outcome.refused.append((each.row, Finding(each.row.line, "linked-listing", "error", message, "id")))
            else:
                changes.append(_Change(each, before, level))
        return outcome, changes

    def _add_categories(self, changes: Sequence[_Change]) -> None:
        wanted = {node.id: node for change in changes for node in change.row.path}
        new = [node for name, node in wanted.items() if name not in self._own_categories]
        add_categories(self._store, new)
        self._own_categories.update(node.id for node in new)

    def _count(self, changes: Sequence[_Change], upload: Upload, now: datetime, *, again: bool) -> list[bool | Finding]:
        """Correct the levels that differ, several at once; the level comes before its listing, so that none stands without."""

        def correct(change: _Change) -> bool | Finding:
            if not change.level_differs() or (again and was_counted(change.level, upload.made_at)):
                return False
            try:
                return count(
                    change.row.listing.level,
                    change.row.quantity,
                    actor=upload.actor,
                    reference=f"upload/{upload.id}",
                    now=now,
                    low_stock=change.row.listing.low_stock,
                    on_sale=change.after.state == "on_sale",
                )
            except Busy as error:
                return Finding(change.row.row.line, "busy", "error", error.detail, "quantity")

        with ThreadPoolExecutor(_THREADS) as threads:
            return list(threads.map(correct, changes))


def was_counted(level: Level | None, since: str) -> bool:
    """Whether a level was counted at or after a moment (ISO), by its last change or by its journal."""
    if level is None:
        return False
    if level.reason == "counted" and level.at >= since:
        return True
    return any(entry.reason == "counted" and entry.at >= since for entry in list_journal(level.id, limit=_JOURNAL))


def _write(listings: Sequence[Listing]) -> None:
    """Batches of twenty-five; what the database leaves out is sent again."""
    with ListingItem.batch_write() as batch:
        for listing in listings:
            batch.save(listing_item(listing))
