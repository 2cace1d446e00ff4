"""Orders as the union's operator follows them, and what the operator decides in place of whoever did nothing: of an escalated order a step, of an escalated return what becomes of it."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.clock import utc_now
from mart_union.kernel.settings import settings
from mart_union.orders.model import OPERATOR as THE_UNION
from mart_union.orders.model import Order
from mart_union.orders.operating import decide_order
from mart_union.orders.procedures import operators_steps, procedure_of
from mart_union.orders.return_decisions import ReturnDecision, ReturnForm
from mart_union.orders.seen import SeenReturn, seen_returns
from mart_union.orders.service import get_order
from mart_union.orders.views import OperatedOrder, operated_order
from mart_union.settlement.refunding import settle_return
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class OrderDecision(Struct, frozen=True):
    """A step for the lines of an order that were escalated, and why, in words for the customer. Of what is paid at the door and was delivered,
    `collected_minor` minor units by the `store` or the `carrier` (`collected_by`)."""

    step: str
    note: str
    collected_minor: int = 0
    collected_by: str = ""


class DecidedOrder(Struct, frozen=True):
    """An order as it stands once something was decided of it, and the steps that the operator may still take."""

    order: str
    store: str
    state: str
    allowed: tuple[str, ...]


def add_routes(api: Api) -> None:
    """Declare the routes."""
    order = "/operate/orders/{order}"
    api.get(f"/api{order}", OPERATOR, answer=OperatedOrder)(read_order)
    api.get(order, OPERATOR)(order_page)
    api.post(f"/api{order}/steps", OPERATOR, body=OrderDecision, answer=DecidedOrder, key=True)(decide_on_order)
    api.post(f"{order}/steps", OPERATOR, body=OrderDecision, key=True)(decide_on_order_here)
    api.post(f"/api{order}/returns", OPERATOR, body=ReturnDecision, answer=SeenReturn, key=True)(decide_on_return)
    api.post(f"{order}/returns", OPERATOR, body=ReturnForm, key=True)(decide_on_return_here)


def read_order(request: Request) -> OperatedOrder:
    """An order with all steps that were taken, by whom and when; not for whom it is."""
    return operated_order(get_order(request.params["order"]))


def order_page(request: Request) -> Page:
    """The same as a page."""
    order = get_order(request.params["order"])
    steps = {step.name: step for step in procedure_of(order).steps}
    return Page("operate/order.html", {"order": operated_order(order), "steps": steps})


def decide_on_order(request: Request) -> DecidedOrder:
    """Take a step with an order that was escalated, and say why: one that the system takes of itself, as a refusal with its refund, or a delivery with what
    was collected at the door."""
    order = _take_step(request)
    return DecidedOrder(order.id, order.store, order.state, tuple(operators_steps(order)))


def decide_on_order_here(request: Request) -> Redirect:
    """Take the step and go back to what was escalated."""
    _take_step(request)
    return Redirect("/operate/escalations")


def decide_on_return(request: Request) -> SeenReturn:
    """Decide on a return that was escalated, in place of whoever takes it back, and say why: accept or refuse it, or refund it, also of goods that were sent
    and of which nobody says that they have come."""
    order = _decide(request, request.content)
    return next(each for each in seen_returns(order, THE_UNION) if each.id == request.content.id)


def decide_on_return_here(request: Request) -> Redirect:
    """Decide and go back to what was escalated."""
    _decide(request, request.content.decided(settings().currency))
    return Redirect("/operate/escalations")


def _take_step(request: Request) -> Order:
    wish: OrderDecision = request.content
    return decide_order(
        request.params["order"],
        wish.step,
        note=wish.note,
        actor=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
        collected_minor=wish.collected_minor,
        collected_by=wish.collected_by,
    )


def _decide(request: Request, wish: ReturnDecision) -> Order:
    return settle_return(
        request.params["order"],
        wish.id,
        wish,
        taker=THE_UNION,
        actor=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
    )
