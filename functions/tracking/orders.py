"""A customer's orders and responses as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from mart_union.customers.refs import recipient_ref
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.paging import Page
from mart_union.kernel.storage import fetch
from mart_union.orders.codes import RENEW_CODE
from mart_union.orders.model import Order, ReturnedLine
from mart_union.orders.responses import add_response, list_responses
from mart_union.orders.seen import SeenResponse, seen_response
from mart_union.orders.service import get_order_for, renew_pickup_code, take_step
from mart_union.orders.views import CustomerOrder, customer_order
from mart_union.settlement.completion import complete_order
from mart_union.settlement.refunding import ask_return, send_goods
from mart_union.web.access import CUSTOMER
from mart_union.web.api import Api
from mart_union.web.request import Request


class CustomerStep(Struct, frozen=True):
    """A step of the order's procedure: `cancel` or `receive`, for some lines or for all that it can be taken for; or `renew_code`."""

    step: str
    lines: tuple[int, ...] | None = None


class NewResponse(Struct, frozen=True):
    """What a customer says: `kind` is question, complaint or review; a review has 1 to 5 stars and names its line."""

    kind: str
    text: str = ""
    line: int = 0
    stars: int = 0


class NewReturn(Struct, frozen=True):
    """Units of delivered lines that the customer gives back, all from one fulfiller, and why: by the name of one of the order's `return_reasons`,
    and in words, as far as they help. `wants` is a refund or a replacement."""

    lines: tuple[ReturnedLine, ...]
    reason: str
    note: str = ""
    wants: str = "refund"


class ReturnSent(Struct, frozen=True):
    """The carrier that brings the goods of an accepted return back, one of the union's (the order's, unless named), and its tracking number."""

    tracking_number: str
    carrier: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/orders/{order}", CUSTOMER, answer=CustomerOrder)(read_order)
    api.post("/api/orders/{order}/steps", CUSTOMER, body=CustomerStep, answer=CustomerOrder, key=True)(step_order)
    api.get("/api/orders/{order}/responses", CUSTOMER, answer=Page[SeenResponse])(read_responses)
    api.post("/api/orders/{order}/responses", CUSTOMER, body=NewResponse, answer=SeenResponse, status=201, key=True)(
        respond
    )
    api.post("/api/orders/{order}/returns", CUSTOMER, body=NewReturn, answer=CustomerOrder, status=201, key=True)(
        return_goods
    )
    sent = "/api/orders/{order}/returns/{return}/sent"
    api.post(sent, CUSTOMER, body=ReturnSent, answer=CustomerOrder, key=True)(send_back)


def read_order(request: Request) -> CustomerOrder:
    """Where one of the caller's orders is, what may be done now, and whom it goes to."""
    order = order_of(request)
    return customer_order(order, iso(utc_now()), fetch(recipient_ref(order.recipient)))


def step_order(request: Request) -> CustomerOrder:
    """Cancel lines that are not on their way yet, or confirm that lines were received."""
    wish: CustomerStep = request.content
    return customer_order(take(request, wish.step, wish.lines), iso(utc_now()))


def return_goods(request: Request) -> CustomerOrder:
    """Ask to give delivered goods back within the return window; whoever sent them accepts or refuses."""
    wish: NewReturn = request.content
    return customer_order(ask(request, wish), iso(utc_now()))


def send_back(request: Request) -> CustomerOrder:
    """Say by which carrier the goods of an accepted return are on their way; what is handed in instead needs no word."""
    return customer_order(send(request), iso(utc_now()))


def read_responses(request: Request) -> Page[SeenResponse]:
    """What the caller has said of an order, and the answers."""
    found = list_responses(order_of(request).id)
    return Page(tuple(seen_response(response, by_author=True) for response in found))


def respond(request: Request) -> SeenResponse:
    """Ask, complain, or review a line; it goes to the store, and to the supplier of the line."""
    said: NewResponse = request.content
    response = add_response(
        request.params["order"],
        said.kind,
        said.text,
        customer=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
        line=said.line,
        stars=said.stars,
    )
    return seen_response(response, by_author=True)


def order_of(request: Request) -> Order:
    """The order that the path names, if it is the caller's.

    Raises:
        NotFound: it is not, or there is none; which of the two is not told.
    """
    return get_order_for(request.params["order"], "customer", request.caller.subject)


def ask(request: Request, wish: NewReturn) -> Order:
    """Ask for the return that the request names."""
    return ask_return(
        request.params["order"],
        wish.lines,
        customer=request.caller.subject,
        reason=wish.reason,
        note=wish.note,
        wants=wish.wants,
        key=request.idempotency_key,
        now=utc_now(),
    )


def send(request: Request) -> Order:
    """Note by which carrier the return that the path names is on its way."""
    sent: ReturnSent = request.content
    customer, key = request.caller.subject, request.idempotency_key
    parcel = (sent.carrier, sent.tracking_number)
    return send_goods(
        request.params["order"], request.params["return"], parcel, customer=customer, key=key, now=utc_now()
    )


def take(request: Request, step: str, lines: Sequence[int] | None) -> Order:
    """Take a customer's step: receiving completes, which is settlement's; renewing a code moves no line."""
    order, customer, key = request.params["order"], request.caller.subject, request.idempotency_key
    if step == "receive":
        return complete_order(order, actor=customer, role="customer", key=key, now=utc_now(), lines=lines)
    if step == RENEW_CODE:
        return renew_pickup_code(order, customer, "customer", key, utc_now())
    return take_step(order, step, customer, "customer", key, utc_now(), lines=lines)
