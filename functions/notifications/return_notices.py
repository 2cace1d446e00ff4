"""Which notices an event of a return calls for. Pure: an event in, notices out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mart_union.kernel.events import Event
from mart_union.orders.model import OPERATOR, SYSTEM, Order, Return
from mart_union.orders.return_waits import ACCEPT, CUSTOMERS_STATE, LAPSE, act_by, comes_next, send_by
from notifications.model import Audience, Notice, fulfillers_audience

_TAKERS_READ = {
    "ReturnRequested": "requested",
    "ReturnSent": "sent",
    "ReturnReminded": "reminded",
    "ReturnEscalated": "escalated",
}
_CUSTOMERS_READ = {
    "ReturnAccepted": "accepted",
    "ReturnRefused": "refused",
    "ReturnReceived": "received",
    "ReturnEscalated": "escalated",
    "ReturnReplaced": "replaced",
}


def _of_return(event: Event) -> list[Notice]:
    """Whoever takes a return back hears of what waits for them, and of what was accepted without them; its customer of what became of it."""
    order = msgspec.convert(event.data, Order)
    notices = []
    for asked in (asked for asked in order.returns if asked.id in event.data["changed_returns"]):
        if word := _takers_word(event.name, asked):
            audience = fulfillers_audience(asked.taker)
            path = f"/{'manage' if audience.kind == 'store' else 'supply'}/{audience.id}/orders/{order.id}"
            notices.append(_notice(event, order, asked, f"taker_return_{word}", audience, path))
        if (word := _customers_word(event.name, asked)) and order.customer:
            template, audience = f"return_{word}", Audience("customer", order.customer)
            notices.append(_notice(event, order, asked, template, audience, f"/orders/{order.id}"))
    return notices


def _takers_word(event: str, asked: Return) -> str:
    """What whoever takes a return back is told: that others accepted it, not what they did themselves, and not that its customer waits."""
    if event in _TAKERS_READ:
        return "" if event == "ReturnReminded" and asked.state == CUSTOMERS_STATE else _TAKERS_READ[event]
    last = asked.history[-1] if asked.history else None
    return "accepted" if last is not None and last.step == ACCEPT and last.role in {SYSTEM, OPERATOR} else ""


def _customers_word(event: str, asked: Return) -> str:
    """What its customer is told: also that they have to send it, and that it is over since they did not."""
    if event == "ReturnReminded":
        return "reminded" if asked.state == CUSTOMERS_STATE else ""
    is_over = bool(asked.history) and asked.history[-1].step == LAPSE
    return "lapsed" if event == "ReturnRefused" and is_over else _CUSTOMERS_READ.get(event, "")


def _notice(event: Event, order: Order, asked: Return, template: str, audience: Audience, path: str) -> Notice:
    units = {each.number: each.units for each in asked.lines}
    until, then = comes_next(order, asked) or ("", "")
    parcel = next((each for each in order.shipments if each.id == asked.replacement), None)
    carrier = parcel.carrier if parcel else asked.carrier
    facts: dict[str, Any] = {
        "order": order,
        "asked": asked,
        "shipment": parcel,
        "carrier_names": {},
        "lines": [(units[line.number], line) for line in order.lines if line.number in units],
        "act_by": act_by(order, asked),
        "send_by": send_by(order, asked),
        "until": until,
        "then": then,
        "path": path,
    }
    names = {"carrier_names": f"carrier/{carrier}"} if carrier else {}
    entity, news = f"{event.entity}/returns/{asked.id}", f"{event.name} {event.sequence}"
    return Notice(template, audience, entity, event.sequence, news, facts, order.language, names=names)


RETURN_NOTICES: dict[str, Callable[[Event], list[Notice]]] = dict.fromkeys(
    (*_TAKERS_READ, *_CUSTOMERS_READ), _of_return
)
"""The notices of each event of a return."""
