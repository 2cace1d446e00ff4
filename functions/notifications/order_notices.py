"""Which notices an event of an order calls for. Pure: an event in, notices out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mart_union.kernel.events import Event
from mart_union.orders.model import SYSTEM, Line, Order, Shipment
from mart_union.orders.procedures import is_carried, procedure_of, window_days
from mart_union.orders.return_rules import rules_of
from notifications.model import Audience, Notice, fulfillers_audience

_STATES = {
    "OrderPlaced": "placed",
    "OrderScheduled": "scheduled",
    "OrderRescheduled": "scheduled",
    "OrderAccepted": "accepted",
    "OrderBegun": "making",
    "OrderReady": "ready",
    "OrderShipped": "shipped",
    "OrderDelivered": "delivered",
    "OrderRefused": "refused",
    "OrderCancelled": "cancelled",
    "OrderExpired": "expired",
}
_WAITING = {"OrderReminded": "reminded", "OrderLate": "late"}


def _of_step(event: Event) -> list[Notice]:
    """Its customer hears of the lines that a step has moved; the store, and each supplier of its own, of what they did not do themselves."""
    order, state = msgspec.convert(event.data, Order), _STATES[event.name]
    lines = _moved(order, state)
    word = "rescheduled" if event.name == "OrderRescheduled" else state
    notices = []
    if order.customer:
        notices.append(_step_notice(event, order, f"order_{word}", Audience("customer", order.customer), lines))
    if _fulfillers_hear(order, state):
        notices.append(_fulfillers_notice(event, order, f"store/{order.store}", lines))
        suppliers = sorted({line.fulfiller for line in lines if line.fulfiller.startswith("supplier/")})
        notices += [_fulfillers_notice(event, order, each, _of_fulfiller(lines, each)) for each in suppliers]
    return notices


def _fulfillers_notice(event: Event, order: Order, fulfiller: str, lines: Sequence[Line]) -> Notice:
    audience = fulfillers_audience(fulfiller)
    return _step_notice(event, order, f"{audience.kind}_order_{_STATES[event.name]}", audience, lines)


def _moved(order: Order, state: str) -> list[Line]:
    """The lines that have just come into a state: those of the last step; of an order that was made in it, all."""
    moved = {number for taken in order.history[-1:] for number in taken.lines}
    return [line for line in order.lines if line.state == state and (line.number in moved or not moved)]


def _fulfillers_hear(order: Order, state: str) -> bool:
    """Of what is placed, cancelled, or was refused without them; of what its customer took back before it was paid they never knew."""
    last = order.history[-1] if order.history else None
    if state == "refused":
        return last is not None and last.role == SYSTEM
    return state in {"placed", "cancelled"} and (last is None or last.step != "withdraw")


def _of_fulfiller(lines: Sequence[Line], fulfiller: str) -> list[Line]:
    return [line for line in lines if line.fulfiller == fulfiller]


def _step_notice(event: Event, order: Order, template: str, audience: Audience, lines: Sequence[Line]) -> Notice:
    when, parcel = _appointment(order, template), _parcel_of(order, lines)
    facts = {
        "order": order,
        "lines": lines,
        "shipment": parcel,
        "carrier_names": {},
        "appointment_at": when,
        "way": _way(order, lines),
        "return_days": min(window_days(order, line) for line in lines) if rules_of(order) is not None else 0,
        "unanswered": bool(order.history) and order.history[-1].role == SYSTEM,
    }
    return Notice(
        template,
        audience,
        event.entity,
        event.sequence,
        f"{event.name} {when}".strip(),
        facts,
        order.language,
        tuple(str(line.number) for line in lines),
        {"carrier_names": f"carrier/{parcel.carrier}"} if parcel and template == "order_shipped" else {},
    )


def _appointment(order: Order, template: str) -> str:
    return order.facts.get("appointment_at", "") if template.endswith("scheduled") else ""


def _parcel_of(order: Order, lines: Sequence[Line]) -> Shipment | None:
    """The newest shipment with some of these lines: of lines that have just left, the one that they left with."""
    numbers = {line.number for line in lines}
    return next((parcel for parcel in reversed(order.shipments) if not numbers.isdisjoint(parcel.lines)), None)


def _way(order: Order, lines: Sequence[Line]) -> str:
    """How lines reach their customer: `carried`, as a `service` that is done, or else `handed` over."""
    if is_carried(procedure_of(order)):
        return "carried"
    return "service" if all(line.kind == "service" for line in lines) else "handed"


def _of_waiting(event: Event) -> list[Notice]:
    """Whoever fulfils the lines that wait, or are late, is told that they do: the store's own people, and each supplier of its own."""
    order, word = msgspec.convert(event.data, Order), _WAITING[event.name]
    waiting = _named(order)
    return [
        _reminder(event, order, f"{fulfiller.partition('/')[0]}_order_{word}", fulfillers_audience(fulfiller), own)
        for fulfiller in sorted({line.fulfiller for line in waiting})
        if (own := _of_fulfiller(waiting, fulfiller))
    ]


