"""Links follow: what changes of an offer, its pool, a store, its enterprise, its deposit or its categories reaches the links and their listings.

What counts is how things stand when a page of links is looked at, and a page is looked at until nothing is left to write: so whoever wrote last has
seen what it should say, and an event may come twice, late or out of order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.refs import listing_ref
from mart_union.kernel.errors import Conflict
from mart_union.kernel.events import Event, publish
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import Ref, fetch, fetch_all
from mart_union.kernel.transaction import WriteTransaction
from mart_union.mediation.linked import bring_in_step, link_ref, put_link, read_links
from mart_union.mediation.links import list_links
from mart_union.mediation.model import Link, OfferKey
from mart_union.mediation.offers import list_offers
from mart_union.mediation.tables import BackupItem, LinkItem, backup_key, link_key
from mart_union.stock.model import home_of

_AT_ONCE = 100
_OFFERS_AT_ONCE = 20

_Pages = Callable[[str], Page[Link]]
"""The page of links at a cursor, read consistently."""


def apply_offer_change(event: Event) -> None:
    """Take an offer's change over into the links made from it and those that it is the backup of, and pause or resume them with it. A link takes
    one transaction of three items, and a page of a hundred three reads before and after.

    Raises:
        Busy: links kept being changed at the same moment; the event has to be delivered again.
    """
    _, supplier, sku = event.entity.split("/", 2)
    _follow_offer(OfferKey(supplier, sku))


def apply_stock_change(event: Event) -> None:
    """Tell the links of an offer whether its pool, or their store's allotment of it, has units left, and let their backups take over and give
    back; a listing's own level has no links.

    Raises:
        Busy: links kept being changed at the same moment; the event has to be delivered again.
    """
    kind, _, rest = home_of(event.entity.removeprefix("level/")).partition("/")
    supplier, _, sku = rest.partition("/")
    if kind == "offer":
        _follow_offer(OfferKey(supplier, sku))


def apply_supplier_change(event: Event) -> None:
    """Pause the links of a supplier's offers while it is suspended, let their backups take over, and let go of them when it is approved again: of
    a page of offers; the next page is an event of its own (SupplierFollowDue), so that no message is worked too long.

    Raises:
        Busy: links kept being changed at the same moment, or the bus refused the next page; the event has to be delivered again.
    """
    supplier, cursor = event.entity.removeprefix("supplier/"), event.data.get("cursor", "")
    page = list_offers(supplier, cursor, _OFFERS_AT_ONCE)
    for offer in page.items:
        _follow_offer(offer.key)
    if page.next:
        due = f"follow-{supplier}-{event.sequence}-{page.next}"
        publish([Event(due, "SupplierFollowDue", event.entity, event.sequence, event.at, {"cursor": page.next})])


def apply_store_change(event: Event) -> None:
    """Pause a store's links while it is not open, or its enterprise is suspended, and let go of them when it sells again; those that its classification no
    longer allows, too: a page of its links; the next page is an event of its own (StoreFollowDue).

    Raises:
        Busy: links kept being changed at the same moment, or the bus refused the next page; the event has to be delivered again.
    """
    store, cursor = event.entity.removeprefix("store/"), event.data.get("cursor", "")
    if then := _follow_page(partial(_links_of_store, store), cursor):
        publish([_store_due(event, store, then)])


def apply_enterprise_change(event: Event) -> None:
    """Have the links of an enterprise's open stores follow what the union decided on it: a page of the union's stores; the next page is an event of its
    own (EnterpriseFollowDue). A store that is not open sells nothing whatever was decided, and is followed when it opens.

    Raises:
        Busy: the bus kept refusing some; the event has to be delivered again.
    """
    enterprise, page = event.entity.removeprefix("enterprise/"), catalog.list_open_stores(event.data.get("cursor", ""))
    due = [_store_due(event, store.id, "") for store in page.items if store.enterprise == enterprise]
    if page.next:
        name, identity = "EnterpriseFollowDue", f"follow-{enterprise}-{event.sequence}-{page.next}"
        due.append(Event(identity, name, event.entity, event.sequence, event.at, {"cursor": page.next}))
    publish(due)


def _store_due(event: Event, store: str, cursor: str) -> Event:
    identity = f"follow-{store}-{event.sequence}-{cursor}"
    return Event(identity, "StoreFollowDue", f"store/{store}", event.sequence, event.at, {"cursor": cursor})


def apply_standing(event: Event) -> None:
    """Pause a store's links when its deposit's standing is paused, and let go of those paused for it alone when it is met again.

    Raises:
        Busy: links kept being changed at the same moment; the event has to be delivered again.
    """
    _follow_pages(partial(_links_of_store, event.entity.removeprefix("deposit/")))


def _follow_offer(offer: OfferKey) -> None:
    _follow_pages(partial(_links_of_offer, offer))
    _follow_pages(partial(_backed_by, offer))


def _follow_pages(pages: _Pages) -> None:
    cursor = ""
    while True:
        cursor = _follow_page(pages, cursor)
        if not cursor:
            return


def _follow_page(pages: _Pages, cursor: str) -> str:
    """The cursor of the page that follows one of which nothing is left to write."""
    page = Page[Link](())

    def read() -> tuple[Link, ...]:
        nonlocal page
        page = pages(cursor)
        return page.items

    bring_in_step(read)
    return page.next


def _links_of_offer(offer: OfferKey, cursor: str) -> Page[Link]:
    only = LinkItem.sk.startswith("LINK#")
    page = _page_of(LinkItem, link_key(offer.supplier, offer.sku, "", "")[0], only, cursor)
    return Page(tuple(item.document for item in page.items), page.next)


def _backed_by(offer: OfferKey, cursor: str) -> Page[Link]:
    page = _page_of(BackupItem, backup_key(offer, "", "")[0], BackupItem.sk.startswith("BACKUP#"), cursor)
    places = [item.sk.removeprefix("BACKUP#").partition("#") for item in page.items]
    firsts = [OfferKey(item.supplier, item.offer_sku) for item in page.items]
    return Page(
        _read([link_ref(store, sku, key) for (store, _, sku), key in zip(places, firsts, strict=True)]), page.next
    )


def _links_of_store(store: str, cursor: str) -> Page[Link]:
    """By the index, which lags; the links themselves do not."""
    page = list_links(store, cursor, _AT_ONCE)
    return Page(read_links(page.items), page.next)


def _page_of(model: type[LinkItem] | type[BackupItem], partition: str, only: Any, cursor: str) -> Page[Any]:
    return read_page(
        model.query,
        partition,
        cursor=cursor,
        limit=_AT_ONCE,
        newest_first=False,
        consistent_read=True,
        range_key_condition=only,
    )


def _read(refs: list[Ref[Link]]) -> tuple[Link, ...]:
    return tuple(link for link in fetch_all(refs, consistent=True) if link is not None)


def apply_category_change(event: Event) -> None:
    """Bring a store's links that name a category which was merged or removed to where that stands now, each with its listing.

    Raises:
        Busy: links kept being changed at the same moment; the event has to be delivered again.
    """
    store = event.entity.split("/")[1]
    if store:  # the union's own categories are the offers', and found where they stand by whatever reads them
        retried(lambda: _follow_categories(store), on=Conflict, what="this store's links")


def _follow_categories(store: str) -> None:
    cursor = ""
    while True:
        tree, links = catalog.read_tree(store), _links_of_store(store, cursor)
        for link in links.items:
            if tree.at(link.category) != link.category:
                _move(link, tree.at(link.category))
        cursor = links.next
        if not cursor:
            return


def _move(link: Link, category: str) -> None:
    transaction = WriteTransaction()
    put_link(transaction, link, replace(link, category=category, sequence=link.sequence + 1))
    listing = fetch(listing_ref(link.store, link.sku), consistent=True)
    if listing is not None:
        catalog.add_listing(transaction, replace(listing, category=category), listing)
    transaction.commit()
