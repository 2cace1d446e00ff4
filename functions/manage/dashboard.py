"""The first page that a store's staff sees: what waits for them."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.model import Listing, Store
from mart_union.catalog.service import get_store, list_listings_page, list_uploads
from mart_union.catalog.upload_model import Upload
from mart_union.orders.responses import list_open_responses
from mart_union.orders.service import list_store_orders
from mart_union.stock.service import get_levels
from mart_union.web.access import PACKER
from mart_union.web.answer import Page
from mart_union.web.api import Api
from mart_union.web.request import Request

_MOST = 100


class LowListing(Struct, frozen=True):
    """A listing at or under its low-stock mark."""

    listing: Listing
    reserve: int


class Waiting(Struct, frozen=True):
    """How many things wait, and whether there are more than were counted."""

    count: int
    more: bool

    @property
    def text(self) -> str:
        """`7`, or `100+`."""
        return f"{self.count}{'+' if self.more else ''}"


def add_routes(api: Api) -> None:
    """Declare the overview."""
    api.get("/manage/{store}", PACKER)(show)


def show(request: Request) -> Page:
    """Open orders, open responses, low stock, the last uploads. Counts stop at a page, so the overview costs the same in any store."""
    store: Store = get_store(request.params["store"])
    orders = list_store_orders(store.id, limit=_MOST)
    new = list_store_orders(store.id, state="placed", limit=_MOST)
    responses = list_open_responses(store.id, limit=_MOST)
    uploads: tuple[Upload, ...] = list_uploads(f"store/{store.id}", limit=3).items
    context = {
        "store": store.id,
        "shown": store,
        "orders": Waiting(len(orders.items), bool(orders.next)),
        "new_orders": Waiting(len(new.items), bool(new.next)),
        "responses": Waiting(len(responses.items), bool(responses.next)),
        "low": _low(store.id),
        "uploads": uploads,
        "role": request.caller.role,
    }
    return Page("manage/dashboard.html", context)


def _low(store: str) -> list[LowListing]:
    """Those at or under their mark among the store's first hundred listings; the stock page goes through all."""
    listings = [listing for listing in list_listings_page(store, limit=_MOST).items if listing.state == "on_sale"]
    levels = get_levels(listing.level for listing in listings)
    pairs = ((listing, levels.get(listing.level)) for listing in listings)
    low = [LowListing(listing, level.reserve) for listing, level in pairs if level and level.reserve <= level.low_stock]
    return sorted(low, key=lambda each: (each.reserve, each.listing.sku))