def _of_late(event: Event) -> list[Notice]:
    """Its customer hears of the lines that are late, unless something newer of them has been told; and whoever fulfils them."""
    order = msgspec.convert(event.data, Order)
    of_customer = [_late_notice(event, order)] if order.customer else []
    return of_customer + _of_waiting(event)


def _late_notice(event: Event, order: Order) -> Notice:
    lines, audience = _named(order), Audience("customer", order.customer)
    parcel = _parcel_of(order, lines)
    facts = {"order": order, "lines": lines, "shipment": parcel, "carrier_names": {}}
    numbers = tuple(str(line.number) for line in lines)
    names = {"carrier_names": f"carrier/{parcel.carrier}"} if parcel else {}
    news = f"{event.name} {event.sequence}"
    return Notice("order_late", audience, event.entity, event.sequence, news, facts, order.language, numbers, names)


def _of_customer_reminded(event: Event) -> list[Notice]:
    order = msgspec.convert(event.data, Order)
    audience = Audience("customer", order.customer)
    return [_reminder(event, order, "order_reminded", audience, _named(order))] if order.customer else []


def _named(order: Order) -> list[Line]:
    return [line for line in order.lines if line.number in order.history[-1].lines]


def _reminder(event: Event, order: Order, template: str, audience: Audience, lines: Sequence[Line]) -> Notice:
    """Each is a thing of its own, which none makes old: the procedure says how often there is one, and a line is late once."""
    facts = {"order": order, "lines": lines, "state": lines[0].state if lines else order.state}
    entity = f"{event.entity}/reminders/{event.sequence}"
    return Notice(template, audience, entity, event.sequence, event.name, facts, order.language)


def _of_refund(event: Event) -> list[Notice]:
    """Its customer hears of money that comes back while the order goes on: for units that do not come, for a return, or for a part."""
    order = msgspec.convert(event.data, Order)
    if not (order.customer and order.refunds):
        return []
    refund = order.refunds[-1]
    asked = next((one for one in order.returns if one.refund == refund.id), None)
    titles = {line.number: line.titles for line in order.lines}
    facts: dict[str, Any] = {
        "order": order,
        "amount_minor": refund.amount_minor,
        "parts": [(each.units, titles[each.number], each.amount_minor) for each in refund.lines],
        "in_part": any(each.withheld_minor for each in refund.lines),
        "kept": asked is not None and all(taken.step != "receive" for taken in asked.history),
    }
    fewer = any(each.units for each in refund.lines)
    template = "return_refunded" if asked else "order_reduced" if fewer else "order_refunded"
    entity = f"{event.entity}/refunds/{refund.id}"
    return [
        Notice(
            template, Audience("customer", order.customer), entity, event.sequence, event.name, facts, order.language
        )
    ]


ORDER_NOTICES: dict[str, Callable[[Event], list[Notice]]] = {
    **dict.fromkeys(_STATES, _of_step),
    "OrderReminded": _of_waiting,
    "OrderLate": _of_late,
    "OrderCustomerReminded": _of_customer_reminded,
    "OrderRefunded": _of_refund,
}
"""The notices of each event of an order."""
