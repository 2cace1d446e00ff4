"""What the public pages show: shelves, stores, and a listing with what is left of it. They start cold most often, so this imports little."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from mart_union.catalog.cards import Shelf
from mart_union.catalog.model import Listing, Store, Union, listing_level
from mart_union.catalog.refs import listing_ref, store_ref, union_ref
from mart_union.catalog.tables import ShelfItem, shelf_key
from mart_union.catalog.urgent_terms import UrgentSale
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import NotFound
from mart_union.kernel.storage import Ref, fetch, fetch_all, find
from mart_union.stock.refs import level_ref
from mart_union.stock.slots import slots_ahead
from mart_union.stock.slotting import Slot

K = TypeVar("K")
V = TypeVar("V")

FRONT = "front"
_SECONDS = 60
_MOST_KEPT = 500

_stores: dict[str, tuple[float, Store, Union | None]] = {}
_levels: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {}


class Shown(Struct, frozen=True):
    """A listing with what is left of it now, and its store as it was up to a minute ago; `suspended` names who may not sell it, if somebody.
    `parts` are the listings that a bundle is made of, `slots` the next times of a bookable service that have places left, `sold_out` an urgent sale
    whose window is open and of which nothing is left, `usual_minor` its own price while an urgent sale lowers that, else 0, `turns_at` when its urgent sale
    begins or ends next, '' if it has none."""

    listing: Listing
    store: Store
    reserve: int
    suspended: str = ""
    parts: tuple[Listing, ...] = ()
    slots: tuple[Slot, ...] = ()
    sold_out: UrgentSale | None = None
    usual_minor: int = 0
    turns_at: str = ""

    @property
    def available(self) -> bool:
        """Whether it can be bought now."""
        sells = self.listing.state == "on_sale" and self.store.state == "open" and not self.suspended
        return sells and self.reserve > 0


def get_shelf(shelf: str, page: int = 1, *, now: datetime | None = None) -> Shelf | None:
    """A page of a shelf as its listings are sold now, or None. One request, half a read unit (the page fits 4 KB)."""
    item = find(ShelfItem, *shelf_key(shelf, page))
    return None if item is None else shelf_of(shelf, item).at(now or utc_now())


def get_front(page: int = 1) -> Shelf | None:
    """A page of the union's front: its open stores by classification. One request, half a read unit."""
    return get_shelf(FRONT, page)


def shelf_of(name: str, item: ShelfItem) -> Shelf:
    """The page of a shelf that an item holds."""
    return Shelf(name, int(item.sk), int(item.pages), int(item.total), item.head, item.cards, item.stores)


def get_store(store: str) -> Store:
    """A store with its terms. One request, half a read unit.

    Raises:
        NotFound: there is none of this id.
    """
    found = fetch(store_ref(store))
    if found is None:
        raise NotFound(f"there is no store '{store}'")
    return found


def show_listing(
    store: str,
    sku: str,
    *,
    now: datetime | None = None,
    after: datetime | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Shown:
    """A listing for its page. One batch read of two items; of four when this process has not read the store and the union for a minute.

    A listing of an offer draws on the offer's level, one in an urgent sale on shards, a bundle on its parts, which are read along: the first
    time a process shows such a one, that is one more read. A bookable service's next slots, from now or `after` on, are one or two queries.

    Raises:
        NotFound: the store has no such listing, or it was withdrawn.
    """
    kept = _stores.get(store)
    known = kept[1:] if kept and monotonic() - kept[0] < _SECONDS else None
    expected = _levels.get((store, sku), ((listing_level(store, sku),), ()))
    refs: list[Ref[Any]] = [listing_ref(store, sku), *_drawn_on(store, expected)]
    listing, *found = fetch_all(refs if known else [*refs, store_ref(store), union_ref()])
    drawn_on, stores = found[: len(refs) - 1], found[len(refs) - 1 :]
    if listing is None or listing.state == "withdrawn" or (stores and stores[0] is None):
        raise NotFound(f"the store '{store}' has no listing '{sku}'")
    if (wanted := (listing.sold_from, tuple(listing.parts))) != expected:
        drawn_on = fetch_all(_drawn_on(store, wanted))
        _keep(_levels, (store, sku), wanted)
    if stores:
        _keep(_stores, store, (monotonic(), *stores))
    of, union = known or stores
    levels = {level.id: level for level in drawn_on[: len(wanted[0])] if level is not None}
    parts, moment = drawn_on[len(wanted[0]) :], now or utc_now()
    sold_now = listing.at(moment, levels)
    left = sold_now.left_of(levels)
    suspended = union.suspended_party(of, listing) if union else ""
    slots = free_slots(store, sku, after or moment) if listing.slot_minutes else ()
    left += sum(slot.left for slot in slots)
    gone = listing.at(moment).urgent if sold_now.urgent is None else None
    made_of = tuple(part for part in parts if part is not None)
    usual = listing.price_minor if listing.price_minor > sold_now.price_minor else 0
    turns_at = listing.urgent.turns_after(moment) if listing.urgent else ""
    return Shown(sold_now, of, left, suspended, made_of, slots, gone, usual, turns_at)


def free_slots(store: str, sku: str, after: datetime) -> tuple[Slot, ...]:
    """Those of a listing's next sixty slots after a moment that have places left, in its month and the next. One query, or two."""
    return tuple(slot for slot in slots_ahead(f"{store}/{sku}", after) if slot.left)


def _drawn_on(store: str, wanted: tuple[tuple[str, ...], tuple[str, ...]]) -> list[Ref[Any]]:
    """The levels that a listing draws on, and the listings that it is made of."""
    levels, parts = wanted
    return [*map(level_ref, levels), *(listing_ref(store, sku) for sku in parts)]


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value
