"""Links: listings that sellers make from offers, kept in step with the offer, its grants and its pool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import SKU, Listing, OfferReference
from mart_union.catalog.refs import listing_ref
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.events import Event
from mart_union.kernel.ids import input_hash
from mart_union.kernel.money import checked_price
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.model import DepositStanding, Link, Offer, Terms, follow, link_of, why_not
from mart_union.mediation.offers import get_offer, no_offer, require_unchanged
from mart_union.mediation.standings import get_standing, require_standing
from mart_union.mediation.suppliers import get_supplier
from mart_union.mediation.tables import LinkItem, SellerItem, link_item, link_key, links_list, seller_key
from mart_union.stock import service as stock
from mart_union.stock.model import Level, availability_of, home_of, shard_of

_LISTING_STATES = {"linked": "on_sale", "paused": "paused", "withdrawn": "withdrawn"}


def make_link(
    store: str, sku: str, offer: OfferReference, terms: Terms, actor: str, now: datetime, *, key: str = ""
) -> Link:
    """Sell an offer under a SKU of one's own, or change the terms under which one does; the same again changes nothing.

    Link, listing and, the first time, the supplier's record of its seller are written together, and only if the offer is still as read.
    A repeat under the same idempotency key gives the link as it is now, so that it undoes no later change.

    Raises:
        Invalid: the SKU or the price is malformed.
        NotFound: there is no such offer or store, or the offer is not granted to the store, which is not to learn of it.
        RuleViolation: the offer is not on offer, or no longer to the store, or the price is under its minimum.
        KeyReused: the key was used for other terms.
        Conflict: the SKU is used by another listing, or the offer or the link was changed at the same moment.
    """
    _check(sku, terms)
    request = input_hash([offer.supplier, offer.sku, terms])
    before = _find(store, sku, offer)
    if before is not None and key and before.key == key:
        if before.request != request:
            raise KeyReused("this key was used for other terms; nothing was changed")
        return before
    supplied, standing = get_offer(offer.supplier, offer.sku), get_standing(store)
    _check_offered(supplied, store, before)
    if get_supplier(offer.supplier).state == "suspended":
        raise RuleViolation("the supplier is suspended: nobody sells its goods now", reason="supplier")
    if standing.state == "paused":
        raise RuleViolation("the store's deposit is below the level required: top it up first", reason="deposit")
    wanted = link_of(supplied, store, sku, terms, _availability(supplied, store, _levels_of(supplied)))
    after = _renewed(before, replace(wanted, key=key, request=request))
    if after != before:
        _write(before, after, supplied, standing, actor, now)
    return after


def _renewed(before: Link | None, wanted: Link) -> Link:
    """The link wanted, under the next sequence; the one that is there, if they say the same."""
    if before is None:
        return wanted
    if replace(wanted, key=before.key, request=before.request, sequence=before.sequence) == before:
        return before
    command = wanted if wanted.key else before
    return replace(wanted, key=command.key, request=command.request, sequence=before.sequence + 1)


def _check(sku: str, terms: Terms) -> None:
    if not SKU.match(sku):
        message = "an SKU is 1 to 32 capital letters, digits, dots, hyphens and underscores"
        raise Invalid(message, errors=[{"field": "sku", "reason": message}])
    if terms.price_minor is not None:
        checked_price(terms.price_minor, settings().currency)


def _check_offered(offer: Offer, store: str, before: Link | None) -> None:
    """Nothing, if the store may sell the offer. What was never granted to it is refused like what does not exist."""
    classification = catalog.get_store(store).classification
    if before is None and not offer.is_granted_to(store, classification):
        raise no_offer(offer.supplier, offer.sku)
    if not offer.is_for_sale_by(store, classification):
        raise RuleViolation("this offer is not on offer to your store", offer=f"{offer.supplier}/{offer.sku}")


def set_link_state(store: str, sku: str, state: str, actor: str, now: datetime) -> Link:
    """Pause a link, sell it again (`linked`), or withdraw it for good; the same again changes nothing.

    Raises:
        NotFound: the store sells no offer under that SKU.
        Invalid: there is no such state.
        RuleViolation: it may not be sold again: the reason is named.
        Conflict: the offer or the link was changed at the same moment.
    """
    if state not in _LISTING_STATES:
        message = f"a link is {', '.join(_LISTING_STATES)}"
        raise Invalid(message, errors=[{"field": "state", "reason": message}])
    before = get_link(store, sku)
    offer = get_offer(before.supplier, before.offer_sku)
    standing = get_standing(store)
    reason = "seller" if state == "paused" else ""
    if state == "linked":
        refused = why_not(before, offer, catalog.get_store(store).classification, standing=standing.state)
        if refused:
            raise RuleViolation(f"it cannot be sold now: {refused}", reason=refused)
    after = replace(before, state=state, reason=reason)
    if after == before:
        return before
    after = replace(after, sequence=before.sequence + 1)
    _write(before, after, offer, standing, actor, now)
    return after


def get_link(store: str, sku: str) -> Link:
    """A link of a store, by the SKU under which it sells the offer.

    Raises:
        NotFound: the store sells no offer under that SKU.
    """
    listing = fetch(listing_ref(store, sku), consistent=True)
    link = _find(store, sku, listing.offer) if listing and listing.offer else None
    if link is None:
        raise NotFound(f"{store} sells no offer under {sku}")
    return link


def _find(store: str, sku: str, offer: OfferReference) -> Link | None:
    item = find(LinkItem, *link_key(offer.supplier, offer.sku, store, sku), consistent=True)
    return None if item is None else item.document


def list_links(store: str, cursor: str = "", limit: int = 50) -> Page[Link]:
    """A page of a store's links, by SKU."""
    page = read_page(LinkItem.by_store.query, links_list(store), cursor=cursor, limit=limit, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def apply_offer_change(event: Event) -> None:
    """Take an offer's change over into the links made from it, and pause or resume them with it.

    What counts is the offer as it is now, read after each page of links: so the event may come twice, late or out of order.

    Raises:
        Busy: links kept being changed at the same moment; the event has to be delivered again.
    """
    _, supplier, sku = event.entity.split("/", 2)
    retried(lambda: _follow_all(supplier, sku), on=Conflict, what="this offer's links")


def apply_standing(event: Event) -> None:
    """Pause a store's links when its deposit's standing is paused, and let go of those paused for it alone when it is met again.

    What counts is the standing as it is now, and a link changes only while it is: the event may come twice, late or out of order.
    A page of the store's links at a time, and the offer, its supplier and the link of each.

    Raises:
        Busy: links kept being changed at the same moment; the event has to be delivered again.
    """
    store = event.entity.removeprefix("deposit/")
    retried(lambda: _follow_standing(store), on=Conflict, what="this store's links")


def _follow_standing(store: str) -> None:
    standing, classification = get_standing(store), catalog.get_store(store).classification
    cursor = ""
    while True:
        links = list_links(store, cursor)
        for listed in links.items:
            link = _find(store, listed.sku, OfferReference(listed.supplier, listed.offer_sku)) or listed
            offer = get_offer(link.supplier, link.offer_sku)
            _follow(link, offer, _reference(offer), classification, standing)
        cursor = links.next
        if not cursor:
            return


def _follow_all(supplier: str, sku: str) -> None:
    classifications: dict[str, str] = {}
    for links in _pages_of_links(supplier, sku):
        offer = get_offer(supplier, sku)
        reference = _reference(offer)
        for link in links:
            if link.store not in classifications:
                classifications[link.store] = catalog.get_store(link.store).classification
            _follow(link, offer, reference, classifications[link.store], get_standing(link.store))


def _follow(
    link: Link, offer: Offer, reference: OfferReference, classification: str, standing: DepositStanding
) -> None:
    after = follow(link, offer, classification, standing=standing.state)
    listing = _find_listing(link)
    if listing is None or after != link or _listing_of(after, offer, reference, listing) != listing:
        transaction = WriteTransaction()
        _put(transaction, link, replace(after, sequence=link.sequence + 1))
        catalog.add_listing(transaction, _listing_of(after, offer, reference, listing), listing)
        require_standing(transaction, standing)
        transaction.commit()


def apply_category_change(event: Event) -> None:
    """Bring a store's links that name a category which was merged or removed to where that stands now, each with its listing.

    What counts is the tree as it is now, read before each page of links: the event may come twice, late or out of order.

    Raises:
        Busy: links kept being changed at the same moment; the event has to be delivered again.
    """
    store = event.entity.split("/")[1]
    if store:  # the union's own categories are the offers', and found where they stand by whatever reads them
        retried(lambda: _follow_categories(store), on=Conflict, what="this store's links")


def _follow_categories(store: str) -> None:
    cursor = ""
    while True:
        tree, links = catalog.read_tree(store), list_links(store, cursor)
        for listed in links.items:
            link = _find(store, listed.sku, OfferReference(listed.supplier, listed.offer_sku)) or listed
            if tree.at(link.category) != link.category:
                _move(link, tree.at(link.category))
        cursor = links.next
        if not cursor:
            return


def _move(link: Link, category: str) -> None:
    transaction = WriteTransaction()
    _put(transaction, link, replace(link, category=category, sequence=link.sequence + 1))
    listing = _find_listing(link)
    if listing is not None:
        catalog.add_listing(transaction, replace(listing, category=category), listing)
    transaction.commit()


def apply_stock_change(event: Event) -> None:
    """Tell the links of an offer whether its pool, or their store's allotment of it, has units left; a listing's own level has no links.

    What counts is the stock as it is now, read after each page of links: so the event may come twice, late or out of order.

    Raises:
        Busy: links kept being changed at the same moment; the event has to be delivered again.
    """
    kind, _, rest = home_of(event.entity.removeprefix("level/")).partition("/")
    supplier, _, sku = rest.partition("/")
    if kind == "offer":
        retried(lambda: _show_availability(supplier, sku), on=Conflict, what="this offer's links")


def _show_availability(supplier: str, sku: str) -> None:
    for links in _pages_of_links(supplier, sku):
        offer = get_offer(supplier, sku)
        levels = _levels_of(offer)
        for link in links:
            availability = _availability(offer, link.store, levels)
            if link.availability != availability:
                transaction = WriteTransaction()
                _put(transaction, link, replace(link, availability=availability, sequence=link.sequence + 1))
                transaction.commit()


def _levels_of(offer: Offer) -> dict[str, Level]:
    """The pool and its allotments as they are now. One batch read."""
    return stock.get_levels(offer.sold_from, consistent=True)


def _availability(offer: Offer, store: str, levels: Mapping[str, Level]) -> str:
    """What a store's shoppers can have of an offer: by the pool or by the store's allotment, whichever has more. So it changes when one of
    the two crosses its mark, and at no other time."""
    own = {offer.level, *({shard_of(offer.level, store)} if store in offer.allotments else ())}
    return availability_of(max((levels[level].reserve for level in own if level in levels), default=0), offer.low_stock)


def _pages_of_links(supplier: str, offer_sku: str) -> Iterator[list[Link]]:
    """An offer's links, read consistently, a page at a time."""
    cursor = ""
    while True:
        partition = link_key(supplier, offer_sku, "", "")[0]
        page = read_page(LinkItem.query, partition, cursor=cursor, newest_first=False, consistent_read=True)
        yield [item.document for item in page.items]
        cursor = page.next
        if not cursor:
            return


def _write(
    before: Link | None, after: Link, offer: Offer, standing: DepositStanding, actor: str, now: datetime
) -> None:
    """The link and its listing together, if neither they nor the offer nor the deposit's standing have changed since they were read."""
    transaction = WriteTransaction()
    _put(transaction, before, after)
    listed = _find_listing(after)
    catalog.add_listing(transaction, _listing_of(after, offer, _reference(offer), listed), listed)
    require_unchanged(transaction, offer)
    require_standing(transaction, standing)
    if before is None:
        seller = SellerItem(*seller_key(after.supplier, after.store))
        transaction.update(seller, [SellerItem.since.set(SellerItem.since | iso(now))])
    add_audit(transaction, f"store/{after.store}", actor, f"link {after.state}", after.sku, now)
    transaction.commit()


def _put(transaction: WriteTransaction, before: Link | None, after: Link) -> None:
    is_as_read = LinkItem.pk.does_not_exist() if before is None else LinkItem.sequence == before.sequence
    changed = refuse(Conflict, "this link was changed just now; read it and repeat")
    transaction.put(link_item(after), condition=is_as_read, refusal=changed)


def _find_listing(link: Link) -> Listing | None:
    listing = fetch(listing_ref(link.store, link.sku), consistent=True)
    offer = listing.offer if listing else None
    if listing and (offer is None or (offer.supplier, offer.sku) != (link.supplier, link.offer_sku)):
        raise Conflict(f"the SKU {link.sku} is used by another listing", sku=link.sku)
    return listing


def _reference(offer: Offer) -> OfferReference:
    """What a listing keeps of its offer: the terms under which a purchase will owe the supplier."""
    return OfferReference(offer.supplier, offer.sku, offer.supply_minor, get_supplier(offer.supplier).settlement_period)


def _listing_of(link: Link, offer: Offer, reference: OfferReference, listed: Listing | None) -> Listing:
    """What shoppers see of a link; what only the listing knows (such as its picture) stays."""
    listing = listed or Listing(link.store, link.sku, {}, {}, "", "", "", 0, "", "", sequence=0)
    return replace(
        listing,
        titles=link.titles,
        texts=link.texts,
        category=link.category,
        union_category=offer.union_category,
        kind=link.kind,
        price_minor=link.price_minor,
        state=_LISTING_STATES[link.state],
        level=offer.level,
        glyph=link.glyph,
        offer=reference,
        allotted=link.store in offer.allotments,
    )
