"""Urgent selling: a store's sales for a window of time, begun and ended by its staff."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import asdict

from mart_union.catalog.model import Listing
from mart_union.catalog.service import list_listings_page
from mart_union.catalog.urgent import SaleTerms, end_urgent_sale, list_urgent_sales, start_urgent_sale
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import parse_price
from mart_union.kernel.settings import settings
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class NewSale(Struct, frozen=True):
    """An urgent sale: of which listing, at which price, when (ISO 8601 with a time zone), how many."""

    sku: str
    price_minor: int
    starts_at: str
    ends_at: str
    quantity: int


class SaleForm(Struct, frozen=True):
    """The same as a form: the price in the currency's own units, the window in the union's time zone."""

    sku: str
    price: str
    starts_at: str
    ends_at: str
    quantity: int


class UrgentSales(Struct, frozen=True):
    """A store's listings with an urgent sale."""

    listings: tuple[Listing, ...]


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    sales = "/manage/{store}/urgent-sales"
    api.get(f"/api{sales}", PACKER, answer=UrgentSales)(list_by_api)
    api.post(f"/api{sales}", MANAGER, body=NewSale, answer=Listing, status=201, key=True)(start_by_api)
    api.post(f"/api{sales}/{{sku}}/end", MANAGER, answer=Listing)(end_by_api)
    api.get(sales, PACKER)(show_page)
    api.post(sales, MANAGER, body=SaleForm, key=True)(start_by_form)
    api.post(f"{sales}/{{sku}}/end", MANAGER)(end_by_form)


def list_by_api(request: Request) -> UrgentSales:
    """The store's urgent sales, by their end."""
    return UrgentSales(tuple(list_urgent_sales(request.params["store"])))


def start_by_api(request: Request) -> Listing:
    """Begin an urgent sale: its quantity is kept for it from now on."""
    sale: NewSale = request.content
    terms = asdict(sale)
    return _start(request, terms.pop("sku"), SaleTerms(**terms))


def _start(request: Request, sku: str, terms: SaleTerms) -> Listing:
    store, actor = request.params["store"], request.caller.subject
    return start_urgent_sale(store, sku, terms, actor=actor, key=request.idempotency_key, now=utc_now())


def end_by_api(request: Request) -> Listing:
    """End an urgent sale; what is left of it goes back into the reserve."""
    store, sku = request.params["store"], request.params["sku"]
    return end_urgent_sale(store, sku, actor=request.caller.subject, now=utc_now())


def show_page(request: Request) -> Page:
    """The sales that are on, and the form of a new one."""
    store = request.params["store"]
    own = [listing for listing in list_listings_page(store, limit=100).items if listing.offer is None]
    context = {"store": store, "sales": list_urgent_sales(store), "listings": own}
    return Page("manage/urgent_sales.html", context)


def start_by_form(request: Request) -> Redirect:
    """Begin a sale from the page."""
    form: SaleForm = request.content
    price = parse_price(f"{form.price} {settings().currency.code}", settings().currency)
    _start(request, form.sku, SaleTerms(price, _local(form.starts_at), _local(form.ends_at), form.quantity))
    return Redirect(f"/manage/{request.params['store']}/urgent-sales")


def end_by_form(request: Request) -> Redirect:
    """End a sale from the page."""
    end_by_api(request)
    return Redirect(f"/manage/{request.params['store']}/urgent-sales")


def _local(text: str) -> str:
    """A moment of the form, which the union's clocks show.

    Raises:
        Invalid: it is not a moment.
    """
    try:
        return iso(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(settings().time_zone)))
    except ValueError as error:
        raise Invalid(
            f"'{text}' is not a day and time", errors=[{"field": "starts_at", "reason": "no moment"}]
        ) from error
