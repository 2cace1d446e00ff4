"""Urgent selling: a price for a window of time and a quantity kept for it, begun by the store, ended by the clock or by being sold out.

Whether a sale runs is decided by whoever looks (`Listing.at`), so nothing waits for its end to be written. That brings what is left back into the
reserve, and makes room for the next sale.
"""

from __future__ import annotations

from datetime import datetime

from aws_lambda_powertools import Logger
from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.listings import add_listing
from mart_union.catalog.model import Listing
from mart_union.catalog.past_sales import add_past_sale, units_of
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.tables import (
    SALE_ENDS,
    ListingItem,
    SaleEndItem,
    SaleKeyItem,
    sale_end_key,
    sale_key_key,
    urgent_sales_key,
)
from mart_union.catalog.urgent_terms import SaleTerms, UrgentSale, checked_sale, shares
from mart_union.kernel.clock import from_iso, iso, local_text
from mart_union.kernel.errors import Conflict, KeyReused, MartUnionError, NotFound, RuleViolation, SaleOverlaps
from mart_union.kernel.ids import derived_id, input_hash
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.stock.keeping import add_kept, add_unkept
from mart_union.stock.model import Level, home_of, shard_of
from mart_union.stock.service import get_levels

logger = Logger(child=True)

_PAGE = 20
"""Sales a page: with sixteen shards each, their levels are four batch reads."""


class SaleShown(Struct, frozen=True):
    """A listing with an urgent sale, and how many of the units that were kept for it are left, reserved for unpaid purchases, and sold."""

    listing: Listing
    left: int
    reserved: int
    sold: int


def start_urgent_sale(store: str, sku: str, terms: SaleTerms, *, actor: str, key: str, now: datetime) -> Listing:
    """Keep a quantity of a listing for a sale at a price in a window, in one write. The same key again gives the first answer, whatever has become
    of the sale. A sale of the listing that is over, and that nobody has put away yet, is put away first.

    Raises:
        KeyReused: the key began another sale.
        NotFound: the store has no such listing.
        Invalid: price, window, quantity or another of the terms is malformed.
        SaleOverlaps: another sale of the listing is not over.
        RuleViolation: the listing is a supplier's, a bundle, bookable or not on sale, or the price is no better.
        OutOfStock: the reserve is smaller than the quantity.
        Conflict: the listing was changed at the same moment.
    """
    request = input_hash([sku, terms])
    try:
        sale = checked_sale(derived_id("urgent", store, sku, key), terms, settings().currency, now)
        return _begin(
            _free(store, sku, actor, now), sale, actor, SaleKeyItem(*sale_key_key(store, key), request=request), now
        )
    except MartUnionError as refusal:
        return _first_answer(store, key, request, refusal)


def _first_answer(store: str, key: str, request: str, refusal: MartUnionError) -> Listing:
    """The listing as the sale left it that this key began before, whatever stands in the way of beginning it now."""
    first = find(SaleKeyItem, *sale_key_key(store, key), consistent=True)
    if first is None:
        raise refusal
    if first.request != request:
        raise KeyReused("this key began another urgent sale; nothing was changed") from refusal
    return first.answer


def _free(store: str, sku: str, actor: str, now: datetime) -> Listing:
    """The listing, without a sale that is over."""
    listing = _current(store, sku)
    if listing.urgent is not None and _end_if_over(store, sku, listing.urgent.id, actor, now):
        return _current(store, sku)
    return listing


def _begin(listing: Listing, sale: UrgentSale, actor: str, key: SaleKeyItem, now: datetime) -> Listing:
    _check_rules(listing, sale)
    transaction = WriteTransaction()
    kept = {shard_of(listing.level, number): units for number, units in enumerate(shares(sale.quantity, sale.rate), 1)}
    made = max(len(kept), listing.shards_made)
    saved = add_listing(transaction, replace(listing, urgent=sale, shards=len(kept), shards_made=made), listing)
    key.answer = saved
    transaction.create(key, refuse(Conflict, "this key began a sale before"))
    transaction.put(SaleEndItem(*sale_end_key(sale.ends_at, saved.store, saved.sku), sale=sale.id))
    add_kept(transaction, listing.level, kept, sale.id, actor=actor, now=now)
    subject = f"listing/{listing.store}/{listing.sku}"
    add_audit(transaction, f"store/{listing.store}", actor, "urgent sale begun", subject, now)
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
        zone, ends_at = settings().time_zone, listing.urgent.ends_at
        until = f"{local_text(from_iso(ends_at), zone)} ({zone})"
        raise SaleOverlaps(f"{listing.sku} has an urgent sale until {until}: end it first, or wait", ends_at=ends_at)
    if sale.price_minor >= listing.price_minor:
        raise RuleViolation("an urgent sale's price is lower than the listing's", price_minor=listing.price_minor)


