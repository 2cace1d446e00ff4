"""Completion by the settlement's queue: many small jobs, each order once, and none forgotten whatever became of its message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict
from mart_union.ledger import jobs
from mart_union.ledger.census import whole_ledger
from mart_union.orders.due import page_of_windows_over
from mart_union.orders.service import get_order, take_step
from mart_union.settlement import completion, queueing
from mart_union.settlement.queueing import Hour, JobDone, SettlementJob, handle_job, queue_completions
from settlement.app import lambda_handler
from tests.gateway import CONTEXT
from tests.services.buckets import own_bucket
from tests.services.market import NOW, open_market
from tests.services.test_completion import buy, payables_of, shipped
from tests.services.test_settlement_late import Queue


@pytest.fixture(scope="module", autouse=True)
def payout_bucket(tables: None) -> Iterator[None]:
    with own_bucket():
        yield


@pytest.fixture
def queue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue(getattr(request, "param", 1))
    monkeypatch.setattr(queueing, "send_messages", made.send)
    return made


_hours = iter(range(1, 10_000))


def deliver_orders(unique: str, count: int) -> tuple[list[str], datetime]:
    """Delivered orders, and the first moment after their return windows: it stands in an hour of the clock of their own."""
    market, at = open_market(unique), NOW + timedelta(days=400, hours=3 * next(_hours))
    orders = [shipped(market, buy(market, key=f"key-{number:08d}").orders[0]) for number in range(count)]
    for order in orders:
        take_step(order.id, "deliver", "system", "system", "d", at)
    over = at + timedelta(days=orders[0].return_window_days)
    jobs.set_checkpoint("complete_due", iso(over)[:13])
    return [order.id for order in orders], over + timedelta(seconds=1)


def states(orders: list[str]) -> list[str]:
    return [get_order(order).state for order in orders]


def decoded(queue: Queue) -> list[SettlementJob]:
    return [msgspec.json.decode(body, type=SettlementJob) for body in queue.bodies]


def test_the_schedule_queues_parties_first_and_completes_nothing_itself(
    unique: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders, over = deliver_orders(unique, 3)
    monkeypatch.setattr("settlement.app.utc_now", lambda: over)
    for job, until in (("settle_due", 10), ("remark", 10), ("reconcile", 10), ("provider_reports", 10)):
        jobs.set_checkpoint(job, iso(over)[:until])
    lambda_handler({}, CONTEXT)
    assert decoded(queue)[-2:] == [SettlementJob(), SettlementJob(hour=Hour(iso(over)[:13]))]
    assert [job.due is not None for job in decoded(queue)[:-2]] == [True] * (len(queue.bodies) - 2)
    assert states(orders) == ["delivered"] * 3


@pytest.mark.parametrize("queue", range(3), indirect=True)
def test_an_hours_orders_complete_once_in_small_jobs_though_messages_come_twice_and_are_cut_off(
    unique: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "_ORDERS_A_PAGE", 3)
    monkeypatch.setattr(queueing, "_ORDERS_A_JOB", 2)
    orders, queue.moment = deliver_orders(unique, 7)
    assert queue_completions(queue.moment) == 1
    queue.deliver(cut_after=2 + queue.random.randrange(4))
    assert states(orders) == ["completed"] * 7
    assert [len(payables_of(order)) for order in orders] == [2] * 7
    made = [each for each in whole_ledger().transfers if each.kind == "completion" and each.reference[6:] in orders]
    assert len(made) == 7
    assert queue_completions(queue.moment) == 0


def test_an_hour_becomes_a_job_for_fifty_orders_and_one_for_its_next_page(
    unique: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "_ORDERS_A_PAGE", 5)
    monkeypatch.setattr(queueing, "_ORDERS_A_JOB", 2)
    orders, over = deliver_orders(unique, 6)
    hour = iso(over)[:13]
    handle_job(f'{{"hour": {{"name": "{hour}"}}}}', over)
    *parts, following = decoded(queue)
    listed = page_of_windows_over(hour, iso(over)).items
    assert sorted(listed) == sorted(orders)
    assert [job.orders for job in parts] == [tuple(listed[:2]), tuple(listed[2:4]), tuple(listed[4:5])]
    queue.bodies = [queue.bodies[-1]]
    assert following.hour is not None
    handle_job(queue.bodies.pop(), over)
    assert decoded(queue) == [SettlementJob(orders=tuple(listed[5:]))]


def test_an_order_that_cannot_be_completed_holds_up_no_other_and_comes_again_with_the_next_run(
    unique: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders, over = deliver_orders(unique, 3)
    complete = completion.complete_order

    def refuse(order: str, **facts: Any) -> Any:
        if order == orders[1]:
            raise Conflict("somebody else is at it")
        return complete(order, **facts)

    with monkeypatch.context() as broken:
        broken.setattr(completion, "complete_order", refuse)
        queue_completions(over)
        handle_job(queue.bodies.pop(), over)
        assert handle_job(queue.bodies.pop(), over) == JobDone(completed=2, not_completed=1)
    assert sorted(states(orders)) == ["completed", "completed", "delivered"]
    later = over + timedelta(hours=30)
    assert queue_completions(later) == 1
    queue.moment = later
    queue.deliver()
    assert states(orders) == ["completed"] * 3
    assert queue_completions(later + timedelta(hours=1)) == 0


def test_orders_whose_message_was_lost_come_again_with_the_next_run(unique: str, queue: Queue) -> None:
    orders, over = deliver_orders(unique, 2)
    queue_completions(over)
    queue.bodies.clear()
    queue.moment = over + timedelta(hours=20)
    assert queue_completions(queue.moment) == 1
    queue.deliver()
    assert states(orders) == ["completed"] * 2


def test_a_message_that_is_no_job_is_refused_and_sends_no_payouts(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "send_payouts", lambda _: pytest.fail("payouts were sent"))
    with pytest.raises(msgspec.ValidationError):
        handle_job('{"party": {"party": "store/tea"}}', NOW)
    assert queue.bodies == []
