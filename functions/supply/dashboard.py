"""A supplier's first page: what waits to be sent, what runs low, who sells."""

from __future__ import annotations

from mart_union.catalog.service import store_names
from mart_union.kernel.paging import Page as Items
from mart_union.mediation.model import Seller
from mart_union.mediation.service import get_supplier, lines_of, list_sellers, list_supply_orders, owed_minor
from mart_union.orders.service import get_orders
from mart_union.settlement.service import list_statements
from mart_union.web.access import SUPPLIER
from mart_union.web.answer import Page
from mart_union.web.api import Api
from mart_union.web.request import Request
from supply.offers import read_offers


def add_routes(api: Api) -> None:
    """Declare the first page and the sellers."""
    api.get("/supply/{supplier}", SUPPLIER)(show)
    api.get("/api/supply/{supplier}/sellers", SUPPLIER, answer=Items[Seller])(sellers_by_api)
    api.get("/supply/{supplier}/sellers", SUPPLIER)(sellers_page)


def show(request: Request) -> Page:
    """The supplier at a glance, from the first page of each list."""
    supplier = request.params["supplier"]
    orders = list_supply_orders(supplier)
    found = get_orders(each.order for each in orders.items)
    owed = sum(owed_minor(lines_of(order, supplier), supplier) for order in found)
    context = {
        "known": get_supplier(supplier),
        "supplier": supplier,
        "offers": read_offers(supplier, ""),
        "orders": orders,
        "owed_minor": owed,
        "names": {order.store: order.store_names for order in found},
        "statements": list_statements(f"supplier/{supplier}")[:3],
    }
    return Page("supply/dashboard.html", context)


def sellers_by_api(request: Request) -> Items[Seller]:
    """The stores that have made links of the supplier's offers."""
    return list_sellers(request.params["supplier"], request.query.get("cursor", ""))


def sellers_page(request: Request) -> Page:
    """The stores that sell the supplier's offers."""
    sellers = sellers_by_api(request)
    names = store_names(each.store for each in sellers.items)
    return Page("supply/sellers.html", {"supplier": request.params["supplier"], "sellers": sellers, "names": names})