def end_urgent_sale(store: str, sku: str, sale: str, *, actor: str, now: datetime) -> Listing:
    """End an urgent sale of a listing before its time, and put what was left of it back into the reserve, in one write. A sale that has ended, or is
    not the listing's, changes nothing.

    Raises:
        NotFound: the store has no such listing.
        Busy: the listing or what is kept of it kept changing.
    """

    def end() -> Listing:
        listing = _current(store, sku)
        if listing.urgent is None or listing.urgent.id != sale:
            return listing
        return _end(listing, listing.urgent, _shards(listing), actor, now)

    return retried(end, on=Conflict, what="this listing")


def _end_if_over(store: str, sku: str, sale: str, actor: str, now: datetime) -> bool:
    """End a sale of a listing if its window is over or nothing of it is left, by what is read for this and required by the write; whether this did."""

    def end() -> bool:
        listing = fetch(listing_ref(store, sku), consistent=True)
        if listing is None or listing.urgent is None or listing.urgent.id != sale:
            return False
        shards = _shards(listing)
        is_over = listing.urgent.ends_by(now) or listing.is_sold_out(shards)
        if is_over:
            _end(listing, listing.urgent, shards, actor, now)
        return is_over

    return retried(end, on=Conflict, what="this listing")


def _shards(listing: Listing) -> dict[str, Level]:
    return get_levels(listing.shard_levels, consistent=True)


def _end(listing: Listing, sale: UrgentSale, shards: dict[str, Level], actor: str, now: datetime) -> Listing:
    """End a sale and write down what became of it. The commit raises a Conflict when the listing, or what its shards have left, is not as it was read."""
    transaction = WriteTransaction()
    saved = add_listing(transaction, replace(listing, urgent=None, shards=0), listing)
    transaction.delete(SaleEndItem(*sale_end_key(sale.ends_at, listing.store, listing.sku)))
    add_unkept(transaction, listing.level, shards.values(), sale.id, actor=actor, now=now)
    add_past_sale(transaction, listing, sale, shards, now)
    subject = f"listing/{listing.store}/{listing.sku}"
    add_audit(transaction, f"store/{listing.store}", actor, "urgent sale ended", subject, now)
    transaction.commit()
    return saved


def list_urgent_sales(store: str, cursor: str = "") -> Page[SaleShown]:
    """A page of a store's listings with an urgent sale, by its end, with what is left of it. One query, and a batch read a hundred shards.

    Raises:
        Invalid: the cursor is unknown.
    """
    page = read_page(ListingItem.listed.query, urgent_sales_key(store), cursor=cursor, limit=_PAGE, newest_first=False)
    listings = [item.document for item in page.items]
    levels = get_levels(level for listing in listings for level in listing.shard_levels)
    return Page(tuple(_shown(listing, levels) for listing in listings), page.next)


def _shown(listing: Listing, levels: dict[str, Level]) -> SaleShown:
    shards = {level: levels[level] for level in listing.shard_levels if level in levels}
    return SaleShown(listing, *(units_of(listing.urgent, shards) if listing.urgent else (0, 0, 0)))


def end_urgent_sales(now: datetime) -> int:
    """End the sales whose window is over; how many. For the sweeper; safe to repeat. One query, and for each sale two reads and a transaction.

    A sale that cannot be ended is logged and left to the next sweep; it holds up no other.
    """
    ended, cursor = 0, ""
    until = SaleEndItem.sk < f"{iso(now)}$"  # all of this moment: they go on with '#', which comes before '$'
    while True:
        page = read_page(SaleEndItem.query, SALE_ENDS, cursor=cursor, newest_first=False, range_key_condition=until)
        ended += sum(_end_at_last(item, now) for item in page.items)
        cursor = page.next
        if not cursor:
            return ended


def _end_at_last(item: SaleEndItem, now: datetime) -> bool:
    """End the sale of an entry of the clock. An entry whose sale is not on any more is struck out."""
    _, store, sku = item.sk.split("#", 2)
    try:
        ended = _end_if_over(store, sku, item.sale, "sweeper", now)
        if not ended:
            _strike_out(item)
    except MartUnionError as error:
        logger.exception("an urgent sale could not be ended", store=store, sku=sku, code=error.code)
        return False
    return ended


def _strike_out(item: SaleEndItem) -> None:
    transaction = WriteTransaction()
    is_the_same = (SaleEndItem.sale == item.sale) | SaleEndItem.sale.does_not_exist()
    transaction.delete(item, condition=is_the_same, refusal=refuse(Conflict, "another sale ends then"))
    transaction.commit()


def end_if_sold_out(shard: Level, now: datetime) -> bool:
    """End the sale of a shard if neither that one nor another has anything of it left; whether this did. For who sees a shard run empty.

    One that kept changing is logged, and left to its window's end or to the next that runs empty.
    """
    _, store, sku = home_of(shard.id).split("/", 2)
    try:
        return _end_if_over(store, sku, shard.sale, "stock", now)
    except MartUnionError as error:
        logger.exception("a sale that is sold out could not be ended", store=store, sku=sku, code=error.code)
        return False
