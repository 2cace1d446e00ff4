"""A store's orders as JSON: the list, one order, its steps."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from mart_union.customers.model import Recipient
from mart_union.customers.refs import recipient_ref
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Forbidden
from mart_union.kernel.paging import Page
from mart_union.kernel.storage import fetch
from mart_union.orders.codes import RENEW_CODE
from mart_union.orders.listing import list_with_recipients
from mart_union.orders.model import Order
from mart_union.orders.procedures import gives_money_back
from mart_union.orders.retention import shows_recipient
from mart_union.orders.service import get_order_for, renew_pickup_code, take_step
from mart_union.orders.views import StoreOrder, store_order
from mart_union.web.access import PACKER
from mart_union.web.api import Api
from mart_union.web.request import Request


class StoreStep(Struct, frozen=True):
    """A step of the order's procedure, for some of the store's lines or all that it can be taken for.

    What is paid on delivery is handed over with the amount in minor units, which the store then owes; what a carrier took, it reports itself.
    `ship` needs a carrier of the union's and tracking number, `hand_over` the pick-up code (a manager's `renew_code` gives a new one), `schedule` the appointment, `provide` the access.
    """

    step: str
    lines: tuple[int, ...] | None = None
    carrier: str = ""
    tracking_number: str = ""
    pickup_code: str = ""
    appointment_at: str = ""
    access: str = ""
    note: str = ""
    collected_minor: Annotated[int, Meta(ge=0)] = 0
    collected_by: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes."""
    orders = "/api/manage/{store}/orders"
    api.get(orders, PACKER, answer=Page[StoreOrder])(read_orders)
    api.get(orders + "/{order}", PACKER, answer=StoreOrder)(read_order)
    api.post(orders + "/{order}/steps", PACKER, body=StoreStep, answer=StoreOrder, key=True)(step_order)


def read_orders(request: Request) -> Page[StoreOrder]:
    """The store's open orders (of a `state`), or the closed ones placed in a `month` (2026-11), newest first."""
    month = request.month()
    state, cursor = request.query.get("state", ""), request.query.get("cursor", "")
    page = list_with_recipients(request.params["store"], state=state, month=month, cursor=cursor)
    return Page(tuple(seen(request, *both) for both in page.items), page.next)


def read_order(request: Request) -> StoreOrder:
    """One order: whom it goes to, by when, for how much, and what the caller may do with it now."""
    order = order_of(request)
    return seen(request, order, fetch(recipient_ref(order.recipient)))


def step_order(request: Request) -> StoreOrder:
    """Take a step for lines that the store fulfils; a refund is for managers."""
    return seen(request, take(request, request.content))


def order_of(request: Request) -> Order:
    """The order that the path names, if it is the store's.

    Raises:
        NotFound: it is not, or there is none; which of the two is not told.
    """
    return get_order_for(request.params["order"], "store", f"store/{request.params['store']}")


def seen(request: Request, order: Order, recipient: Recipient | None = None) -> StoreOrder:
    """The order with the steps that the caller's own role allows, and its recipient as long as delivery or a return needs it."""
    view = store_order(order, recipient if shows_recipient(order, iso(utc_now())) else None)
    if request.caller.role != "packer":
        return view
    return replace(view, allowed=tuple(step for step in view.allowed if not gives_money_back(order, step)))


def take(request: Request, wish: StoreStep) -> Order:
    """Take the store's step.

    Raises:
        Forbidden: it gives money back or renews the pick-up code, and the caller is a packer.
    """
    party, is_manager = f"store/{request.params['store']}", request.caller.role != "packer"
    if wish.step == RENEW_CODE:
        if not is_manager:
            raise Forbidden("a pick-up code is for the store's managers to renew")
        order, caller, key = request.params["order"], request.caller.subject, request.idempotency_key
        return renew_pickup_code(order, caller, "store", key, utc_now(), fulfiller=party)
    needs = ("pickup_code", "appointment_at", "access", "collected_by")
    return take_step(
        request.params["order"],
        wish.step,
        request.caller.subject,
        "store",
        request.idempotency_key,
        utc_now(),
        lines=wish.lines,
        tracking=(wish.carrier, wish.tracking_number),
        note=wish.note,
        fulfiller=party,
        facts={name: getattr(wish, name) for name in needs},
        collected_minor=wish.collected_minor,
        may_give_back=is_manager,
    )
