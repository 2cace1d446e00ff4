"""An hour of the clock in which more is due than one run of the sweeper can do: no deadline in it is lost, whatever else stands there."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from itertools import count as numbers
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.ledger import jobs
from mart_union.orders.due import page_of_due, page_of_unanswered, page_of_windows_over
from mart_union.orders.model import Order, Response, StepTaken
from mart_union.orders.responses import get_response
from mart_union.orders.service import get_order, get_orders
from mart_union.orders.tables import OrderItem, ResponseItem, order_item, response_items
from mart_union.settlement import sweeping
from mart_union.settlement.completion import hand_out_hours
from mart_union.settlement.rounds import Outcome
from mart_union.settlement.sweeping import act_on_orders, escalate_responses, take_due_steps
from tests.orders_examples import PLACED, order_of
from tests.services.test_orders import place

_hours = numbers(1)


@pytest.fixture
def hour() -> datetime:
    """One in which no other test's order stands; every sweep before it has been."""
    begins = datetime(2027, 3, 1, tzinfo=PLACED.tzinfo) + timedelta(days=3 * next(_hours))
    jobs.set_checkpoint("order_deadlines", iso(begins)[:13], ())
    jobs.set_checkpoint("complete_due", iso(begins)[:13], ())
    return begins


def keep(orders: list[Order]) -> None:
    with OrderItem.batch_write() as batch:
        for order in orders:
            batch.save(order_item(order))


def delivered(unique: str, number: int, over: datetime) -> Order:
    """An order whose return window is over at a moment."""
    order = order_of(state="delivered", id=f"{unique}-d{number:04d}")
    came = iso(over - timedelta(days=order.return_window_days))
    taken = StepTaken("deliver", "system", "system", came, (1,))
    return replace(order, history=(taken,), sequence=2, clock_at=iso(over))


def on_its_way(unique: str, number: int, over: datetime) -> Order:
    """A parcel of which nobody has reported for thirty days at a moment: it counts as delivered then."""
    left = iso(over - timedelta(days=30))
    order = replace(order_of(state="shipped", id=f"{unique}-s{number:04d}"), placed_at=left)
    told = tuple(StepTaken(step, "system", "system", left, (1,)) for step in ("ship", "late"))
    return replace(order, history=told, sequence=3, clock_at=iso(over))


def test_no_deadline_is_lost_behind_orders_that_wait_for_their_completion_only(unique: str, hour: datetime) -> None:
    keep([delivered(unique, number, hour) for number in range(501)])
    placed_at = hour + timedelta(minutes=30) - timedelta(hours=48)
    waiting = replace(order_of(), placed_at=iso(placed_at), promised_by=iso(hour + timedelta(days=1)))
    order = place(replace(waiting, clock_at=iso(hour + timedelta(minutes=30))), unique)
    now = hour + timedelta(minutes=31)
    assert take_due_steps(now) == Outcome(1, 0)
    assert get_order(order.id, consistent=True).state == "refused"
    assert page_of_due(iso(hour)[:13], iso(now)).items == ()
    assert len(page_of_windows_over(iso(hour)[:13], iso(now)).items) == 501


def test_settlement_is_handed_the_hours_of_completions_and_no_other(unique: str, hour: datetime) -> None:
    keep([on_its_way(unique, 1, hour), delivered(unique, 2, hour + timedelta(hours=1))])
    handed: list[str] = []
    hand_out_hours(hour + timedelta(hours=2), handed.append)
    assert handed == [iso(hour + timedelta(hours=1))[:13]]


def test_an_order_of_which_one_line_is_to_be_completed_and_another_acted_on_is_the_sweepers_first(
    unique: str, hour: datetime
) -> None:
    order = delivered(unique, 1, hour)
    both = replace(order, lines=(*order.lines, replace(order.lines[0], number=2, state="shipped")))
    both = replace(both, placed_at=iso(hour - timedelta(days=30)), history=(*both.history, late(hour)))
    keep([both])
    assert page_of_windows_over(iso(hour)[:13], iso(hour)).items == ()
    assert take_due_steps(hour) == Outcome(1, 0)
    after = get_order(both.id, consistent=True)
    assert ([line.state for line in after.lines], after.clock_at) == (["delivered", "delivered"], iso(hour))
    assert page_of_windows_over(iso(hour)[:13], iso(hour)).items == (both.id,)


