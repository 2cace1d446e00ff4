"""Applying an upload's rows to a store: listings, each under the sequence it was read with, and a count of each level. New ones are made many at once.

A listing that is edited by hand, or made from an offer, at the same moment is read and decided again, so that nothing is written over
what was not seen. An unchanged row writes nothing. Rows applied before a crash are applied again without effect: a level says which upload has
counted it last, so that it is not counted a second time, since sales may have come between.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace
from pynamodb.exceptions import PutError

from mart_union.catalog.bundles import checked_parts
from mart_union.catalog.categories import add_categories, read_tree
from mart_union.catalog.files import Finding, Row
from mart_union.catalog.listings import add_listing
from mart_union.catalog.model import Listing
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.rows import REQUIRED, ListingRow, keeping, known_columns, read_listing
from mart_union.catalog.showing import get_store
from mart_union.catalog.tables import ListingItem, listing_item
from mart_union.catalog.trees import placed
from mart_union.catalog.upload_model import Upload
from mart_union.kernel.errors import Busy, Conflict, Invalid, RuleViolation
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import code_of, fetch, fetch_all
from mart_union.kernel.transaction import MOST_ITEMS, WriteTransaction
from mart_union.stock.counting import add_first_count, count, set_on_sale
from mart_union.stock.model import Level
from mart_union.stock.service import get_levels

_THREADS = 8
ROWS_A_READ = 100
"""How many rows of an upload are read in one batch; the levels of those that are there already in another."""
_OVERTAKEN = {"ConditionalCheckFailedException", "TransactionConflictException"}


@dataclass
class Outcome:
    """What became of some rows: how many changed something, how many nothing, and which were refused."""

    applied: int = 0
    unchanged: int = 0
    refused: list[tuple[Row, Finding]] = field(default_factory=list)

    def add(self, row: Row, result: bool | Finding) -> None:
        """Count a row by whether it changed something, or why it was refused."""
        if isinstance(result, Finding):
            self.refused.append((row, result))
        else:
            self.applied += result
            self.unchanged += not result


class _Change(Struct, frozen=True):
    """A row beside what the store has under its SKU now."""

    row: ListingRow
    before: Listing | None
    level: Level | None

    @property
    def is_new(self) -> bool:
        """Whether the listing is not there, and has a level of its own."""
        return self.before is None and self.row.listing.drawn_on == "level"

    @property
    def after(self) -> Listing:
        """The listing that the row makes; what rows do not say stays as it is."""
        if self.before is None:
            return self.row.listing
        kept = {
            name: getattr(self.before, name)
            for name in ("state", "image", "urgent", "shards", "shards_made", "sequence")
        }
        return replace(keeping(self.row.listing, self.before, self.row.unsaid), **kept)


class ListingImport:
    """Applies the rows of one store's upload.

    Raises:
        NotFound: there is no such store.
    """

    required = REQUIRED

    def __init__(self, store: str) -> None:
        self._store = get_store(store).id
        self._languages = settings().languages
        self._union, self._tree = read_tree(), read_tree(store)
        self._union_categories = frozenset({*self._union.categories, *self._union.gone})
        self.known = known_columns(self._languages)

    def read(self, row: Row) -> ListingRow:
        """A row as a listing.

        Raises:
            RowRefused: with everything that is wrong.
        """
        return read_listing(row, self._store, self._union_categories, self._languages, settings().currency)

    def apply(self, rows: Sequence[ListingRow], upload: Upload, now: datetime) -> Outcome:
        """Make the store's listings and levels as some rows say, bundles after their parts. Some of them may have been applied before."""
        outcome = Outcome()
        for kind in (False, True):
            some = [row for row in rows if bool(row.listing.parts) is kind]
            self._apply_some(some, outcome, upload, now)
        return outcome

    def _apply_some(self, rows: Sequence[ListingRow], outcome: Outcome, upload: Upload, now: datetime) -> None:
        parts = [rows[start : start + ROWS_A_READ] for start in range(0, len(rows), ROWS_A_READ)]
        changes: list[_Change] = []
        with ThreadPoolExecutor(_THREADS) as threads:
            for sorted_out, some in threads.map(self._sort, parts):
                outcome.refused += sorted_out.refused
                changes += some
            self._add_categories(changes)
            results = threads.map(lambda group: self._apply_group(group, upload, now), _groups(changes))
            for change, result in chain.from_iterable(results):
                outcome.add(change.row.row, result)

    def _sort(self, rows: Sequence[ListingRow], *, consistent: bool = False) -> tuple[Outcome, list[_Change]]:
        listings = fetch_all([listing_ref(self._store, each.listing.sku) for each in rows], consistent=consistent)
        levels = get_levels((each.level for each in listings if each is not None), consistent=consistent)
        tree = self._tree.grown(node for each in rows for node in each.path)
        rows = [replace(each, listing=placed(each.listing, tree, self._union)) for each in rows]
        outcome, changes = Outcome(), []
        for each, before in zip(rows, listings, strict=True):
            if before is not None and before.offer is not None:
                message = f"id: {before.sku} is made from an offer; change it under links"
                outcome.refused.append((each.row, Finding(each.row.line, "linked-listing", "error", message, "id")))
            elif refused := _bundle_refused(each, before):
                outcome.refused.append((each.row, refused))
            else:
                changes.append(_Change(each, before, levels.get(each.listing.level)))
        return outcome, changes

    def _add_categories(self, changes: Sequence[_Change]) -> None:
        nodes = [node for change in changes for node in change.row.path]
        grown = self._tree.grown(nodes)
        add_categories(
            self._store, [each for name, each in grown.categories.items() if name not in self._tree.categories]
        )
        self._tree = grown

    def _apply_group(
        self, group: Sequence[_Change], upload: Upload, now: datetime
    ) -> list[tuple[_Change, bool | Finding]]:
        """What became of some rows: new ones are made at once, or, where that is refused for one of them, each by itself.

        Raises:
            Busy: others kept winning over new rows; the upload goes on later.
        """
        if group[0].is_new:
            with suppress(Conflict, Invalid):
                _make_all(group, upload, now)
                return [(change, True) for change in group]
        return [(change, self._apply_one(change, upload, now)) for change in group]

    def _apply_one(self, change: _Change, upload: Upload, now: datetime) -> bool | Finding:
        """Whether a row changed anything, or why it could not. The level comes before its listing, so that none stands without."""
        try:
            has_counted = _count(change, upload, now)
            saved = self._save(change, upload.actor, now)
        except (Busy, Conflict) as error:
            return Finding(change.row.row.line, error.code, "error", error.detail, "quantity")
        return saved if isinstance(saved, Finding) else saved or has_counted

    def _save(self, change: _Change, actor: str, now: datetime) -> bool | Finding:
        """Whether the listing was written: under the sequence that was read, and decided again from how it is when that has passed.

        One request when nothing came between.

        Raises:
            Busy: other changes kept winning.
        """
        if change.after == change.before:
            return False

        def decide_again() -> bool | Finding:
            outcome, changes = self._sort([change.row], consistent=True)
            if outcome.refused:
                return outcome.refused[0][1]
            latest = changes[0]
            on_sale = latest.after.state == "on_sale"
            if latest.level is not None and latest.level.on_sale != on_sale:
                for level in (latest.level.id, *latest.after.shard_levels):
                    set_on_sale(level, on_sale, actor=actor, now=now)
            return _write(latest)

        try:
            return _write(change)
        except _Overtaken:
            return retried(decide_again, on=_Overtaken, what=f"the listing {change.row.listing.sku}")


