"""What each party of an order gets to see of it: no party sees another's money, codes or staff."""

from __future__ import annotations

from msgspec import Struct, field

from mart_union.catalog.fees import CommissionRule, frozen_rule
from mart_union.catalog.procedures import ReturnReason
from mart_union.customers.model import Recipient, RecipientFields
from mart_union.orders.cash import due_minor
from mart_union.orders.codes import is_locked, waits_for_code
from mart_union.orders.model import (
    OPERATOR,
    Line,
    Order,
    Shipment,
)
from mart_union.orders.procedures import allowed_steps, deadline_of, operators_steps
from mart_union.orders.refunding import refundable_units, store_refundable_minor
from mart_union.orders.return_rules import can_return, returnable_units, rules_of
from mart_union.orders.seen import SeenRefund, SeenReturn, SeenStep, seen_refunds, seen_returns, seen_steps


class OrderedLine(Struct, frozen=True):
    """A line as its customer sees it: goods `amount_minor`, the tax added to them, and its part of delivery; `returnable` units may be given back now.
    `slot` is the time for which a service is booked, `promised_by` when the line is promised."""

    number: int
    sku: str
    titles: dict[str, str]
    glyph: str
    quantity: int
    price_minor: int
    amount_minor: int
    delivery_minor: int
    state: str
    returned: int
    refunded_minor: int
    returnable: int
    tax_minor: int = 0
    slot: str = ""
    promised_by: str = ""


class CustomerOrder(Struct, frozen=True):
    """An order as its customer follows it. `code_locked`: the pick-up code was wrong too often, renew it. `recipient` is null once it was erased. `escrow_minor` is what the union holds of the money
    until the goods are received, `refunded_minor` what has gone back to whoever paid, `due_minor` what is to be paid on delivery. `return_reasons`
    are those for which something of it can be given back now.
    """

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
    escrow_minor: int
    refunded_minor: int
    refunds: tuple[SeenRefund, ...]
    returns: tuple[SeenReturn, ...]
    code_locked: bool = False
    due_minor: int = 0
    return_reasons: tuple[ReturnReason, ...] = ()


class FulfilledLine(Struct, frozen=True):
    """A line as its store sees it. `mine` says whether the store fulfils it; `share_minor` is what is left of the store's share of it,
    `refundable_minor` what the store may still give back, and `refundable_units` how many units it may leave out of the delivery.
    `commission` and `rates` are what the line was made with, whatever the union's rules say now.
    """

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
    returned: int
    refunded_minor: int
    refundable_minor: int
    refundable_units: int
    tax_minor: int = 0
    commission: CommissionRule | None = None
    rates: dict[str, str] = field(default_factory=dict)
    slot: str = ""


class StoreOrder(Struct, frozen=True):
    """An order as its store works on it. `promised_by` is when the store's own lines are promised, or all of it, where suppliers fulfil it. `due_minor` is what is to be collected on delivery. `act_by` is when the next deadline of the store's own lines passes ('' when none runs).
    `shop` is the store's own shop that sold it and took the money, '' for what was sold in the union."""

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
    escrow_minor: int
    refunded_minor: int
    refunds: tuple[SeenRefund, ...]
    returns: tuple[SeenReturn, ...]
    code_locked: bool = False
    due_minor: int = 0
    shop: str = ""


class OperatedLine(Struct, frozen=True):
    """A line as the union's operator sees it."""

    number: int
    sku: str
    titles: dict[str, str]
    quantity: int
    fulfiller: str
    state: str


class OperatedOrder(Struct, frozen=True):
    """An order as the union's operator follows it: what became of it, by whom and when; not for whom. `allowed` are the steps that the operator may take
    now."""

    id: str
    store: str
    store_names: dict[str, str]
    state: str
    procedure: str
    procedure_version: int
    payment: str
    placed_at: str
    promised_by: str
    lines: tuple[OperatedLine, ...]
    history: tuple[SeenStep, ...]
    returns: tuple[SeenReturn, ...]
    allowed: tuple[str, ...]


