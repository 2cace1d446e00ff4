"""Domain events of orders and responses, from the old and new image of an item. Every new sequence of an entity gives one event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from mart_union.kernel.events import Event
from mart_union.orders.model import LATE, REMINDERS, Order, Response, Return, TakenDown, state_of

_BY_STATE = {
    "awaiting_payment": "OrderReserved",
    "placed": "OrderPlaced",
    "scheduled": "OrderScheduled",
    "accepted": "OrderAccepted",
    "making": "OrderBegun",
    "ready": "OrderReady",
    "shipped": "OrderShipped",
    "delivered": "OrderDelivered",
    "completed": "OrderCompleted",
    "refused": "OrderRefused",
    "cancelled": "OrderCancelled",
    "expired": "OrderExpired",
}
_TOLD = {
    REMINDERS["fulfiller"]: "OrderReminded",
    REMINDERS["customer"]: "OrderCustomerReminded",
    REMINDERS["operator"]: "OrderEscalated",
    LATE: "OrderLate",
}
_RETURN_TOLD = {
    REMINDERS["fulfiller"]: "ReturnReminded",
    REMINDERS["customer"]: "ReturnReminded",
    REMINDERS["operator"]: "ReturnEscalated",
}
_BY_RETURN = {
    "requested": "ReturnRequested",
    "accepted": "ReturnAccepted",
    "refused": "ReturnRefused",
    "sent": "ReturnSent",
    "received": "ReturnReceived",
    "refunded": "ReturnRefunded",
    "replacing": "ReturnReplacing",
    "replaced": "ReturnReplaced",
}
_SECRET_FACTS = frozenset({"pickup_code", "access", "wrong_code", "wrong_codes", "renewed_by"})


def events_of(
    pk: str, sk: str, old: dict[str, Any] | None, new: dict[str, Any] | None, event_id: str, at: str
) -> list[Event]:
    """What a change of an item of the Orders table means; nothing for copies and for what was deleted."""
    if new is None:
        return []
    if sk == "ORDER":
        return [_of_order(*order_change(old, new), event_id, at)]
    if sk.startswith("RESPONSE#"):
        response = msgspec.convert(new["document"], Response)
        told = replace(response, text="", answer="", request="", taken_down=_without_note(response.taken_down))
        name = _response_event(msgspec.convert(old["document"], Response) if old else None, response)
        return [_event(event_id, name, f"response/{response.id}", response.sequence, at, told)]
    return []


def _of_order(before: Order | None, after: Order, event_id: str, at: str) -> Event:
    """What became of an order: the whole of it, and the ids of the returns that have changed."""
    made = _event(event_id, _order_event(before, after), f"order/{after.id}", after.sequence, at, for_event(after))
    changed = [asked.id for asked, _ in _changed_returns(before, after)]
    return replace(made, data=made.data | {"changed_returns": changed}) if changed else made


def _response_event(before: Response | None, after: Response) -> str:
    if before is not None and before.taken_down != after.taken_down:
        return "ResponseTakenDown" if after.taken_down is not None else "ResponseReinstated"
    if after.state != "open":
        return "ResponseAnswered"
    return "ResponseEscalated" if after.escalated_at else "ResponseReceived"


def _without_note(taken_down: TakenDown | None) -> TakenDown | None:
    return taken_down and replace(taken_down, note="")


def order_change(old: dict[str, Any] | None, new: dict[str, Any]) -> tuple[Order | None, Order]:
    """An order before a change of its item (None when it is new) and after it."""
    before = msgspec.convert(old["document"], Order) if old else None
    return before, msgspec.convert(new["document"], Order)


def measured(sk: str, new: dict[str, Any] | None) -> Order | Response | None:
    """The order or response that an item of the Orders table is, for what is counted of its store; None where it is neither."""
    if new is None:
        return None
    if sk == "ORDER":
        return msgspec.convert(new["document"], Order)
    return msgspec.convert(new["document"], Response) if sk.startswith("RESPONSE#") else None


def _event(event_id: str, name: str, entity: str, sequence: int, at: str, snapshot: Order | Response) -> Event:
    return Event(event_id, name, entity, sequence, at, msgspec.to_builtins(snapshot))


def _order_event(before: Order | None, after: Order) -> str:
    """Named for the state that lines have entered; for a change that moved no line, OrderRefunded, OrderRescheduled, who was told that they wait or that
    they are late, what became of a return, or OrderTracked."""
    if before is None:
        return _BY_STATE[after.state]
    states = {line.number: line.state for line in before.lines}
    entered = [line.state for line in after.lines if states.get(line.number) != line.state]
    if entered:
        return _BY_STATE[state_of(entered)]
    if len(after.refunds) > len(before.refunds):
        return "OrderRefunded"
    if after.facts.get("appointment_at") != before.facts.get("appointment_at"):
        return "OrderRescheduled"
    if len(after.history) > len(before.history) and after.history[-1].step in _TOLD:
        return _TOLD[after.history[-1].step]
    return _return_event(before, after) or "OrderTracked"


def _return_event(before: Order, after: Order) -> str:
    """Named for the state that a return has entered, or was said again to be in, or for who was told that it waits; '' where nothing became of one."""
    for asked, has_moved in _changed_returns(before, after):
        named = _BY_RETURN[asked.state]
        return named if has_moved else _RETURN_TOLD.get(asked.history[-1].step, named)
    return ""


def _changed_returns(before: Order | None, after: Order) -> Iterator[tuple[Return, bool]]:
    """The returns of which something became, and whether that was another state."""
    known = {asked.id: asked for asked in before.returns} if before else {}
    for asked in after.returns:
        one = known.get(asked.id)
        if one is None or one.state != asked.state:
            yield asked, True
        elif len(asked.history) > len(one.history):
            yield asked, False


def _without_words(asked: Return) -> Return:
    told = tuple(replace(taken, note="", key="", request="") for taken in asked.history)
    return replace(asked, note="", answer="", request="", history=told)


def for_event(order: Order) -> Order:
    """The order without what only its customer may read (codes, access) and without free text, which could name people."""
    return replace(
        order,
        history=tuple(replace(taken, note="", key="", request="") for taken in order.history),
        facts={name: fact for name, fact in order.facts.items() if name not in _SECRET_FACTS},
        refunds=tuple(replace(refund, reason="", key="", request="") for refund in order.refunds),
        returns=tuple(_without_words(asked) for asked in order.returns),
        shipments=tuple(
            replace(parcel, events=tuple(replace(each, place="") for each in parcel.events))
            for parcel in order.shipments
        ),
    )
