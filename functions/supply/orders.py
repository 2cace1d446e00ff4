"""A supplier's orders: only its own lines, what it is owed for them, and where they go; none of the seller's prices."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.refs import union_ref
from mart_union.catalog.service import store_names
from mart_union.customers.model import Recipient
from mart_union.customers.refs import recipient_ref
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page as Items
from mart_union.kernel.storage import fetch, fetch_all
from mart_union.mediation.model import SupplyOrder
from mart_union.mediation.service import get_supplied_order, lines_of, list_supply_orders, owed_minor
from mart_union.orders.model import Line, Order, Shipment, state_of
from mart_union.orders.procedures import allowed_steps, procedure_of
from mart_union.orders.retention import needs_recipient
from mart_union.orders.seen import SeenReturn, seen_returns, seen_steps
from mart_union.orders.service import take_step
from mart_union.orders.tracking import TRACKING_EVENTS
from mart_union.web.access import SUPPLIER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class SuppliedLine(Struct, frozen=True):
    """A line as its supplier sees it: what to send, and what it is owed for it."""

    number: int
    offer: str
    titles: dict[str, str]
    glyph: str
    quantity: int
    owed_minor: int
    state: str
    returned: int


class DeliverTo(Struct, frozen=True):
    """Where a supplier's lines go."""

    name: str
    address_lines: tuple[str, ...]
    city: str
    postcode: str
    phone: str


class Taken(Struct, frozen=True):
    """A step that some of the supplier's lines took, in which role (customer, store, supplier, carrier, operator, system); `actor` is who of the supplier's own
    staff, or which carrier, took it, else ''."""

    step: str
    role: str
    at: str
    lines: tuple[int, ...]
    actor: str = ""


class SuppliedOrder(Struct, frozen=True):
    """A supplier's part of an order. `deliver_to` is whom its lines go to, null where nothing has to be brought to somebody, or brought back, now
    (what is collected, given online, or delivered), or where the recipient was erased."""

    order: str
    store: str
    store_names: dict[str, str]
    placed_at: str
    promised_by: str
    state: str
    lines: tuple[SuppliedLine, ...]
    owed_minor: int
    steps: tuple[str, ...]
    shipments: tuple[Shipment, ...]
    history: tuple[Taken, ...]
    carrier: str
    deliver_to: DeliverTo | None
    returns: tuple[SeenReturn, ...]


class NewStep(Struct, frozen=True):
    """A step of the supplier's lines (all that may take it, or those named), with what the procedure asks for with it."""

    step: str
    lines: tuple[int, ...] | None = None
    carrier: str = ""
    tracking_number: str = ""
    pickup_code: str = ""
    appointment_at: str = ""
    access: str = ""
    note: str = ""


class StepForm(Struct, frozen=True):
    """The form of a step."""

    step: str
    carrier: str = ""
    tracking_number: str = ""
    pickup_code: str = ""
    appointment_at: str = ""
    access: str = ""
    note: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes of supply orders."""
    orders = "/supply/{supplier}/orders"
    api.get(f"/api{orders}", SUPPLIER, answer=Items[SupplyOrder])(list_by_api)
    api.get(f"/api{orders}/{{order}}", SUPPLIER, answer=SuppliedOrder)(show_by_api)
    api.post(f"/api{orders}/{{order}}/steps", SUPPLIER, body=NewStep, answer=SuppliedOrder, key=True)(step_by_api)
    api.get(orders, SUPPLIER)(list_page)
    api.get(f"{orders}/{{order}}", SUPPLIER)(show_page)
    api.post(f"{orders}/{{order}}/steps", SUPPLIER, body=StepForm, key=True)(step_by_form)


def list_by_api(request: Request) -> Items[SupplyOrder]:
    """The supplier's open orders, oldest first; with `month` (yyyy-mm), those placed in it that have ended."""
    month = request.month()
    return list_supply_orders(request.params["supplier"], month, request.query.get("cursor", ""))


def show_by_api(request: Request) -> SuppliedOrder:
    """The supplier's part of an order."""
    return _show(request)


def step_by_api(request: Request) -> SuppliedOrder:
    """Move the supplier's lines by a step of the order's procedure."""
    return _step(request, request.content)


