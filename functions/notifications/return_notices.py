"""Which notices an event of a return calls for. Pure: an event in, notices out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mart_union.kernel.events import Event
from mart_union.orders.model import SYSTEM, Order, Return
from mart_union.orders.return_waits import ACCEPT, act_by, comes_next
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
    "ReturnEscalated": "escalated",
    "ReturnReplaced": "replaced",
}


def _of_return(event: Event) -> list[Notice]:
    """Whoever takes a return back hears of what waits for them, and of what was accepted without them; its customer of what became of it."""
    order = msgspec.convert(event.data, Order)
    notices = []
    for asked in _just_changed(order):
        word = _TAKERS_READ.get(event.name, "accepted" if _is_accepted_by_system(asked) else "")
        if word:
            audience = fulfillers_audience(asked.taker)
            path = f"/{'manage' if audience.kind == 'store' else 'supply'}/{audience.id}/orders/{order.id}"
            notices.append(_notice(event, order, asked, f"taker_return_{word}", audience, path))
        if event.name in _CUSTOMERS_READ and order.customer:
            template, audience = f"return_{_CUSTOMERS_READ[event.name]}", Audience("customer", order.customer)
            notices.append(_notice(event, order, asked, template, audience, f"/orders/{order.id}"))
    return notices


def _just_changed(order: Order) -> list[Return]:
    """The returns of which an event tells: the last that changed."""
    moments = {asked.id: asked.history[-1].at if asked.history else asked.at for asked in order.returns}
    return [asked for asked in order.returns if moments[asked.id] == max(moments.values())]


def _is_accepted_by_system(asked: Return) -> bool:
    return bool(asked.history) and (asked.history[-1].role, asked.history[-1].step) == (SYSTEM, ACCEPT)


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
