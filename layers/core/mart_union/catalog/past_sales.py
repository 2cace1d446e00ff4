"""Urgent sales that have ended: what was offered, and what became of it. Each is written down in the transaction that ends it, and so once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mart_union.catalog.model import Listing
from mart_union.catalog.tables import PastSaleItem, past_sale_key, past_sales_key
from mart_union.catalog.urgent_terms import PastSale, UrgentSale
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.stock.model import Level

_PAGE = 20


def add_past_sale(
    transaction: WriteTransaction, listing: Listing, sale: UrgentSale, shards: Mapping[str, Level], now: datetime
) -> None:
    """Add what became of a sale, by its shards as they were read, to the transaction that ends it. The commit raises Conflict if it has ended before.
    Two write units."""
    way = "window" if sale.ends_by(now) else "sold_out" if listing.is_sold_out(shards) else "store"
    left, reserved, sold = units_of(sale, shards)
    price = min(sale.price_minor, listing.price_minor)
    past = PastSale(
        listing.sku,
        listing.titles,
        listing.glyph,
        listing.price_minor,
        sale,
        iso(now),
        way,
        sold,
        reserved,
        left,
        sold * price,
    )
    key = past_sale_key(listing.store, past.ended_at, sale.id)
    transaction.create(PastSaleItem(*key, document=past), refuse(Conflict, "this urgent sale has ended before"))


def units_of(sale: UrgentSale, shards: Mapping[str, Level]) -> tuple[int, int, int]:
    """How many of the units that were kept for a sale are left, reserved for unpaid purchases, and sold, by its shards.

    What is left is exact. What is reserved may count what an earlier sale left reserved in the same shards, for as long as that is not paid for.
    """
    left = sum(each.reserve for each in shards.values())
    gone = max(sale.quantity - left, 0)
    reserved = min(sum(each.reserved for each in shards.values()), gone)
    return left, reserved, gone - reserved


def list_past_sales(store: str, month: str, cursor: str = "") -> Page[PastSale]:
    """A page of a store's urgent sales that ended in a month (`yyyy-mm`, UTC), newest first. One query.

    Raises:
        Invalid: the cursor is unknown.
    """
    page = read_page(PastSaleItem.query, past_sales_key(store, month), cursor=cursor, limit=_PAGE)
    return Page(tuple(item.document for item in page.items), page.next)
