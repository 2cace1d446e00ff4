"""What each party of an order gets to see of it: no party sees another's money, codes or staff."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from mart_union.customers.model import Recipient, RecipientFields
from mart_union.orders.model import Line, Order, Response, Shipment, StepTaken
from mart_union.orders.procedures import allowed_steps, deadline_of


class SeenStep(Struct, frozen=True):
    """A step that was taken, and in which role."""

    step: str
    role: str
    at: str
    lines: tuple[int, ...]
    note: str


class OrderedLine(Struct, frozen=True):
    """A line as its customer sees it: goods `amount_minor` and its part of delivery."""

    number: int
    sku: str
    titles: dict[str, str]
    glyph: str
    quantity: int
    price_minor: int
    amount_minor: int
    delivery_minor: int
    state: str


class CustomerOrder(Struct, frozen=True):
    """An order as its customer follows it. `recipient` is null once it was erased."""

    id: str
    purchase: str
    store: str
    store_names: dict[str, str]
    state: str
    procedure: str
    lines: tuple[OrderedLine, ...]
    total_minor: int
    currency: str
    payment: str
    placed_at: str
    promised_by: str
    shipments: tuple[Shipment, ...]
    history: tuple[SeenStep, ...]
    facts: dict[str, str]
    allowed: tuple[str, ...]
    recipient: RecipientFields | None
    sequence: int


class FulfilledLine(Struct, frozen=True):
    """A line as its store sees it. `mine` says whether the store fulfils it; `share_minor` is what the store gets of it."""

    number: int
    sku: str
    titles: dict[str, str]
    glyph: str
    quantity: int
    price_minor: int
    amount_minor: int
    delivery_minor: int
    state: str
    mine: bool
    fulfiller: str
    share_minor: int


class StoreOrder(Struct, frozen=True):
    """An order as its store works on it. `act_by` is when the next deadline of the store's own lines passes ('' when none runs)."""

    id: str
    purchase: str
    store: str
    state: str
    procedure: str
    procedure_version: int
    lines: tuple[FulfilledLine, ...]
    total_minor: int
    currency: str
    payment: str
    carrier: str
    placed_at: str
    promised_by: str
    act_by: str
    shipments: tuple[Shipment, ...]
    history: tuple[SeenStep, ...]
    appointment_at: str
    allowed: tuple[str, ...]
    recipient: RecipientFields | None
    sequence: int


class SeenResponse(Struct, frozen=True):
    """A response with its answer, without who wrote it."""

    id: str
    order: str
    store: str
    line: int
    kind: str
    stars: int
    text: str
    at: str
    state: str
    answer: str
    answered_at: str
    answered_by: str


def customer_order(order: Order, recipient: Recipient | None = None) -> CustomerOrder:
    """The order for its customer."""
    for_customer = {"pickup_code", "appointment_at", "access"}
    facts = {name: fact for name, fact in order.facts.items() if name in for_customer}
    return CustomerOrder(
        id=order.id,
        purchase=order.purchase,
        store=order.store,
        store_names=order.store_names,
        state=order.state,
        procedure=order.procedure,
        lines=tuple(_ordered(line) for line in order.lines),
        total_minor=order.total_minor,
        currency=order.currency,
        payment=order.payment,
        placed_at=order.placed_at,
        promised_by=order.promised_by,
        shipments=order.shipments,
        history=_seen_steps(order.history),
        facts=facts,
        allowed=tuple(allowed_steps(order, "customer")),
        recipient=recipient.fields if recipient else None,
        sequence=order.sequence,
    )


def store_order(order: Order, recipient: Recipient | None = None) -> StoreOrder:
    """The order for its store."""
    party = f"store/{order.store}"
    mine = [line for line in order.lines if line.fulfiller == party]
    deadlines = [found[0] for line in mine if line.state != "delivered" and (found := deadline_of(order, line))]
    return StoreOrder(
        id=order.id,
        purchase=order.purchase,
        store=order.store,
        state=order.state,
        procedure=order.procedure,
        procedure_version=order.procedure_version,
        lines=tuple(_fulfilled(line, party) for line in order.lines),
        total_minor=order.total_minor,
        currency=order.currency,
        payment=order.payment,
        carrier=order.carrier,
        placed_at=order.placed_at,
        promised_by=order.promised_by,
        act_by=min(deadlines, default=""),
        shipments=order.shipments,
        history=_seen_steps(order.history),
        appointment_at=order.facts.get("appointment_at", ""),
        allowed=tuple(allowed_steps(order, "store", party)),
        recipient=recipient.fields if recipient else None,
        sequence=order.sequence,
    )


def seen_response(response: Response) -> SeenResponse:
    """The response for whoever may read it."""
    return SeenResponse(
        id=response.id,
        order=response.order,
        store=response.store,
        line=response.line,
        kind=response.kind,
        stars=response.stars,
        text=response.text,
        at=response.at,
        state=response.state,
        answer=response.answer,
        answered_at=response.answered_at,
        answered_by=response.answered_by,
    )


def _seen_steps(history: Sequence[StepTaken]) -> tuple[SeenStep, ...]:
    return tuple(SeenStep(taken.step, taken.role, taken.at, taken.lines, taken.note) for taken in history)


def _ordered(line: Line) -> OrderedLine:
    return OrderedLine(
        number=line.number,
        sku=line.sku,
        titles=line.titles,
        glyph=line.glyph,
        quantity=line.quantity,
        price_minor=line.price_minor,
        amount_minor=line.amount_minor,
        delivery_minor=line.delivery_minor,
        state=line.state,
    )


def _fulfilled(line: Line, party: str) -> FulfilledLine:
    return FulfilledLine(
        number=line.number,
        sku=line.sku,
        titles=line.titles,
        glyph=line.glyph,
        quantity=line.quantity,
        price_minor=line.price_minor,
        amount_minor=line.amount_minor,
        delivery_minor=line.delivery_minor,
        state=line.state,
        mine=line.fulfiller == party,
        fulfiller=line.fulfiller,
        share_minor=sum(share.amount_minor for share in line.split if share.account == party),
    )
