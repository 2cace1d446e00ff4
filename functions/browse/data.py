"""The public catalog as JSON."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from mart_union.catalog import showing
from mart_union.catalog.cards import Card, StoreCard
from mart_union.catalog.categories import list_categories as all_categories
from mart_union.catalog.hours import Hours
from mart_union.catalog.model import Category, CategoryLink, Listing, Texts
from mart_union.catalog.urgent_terms import UrgentSale
from mart_union.kernel.clock import from_iso, utc_now
from mart_union.kernel.errors import Invalid, NotFound
from mart_union.kernel.settings import settings
from mart_union.stock.slotting import slot_day
from mart_union.web.access import PUBLIC
from mart_union.web.answer import Json
from mart_union.web.api import Api
from mart_union.web.request import Request

_KEPT_SECONDS = 30


class Stores(Struct, frozen=True):
    """A page of the union's open stores."""

    stores: tuple[StoreCard, ...]
    page: int
    pages: int
    total: int


class StoreAnswer(Struct, frozen=True):
    """A store as shoppers see it, and whether it is open now. `delivery_by_table`: what delivery costs depends on the order and the postcode, and a quote
    says it."""

    store: str
    names: Texts
    texts: Texts
    classification: str
    state: str
    open_now: bool
    hours: Hours
    place: str
    lead_days: int
    return_window_days: int
    delivery_minor: int
    free_delivery_from_minor: int | None
    currency: str
    delivery_by_table: bool = False


class Listings(Struct, frozen=True):
    """A page of a store's listings."""

    listings: tuple[Card, ...]
    categories: tuple[CategoryLink, ...]
    page: int
    pages: int
    total: int


class ListingAnswer(Struct, frozen=True):
    """A listing with what is left of it now, and the urgent sale that it is in, if any; it leaves within so many `lead_days` of whoever fulfils it; `usual_minor` is its own price where that one lowers it, else 0. With `parts` it is a bundle: so many units of each of the
    store's listings, by SKU. With `slot_minutes` it is a service that is booked for a time: `reserve` counts the places at the next ones."""

    store: str
    sku: str
    titles: Texts
    texts: Texts
    kind: str
    category: str
    union_category: str
    price_minor: int
    currency: str
    reserve: int
    available: bool
    brand: str
    gtin: str
    group: str
    options: dict[str, str]
    mediated: bool
    parts: dict[str, int]
    urgent_sale: UrgentSale | None
    slot_minutes: int
    usual_minor: int
    lead_days: int


class FreeSlots(Struct, frozen=True):
    """The next times of a bookable service that have places left, by time."""

    slots: tuple[FreeSlot, ...]


class FreeSlot(Struct, frozen=True):
    """A time, named by the minute at which it begins (such as 20261201T0200Z, UTC), and the places left."""

    slot: str
    left: int


class Categories(Struct, frozen=True):
    """The union's tree of categories."""

    categories: tuple[Category, ...]


def add_routes(api: Api) -> None:
    """Declare the JSON routes."""
    api.get("/api/stores", PUBLIC, answer=Stores)(list_stores)
    api.get("/api/stores/{store}", PUBLIC, answer=StoreAnswer)(get_store)
    api.get("/api/stores/{store}/listings", PUBLIC, answer=Listings)(list_listings)
    api.get("/api/listings/{store}/{sku}", PUBLIC, answer=ListingAnswer)(get_listing)
    api.get("/api/listings/{store}/{sku}/slots", PUBLIC, answer=FreeSlots)(list_free_slots)
    api.get("/api/categories", PUBLIC, answer=Categories)(list_categories)


def list_stores(request: Request) -> Json:
    """The union's open stores, grouped by classification. `page` counts from 1."""
    number = request.page_number()
    shelf = showing.get_front(number)
    if shelf is None:
        if number > 1:
            raise NotFound(f"there is no page {number} of stores")
        return _kept(Stores((), 1, 1, 0))
    return _kept(Stores(shelf.stores, shelf.page, shelf.pages, shelf.total))


