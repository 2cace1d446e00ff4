"""A customer's purchases as JSON."""

from __future__ import annotations

from msgspec import Struct

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase
from mart_union.checkout.service import get_purchase_with_orders, list_purchases
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import NotFound
from mart_union.kernel.paging import Page
from mart_union.orders.model import Order, state_of
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
    page = list_purchases(request.caller.subject, request.query.get("cursor", ""))
    return Page(tuple(purchase.for_customer() for purchase in page.items), page.next)


def read_purchase(request: Request) -> PurchaseStatus:
    """One of the caller's purchases and where its orders are."""
    return status_of(request)


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


def status_of(request: Request) -> PurchaseStatus:
    """The purchase that the path names, if it is the caller's, with its orders.

    Raises:
        NotFound: it is not, or there is none; which of the two is not told.
    """
    purchase, orders = get_purchase_with_orders(request.params["purchase"])
    if purchase.customer != request.caller.subject:
        raise NotFound(f"there is no purchase {purchase.id}")
    return _status(purchase, orders)


def _status(purchase: Purchase, orders: list[Order]) -> PurchaseStatus:
    state, now = state_of(order.state for order in orders), iso(utc_now())
    return PurchaseStatus(purchase.for_customer(), state, tuple(customer_order(order, now) for order in orders))