def customer_order(order: Order, at: str, recipient: Recipient | None = None) -> CustomerOrder:
    """The order for its customer at a moment (ISO), which decides what may still be returned."""
    for_customer = {"pickup_code", "appointment_at", "access"}
    facts = {name: fact for name, fact in order.facts.items() if name in for_customer}
    return CustomerOrder(
        id=order.id,
        purchase=order.purchase,
        store=order.store,
        store_names=order.store_names,
        state=order.state,
        procedure=order.procedure,
        lines=tuple(_ordered(order, line, at) for line in order.lines),
        total_minor=order.total_minor,
        currency=order.currency,
        payment=order.payment,
        placed_at=order.placed_at,
        promised_by=order.promised_by,
        shipments=order.shipments,
        history=seen_steps(order.history),
        facts=facts,
        allowed=tuple(allowed_steps(order, "customer")),
        recipient=recipient.fields if recipient else None,
        sequence=order.sequence,
        escrow_minor=order.escrow_minor if order.payment == "paid" else 0,
        refunded_minor=order.refunded_minor,
        refunds=seen_refunds(order),
        returns=seen_returns(order),
        code_locked=is_locked(order) and waits_for_code(order),
        due_minor=due_minor(order),
        return_reasons=_return_reasons(order, at),
    )


def _return_reasons(order: Order, at: str) -> tuple[ReturnReason, ...]:
    rules = rules_of(order)
    some = any(can_return(order, line, at) for line in order.lines)
    return rules.reasons if rules is not None and some else ()


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
        lines=tuple(_fulfilled(order, line, party) for line in order.lines),
        total_minor=order.total_minor,
        currency=order.currency,
        payment=order.payment,
        carrier=order.carrier,
        placed_at=order.placed_at,
        promised_by=order.promise_of(*mine) if mine else order.promised_by,
        act_by=min(deadlines, default=""),
        shipments=order.shipments,
        history=seen_steps(order.history, party),
        appointment_at=order.facts.get("appointment_at", ""),
        allowed=tuple(allowed_steps(order, "store", party)),
        recipient=recipient.fields if recipient else None,
        sequence=order.sequence,
        escrow_minor=order.escrow_minor if order.payment == "paid" else 0,
        refunded_minor=order.refunded_minor,
        refunds=seen_refunds(order),
        returns=seen_returns(order, party),
        code_locked=is_locked(order) and waits_for_code(order),
        due_minor=due_minor(order),
        shop=order.channel.removeprefix("shop/") if order.is_seller_collected else "",
    )


def operated_order(order: Order) -> OperatedOrder:
    """The order for the union's operator."""
    return OperatedOrder(
        id=order.id,
        store=order.store,
        store_names=order.store_names,
        state=order.state,
        procedure=order.procedure,
        procedure_version=order.procedure_version,
        payment=order.payment,
        placed_at=order.placed_at,
        promised_by=order.promised_by,
        lines=tuple(
            OperatedLine(line.number, line.sku, line.titles, line.quantity, line.fulfiller, line.state)
            for line in order.lines
        ),
        history=seen_steps(order.history, OPERATOR),
        returns=seen_returns(order, OPERATOR),
        allowed=tuple(operators_steps(order)),
    )


def _ordered(order: Order, line: Line, at: str) -> OrderedLine:
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
        returned=line.returned,
        refunded_minor=line.refunded_minor,
        returnable=returnable_units(order, line) if can_return(order, line, at) else 0,
        tax_minor=line.tax_minor,
        slot=line.slot,
        promised_by=order.promise_of(line),
    )


def _fulfilled(order: Order, line: Line, party: str) -> FulfilledLine:
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
        share_minor=sum(share.left_minor for share in line.split if share.account == party),
        returned=line.returned,
        refunded_minor=line.refunded_minor,
        refundable_minor=store_refundable_minor(order, line, party),
        refundable_units=refundable_units(line, party),
        tax_minor=line.tax_minor,
        commission=frozen_rule(line.rates),
        rates=line.rates,
        slot=line.slot,
    )
