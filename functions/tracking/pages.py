"""A customer's purchases and orders as pages."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.refs import union_ref
from mart_union.checkout.service import list_purchases
from mart_union.customers.refs import recipient_ref
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.storage import fetch_all
from mart_union.orders.model import ReturnedLine
from mart_union.orders.procedures import procedure_of
from mart_union.orders.responses import list_responses
from mart_union.orders.seen import seen_response
from mart_union.orders.views import customer_order
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request
from tracking.orders import NewResponse, NewReturn, ReturnSent, ask, order_of, respond, send, take
from tracking.purchases import cancel, status_of


class StepForm(Struct, frozen=True):
    """A button of the order page; `line` 0 means all lines that the step can be taken for."""

    step: str
    line: int = 0


class ReturnForm(Struct, frozen=True):
    """The form of a return: units of one line, and why, by name and in words."""

    line: int
    units: int
    reason: str
    note: str = ""
    wants: str = "refund"


def add_routes(api: Api) -> None:
    """Declare the pages."""
    api.get("/purchases", CUSTOMER)(purchases_page)
    api.get("/purchases/{purchase}", CUSTOMER)(purchase_page)
    api.post("/purchases/{purchase}/cancel", CUSTOMER, key=True)(cancel_here)
    api.get("/orders/{order}", CUSTOMER)(order_page)
    api.post("/orders/{order}/steps", CUSTOMER, body=StepForm, key=True)(step_here)
    api.post("/orders/{order}/responses", CUSTOMER, body=NewResponse, key=True)(respond_here)
    api.post("/orders/{order}/returns", CUSTOMER, body=ReturnForm, key=True)(return_here)
    api.post("/orders/{order}/returns/{return}/sent", CUSTOMER, body=ReturnSent, key=True)(send_here)


def purchases_page(request: Request) -> Page:
    """The caller's purchases."""
    page = list_purchases(request.caller.subject, request.query.get("cursor", ""))
    return Page("tracking/purchases.html", {"page": page})


def purchase_page(request: Request) -> Page:
    """A purchase, how it is paid, and where its orders are."""
    return Page("tracking/purchase.html", {"status": status_of(request)})


def cancel_here(request: Request) -> Redirect:
    """Cancel the purchase and show it."""
    status = cancel(request)
    return Redirect(f"/purchases/{status.purchase.id}")


def order_page(request: Request) -> Page:
    """An order's way: what has happened, what comes, and what may be said or done."""
    order = order_of(request)
    recipient, union = fetch_all([recipient_ref(order.recipient), union_ref()])
    context = {
        "order": customer_order(order, iso(utc_now()), recipient),
        "steps": {step.name: step for step in procedure_of(order).steps},
        "carriers": {carrier.id: carrier for carrier in (union.carriers if union else ())},
        "responses": [seen_response(response, by_author=True) for response in list_responses(order.id)],
    }
    return Page("tracking/order.html", context)


def step_here(request: Request) -> Redirect:
    """Take the step and show the order."""
    form: StepForm = request.content
    order = take(request, form.step, (form.line,) if form.line else None)
    return Redirect(f"/orders/{order.id}")


def respond_here(request: Request) -> Redirect:
    """Record the response and show it with the order."""
    return Redirect(f"/orders/{respond(request).order}#responses")


def return_here(request: Request) -> Redirect:
    """Ask for the return and show it with the order."""
    form: ReturnForm = request.content
    lines = (ReturnedLine(form.line, form.units),)
    order = ask(request, NewReturn(lines, form.reason, form.note, form.wants))
    return Redirect(f"/orders/{order.id}#returns")


def send_here(request: Request) -> Redirect:
    """Note that the goods are on their way and show the return with the order."""
    return Redirect(f"/orders/{send(request).id}#returns")