def list_page(request: Request) -> Page:
    """Open orders, or those of a month that have ended."""
    supplier, month = request.params["supplier"], request.month()
    orders = list_supply_orders(supplier, month, request.query.get("cursor", ""))
    this_month = f"{utc_now():%Y-%m}"
    names = store_names(each.store for each in orders.items)
    context = {"supplier": supplier, "month": month, "this_month": this_month, "orders": orders, "names": names}
    return Page("supply/orders.html", context)


def show_page(request: Request) -> Page:
    """The supplier's part of an order, with its next steps."""
    supplier = request.params["supplier"]
    found = get_supplied_order(supplier, request.params["order"])
    needed = [recipient_ref(found.recipient)] if needs_recipient(found, f"supplier/{supplier}") else []
    union, *recipient = fetch_all([union_ref(), *needed])
    context = {
        "supplier": supplier,
        "order": _seen(found, supplier, *recipient),
        "needs": {step.name: step for step in procedure_of(found).steps},
        "carriers": union.carriers if union else (),
        "events": TRACKING_EVENTS,
    }
    return Page("supply/order.html", context)


def step_by_form(request: Request) -> Redirect:
    """Take a step by the page's form."""
    form: StepForm = request.content
    _step(request, NewStep(lines=None, **{name: getattr(form, name) for name in StepForm.__struct_fields__}))
    return Redirect(f"/supply/{request.params['supplier']}/orders/{request.params['order']}")


def _show(request: Request) -> SuppliedOrder:
    supplier = request.params["supplier"]
    return view_of(get_supplied_order(supplier, request.params["order"]), supplier)


def _step(request: Request, wish: NewStep) -> SuppliedOrder:
    supplier = request.params["supplier"]
    moved = take_step(
        request.params["order"],
        wish.step,
        request.caller.subject,
        "supplier",
        request.idempotency_key,
        utc_now(),
        lines=wish.lines,
        tracking=(wish.carrier, wish.tracking_number) if wish.carrier or wish.tracking_number else None,
        note=wish.note,
        fulfiller=f"supplier/{supplier}",
        facts={"pickup_code": wish.pickup_code, "appointment_at": wish.appointment_at, "access": wish.access},
    )
    return view_of(moved, supplier)


def view_of(order: Order, supplier: str) -> SuppliedOrder:
    """What a supplier may see of an order: its own lines, and the recipient while their delivery or an agreed return needs that."""
    is_needed = needs_recipient(order, f"supplier/{supplier}")
    return _seen(order, supplier, fetch(recipient_ref(order.recipient)) if is_needed else None)


def _seen(order: Order, supplier: str, recipient: Recipient | None = None) -> SuppliedOrder:
    lines = lines_of(order, supplier)
    state = state_of(line.state for line in lines)
    own = {line.number for line in lines}
    return SuppliedOrder(
        order=order.id,
        store=order.store,
        store_names=order.store_names,
        placed_at=order.placed_at,
        promised_by=order.promise_of(*lines),
        state=state,
        lines=tuple(_line(line, supplier) for line in lines),
        owed_minor=owed_minor(lines, supplier),
        steps=tuple(allowed_steps(order, "supplier", f"supplier/{supplier}")),
        shipments=tuple(
            replace(shipment, lines=_among(shipment.lines, own))
            for shipment in order.shipments
            if own.intersection(shipment.lines)
        ),
        history=tuple(
            Taken(taken.step, taken.role, taken.at, _among(taken.lines, own), taken.actor)
            for taken in seen_steps(order.history, f"supplier/{supplier}")
            if own.intersection(taken.lines)
        ),
        carrier=order.carrier,
        deliver_to=_deliver_to(recipient) if recipient else None,
        returns=seen_returns(order, f"supplier/{supplier}", only_own=True),
    )


def _among(lines: Iterable[int], own: set[int]) -> tuple[int, ...]:
    return tuple(line for line in lines if line in own)


def _line(line: Line, supplier: str) -> SuppliedLine:
    owed = owed_minor([line], supplier)
    return SuppliedLine(
        line.number, line.offer, line.titles, line.glyph, line.quantity, owed, line.state, line.returned
    )


def _deliver_to(recipient: Recipient) -> DeliverTo:
    return DeliverTo(recipient.name, recipient.address_lines, recipient.city, recipient.postcode, recipient.phone)
