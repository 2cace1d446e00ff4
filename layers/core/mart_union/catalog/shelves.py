"""Shelves: ready pages of cards, rebuilt whenever what they show has changed.

A build begins by counting itself, then reads, then writes what differs, each write under the condition that no other build of the shelf
has begun since. A build that was overtaken stops: the one that overtook it reads after every change that the first was started for. So
builds may run at once, twice or late, and the shelf ends up as the catalog is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from msgspec import Struct
from msgspec.structs import replace
from pynamodb.exceptions import UpdateError

from mart_union.catalog.assignments import bring_parents
from mart_union.catalog.cards import Card, Shelf, ShelfHead
from mart_union.catalog.categories import list_categories, read_tree
from mart_union.catalog.listings import bring_in_step, list_listings
from mart_union.catalog.model import CategoryLink, Listing, in_order, lineages
from mart_union.catalog.packing import UNRATED, card_of_listing, front_order, is_shown, pack
from mart_union.catalog.rating_model import Rating
from mart_union.catalog.ratings import list_ratings
from mart_union.catalog.refs import store_ref, union_ref
from mart_union.catalog.showing import FRONT, shelf_of
from mart_union.catalog.stores import card_of, list_stores
from mart_union.catalog.tables import BuildItem, PartItem, ShelfItem, UsedItem, build_key, part_key, shelf_key, used_key
from mart_union.catalog.trees import Tree, placed
from mart_union.kernel.errors import Conflict
from mart_union.kernel.storage import Item, code_of, fetch, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.stock.model import Level
from mart_union.stock.service import get_levels

_MOST_WRITES = 90  # a transaction has at most 100 items, and 4 MB
_MOST_IN_PART = 1000  # cards of one store in one category of the union: an item holds 400 KB


def rebuild_front() -> None:
    """Make the front show the union and its open stores as they are."""
    _build(FRONT, _build_front)


def _build_front(build: _Build) -> None:
    union = fetch(union_ref(), consistent=True)
    classifications = union.classifications if union else ()
    head = ShelfHead(
        names=union.names if union else {},
        texts=union.texts if union else {},
        categories=tuple(link for link in in_order(list_categories()) if link.depth == 0),
        classifications=classifications,
    )
    build.replace(FRONT, pack(FRONT, head, stores=front_order(list_stores(), classifications)))


def rebuild_store(store: str) -> None:
    """Make a store's shelves, and its part of the union's categories, show its listings as they are."""
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
        if code_of(error) != "ConditionalCheckFailedException":
            raise


def _build_store(name: str, build: _Build) -> None:
    """Build the store's shelves, and its part of the union's categories."""
    store = fetch(store_ref(name), consistent=True)
    if store is None:
        return
    tree, union = read_tree(name), read_tree()
    bring_parents(store, tree)
    stored = list_listings(name)
    listings = [placed(listing, tree, union) for listing in stored]
    categories = list(tree.categories.values())
    cards = _cards(
        [listing for listing in listings if is_shown(store, listing)], in_order(categories), list_ratings(name)
    )
    lineage = lineages(categories)
    used = {each for listing, _ in cards for each in lineage.get(listing.category, ())}
    links = tuple(link for link in in_order(categories) if link.id in used)
    card = card_of(store, fetch(union_ref()))
    whole = pack(f"store/{name}", ShelfHead(store.names, store.texts, card, links), [each for _, each in cards])
    build.replace(f"store/{name}", whole if store.state == "open" else [])
    for category in (*tree.categories, *tree.gone):
        inside = [each for listing, each in cards if category in lineage.get(listing.category, ())]
        shelf = f"store/{name}/{category}"
        build.replace(shelf, pack(shelf, ShelfHead(store.names, {}, card, links), inside) if inside else [])
    _replace_parts(name, cards, union, build)
    _keep_used(name, listings, tree, build)
    bring_in_step(zip(stored, listings, strict=True))


def _keep_used(store: str, listings: Sequence[Listing], tree: Tree, build: _Build) -> None:
    used = tuple(sorted({listing.category for listing in listings} & tree.categories.keys()))
    item = find(UsedItem, *used_key(store), consistent=True)
    if used != (item.categories if item else ()):
        build.write([UsedItem(*used_key(store), categories=used)], [])


def _cards(
    listings: Iterable[Listing], links: list[CategoryLink], ratings: Mapping[str, Rating]
) -> list[tuple[Listing, Card]]:
    place = {link.id: number for number, link in enumerate(links)}
    ordered = sorted(listings, key=lambda each: (place.get(each.category, len(place)), each.sku))
    wanted = dict.fromkeys(level for listing in ordered for level in listing.sold_from)
    levels = get_levels(wanted, consistent=True)
    return [
        (listing, card_of_listing(_told(listing, levels), _left(listing, levels), ratings.get(listing.sku, UNRATED)))
        for listing in ordered
    ]


def _told(listing: Listing, levels: Mapping[str, Level]) -> Listing:
    """A listing with its urgent sale, unless that is sold out. Whether the sale runs, who looks at the card decides."""
    return replace(listing, urgent=None) if listing.is_sold_out(levels) else listing


def _left(listing: Listing, levels: Mapping[str, Level]) -> int:
    """What a listing has for sale, in an urgent sale or out of it: a shelf does not tell which."""
    return replace(listing, urgent=None).left_of(levels)


def _replace_parts(store: str, cards: list[tuple[Listing, Card]], union: Tree, build: _Build) -> None:
    """Keep what the store has in each of the union's categories. What differs is owed to their shelves before it is written."""
    kept: list[Item] = []
    gone: list[Item] = []
    owed: set[str] = set()
    for category in (*union.categories, *union.gone):
        after = tuple(card for listing, card in cards if listing.union_category == category)[:_MOST_IN_PART]
        item = find(PartItem, *part_key(category, store), consistent=True)
        if after != (item.cards if item else ()):
            owed.add(category)
            (kept if after else gone).append(PartItem(*part_key(category, store), cards=after))
    if owed:
        build.owe(owed)
        build.write(kept, gone)


