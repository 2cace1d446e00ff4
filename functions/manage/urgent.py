"""Urgent selling: a store's sales for a window of time, begun and ended by its staff."""

from __future__ import annotations

import re

from msgspec import Struct

from mart_union.catalog.model import Listing
from mart_union.catalog.past_sales import list_past_sales
from mart_union.catalog.service import list_listings_page
from mart_union.catalog.urgent import SaleShown, end_urgent_sale, list_urgent_sales, start_urgent_sale
from mart_union.catalog.urgent_terms import MOST_RATE, PastSale, SaleTerms
from mart_union.kernel.clock import utc_now
from mart_union.kernel.money import parse_amount
from mart_union.kernel.paging import Page as Items
from mart_union.kernel.settings import settings
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.moments import local_moment
from mart_union.web.request import Request


class NewSale(SaleTerms, frozen=True, kw_only=True):
    """An urgent sale: of which listing, and its terms."""

    sku: str


class SaleForm(Struct, frozen=True):
    """The same as a form: amounts in the currency's own units, the window in the union's time zone, postcodes with blanks or commas between
    them; what is left empty is not limited."""

    sku: str
    price: str
    starts_at: str
    ends_at: str
    quantity: int = 0
    turnover: str = ""
    per_customer: int = 0
    postcodes: str = ""
    rate: int = 0


class EndedSale(Struct, frozen=True):
    """Which urgent sale of a listing is to end, by its id."""

    sale: str


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    sales = "/manage/{store}/urgent-sales"
    api.get(f"/api{sales}", PACKER, answer=Items[SaleShown])(list_by_api)
    api.post(f"/api{sales}", MANAGER, body=NewSale, answer=Listing, status=201, key=True)(start_by_api)
    api.post(f"/api{sales}/{{sku}}/end", MANAGER, body=EndedSale, answer=Listing)(end_by_api)
    api.get(f"/api{sales}/ended", PACKER, answer=Items[PastSale])(list_ended_by_api)
    api.get(sales, PACKER)(show_page)
    api.get(f"{sales}/ended", PACKER)(show_ended_page)
    api.post(sales, MANAGER, body=SaleForm, key=True)(start_by_form)
    api.post(f"{sales}/{{sku}}/end", MANAGER, body=EndedSale)(end_by_form)


def list_by_api(request: Request) -> Items[SaleShown]:
    """The store's urgent sales, by their end, with what of each is left, reserved and sold."""
    return list_urgent_sales(request.params["store"], request.query.get("cursor", ""))


def start_by_api(request: Request) -> Listing:
    """Begin an urgent sale: its quantity is kept for it from now on."""
    sale: NewSale = request.content
    return _start(request, sale.sku, sale)


def _start(request: Request, sku: str, terms: SaleTerms) -> Listing:
    store, actor = request.params["store"], request.caller.subject
    return start_urgent_sale(store, sku, terms, actor=actor, key=request.idempotency_key, now=utc_now())


def end_by_api(request: Request) -> Listing:
    """End an urgent sale; what is left of it goes back into the reserve. If another is on by now, or none, nothing changes."""
    ended: EndedSale = request.content
    store, sku = request.params["store"], request.params["sku"]
    return end_urgent_sale(store, sku, ended.sale, actor=request.caller.subject, now=utc_now())


def show_page(request: Request) -> Page:
    """The sales that are on, and the form of a new one: it takes any item number, and proposes the first of the store's own."""
    store, wanted = request.params["store"], request.query.get("sku", "")
    own = [listing for listing in list_listings_page(store).items if listing.offer is None]
    context = {"store": store, "page": list_by_api(request), "listings": own, "sku": wanted, "most_rate": MOST_RATE}
    return Page("manage/urgent_sales.html", context)


def list_ended_by_api(request: Request) -> Items[PastSale]:
    """The store's urgent sales that ended in a `month` (yyyy-mm, UTC; this one, unless named), newest first, with what became of each."""
    return list_past_sales(request.params["store"], _month(request), request.query.get("cursor", ""))


def _month(request: Request) -> str:
    return request.month() or f"{utc_now():%Y-%m}"


def show_ended_page(request: Request) -> Page:
    """A month of sales that have ended."""
    context = {"store": request.params["store"], "month": _month(request), "page": list_ended_by_api(request)}
    return Page("manage/urgent_sales_ended.html", context)


def start_by_form(request: Request) -> Redirect:
    """Begin a sale from the page."""
    form: SaleForm = request.content
    terms = SaleTerms(
        _amount(form.price),
        local_moment("starts_at", form.starts_at),
        local_moment("ends_at", form.ends_at),
        quantity=form.quantity,
        turnover_minor=_amount(form.turnover) if form.turnover else 0,
        per_customer=form.per_customer,
        postcodes=tuple(re.split(r"[\s,;]+", form.postcodes.strip())) if form.postcodes.strip() else (),
        rate=form.rate,
    )
    _start(request, form.sku, terms)
    return Redirect(f"/manage/{request.params['store']}/urgent-sales")


def end_by_form(request: Request) -> Redirect:
    """End a sale from the page."""
    end_by_api(request)
    return Redirect(f"/manage/{request.params['store']}/urgent-sales")


def _amount(text: str) -> int:
    return parse_amount(text, settings().currency)