_NEW_AT_ONCE = MOST_ITEMS // 2
"""How many new listings are made at once at most: each is two items, with its level."""


def _groups(changes: Sequence[_Change]) -> list[list[_Change]]:
    """New listings with a level of their own together, everything else by itself."""
    new = [change for change in changes if change.is_new]
    others = [[change] for change in changes if not change.is_new]
    return [new[start : start + _NEW_AT_ONCE] for start in range(0, len(new), _NEW_AT_ONCE)] + others


def _make_all(changes: Sequence[_Change], upload: Upload, now: datetime) -> None:
    """Make new listings with their levels, all or none: one transaction.

    Raises:
        Conflict: one of them is there already, or its level.
        Invalid: a quantity is too large.
        Busy: other changes kept winning.
    """
    transaction = WriteTransaction()
    for change in changes:
        listing = change.after
        add_first_count(
            transaction,
            listing.level,
            change.row.quantity,
            actor=upload.actor,
            reference=f"upload/{upload.id}",
            now=now,
            low_stock=listing.low_stock,
            on_sale=listing.state == "on_sale",
            key=upload.count_key,
        )
        add_listing(transaction, listing, None)
    transaction.commit()


def _bundle_refused(row: ListingRow, before: Listing | None) -> Finding | None:
    """Why a row's listing cannot draw on what it says: parts that cannot be, or another kind of stock than it has. One batch read where its
    parts have changed."""
    try:
        checked_parts(row.listing, before)
    except (Invalid, RuleViolation) as error:
        code = "other-stock" if type(error) is RuleViolation else "bad-bundle"
        return Finding(row.row.line, code, "error", f"bundle: {error.detail}", "bundle")
    return None


def _count(change: _Change, upload: Upload, now: datetime) -> bool:
    """Correct a row's level if it differs, once for each content of an upload; what the level says of being on sale is left alone where it is
    right. No request where it does not differ. A bundle or a bookable service has no level."""
    listing = change.row.listing
    if listing.drawn_on != "level":
        return False
    on_sale = change.after.state == "on_sale"
    return count(
        listing.level,
        change.row.quantity,
        actor=upload.actor,
        reference=f"upload/{upload.id}",
        now=now,
        low_stock=change.after.low_stock,
        on_sale=None if change.level is not None and change.level.on_sale == on_sale else on_sale,
        before=change.level or Level(listing.level),
        shards=lambda: _shards(listing),
        key=upload.count_key,
        cut_off_since=upload.cut_off_since,
    )


def _shards(listing: Listing) -> tuple[str, ...]:
    """The shards that may have units of a listing now, which a count finds, too."""
    found = fetch(listing_ref(listing.store, listing.sku), consistent=True)
    return () if found is None else found.shard_levels


class _Overtaken(Exception):
    """The listing is not as it was read."""


def _write(change: _Change) -> bool:
    """Write a row's listing if it differs from what was read, under the condition that this is what stands there."""
    before, after = change.before, change.after
    if after == before:
        return False
    is_as_read = ListingItem.pk.does_not_exist() if before is None else ListingItem.sequence == before.sequence
    try:
        listing_item(replace(after, sequence=before.sequence + 1 if before else 1)).save(is_as_read)
    except PutError as error:
        if code_of(error) in _OVERTAKEN:
            raise _Overtaken from error
        raise
    return True
