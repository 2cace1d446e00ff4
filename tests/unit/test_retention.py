"""How long recipients are shown to those who fulfil an order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.orders.model import Return, ReturnedLine, StepTaken
from mart_union.orders.retention import needs_recipient, recipient_until, shows_recipient
from mart_union.orders.shipped import PROCEDURES
from tests.orders_examples import PLACED, line_of, order_of

ENDED = replace(
    order_of(state="completed"),
    history=(StepTaken("receive", "customer", "customer-lin", iso(PLACED + timedelta(days=4)), (1,), "key-00001", ""),),
)


def asked(state: str, decided_at: str = "") -> Return:
    moment = iso(PLACED + timedelta(days=5))
    lines = (ReturnedLine(1, 1),)
    history = (StepTaken("refuse", "store", "manager", decided_at, ()),) if decided_at else ()
    return Return("r1", "store/emei-tea", lines, "defective", moment, "request", state=state, history=history)


def test_while_an_order_is_open_its_recipient_is_shown() -> None:
    assert recipient_until(order_of(state="delivered")) == ""
    assert shows_recipient(order_of(state="shipped"), "2099-01-01T00:00:00.000Z")


def test_thirty_days_after_the_last_step_or_the_whole_return_window_it_is_not() -> None:
    assert recipient_until(ENDED) == iso(PLACED + timedelta(days=34))
    assert recipient_until(replace(ENDED, return_window_days=60)) == iso(PLACED + timedelta(days=64))
    assert not shows_recipient(ENDED, iso(PLACED + timedelta(days=34)))


def test_an_open_return_keeps_it_shown_and_its_end_counts() -> None:
    assert recipient_until(replace(ENDED, returns=(asked("accepted"),))) == ""
    refused = asked("refused", decided_at=iso(PLACED + timedelta(days=9)))
    assert recipient_until(replace(ENDED, returns=(refused,))) == iso(PLACED + timedelta(days=39))


@pytest.mark.parametrize(
    ("procedure", "states"),
    [
        ("carrier", {"placed", "accepted", "shipped"}),
        ("carrier_cash", {"placed", "accepted", "shipped"}),
        ("made_to_order", {"placed", "accepted", "making", "shipped"}),
        ("appointment", {"placed", "scheduled"}),
        ("pickup", set[str]()),
        ("pickup_cash", set[str]()),
        ("digital", set[str]()),
    ],
)
def test_a_supplier_needs_a_recipient_while_something_is_brought_to_them_and_no_longer(
    procedure: str, states: set[str]
) -> None:
    order = order_of(line_of(supplier="guanxi"), procedure=procedure)
    entered = {step.to_state for step in PROCEDURES[procedure].steps} | {"awaiting_payment", "placed"}
    at = {state: replace(order, lines=(replace(order.lines[0], state=state),)) for state in entered}
    assert {state for state in entered if needs_recipient(at[state], "supplier/guanxi")} == states


def test_what_another_fulfils_shows_a_supplier_nobody() -> None:
    own = replace(line_of(1, supplier="guanxi"), state="delivered")
    order = replace(order_of(), lines=(own, replace(line_of(2), state="accepted")))
    assert not needs_recipient(order, "supplier/guanxi")
    assert needs_recipient(order, "store/emei-tea")


@pytest.mark.parametrize(
    ("procedure", "shown"), [("carrier", {"accepted", "sent", "replacing"}), ("pickup", {"replacing"})]
)
def test_a_return_shows_its_taker_the_recipient_while_it_is_agreed_and_not_over(
    procedure: str, shown: set[str]
) -> None:
    order = order_of(line_of(supplier="guanxi"), procedure=procedure, state="completed")
    states = ("requested", "accepted", "sent", "received", "replacing", "replaced", "refunded", "refused")
    going = {state: replace(order, returns=(replace(asked(state), taker="supplier/guanxi"),)) for state in states}
    assert {state for state in states if needs_recipient(going[state], "supplier/guanxi")} == shown
    assert not any(needs_recipient(each, "supplier/other") for each in going.values())