def rebuild_categories(touched: Iterable[str] | None = None) -> None:
    """Make the shelves of some of the union's categories, or of all, and of those above them, show what all stores have in them and below. One
    that is gone has no shelf, and what stores still have under its name is shown where it stands now."""
    union = read_tree()
    names = {*union.categories, *union.gone} if touched is None else set(touched)
    lineage = lineages(union.categories.values())
    links = in_order(union.categories.values())
    for category in sorted({each for leaf in names for each in lineage.get(union.at(leaf), ())}):
        below = [each for each in (*union.categories, *union.gone) if category in lineage.get(union.at(each), ())]
        children = tuple(link for link in links if union.categories[link.id].parent == category)
        head = ShelfHead(union.categories[category].names, {}, None, children)
        _build(f"category/{category}", partial(_build_category, category, below, head))
    for category in sorted(names & union.gone.keys()):
        _build(f"category/{category}", partial(_clear, f"category/{category}"))


def _clear(shelf: str, build: _Build) -> None:
    build.replace(shelf, [])


def _build_category(category: str, below: list[str], head: ShelfHead, build: _Build) -> None:
    """Each store's first, then each store's second, and so on: none stands behind all of another's."""
    parts = [item.cards for each in below for item in PartItem.query(f"PARTS#{each}", consistent_read=True)]
    ranked = sorted(
        ((rank, card) for part in parts for rank, card in enumerate(part)),
        key=lambda ranked: (ranked[0], ranked[1].store, ranked[1].sku),
    )
    shelf = f"category/{category}"
    build.replace(shelf, pack(shelf, head, [card for _, card in ranked]))


class _Overtaken(Conflict):
    """Another build of the shelf has begun since; it will show what this one would have."""


class _Build(Struct, frozen=True):
    """One build of a shelf; it writes only as long as it is the one that began last."""

    shelf: str
    number: int

    def replace(self, shelf: str, pages: list[Shelf]) -> None:
        """Make the pages of a shelf these: write those that differ, remove those beyond. Nothing differs, nothing is written."""
        before = {int(item.sk): item for item in ShelfItem.query(f"SHELF#{shelf}", consistent_read=True)}
        found = {number: shelf_of(shelf, item) for number, item in before.items()}
        changed = [_item(page) for page in pages if found.get(page.page) != page]
        shown = {page.page for page in pages}
        self.write(changed, [item for number, item in before.items() if number not in shown])

    def write(self, kept: Sequence[Item], gone: Sequence[Item]) -> None:
        """Put some items and delete others.

        Raises:
            _Overtaken: another build has begun.
        """
        writes = [(item, True) for item in kept] + [(item, False) for item in gone]
        for start in range(0, len(writes), _MOST_WRITES):
            transaction = WriteTransaction()
            transaction.check(self._item, BuildItem.begun == self.number, refuse(_Overtaken, "another build has begun"))
            for item, is_kept in writes[start : start + _MOST_WRITES]:
                if is_kept:
                    transaction.put(item)
                else:
                    transaction.delete(item)
            transaction.commit()

    def owe(self, categories: set[str]) -> None:
        """Note that shelves of the union's categories must follow.

        Raises:
            _Overtaken: another build has begun.
        """
        transaction = WriteTransaction()
        is_mine = BuildItem.begun == self.number
        overtaken = refuse(_Overtaken, "another build has begun")
        transaction.update(self._item, [BuildItem.owed.add(categories)], condition=is_mine, refusal=overtaken)
        transaction.commit()

    @property
    def _item(self) -> BuildItem:
        return BuildItem(*build_key(self.shelf))


def _build(shelf: str, work: Callable[[_Build], None]) -> int:
    """Build a shelf, unless another build overtakes this one; answers with this build's number."""
    build = _Build(shelf, _begin(shelf))
    with suppress(_Overtaken):
        work(build)
    return build.number


def _begin(shelf: str) -> int:
    """Count a build and tell its number. Counted twice after a lost answer, it only overtakes itself: its number is the later one."""
    item = BuildItem(*build_key(shelf))
    item.update([BuildItem.begun.add(1)])
    return int(item.begun)


def _item(page: Shelf) -> ShelfItem:
    return ShelfItem(
        *shelf_key(page.name, page.page),
        head=page.head,
        cards=page.cards,
        stores=page.stores,
        pages=page.pages,
        total=page.total,
    )
