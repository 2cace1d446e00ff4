"""A store's orders as pages."""

from __future__ import annotations

from msgspec import Struct

from manage import order_api
from mart_union.catalog.refs import union_ref
from mart_union.customers.refs import recipient_ref
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.money import parse_amount, plain_amount
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch_all
from mart_union.mediation.refs import supplier_ref
from mart_union.orders.cash import due_minor
from mart_union.orders.model import ENDED, PROGRESS
from mart_union.orders.procedures import procedure_of
from mart_union.orders.responses import list_responses
from mart_union.orders.seen import seen_response
from mart_union.orders.tracking import TRACKING_EVENTS
from mart_union.orders.views import customer_order
from mart_union.web.access import PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.moments import local_moment
from mart_union.web.request import Request

_TABS = tuple(state for state in PROGRESS if state not in ENDED)


class StepForm(Struct, frozen=True):
    """A step's form on the order page; what was collected is in major units, `line` 0 means all lines that it can be taken for, the appointment is in the union's time."""

    step: str
    line: int = 0
    carrier: str = ""
    tracking_number: str = ""
    pickup_code: str = ""
    appointment_at: str = ""
    access: str = ""
    note: str = ""
    collected: str = ""
    collected_by: str = ""


def add_routes(api: Api) -> None:
    """Declare the pages."""
    api.get("/manage/{store}/orders", PACKER)(orders_page)
    api.get("/manage/{store}/orders/{order}", PACKER)(order_page)
    api.post("/manage/{store}/orders/{order}/steps", PACKER, body=StepForm, key=True)(step_here)


def orders_page(request: Request) -> Page:
    """Open orders by state, closed ones by month."""
    context = {
        "store": request.params["store"],
        "page": order_api.read_orders(request),
        "tabs": _TABS,
        "state": request.query.get("state", ""),
        "month": request.month(),
    }
    return Page("manage/orders.html", context)


def order_page(request: Request) -> Page:
    """One order with the steps that may be taken now, as forms."""
    order = order_api.order_of(request)
    suppliers = sorted({line.fulfiller for line in order.lines if line.fulfiller.startswith("supplier/")})
    refs = [supplier_ref(each.removeprefix("supplier/")) for each in suppliers]
    recipient, union, *known = fetch_all([recipient_ref(order.recipient), union_ref(), *refs])
    context = {
        "store": request.params["store"],
        "sale": customer_order(order, iso(utc_now())) if order.is_seller_collected else None,
        "order": order_api.seen(request, order, recipient),
        "steps": {step.name: step for step in procedure_of(order).steps},
        "carriers": union.carriers if union else (),
        "names": {party: each.names for party, each in zip(suppliers, known, strict=True) if each is not None},
        "due": plain_amount(due_minor(order), settings().currency),
        "events": TRACKING_EVENTS,
        "responses": [seen_response(response) for response in list_responses(order.id)],
    }
    return Page("manage/orders_one.html", context)


def step_here(request: Request) -> Redirect:
    """Take the step and show the order."""
    form: StepForm = request.content
    wish = order_api.StoreStep(
        step=form.step,
        lines=(form.line,) if form.line else None,
        carrier=form.carrier,
        tracking_number=form.tracking_number,
        pickup_code=form.pickup_code,
        appointment_at=local_moment("appointment_at", form.appointment_at),
        access=form.access,
        note=form.note,
        collected_minor=_collected(form.collected),
        collected_by=form.collected_by,
    )
    order = order_api.take(request, wish)
    return Redirect(f"/manage/{order.store}/orders/{order.id}")


def _collected(text: str) -> int:
    """The amount of a form in major units; none is 0."""
    return parse_amount(text, settings().currency) if text.strip() else 0
