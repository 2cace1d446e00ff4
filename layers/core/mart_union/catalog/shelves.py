"""Shelves: ready pages of cards, rebuilt whenever what they show has changed.

A build begins by counting itself, then reads, then writes what differs. At its end it looks whether another build has begun meanwhile,
and if so builds again: whoever ends last has therefore read after every change that any build was started for. So builds may run at
once, twice or late, and a shelf still ends up as the catalog is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from functools import partial

from pynamodb.exceptions import UpdateError

from mart_union.catalog.categories import list_categories
from mart_union.catalog.listings import list_listings
from mart_union.catalog.model import Card, CategoryLink, Listing, Shelf, ShelfHead, in_order, lineages
from mart_union.catalog.packing import card_of_listing, front_order, is_shown, pack
from mart_union.catalog.refs import store_ref, union_ref
from mart_union.catalog.stores import card_of, list_stores
from mart_union.catalog.tables import BuildItem, PartItem, ShelfItem, build_key, part_key, shelf_key
from mart_union.kernel.errors import Busy
from mart_union.kernel.storage import fetch, find
from mart_union.stock.service import get_levels

FRONT = "front"
_ATTEMPTS = 5
_MOST_IN_PART = 1000  # cards of one store in one category of the union: an item holds 400 KB


def get_shelf(shelf: str, page: int = 1) -> Shelf | None:
    """A page of a shelf, or None. One request, half a read unit (the page fits 4 KB)."""
    item = find(ShelfItem, *shelf_key(shelf, page))
    return None if item is None else _shelf_of(shelf, item)


def get_front(page: int = 1) -> Shelf | None:
    """A page of the union's front: its open stores by classification. One request, half a read unit."""
    return get_shelf(FRONT, page)


def _shelf_of(name: str, item: ShelfItem) -> Shelf:
    return Shelf(name, int(item.sk), int(item.pages), int(item.total), item.head, item.cards, item.stores)


def rebuild_front() -> None:
    """Make the front show the union and its open stores as they are.

    Raises:
        Busy: other builds kept beginning; the caller's trigger delivers again.
    """
    _build(FRONT, _build_front)


def _build_front() -> None:
    union = fetch(union_ref(), consistent=True)
    classifications = union.classifications if union else ()
    head = ShelfHead(
        names=union.names if union else {},
        texts=union.texts if union else {},
        categories=tuple(link for link in in_order(list_categories()) if link.depth == 0),
        classifications=classifications,
    )
    _replace(FRONT, pack(FRONT, head, stores=front_order(list_stores(), classifications)))


def rebuild_store(store: str) -> None:
    """Make a store's shelves, and its part of the union's categories, show its listings as they are.

    Raises:
        Busy: other builds kept beginning; the caller's trigger delivers again.
    """
    mine = _build(f"store/{store}", partial(_build_store, store))
    item = find(BuildItem, *build_key(f"store/{store}"), consistent=True)
    if item is not None and item.owed:
        owed = set(item.owed)
        rebuild_categories(owed)
        _settle(item, owed, mine)


def _settle(item: BuildItem, owed: set[str], mine: int) -> None:
    """Strike out what is shown now; if another build has begun meanwhile, that one may owe it again and strikes it out itself."""
    try:
        item.update([BuildItem.owed.delete(owed)], condition=BuildItem.begun == mine)
    except UpdateError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise


def _build_store(name: str) -> None:
    """Build the store's shelves, and its part of the union's categories."""
    store = fetch(store_ref(name), consistent=True)
    if store is None:
        return
    categories = list_categories(name)
    shown = [listing for listing in list_listings(name) if is_shown(store, listing)]
    cards = _cards(shown, in_order(categories))
    lineage = lineages(categories)
    used = {each for listing, _ in cards for each in lineage.get(listing.category, ())}
    links = tuple(link for link in in_order(categories) if link.id in used)
    card = card_of(store, fetch(union_ref()))
    whole = pack(f"store/{name}", ShelfHead(store.names, store.texts, card, links), [each for _, each in cards])
    _replace(f"store/{name}", whole if store.state == "open" else [])
    for category in categories:
        inside = [each for listing, each in cards if category.id in lineage.get(listing.category, ())]
        shelf = f"store/{name}/{category.id}"
        _replace(shelf, pack(shelf, ShelfHead(store.names, {}, card, links), inside) if inside else [])
    _replace_parts(name, cards)


