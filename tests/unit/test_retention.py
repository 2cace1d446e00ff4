"""How long recipients are shown to those who fulfil an order."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.orders.model import Return, ReturnedLine, StepTaken
from mart_union.orders.retention import recipient_until, shows_recipient
from tests.orders_examples import PLACED, order_of

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
