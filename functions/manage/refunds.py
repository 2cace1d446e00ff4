"""What a store gives back: partial refunds of its orders, and returns, as JSON and as forms. For its managers."""

from __future__ import annotations

from msgspec import Struct

from manage.order_api import seen
from mart_union.kernel.clock import utc_now
from mart_union.kernel.money import parse_amount
from mart_union.kernel.settings import settings
from mart_union.orders.model import Order
from mart_union.orders.refunding import RefundWish
from mart_union.orders.return_decisions import ReturnDecision, ReturnForm
from mart_union.orders.views import StoreOrder
from mart_union.settlement.refunding import refund_order, settle_return
from mart_union.web.access import MANAGER
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class NewRefund(Struct, frozen=True):
    """What is given back of some lines, and why, in words for the customer: of each line units that will not be sent, or an amount.

    The units go back into the reserve, unless they are `written_off`.
    """

    lines: tuple[RefundWish, ...]
    reason: str
    written_off: bool = False


class RefundForm(Struct, frozen=True):
    """The form of a refund: of one line units, or an amount as people write it, such as 1280."""

    line: int
    units: int = 0
    amount: str = ""
    reason: str = ""
    written_off: bool = False
    carrier_gives: bool = False


def add_routes(api: Api) -> None:
    """Declare the routes."""
    order = "/manage/{store}/orders/{order}"
    api.post(f"/api{order}/refunds", MANAGER, body=NewRefund, answer=StoreOrder, status=201, key=True)(refund)
    api.post(f"/api{order}/returns", MANAGER, body=ReturnDecision, answer=StoreOrder, key=True)(decide)
    api.post(f"{order}/refunds", MANAGER, body=RefundForm, key=True)(refund_here)
    api.post(f"{order}/returns", MANAGER, body=ReturnForm, key=True)(decide_here)


def refund(request: Request) -> StoreOrder:
    """Give a part of an order back to whoever paid it, before or after it is completed."""
    return seen(request, _refund(request, request.content))


def decide(request: Request) -> StoreOrder:
    """Accept, refuse or receive a return that the store takes back, refund or replace what came, or refund what the customer keeps."""
    return seen(request, _decide(request, request.content))


def refund_here(request: Request) -> Redirect:
    """Give back what the form says and show the order."""
    form: RefundForm = request.content
    amount = parse_amount(form.amount, settings().currency) if form.amount else 0
    wish = RefundWish(form.line, form.units, amount, form.carrier_gives)
    order = _refund(request, NewRefund((wish,), form.reason, form.written_off))
    return Redirect(f"/manage/{order.store}/orders/{order.id}#refunds")


def decide_here(request: Request) -> Redirect:
    """Decide on the return and show the order."""
    form: ReturnForm = request.content
    order = _decide(request, form.decided(settings().currency))
    return Redirect(f"/manage/{order.store}/orders/{order.id}#returns")


def _refund(request: Request, wish: NewRefund) -> Order:
    return refund_order(
        request.params["order"],
        wish.lines,
        store=request.params["store"],
        reason=wish.reason,
        actor=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
        written_off=wish.written_off,
    )


def _decide(request: Request, wish: ReturnDecision) -> Order:
    return settle_return(
        request.params["order"],
        wish.id,
        wish,
        taker=f"store/{request.params['store']}",
        actor=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
    )
