"""What an order or response says of its store's service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.kernel.clock import from_iso, iso
from mart_union.orders.indicators import Counts, Rates, counted_order, counted_response, more_than, rates_of
from mart_union.orders.model import Order, Response, TrackingEvent
from mart_union.orders.steps import Details, apply_step, due_steps
from tests.orders_examples import PLACED, line_of, order_of

HOUR = 3600
STORE = "store/emei-tea"


def after(order: Order, step: str, role: str, hours: float, **details: str) -> Order:
    party = STORE if role == "store" else "supplier/guanxi" if role == "supplier" else ""
    at = iso(PLACED + timedelta(hours=hours))
    actor = "checkout" if role == "system" else "x"
    given: dict[str, Any] = {"fulfiller": party, "details": Details(**details)}
    return apply_step(order, step, role=role, actor=actor, at=at, key=f"{step}{hours}", **given)


def shipped(hours: float = 30) -> Order:
    accepted = after(order_of(), "accept", "store", 6)
    return after(accepted, "ship", "store", hours, carrier="windcity-express", tracking_number="WX-1")


def test_an_order_on_its_way_says_how_fast_it_was_accepted_and_that_it_left_in_time() -> None:
    assert counted_order(order_of()) == Counts(orders=1)
    expected = Counts(orders=1, accepted=1, acceptance_seconds=6 * HOUR, shipped=1, parcels=1)
    assert counted_order(shipped()) == expected
    for by, tracked in (("", 1), ("store", 0)):  # a store's own word is no carrier's
        parcel = replace(shipped().shipments[0], events=(TrackingEvent(iso(PLACED), "picked_up", by=by),))
        assert counted_order(replace(shipped(), shipments=(parcel,))) == replace(expected, tracked=tracked)


def test_what_leaves_after_the_promised_moment_is_late() -> None:
    assert order_of().promised_by == iso(PLACED + timedelta(hours=48))
    assert (counted_order(shipped(48)).late, counted_order(shipped(48.1)).late) == (0, 1)


def test_what_the_store_or_its_silence_refuses_counts_and_what_others_end_does_not() -> None:
    waiting = order_of()
    moment = from_iso(waiting.clock_at)
    ((step, lines),) = due_steps(waiting, moment)
    silent = apply_step(waiting, step, role="system", actor="system", at=iso(moment), key="d", lines=lines)
    assert counted_order(silent) == Counts(orders=1, refused=1)
    assert counted_order(after(waiting, "refuse", "store", 1)) == Counts(orders=1, refused=1)
    assert counted_order(after(waiting, "cancel", "customer", 1)) == Counts(orders=1)
    assert counted_order(after(waiting, "cancel", "system", 1)) == Counts(orders=1)  # a card that could not be charged


def test_what_was_never_paid_or_is_a_suppliers_says_nothing_of_the_store() -> None:
    unpaid = order_of(state="awaiting_payment")
    assert counted_order(unpaid) == Counts()
    assert counted_order(after(unpaid, "expire", "system", 1)) == Counts()
    assert counted_order(after(unpaid, "withdraw", "system", 1)) == Counts()
    supplied = order_of(line_of(1, supplier="guanxi"))
    assert counted_order(after(supplied, "accept", "supplier", 1)) == Counts()
    paid = after(after(unpaid, "pay", "system", 3), "accept", "store", 5)
    assert counted_order(paid) == Counts(orders=1, accepted=1, acceptance_seconds=2 * HOUR)


def test_a_reply_counts_for_the_store_that_gave_it() -> None:
    asked = Response("r", "o", "emei-tea", "question", "?", "lin", iso(PLACED))
    answered = replace(asked, answered_at=iso(PLACED + timedelta(hours=2)), answered_by=STORE, state="answered")
    assert counted_response(asked) == Counts()
    assert counted_response(answered) == Counts(replies=1, reply_seconds=2 * HOUR)
    assert counted_response(replace(answered, answered_by="supplier/guanxi")) == Counts()


def test_rates_are_of_all_days_together_and_of_nothing_there_are_none() -> None:
    one = Counts(orders=3, accepted=2, acceptance_seconds=2 * HOUR, shipped=2, late=1, refused=1, parcels=3, tracked=2)
    other = Counts(orders=1, accepted=1, acceptance_seconds=HOUR + 60, replies=1, reply_seconds=89)
    assert rates_of(30, [one, other]) == Rates(30, 4, 60, 5_000, 2_500, 6_667, 1)
    assert rates_of(90, []) == Rates(90, 0, None, None, None, None, None)


@pytest.mark.parametrize(
    ("now", "known", "more"),
    [
        (Counts(orders=1, accepted=1), Counts(orders=1), {"accepted": 1}),
        (Counts(), Counts(late=1), {"late": -1}),
        (Counts(orders=1), Counts(orders=1), {}),
    ],
)
def test_only_the_difference_is_added(now: Counts, known: Counts, more: dict[str, int]) -> None:
    assert more_than(now, known) == more
