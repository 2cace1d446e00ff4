"""An order never outgrows its item: what people and carriers add to it is bounded, by name, well before the table refuses it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.checkout.pricing import MOST_LEVELS
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.money import Currency
from mart_union.orders.model import (
    MOST_BYTES,
    MOST_TEXT,
    OPERATOR,
    Order,
    Refund,
    RefundedLine,
    Return,
    ReturnedLine,
    Share,
    Shipment,
    StepTaken,
    TrackingEvent,
    check_room,
)
from mart_union.orders.refunding import MOST_REFUNDS, RefundWish, refund_part
from mart_union.orders.return_decisions import Decision
from mart_union.orders.returns import decide_return, request_return
from mart_union.orders.steps import Details, apply_step
from mart_union.orders.tables import order_item
from mart_union.orders.tracking import MOST_REPORTS, ParcelNews, is_news
from tests.orders_examples import PLACED, line_of, order_of

NOW = PLACED + timedelta(days=3)


def parcels(number: int, reports: int) -> tuple[Shipment, ...]:
    """So many shipments with so many reports between them."""
    events = tuple(
        TrackingEvent(iso(PLACED + timedelta(minutes=each)), "out_for_delivery", "", iso(NOW))
        for each in range(reports // number)
    )
    return tuple(
        Shipment(f"{each + 1}", (1,), "windcity-express", "W" * 64, iso(PLACED), events) for each in range(number)
    )


def report(order: Order, event: str, shipment: str = "2") -> bool:
    news = ParcelNews(shipment, event, iso(NOW))
    return is_news(order, news, carrier="windcity-express", now=NOW)


def test_the_parcels_of_an_order_have_so_many_reports_together_and_an_arrival_is_always_heard() -> None:
    order = replace(order_of(state="shipped"), shipments=parcels(3, MOST_REPORTS))
    for shipment in ("1", "2", "3"):
        with pytest.raises(RuleViolation, match="at most 300 reports") as refused:
            report(order, "in_transit", shipment)
        assert refused.value.facts == {"most": 300}
        assert report(order, "delivered", shipment)
    arrived = replace(order, lines=tuple(replace(line, state="delivered") for line in order.lines))
    with pytest.raises(RuleViolation):
        report(arrived, "delivered")
    [first, *others] = order.shipments
    room = replace(order, shipments=(replace(first, events=first.events[1:]), *others))
    assert report(room, "in_transit")


def test_places_are_a_part_of_what_an_order_keeps_of_texts_and_an_arrival_is_heard_without_room() -> None:
    long = StepTaken("accept", "store", "packer-emei", iso(PLACED), (1,), "key-00000", "字" * 500)
    told = replace(order_of(state="shipped"), shipments=parcels(1, 0), history=(long,) * (MOST_TEXT // 500))
    for event, place in (("in_transit", ""), ("delivered", "站")):
        assert is_news(told, ParcelNews("1", event, iso(NOW), place), carrier="windcity-express", now=NOW)
    with pytest.raises(RuleViolation, match="0 are left"):
        is_news(told, ParcelNews("1", "in_transit", iso(NOW), "站"), carrier="windcity-express", now=NOW)


def test_a_full_order_begins_no_return_and_no_partial_refund_and_still_moves_on() -> None:
    delivered = order_of(state="delivered")
    step = StepTaken("deliver", "system", "system", iso(NOW), (1,), "k", "n" * 200)
    full = replace(delivered, history=(step,) * (MOST_BYTES // 200))
    with pytest.raises(RuleViolation, match="holds 300000 bytes"):
        check_room(full)
    with pytest.raises(RuleViolation, match="holds 300000 bytes"):
        request_return(full, [ReturnedLine(1, 1)], reason="defective", key="return-0001", at=iso(NOW))
    check_room(delivered)
    assert apply_step(full, "complete", role="system", actor="settlement", at=iso(NOW), key="").state == "completed"


def test_an_order_with_all_reports_and_all_texts_has_room_for_a_return() -> None:
    lines = tuple(replace(line_of(number + 1), split=(_SHARE,) * 6) for number in range(MOST_LEVELS))
    step = StepTaken("ship", "store", "s" * 36, iso(NOW), (1,), "k" * 64, "字" * 30, "f" * 32)
    [parcel] = parcels(1, MOST_REPORTS)
    parcel = replace(parcel, events=tuple(replace(each, place="站" * 80) for each in parcel.events))
    full = replace(order_of(*lines, state="delivered"), shipments=(parcel,), history=(step,) * 200)
    assert sum(len(each.place) for each in parcel.events) + sum(len(each.note) for each in full.history) == MOST_TEXT
    check_room(full)
    size = sum(len(json.dumps(value)) for value in order_item(full).serialize().values())
    assert size < 400_000


_SHARE = Share("supplier/some-longer-name", "commission", 64_000, 32_000, 1_000)


def full_of_words(state: str) -> Order:
    """An order that has room for no word more."""
    long = StepTaken("accept", "store", "packer-emei", iso(PLACED), (1,), "key-00000", "字" * 500)
    return replace(order_of(state=state), history=(long,) * (MOST_TEXT // 500))


def test_an_order_without_room_for_words_still_comes_to_its_end() -> None:
    full = full_of_words("placed")
    note = Details(note="deadline passed")
    ended = apply_step(full, "refuse", role="system", actor="system", at=iso(NOW), key="d", details=note)
    assert (ended.state, ended.history[-1].note) == ("refused", "")
    who = {"role": "store", "actor": "packer", "fulfiller": "store/emei-tea"}
    with pytest.raises(RuleViolation, match="0 are left"):
        apply_step(full, "refuse", **who, at=iso(NOW), key="r", details=note)  # type: ignore[arg-type]


def test_the_operator_decides_on_a_return_that_there_are_no_words_left_for() -> None:
    there = returned("sent", StepTaken("escalate", "system", "system", iso(NOW), ()))
    facts = {"taker": OPERATOR, "actor": "operator", "key": "o-1", "at": iso(NOW), "currency": Currency("TWD", 100)}
    for decision, outcome in (("refund", "refunded"), ("refuse", "refused")):
        wish = Decision(decision, answer="it was lost on its way")
        after = decide_return(there, "r-1", wish, **facts).order  # type: ignore[arg-type]
        assert (after.returns[0].state, after.returns[0].answer) == (outcome, "")
    assert after.sequence == there.sequence + 1


def test_whoever_takes_a_return_back_refuses_it_with_all_their_words_or_not_at_all() -> None:
    there, wish = returned("requested"), Decision("refuse", answer="the seal is broken")
    facts = {"taker": "store/emei-tea", "actor": "manager", "key": "o-1", "at": iso(NOW)}
    with pytest.raises(RuleViolation, match="0 are left"):
        decide_return(there, "r-1", wish, **facts, currency=Currency("TWD", 100))  # type: ignore[arg-type]


def returned(state: str, *history: StepTaken) -> Order:
    """An order that has room for no word more, with a return in a state."""
    asked = Return(
        "r-1", "store/emei-tea", (ReturnedLine(1, 1),), "defective", iso(NOW), "x", state=state, history=history
    )
    return replace(full_of_words("delivered"), returns=(asked,))


def test_a_store_that_gave_its_fifty_parts_still_owes_what_comes_back() -> None:
    part = Refund("refund-1", iso(NOW), "manager", "late", (RefundedLine(1, 0, 100),), 100, "k", "r")
    order = replace(returned("received"), history=(), refunds=(part,) * MOST_REFUNDS)
    facts = {"actor": "manager", "at": iso(NOW), "currency": Currency("TWD", 100)}
    with pytest.raises(RuleViolation, match="at most 50 parts"):
        refund_part(
            order, [RefundWish(1, amount_minor=100)], reason="late", fulfiller="store/emei-tea", key="m", **facts
        )  # type: ignore[arg-type]
    wish = Decision("refund", stock="reserve")
    given = decide_return(order, "r-1", wish, taker="store/emei-tea", key="g", **facts)  # type: ignore[arg-type]
    assert (given.order.returns[0].state, len(given.order.refunds), dict(given.units)) == (
        "refunded",
        MOST_REFUNDS + 1,
        {line_of().level: 1},
    )
    one_less = replace(given.order, refunds=given.order.refunds[1:])
    room = refund_part(
        one_less, [RefundWish(1, amount_minor=100)], reason="late", fulfiller="store/emei-tea", key="m", **facts
    )  # type: ignore[arg-type]
    assert len(room.order.refunds) == MOST_REFUNDS + 1
