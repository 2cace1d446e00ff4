"""Links as they are stored: each with its listing, and what has to be known of the world to say how they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.model import Listing, OfferReference, Store
from mart_union.catalog.refs import category_ref, listing_ref, store_ref, union_ref
from mart_union.catalog.trees import CategoryRecord
from mart_union.kernel.errors import Conflict
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import Item, Ref, fetch_all, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation import linking
from mart_union.mediation.linking import Supply
from mart_union.mediation.model import DepositStanding, Link, Offer, OfferKey, Supplier
from mart_union.mediation.standings import require_standing, standing_ref
from mart_union.mediation.tables import (
    BackupItem,
    LinkItem,
    OfferItem,
    SupplierItem,
    backup_key,
    link_item,
    link_key,
    offer_key,
    supplier_key,
)
from mart_union.stock.model import Level, shard_of
from mart_union.stock.service import get_levels

K = TypeVar("K")

_THREADS = 8
LISTING_STATES = {"linked": "on_sale", "paused": "paused", "withdrawn": "withdrawn"}


class Facts(Struct, frozen=True):
    """What links depend on, as it was read: offers, suppliers, levels, stores, standings of deposits, the links' listings, whom the union has
    `suspended`, and where those of their categories stand that are gone, if that was asked for."""

    offers: dict[OfferKey, Offer]
    suppliers: dict[str, Supplier]
    levels: dict[str, Level]
    stores: dict[str, Store]
    standings: dict[str, DepositStanding]
    listings: dict[tuple[str, str], Listing]
    suspended: tuple[str, ...] = ()
    places: dict[tuple[str, str], str] = {}

    def place(self, store: str, category: str) -> str:
        """Where what names a category of a store stands."""
        return self.places.get((store, category), category)

    def supply(self, offer: OfferKey | None, store: str) -> Supply | None:
        """An offer and what a store could sell of it: of the pool or of the store's allotment, whichever has more. None where there is none."""
        found = self.offers.get(offer) if offer else None
        if found is None:
            return None
        own = (found.level, *((shard_of(found.level, store),) if store in found.allotments else ()))
        left = max((self.levels[level].reserve for level in own if level in self.levels), default=0)
        return Supply(found, left, self.suppliers[found.supplier].state == "suspended")

    def classification(self, store: str) -> str:
        """The classification of a store."""
        return self.stores[store].classification

    def shut(self, store: str) -> str:
        """Why nothing of a store is sold now, '' where it is open and its enterprise trades."""
        of = self.stores[store]
        if f"enterprise/{of.enterprise}" in self.suspended:
            return "enterprise-suspended"
        return "" if of.state == "open" else f"store-{of.state}"

    def standing(self, store: str) -> DepositStanding:
        """The standing of a store's deposit."""
        return self.standings[store]

    def listing(self, link: Link) -> Listing | None:
        """The listing of a link.

        Raises:
            Conflict: the SKU is used by another listing.
        """
        listing = self.listings.get((link.store, link.sku))
        if listing and (
            listing.offer is None or OfferKey(listing.offer.supplier, listing.offer.sku) not in link.offers
        ):
            raise sku_used(link.sku)
        return listing

    def in_step(self, link: Link) -> Link:
        """The link as it is while these are the facts."""
        first = self.supply(link.first, link.store)
        if first is None:
            return link
        return linking.in_step(
            link,
            first,
            self.supply(link.backup, link.store),
            self.classification(link.store),
            step=settings().currency.step,
            standing=self.standing(link.store).state,
            shut=self.shut(link.store),
        )

    def is_overruled(self, link: Link) -> bool:
        """Whether the minimum of the offer that is sold through a link is more than the link's markup comes to."""
        return linking.is_overruled(link, self.offers[link.sold], step=settings().currency.step)

    def listing_of(self, link: Link, listed: Listing | None) -> Listing:
        """What shoppers see of a link; what only the listing knows (such as its picture) stays."""
        listing = listed or Listing(link.store, link.sku, {}, {}, "", "", "", 0, "", "", sequence=0)
        sold = self.offers[link.sold]
        period = self.suppliers[sold.supplier].settlement_period
        return replace(
            listing,
            titles=link.titles,
            texts=link.texts,
            category=link.category,
            union_category=self.offers[link.first].union_category,
            kind=link.kind,
            price_minor=link.price_minor,
            state=LISTING_STATES[link.state],
            level=sold.level,
            glyph=link.glyph,
            offer=OfferReference(
                sold.supplier,
                sold.sku,
                sold.supply_minor,
                period,
                sold.accepts_returns,
                sold.area,
                sold.tiers,
                sold.lead_days,
            ),
            allotted=link.store in sold.allotments,
        )


def sku_used(sku: str) -> Conflict:
    """The refusal of a link under a SKU that another listing has."""
    return Conflict(f"the SKU {sku} is used by another listing", sku=sku)