def _cards(listings: Iterable[Listing], links: list[CategoryLink]) -> list[tuple[Listing, Card]]:
    place = {link.id: number for number, link in enumerate(links)}
    ordered = sorted(listings, key=lambda each: (place.get(each.category, len(place)), each.sku))
    levels = get_levels((listing.level for listing in ordered), consistent=True)
    reserves = {name: level.reserve if level.on_sale else 0 for name, level in levels.items()}
    return [(listing, card_of_listing(listing, reserves.get(listing.level, 0))) for listing in ordered]


def _replace_parts(store: str, cards: list[tuple[Listing, Card]]) -> None:
    """Keep what the store has in each of the union's categories. What differs is owed to their shelves before it is written."""
    changes: dict[str, tuple[Card, ...]] = {}
    for category in [each.id for each in list_categories()]:
        after = tuple(card for listing, card in cards if listing.union_category == category)[:_MOST_IN_PART]
        item = find(PartItem, *part_key(category, store), consistent=True)
        if after != (item.cards if item else ()):
            changes[category] = after
    if changes:
        BuildItem(*build_key(f"store/{store}")).update([BuildItem.owed.add(set(changes))])
    for category, after in changes.items():
        part = PartItem(*part_key(category, store), cards=after)
        if after:
            part.save()
        else:
            part.delete()


def rebuild_categories(touched: Iterable[str]) -> None:
    """Make the shelves of some of the union's categories, and of those above them, show what all stores have in them and below.

    Raises:
        Busy: other builds kept beginning; the caller's trigger delivers again.
    """
    tree = {category.id: category for category in list_categories()}
    lineage = lineages(tree.values())
    links = in_order(tree.values())
    for category in sorted({each for leaf in touched for each in lineage.get(leaf, ())}):
        below = [each for each in lineage if category in lineage[each]]
        children = tuple(link for link in links if tree[link.id].parent == category)
        head = ShelfHead(tree[category].names, {}, None, children)
        _build(f"category/{category}", partial(_build_category, category, below, head))


def _build_category(category: str, below: list[str], head: ShelfHead) -> None:
    """Each store's first, then each store's second, and so on: none stands behind all of another's."""
    parts = [item.cards for each in below for item in PartItem.query(f"PARTS#{each}", consistent_read=True)]
    ranked = sorted(
        ((rank, card) for part in parts for rank, card in enumerate(part)),
        key=lambda ranked: (ranked[0], ranked[1].store, ranked[1].sku),
    )
    shelf = f"category/{category}"
    _replace(shelf, pack(shelf, head, [card for _, card in ranked]))


def _build(shelf: str, work: Callable[[], None]) -> int:
    """Build until no other build has begun meanwhile; answers with the number of the build that stands.

    Raises:
        Busy: others kept beginning.
    """
    for attempt in range(_ATTEMPTS):
        mine = _begin(shelf)
        work()
        item = find(BuildItem, *build_key(shelf), consistent=True)
        if item is not None and int(item.begun) == mine:
            return mine
        time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise Busy(f"the shelf {shelf} is being built too often at once")


def _begin(shelf: str) -> int:
    """Count a build and tell its number. Counted twice after a lost answer, it only builds once more."""
    item = BuildItem(*build_key(shelf))
    item.update([BuildItem.begun.add(1)])
    return int(item.begun)


def _replace(shelf: str, pages: list[Shelf]) -> None:
    """Make the pages of a shelf these: write those that differ, remove those beyond. Nothing differs, nothing is written."""
    before = {int(item.sk): item for item in ShelfItem.query(f"SHELF#{shelf}", consistent_read=True)}
    for page in pages:
        item = before.pop(page.page, None)
        if item is None or _shelf_of(shelf, item) != page:
            _item(page).save()
    for item in before.values():
        item.delete()


def _item(page: Shelf) -> ShelfItem:
    return ShelfItem(
        *shelf_key(page.name, page.page),
        head=page.head,
        cards=page.cards,
        stores=page.stores,
        pages=page.pages,
        total=page.total,
    )
