"""A customer's purchases as JSON."""

from __future__ import annotations

from msgspec import Struct

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase
from mart_union.checkout.service import get_purchase, list_purchases
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import NotFound
from mart_union.kernel.paging import Page
from mart_union.orders.model import Order, state_of
from mart_union.orders.service import get_orders
from mart_union.orders.views import CustomerOrder, customer_order
from mart_union.web.access import CUSTOMER
from mart_union.web.api import Api
from mart_union.web.request import Request


class PurchaseStatus(Struct, frozen=True):
    """A purchase with where its orders are; its state is theirs, furthest behind first."""

    purchase: Purchase
    state: str
    orders: tuple[CustomerOrder, ...]


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/purchases", CUSTOMER, answer=Page[Purchase])(read_purchases)
    api.get("/api/purchases/{purchase}", CUSTOMER, answer=PurchaseStatus)(read_purchase)
    api.post("/api/purchases/{purchase}/cancel", CUSTOMER, answer=PurchaseStatus, key=True)(cancel)


def read_purchases(request: Request) -> Page[Purchase]:
    """The caller's purchases, newest first."""
    return list_purchases(request.caller.subject, request.query.get("cursor", ""))


def read_purchase(request: Request) -> PurchaseStatus:
    """One of the caller's purchases and where its orders are."""
    return status_of(purchase_of(request))


def cancel(request: Request) -> PurchaseStatus:
    """Cancel a whole purchase while every order of it still allows that; the money goes back to the account."""
    cancelled = cancel_purchase(
        request.params["purchase"],
        actor=request.caller.subject,
        role="customer",
        key=request.idempotency_key,
        now=utc_now(),
    )
    return _status(cancelled.purchase, cancelled.orders)


def purchase_of(request: Request) -> Purchase:
    """The purchase that the path names, if it is the caller's.

    Raises:
        NotFound: it is not, or there is none; which of the two is not told.
    """
    purchase = get_purchase(request.params["purchase"])
    if purchase.customer != request.caller.subject:
        raise NotFound(f"there is no purchase {purchase.id}")
    return purchase


def status_of(purchase: Purchase) -> PurchaseStatus:
    """The purchase with its orders. One batch read."""
    return _status(purchase, get_orders(purchase.orders))


def _status(purchase: Purchase, orders: list[Order]) -> PurchaseStatus:
    state, now = state_of(order.state for order in orders), iso(utc_now())
    return PurchaseStatus(purchase, state, tuple(customer_order(order, now) for order in orders))