def late(moment: datetime) -> StepTaken:
    return StepTaken("late", "system", "system", iso(moment - timedelta(days=9)), (1, 2))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the sweeper asks of its other runs, where each does three, and a page of the clock has two."""
    told = list[tuple[str, Any]]()
    monkeypatch.setattr(sweeping, "_AT_ONCE", 3)
    monkeypatch.setattr(sweeping, "invoke_later", lambda function, payload: told.append((function, payload)))
    for page in (page_of_due, page_of_unanswered):
        monkeypatch.setattr(sweeping, page.__name__, partial(page, limit=2))
    return told


def test_of_many_orders_due_in_one_hour_other_runs_do_the_rest_and_what_a_lost_one_leaves_the_next_sweep_does(
    unique: str, hour: datetime, asked: list[tuple[str, Any]]
) -> None:
    orders = [on_its_way(unique, number, hour) for number in range(8)]
    keep(orders)
    assert take_due_steps(hour) == Outcome(3, 0, handed=5)
    assert asked == [("sweeper", {"due": [each.id for each in part]}) for part in (orders[3:6], orders[6:])]
    assert states(orders) == ["delivered"] * 3 + ["shipped"] * 5
    first, second = [payload["due"] for _, payload in asked]
    assert act_on_orders(first, hour) == act_on_orders(first, hour) == Outcome(3, 0)  # told twice, done once
    asked.clear()
    later = hour + timedelta(hours=5)  # the other run was lost, and the sweeper slept
    assert take_due_steps(later) == Outcome(2, 0)
    assert act_on_orders(second, later + timedelta(minutes=1)) == Outcome(0, 0)
    assert (asked, states(orders)) == ([], ["delivered"] * 8)
    assert {order.sequence for order in get_orders(order.id for order in orders)} == {4}


def test_what_is_too_much_for_all_runs_of_a_sweep_is_done_by_the_next_ones(
    unique: str, hour: datetime, asked: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_MOST_RUNS", 1)
    early = [on_its_way(unique, number, hour) for number in range(8)]
    orders = [*early, on_its_way(unique, 8, hour + timedelta(hours=1))]
    keep(orders)
    now = hour + timedelta(hours=3)
    assert take_due_steps(now) == Outcome(3, 0, handed=5)  # the later hour is left as it is, too
    assert [payload["due"] for _, payload in asked] == [[each.id for each in early[3:6]]]
    for minute in range(1, 4):
        take_due_steps(now + timedelta(minutes=minute))
    assert states(orders) == ["delivered"] * 9


def states(orders: list[Order]) -> list[str]:
    return [get_order(order.id, consistent=True).state for order in orders]


def test_of_many_responses_that_nobody_answered_none_is_lost(
    unique: str, hour: datetime, asked: list[tuple[str, Any]]
) -> None:
    responses = [unanswered(unique, number, hour) for number in range(8)]
    with ResponseItem.batch_write() as batch:
        for response in responses:
            [item] = response_items(response)
            batch.save(item)
    assert take_due_steps(hour) == Outcome(3, 0, handed=5)
    names = [f"{unique}-1/{response.id}" for response in responses]
    assert asked == [("sweeper", {"unanswered": part}) for part in (names[3:6], names[6:])]
    assert escalate_responses(names[3:6], hour) == Outcome(3, 0)
    assert escalate_responses(names[3:6], hour) == Outcome(0, 0)
    asked.clear()
    assert take_due_steps(hour + timedelta(minutes=1)) == Outcome(2, 0)
    told = [get_response(f"{unique}-1", response.id).escalated_at for response in responses]
    assert (asked, told) == ([], [iso(hour)] * 6 + [iso(hour + timedelta(minutes=1))] * 2)


def unanswered(unique: str, number: int, due: datetime) -> Response:
    at = iso(due - timedelta(hours=48))
    return Response(
        f"r{number}", f"{unique}-1", f"tea-{unique}", "question", "When?", "customer-lin", at, reply_by=iso(due)
    )