def read_facts(links: Sequence[Link], *, with_places: bool = False) -> Facts:
    """What some links depend on, as it is now: two batch reads, consistent, one more for each hundred things. `with_places`: their categories, too, and the
    tree of a store (a query) of which one is gone."""
    keys = list(dict.fromkeys(key for link in links for key in link.offers))
    suppliers = list(dict.fromkeys(key.supplier for key in keys))
    stores = list(dict.fromkeys(link.store for link in links))
    skus = list(dict.fromkeys((link.store, link.sku) for link in links))
    categories = list(dict.fromkeys((link.store, link.category) for link in links if with_places and link.category))
    refs: list[Ref[Any]] = [
        *(_document(OfferItem, offer_key(key.supplier, key.sku)) for key in keys),
        *(_document(SupplierItem, supplier_key(each)) for each in suppliers),
        *map(store_ref, stores),
        *map(standing_ref, stores),
        *(listing_ref(*each) for each in skus),
        *(category_ref(*each) for each in categories),
        union_ref(),
    ]
    *documents, union = fetch_all(refs, consistent=True)
    found = iter(documents)
    offers: dict[OfferKey, Offer] = _next_of(keys, found)
    return Facts(
        offers=offers,
        suppliers=_next_of(suppliers, found),
        stores=_next_of(stores, found),
        standings={store: DepositStanding(store) for store in stores} | _next_of(stores, found),
        listings=_next_of(skus, found),
        places=_places(_next_of(categories, found)),
        suspended=union.suspended if union is not None else (),
        levels=get_levels((level for offer in offers.values() for level in offer.sold_from), consistent=True),
    )


def _places(records: dict[tuple[str, str], CategoryRecord]) -> dict[tuple[str, str], str]:
    """Where those of some categories stand that are gone."""
    gone = [each for each, record in records.items() if not record.is_there]
    trees = {store: catalog.read_tree(store) for store in {store for store, _ in gone}}
    return {(store, category): trees[store].at(category) for store, category in gone}


def _next_of(names: Sequence[K], found: Iterator[Any]) -> dict[K, Any]:
    """Of what was found, the next as many as there are names, by their names; without what is not there."""
    return {name: each for name, each in zip(names, list(islice(found, len(names))), strict=True) if each is not None}


def _document(model: type[Item], key: tuple[str, str]) -> Ref[Any]:
    return Ref(model, *key, lambda item: item.document)


def find_link(store: str, sku: str, offer: OfferKey) -> Link | None:
    """The link that a store has under a SKU of an offer, be that its first or its backup; None where it has none. One read, three for a backup."""
    item = find(LinkItem, *link_key(offer.supplier, offer.sku, store, sku), consistent=True)
    if item is not None:
        return item.document
    backup = find(BackupItem, *backup_key(offer, store, sku), consistent=True)
    if backup is None:
        return None
    item = find(LinkItem, *link_key(backup.supplier, backup.offer_sku, store, sku), consistent=True)
    return None if item is None else item.document


def link_ref(store: str, sku: str, offer: OfferKey) -> Ref[Link]:
    """A link by the offer that it was made from."""
    return _document(LinkItem, link_key(offer.supplier, offer.sku, store, sku))


def put_link(transaction: WriteTransaction, before: Link | None, after: Link) -> None:
    """Add a link, new or in place of the one that was read, to a transaction, and the reference by which its backup finds it."""
    is_as_read = LinkItem.pk.does_not_exist() if before is None else LinkItem.sequence == before.sequence
    changed = refuse(Conflict, "this link was changed just now; read it and repeat")
    transaction.put(link_item(after), condition=is_as_read, refusal=changed)
    had = before.backup if before else None
    if had is not None and had != after.backup:
        transaction.delete(BackupItem(*backup_key(had, after.store, after.sku)))
    if after.backup is not None and had != after.backup:
        key = backup_key(after.backup, after.store, after.sku)
        transaction.put(BackupItem(*key, supplier=after.supplier, offer_sku=after.offer_sku))


def bring_in_step(read: Callable[[], Sequence[Link]], *, with_places: bool = False) -> None:
    """Write some links as they should be, and look at them again, until nothing of them differs: so whoever wrote last has seen what they should say.
    Three batch reads where nothing differs. Who has just made them asks `with_places`: a category may have gone, and whoever followed that did not find
    them.

    Raises:
        Busy: links kept being changed at the same moment.
    """

    def look() -> None:
        links = read()
        facts = read_facts(links, with_places=with_places)
        with ThreadPoolExecutor(_THREADS) as threads:
            if any(list(threads.map(lambda link: put_in_step(link, facts), links))):
                raise _Written("look again")

    retried(look, on=Conflict, what="these links")


class _Written(Conflict):
    """Something was written, so it has to be looked at again."""


def read_links(wanted: Sequence[Link]) -> tuple[Link, ...]:
    """Some links as they are now, those that there are. One batch read a hundred."""
    found = fetch_all([link_ref(each.store, each.sku, each.first) for each in wanted], consistent=True)
    return tuple(link for link in found if link is not None)


def put_in_step(link: Link, facts: Facts) -> bool:
    """Write a link and its listing as they should be while these are the facts, if they are not; says whether anything was written.

    Raises:
        Conflict: the link, its listing or the standing of its store's deposit was changed at the same moment.
    """
    placed = replace(link, category=facts.place(link.store, link.category))
    after, listed = facts.in_step(placed), facts.listing(link)
    listing = facts.listing_of(after, listed)
    if after == link and listing == listed:
        return False
    transaction = WriteTransaction()
    put_link(transaction, link, replace(after, sequence=link.sequence + 1))
    if listing != listed:
        catalog.add_listing(transaction, listing, listed)
    require_standing(transaction, facts.standing(link.store))
    transaction.commit()
    return True
