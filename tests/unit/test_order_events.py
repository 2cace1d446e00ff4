"""Events of orders and responses: whole snapshots, without secrets or free text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.orders.events import events_of
from mart_union.orders.model import (
    REMINDERS,
    Order,
    Refund,
    RefundedLine,
    Response,
    Return,
    ReturnedLine,
    Shipment,
    StepTaken,
    TakenDown,
)
from mart_union.orders.steps import Details, apply_step
from tests.orders_examples import PLACED, line_of, order_of

NOW = iso(PLACED + timedelta(hours=1))


def image(order: Order) -> dict[str, Any]:
    return {"pk": f"ORDER#{order.id}", "sk": "ORDER", "document": msgspec.to_builtins(order)}


def names(old: Order | None, new: Order) -> list[str]:
    return [event.name for event in events_of("", "ORDER", image(old) if old else None, image(new), "e1", NOW)]


def test_each_change_of_an_order_is_one_event_named_for_what_moved() -> None:
    placed = order_of(line_of(1), line_of(2, supplier="guanxi"))
    accepted = apply_step(placed, "accept", role="supplier", actor="a", at=NOW, key="k", fulfiller="supplier/guanxi")
    parcel = Shipment("1", (1,), "windcity-express", "W1", NOW)
    assert names(None, placed) == ["OrderPlaced"]
    assert names(None, order_of(state="awaiting_payment")) == ["OrderReserved"]
    assert names(placed, accepted) == ["OrderAccepted"]
    assert names(accepted, replace(accepted, shipments=(parcel,), sequence=3)) == ["OrderTracked"]
    for to, event in (
        ("fulfiller", "OrderReminded"),
        ("customer", "OrderCustomerReminded"),
        ("operator", "OrderEscalated"),
        ("late", "OrderLate"),
    ):
        told = StepTaken(REMINDERS.get(to, to), "system", "system", NOW, (1,))
        assert names(accepted, replace(accepted, history=(*accepted.history, told), sequence=3)) == [event]


def test_an_appointment_that_moves_has_an_event_of_its_own() -> None:
    def scheduled(order: Order, at: str, key: str) -> Order:
        who = {"role": "store", "actor": "packer", "at": NOW, "key": key, "fulfiller": "store/emei-tea"}
        return apply_step(order, "schedule", **who, details=Details(appointment_at=at))  # type: ignore[arg-type]

    placed = order_of(procedure="appointment")
    first = scheduled(placed, "2026-12-01T02:00:00Z", "k1")
    moved = scheduled(first, "2026-12-02T02:00:00Z", "k2")
    assert names(placed, first) == ["OrderScheduled"]
    assert names(first, moved) == ["OrderRescheduled"]


def test_an_event_is_the_whole_order_without_codes_notes_or_keys() -> None:
    order = order_of(procedure="pickup", state="accepted")
    after = apply_step(
        order,
        "prepare",
        role="store",
        actor="packer-emei",
        at=NOW,
        key="key-1",
        fulfiller="store/emei-tea",
        details=Details(new_code="987654", note="for Ms Lin, 0912345678"),
    )
    (event,) = events_of("ORDER#p1-1", "ORDER", image(order), image(after), "e1", NOW)
    assert (event.id, event.name, event.entity, event.sequence) == ("e1", "OrderReady", "order/p1-1", 2)
    told = msgspec.convert(event.data, Order)
    assert told.lines == after.lines
    text = msgspec.json.encode(event).decode()
    assert not any(secret in text for secret in ("987654", "0912345678", "key-1"))


def test_a_response_is_told_without_its_words_and_its_copies_are_not_told() -> None:
    response = Response("r1", "p1-1", "emei-tea", "question", "I am Lin", "customer-lin", NOW, suppliers=("guanxi",))
    new = {"document": msgspec.to_builtins(response)}
    (event,) = events_of("ORDER#p1-1", "RESPONSE#r1", None, new, "e1", NOW)
    assert (event.name, event.entity, event.data["text"]) == ("ResponseReceived", "response/r1", "")
    assert events_of("ORDER#p1-1", "FORWARDED#r1#guanxi", None, new, "e1", NOW) == []
    answered = {"document": msgspec.to_builtins(replace(response, state="answered", answer="Yes", sequence=2))}
    (event,) = events_of("ORDER#p1-1", "RESPONSE#r1", new, answered, "e2", NOW)
    assert (event.name, event.sequence, event.data["answer"]) == ("ResponseAnswered", 2, "")
    assert events_of("ORDER#p1-1", "ORDER", image(order_of()), None, "e3", NOW) == []


def test_an_event_of_a_return_names_those_that_changed_whatever_their_times_say() -> None:
    def asked(identity: str, state: str, at: str) -> Return:
        steps = (StepTaken(state, "customer", "lin", at, ()),) if at else ()
        lines = (ReturnedLine(1, 1),)
        return Return(identity, "store/emei-tea", lines, "wrong_item", NOW, "hash", state, history=steps)

    later = asked("b", "accepted", iso(PLACED + timedelta(hours=3)))
    before = replace(order_of(), returns=(asked("a", "accepted", NOW), later))
    after = replace(before, returns=(asked("a", "sent", NOW), later), sequence=2)
    [sent] = events_of("", "ORDER", image(before), image(after), "e1", NOW)
    assert (sent.name, sent.data["changed_returns"]) == ("ReturnSent", ["a"])
    [tracked] = events_of("", "ORDER", image(after), image(replace(after, sequence=3)), "e1", NOW)
    assert (tracked.name, "changed_returns" in tracked.data) == ("OrderTracked", False)


def test_that_a_response_was_taken_down_and_reinstated_is_told_without_the_words_of_it() -> None:
    down = TakenDown(NOW, "response", "insulting", "Lin, please")
    response = Response("r1", "p1-1", "emei-tea", "question", "I am Lin", "customer-lin", NOW, escalated_at=NOW)
    images = [
        {"document": msgspec.to_builtins(each)}
        for each in (response, replace(response, taken_down=down, sequence=2), replace(response, sequence=3))
    ]
    (taken,) = events_of("ORDER#p1-1", "RESPONSE#r1", images[0], images[1], "e1", NOW)
    (back,) = events_of("ORDER#p1-1", "RESPONSE#r1", images[1], images[2], "e2", NOW)
    assert [(each.name, each.sequence) for each in (taken, back)] == [
        ("ResponseTakenDown", 2),
        ("ResponseReinstated", 3),
    ]
    assert b"Lin" not in msgspec.json.encode((taken, back))


def test_refunds_and_returns_have_names_and_are_told_without_their_reasons() -> None:
    refund = Refund("refund-p1-1-2", NOW, "manager", "for Ms Lin", (RefundedLine(1, 0, 100),), 100, "key-2", "hash")
    asked = Return("r1", "store/emei-tea", (ReturnedLine(1, 1),), "defective", NOW, "hash", note="I am Lin")
    why = StepTaken("refuse", "store", "manager", NOW, (), "key-2", "Lin opened it")
    placed = order_of(state="delivered")
    refunded = replace(placed, refunds=(refund,), sequence=2)
    requested = replace(placed, returns=(asked,), sequence=2)
    refused = replace(
        requested, returns=(replace(asked, state="refused", answer="Lin opened it", history=(why,)),), sequence=3
    )
    received = replace(requested, returns=(replace(asked, state="refunded"),), refunds=(refund,), sequence=3)
    assert names(placed, refunded) == ["OrderRefunded"]
    assert names(placed, requested) == ["ReturnRequested"]
    assert names(requested, refused) == ["ReturnRefused"]
    assert names(requested, received) == ["OrderRefunded"]
    for after in (refunded, refused):
        (event,) = events_of("", "ORDER", image(placed), image(after), "e1", NOW)
        text = msgspec.json.encode(event).decode()
        assert not any(secret in text for secret in ("Lin", "key-2", "hash"))
