"""Urgent selling: a price for a window of time and a quantity kept for it, begun by the store, ended by the clock or by being sold out."""

from __future__ import annotations

from datetime import datetime

from aws_lambda_powertools import Logger
from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.listings import add_listing
from mart_union.catalog.model import Listing
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.tables import URGENT_SALES, ListingItem
from mart_union.catalog.urgent_terms import SaleTerms, UrgentSale, checked_sale, shares
from mart_union.kernel.clock import from_iso
from mart_union.kernel.errors import Conflict, MartUnionError, NotFound, RuleViolation, SaleOverlaps
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch
from mart_union.kernel.transaction import WriteTransaction
from mart_union.stock.drawing import left_in
from mart_union.stock.model import bring, set_aside, shard_of
from mart_union.stock.service import add_movement, add_shard, get_levels

logger = Logger(child=True)


def start_urgent_sale(store: str, sku: str, terms: SaleTerms, *, actor: str, key: str, now: datetime) -> Listing:
    """Keep a quantity of a listing for a sale at a price in a window, in one write. The same key again gives the first answer
    until the sale is over.

    Raises:
        NotFound: the store has no such listing.
        Invalid: price, window, quantity or another of the terms is malformed.
        SaleOverlaps: another sale of the listing is not over.
        RuleViolation: the listing is a supplier's, a bundle, bookable or not on sale, or the price is no better.
        OutOfStock: the reserve is smaller than the quantity.
        Conflict: the listing was changed at the same moment.
    """
    listing = _current(store, sku)
    sale_id = derived_id("urgent", store, sku, key)
    if listing.urgent is not None and listing.urgent.id == sale_id:
        return listing
    sale = checked_sale(sale_id, terms, settings().currency, now)
    _check_rules(listing, sale)
    transaction = WriteTransaction()
    parts = shares(sale.quantity, sale.rate)
    kept = {shard_of(listing.level, number): units for number, units in enumerate(parts, 1)}
    made = max(len(kept), listing.shards_made)
    saved = add_listing(transaction, replace(listing, urgent=sale, shards=len(kept), shards_made=made), listing)
    reference = f"urgent-sale/{sale.id}"
    add_movement(transaction, listing.level, set_aside(sale.quantity, actor, reference), now)
    for shard, units in kept.items():
        add_shard(transaction, shard, bring(units, actor, reference), now)
    add_audit(transaction, f"store/{store}", actor, "urgent sale begun", f"listing/{store}/{sku}", now)
    transaction.commit()
    return saved


def _current(store: str, sku: str) -> Listing:
    listing = fetch(listing_ref(store, sku), consistent=True)
    if listing is None:
        raise NotFound(f"the store '{store}' has no listing '{sku}'")
    return listing


def _check_rules(listing: Listing, sale: UrgentSale) -> None:
    if listing.offer is not None:
        raise RuleViolation("a supplier's goods are not for urgent selling: their pool is shared", sku=listing.sku)
    if listing.drawn_on != "level":
        raise RuleViolation("what is sold from parts or slots is not for urgent selling", sku=listing.sku)
    if listing.state != "on_sale":
        raise RuleViolation(f"{listing.sku} is not on sale", sku=listing.sku)
    if listing.urgent is not None:
        raise SaleOverlaps(f"{listing.sku} has an urgent sale that is not over", ends_at=listing.urgent.ends_at)
    if sale.price_minor >= listing.price_minor:
        raise RuleViolation("an urgent sale's price is lower than the listing's", price_minor=listing.price_minor)


def end_urgent_sale(store: str, sku: str, *, actor: str, now: datetime) -> Listing:
    """End a listing's urgent sale and put what was left of it back into the reserve, in one write. Without a sale, nothing changes.

    Raises:
        NotFound: the store has no such listing.
        Busy: the listing kept changing.
    """

    def end() -> Listing:
        return _end(_current(store, sku), actor, now)

    return retried(end, on=Conflict, what="this listing")


def _end(listing: Listing, actor: str, now: datetime) -> Listing:
    if listing.urgent is None:
        return listing
    left = {level.id: level.reserve for level in get_levels(listing.shard_levels, consistent=True).values()}
    transaction = WriteTransaction()
    saved = add_listing(transaction, replace(listing, urgent=None, shards=0), listing)
    reference = f"urgent-sale/{listing.urgent.id}"
    for shard, units in left.items():
        if units:
            add_movement(transaction, shard, set_aside(units, actor, reference), now)
    add_movement(transaction, listing.level, bring(sum(left.values()), actor, reference), now)
    subject = f"listing/{listing.store}/{listing.sku}"
    add_audit(transaction, f"store/{listing.store}", actor, "urgent sale ended", subject, now)
    transaction.commit()  # OutOfStock, a Conflict, when some was sold since the levels were read
    return saved


def list_urgent_sales(store: str) -> list[Listing]:
    """A store's listings with an urgent sale, by its end. One query a page of the sales that the union has now."""
    return [listing for listing in _all_sales() if listing.store == store]


def end_urgent_sales(now: datetime) -> int:
    """End the sales whose window is over or whose quantity is sold; how many. For the sweeper; safe to repeat.

    A sale that cannot be ended is logged and left to the next sweep; it holds up no other.
    """
    ended = 0
    for listing in _all_sales():
        try:
            if _is_over(listing, now):
                end_urgent_sale(listing.store, listing.sku, actor="sweeper", now=now)
                ended += 1
        except MartUnionError as error:
            logger.exception("an urgent sale could not be ended", store=listing.store, sku=listing.sku, code=error.code)
    return ended


def _is_over(listing: Listing, now: datetime) -> bool:
    sale = listing.urgent
    if sale is None:
        return False
    return from_iso(sale.ends_at) <= now or not left_in(list(get_levels(listing.shard_levels).values()))


def _all_sales() -> list[Listing]:
    found: list[Listing] = []
    cursor = ""
    while True:
        page = read_page(ListingItem.listed.query, URGENT_SALES, cursor=cursor, newest_first=False)
        found += [item.document for item in page.items]
        cursor = page.next
        if not cursor:
            return found