def get_store(request: Request) -> Json:
    """A store with the terms that a purchase in it is made under."""
    store = showing.get_store(request.params["store"])
    if store.state not in {"open", "paused"}:
        raise NotFound(f"there is no store '{store.id}'")
    answer = StoreAnswer(
        store=store.id,
        names=store.names,
        texts=store.texts,
        classification=store.classification,
        state=store.state,
        open_now=store.state == "open" and store.is_open_at(utc_now(), settings().time_zone),
        hours=store.hours,
        place=store.place,
        lead_days=store.lead_days,
        return_window_days=store.return_window_days,
        delivery_minor=store.delivery_amount,
        free_delivery_from_minor=store.free_delivery_from,
        currency=settings().currency.code,
        delivery_by_table=store.delivery_by_table,
    )
    return _kept(answer)


def list_listings(request: Request) -> Json:
    """A page of what a store sells, of one `category` of the store if that is named."""
    store, category = request.params["store"], request.query.get("category", "")
    shelf = showing.get_shelf(f"store/{store}/{category}" if category else f"store/{store}", request.page_number())
    if shelf is None:
        raise NotFound(f"the store '{store}' has no such page of listings")
    answer = Listings(shelf.cards, shelf.head.categories, shelf.page, shelf.pages, shelf.total)
    return _kept(answer, shelf.turns_at)


def get_listing(request: Request) -> ListingAnswer:
    """A listing with what is left of it now."""
    shown = showing.show_listing(request.params["store"], request.params["sku"])
    return ListingAnswer(
        **_facts(shown.listing),
        reserve=shown.reserve,
        available=shown.available,
        usual_minor=shown.usual_minor,
        lead_days=shown.store.lead_days_of(shown.listing),
    )


def list_free_slots(request: Request) -> FreeSlots:
    """The next times that have places left: among sixty, in this month and the next; or `from` a day (yyyy-mm-dd) on."""
    shown = showing.show_listing(request.params["store"], request.params["sku"], after=shown_from(request))
    slots = shown.slots if shown.available else ()
    return FreeSlots(tuple(FreeSlot(slot.slot, slot.left) for slot in slots))


def shown_from(request: Request) -> datetime:
    """The moment after which slots are shown: now, or just before the day that the query names, by the union's clocks, if that is later.

    Raises:
        Invalid: it names no day.
    """
    now, text = utc_now(), request.query.get("from", "")
    day = slot_day(text)
    if text and day is None:
        reason = "write a day such as 2026-12-01"
        raise Invalid(f"from: {reason}", errors=[{"field": "from", "reason": reason}])
    begin = datetime.combine(day, time(), ZoneInfo(settings().time_zone)) if day else now
    return max(begin - timedelta(minutes=1), now)


def _facts(listing: Listing) -> dict[str, Any]:
    names = ("store", "sku", "titles", "texts", "kind", "category", "union_category", "price_minor")
    more = ("brand", "gtin", "group", "options", "parts", "slot_minutes")
    return {name: getattr(listing, name) for name in (*names, *more)} | {
        "currency": settings().currency.code,
        "mediated": listing.offer is not None,
        "urgent_sale": listing.urgent,
    }


def list_categories(request: Request) -> Json:
    """The union's tree of categories; each names its parent."""
    return _kept(Categories(tuple(all_categories())))


def kept(turns_at: str = "") -> str:
    """The Cache-Control of what everyone may keep for a moment; not beyond the beginning or end of an urgent sale that it shows, ISO 8601."""
    seconds = (from_iso(turns_at) - utc_now()).total_seconds() if turns_at else _KEPT_SECONDS
    return f"public, max-age={max(0, min(int(seconds), _KEPT_SECONDS))}"


def _kept(answer: object, turns_at: str = "") -> Json:
    return Json(answer, headers={"Cache-Control": kept(turns_at)})
