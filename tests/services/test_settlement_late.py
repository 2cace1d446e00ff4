"""Settlement by its queue when it is late: a party's days in their order, and nobody forgotten whose mark was lost or whose money was carried."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from manage.app import lambda_handler as manage
from mart_union.kernel.errors import Conflict
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger import jobs, remarking
from mart_union.ledger.bank_files import get_terms
from mart_union.ledger.model import PayoutTerms
from mart_union.ledger.statements import add_head, begin_statement
from mart_union.ledger.tables import DueItem, LedgerItem, PayableItem, StatementItem, due_key, statement_key
from mart_union.settlement import queueing
from mart_union.settlement.payouts import send_payouts, set_terms
from mart_union.settlement.queueing import handle_job, queue_due, remark_daily
from mart_union.settlement.statements import list_settlements, list_statements, page_of_statements, settle_party
from tests.gateway import CONTEXT, gateway_event
from tests.services.buckets import own_bucket
from tests.services.cutting import CutOff, cut_off
from tests.services.settling import due_on, settled_differences
from tests.services.test_settlement import owe

NOW = datetime(2031, 3, 31, 1, 0, tzinfo=UTC)
DAYS = ("2031-03-03", "2031-03-10", "2031-03-17", "2031-03-24", "2031-03-31")


@pytest.fixture(scope="module", autouse=True)
def payout_bucket(tables: None) -> Iterator[None]:
    with own_bucket():
        yield


class Queue:
    """The settlement's queue: it delivers in no order, and some messages twice.

    What is in it is delivered again once: were each message of a chain of jobs to come twice one time in five, whoever they are, the
    chain would fork with each page, and its messages grow exponentially with what other tests left waiting.
    """

    def __init__(self, seed: int) -> None:
        self.bodies: list[str] = []
        self.repeated: set[str] = set()
        self.random = random.Random(seed)
        self.moment = NOW

    def send(self, _queue: str, messages: Sequence[Struct], *, delay_seconds: int = 0) -> None:
        self.bodies += [msgspec.json.encode(message).decode() for message in messages]

    def deliver(self, *, cut_after: int = 10_000) -> None:
        """Deliver until nothing is left, then send the payouts. What is refused, or cut off at a request, comes again."""
        for number in range(10_000):
            if not self.bodies:
                send_payouts(self.moment)
                return
            body = self.bodies.pop(self.random.randrange(len(self.bodies)))
            self.moment += timedelta(seconds=1)
            if body not in self.repeated and self.random.random() < 0.2:
                self.repeated.add(body)
                self.bodies.append(body)
            try:
                with cut_off(cut_after if number % 3 == 0 else 10_000, self.random.choice(["before", "after"])):
                    handle_job(body, self.moment)
            except (CutOff, Conflict):
                self.bodies.append(body)
        raise AssertionError("the queue never came to an end")


@pytest.fixture
def queue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue(getattr(request, "param", 1))
    monkeypatch.setattr(queueing, "send_messages", made.send)
    return made


def owe_of_late_days(party: str) -> None:
    """Five periods: the first ends in debt, which takes all of the second and a part of the third."""
    for day, amounts in zip(DAYS, ((1_000, -1_700), (300, 200), (900,), (70,), (5,)), strict=True):
        owe(party, day, *amounts)


@pytest.mark.parametrize("queue", range(6), indirect=True)
def test_a_run_late_for_several_periods_settles_them_in_order_though_it_runs_twice_and_is_killed(
    unique: str, queue: Queue
) -> None:
    """If the third period were settled before the first, it would be paid out though the party was in debt."""
    jobs.set_checkpoint("settle_due", DAYS[0])
    parties = [f"store/{unique}{number}" for number in range(2)]
    for party in parties:
        owe_of_late_days(party)
    queue_due(NOW)
    queue.deliver(cut_after=4 + queue.random.randrange(8))
    jobs.set_checkpoint("settle_due", DAYS[0])
    queue_due(NOW)
    queue_due(NOW)
    queue.deliver()
    for party in parties:
        found = list_statements(party)
        assert [(made.period, made.total_minor, made.reason) for made in reversed(found)] == [
            (DAYS[0], -700, "negative"),
            (DAYS[1], -200, "negative"),
            (DAYS[2], 700, ""),
            (DAYS[3], 70, ""),
            (DAYS[4], 5, ""),
        ]
        assert [made.state for made in found] == ["paid", "paid", "paid", "carried", "carried"]
        assert sorted(made.made_at for made in found) == [made.made_at for made in reversed(found)]
    assert settled_differences() == []


def test_one_message_a_party_names_its_days_in_order(unique: str, queue: Queue) -> None:
    jobs.set_checkpoint("settle_due", DAYS[0])
    party = f"store/{unique}"
    owe_of_late_days(party)
    queue_due(NOW)
    decoded = [msgspec.json.decode(body, type=queueing.SettlementJob).due for body in queue.bodies]
    own = [due for due in decoded if due is not None and due.party == party]
    assert [[found.due for found in due.marks] for due in own] == [list(DAYS)]


def test_a_party_that_takes_several_jobs_goes_on_with_the_day_that_it_came_to(
    unique: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "PAGES_A_JOB", 1)
    jobs.set_checkpoint("settle_due", DAYS[0])
    party = f"store/{unique}"
    for day in DAYS[:2]:
        owe(party, day, *range(1, 100))
    queue_due(NOW)
    queue.deliver()
    assert [(made.period, made.total_minor) for made in list_statements(party)] == [(DAYS[1], 4_950), (DAYS[0], 4_950)]


def test_a_mark_that_the_stream_lost_is_made_up_for_within_a_day(
    unique: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remarking, "_ITEMS_A_PAGE", 7)
    party, late = f"store/{unique}", f"supplier/{unique}"
    for each in (party, late):
        owe(each, DAYS[0], *([100] * 10))
        DueItem(*due_key(DAYS[0], each, DAYS[0])).delete()
    owe(late, "2031-04-01", 50)
    jobs.set_checkpoint("settle_due", NOW.date().isoformat())
    queue_due(NOW)
    queue.deliver()
    assert list_statements(party) == []
    jobs.set_checkpoint("remark", "")
    assert (remark_daily(NOW), remark_daily(NOW)) == (True, False)
    queue.deliver()
    queue_due(NOW)
    queue.deliver()
    for each in (party, late):
        assert [(made.period, made.total_minor, made.state) for made in list_statements(each)] == [
            (DAYS[0], 1_000, "paid")
        ]


def test_what_was_carried_is_paid_the_day_after_the_minimum_is_lowered(unique: str, queue: Queue) -> None:
    party = f"store/{unique}"
    set_terms(PayoutTerms(5_000), "operator", NOW)
    try:
        jobs.set_checkpoint("settle_due", DAYS[0])
        owe(party, DAYS[0], 1_000)
        queue_due(NOW)
        queue.deliver()
        assert [(made.state, made.reason) for made in list_statements(party)] == [("carried", "below_minimum")]
        set_terms(PayoutTerms(1_000), "operator", NOW)
        tomorrow = NOW + timedelta(days=1)
        queue.moment = tomorrow
        jobs.set_checkpoint("remark", NOW.date().isoformat())
        assert remark_daily(tomorrow)
        queue.deliver()
        queue_due(tomorrow)
        queue.deliver()
        assert [(made.period, made.total_minor, made.state) for made in list_statements(party)] == [
            ("2031-04-01", 1_000, "paid"),
            (DAYS[0], 1_000, "carried"),
        ]
    finally:
        set_terms(PayoutTerms(), "operator", NOW)
    assert get_terms() == PayoutTerms()


def test_statements_that_are_closed_leave_what_waits_and_are_listed_under_their_day(unique: str, queue: Queue) -> None:
    party = f"store/{unique}"
    jobs.set_checkpoint("settle_due", DAYS[0])
    owe(party, DAYS[0], 1_000)
    queue_due(NOW)
    queue.deliver()
    waiting = [item.due_sk for item in LedgerItem.due.scan() if unique in item.due_pk or unique in item.due_sk]
    assert waiting == []
    cursor, listed = "", []
    while True:
        page = list_settlements(DAYS[0], cursor)
        listed += page.items
        if not page.next:
            break
        cursor = page.next
    assert [(made.period, made.state) for made in listed if made.party == party] == [(DAYS[0], "paid")]


def test_a_partys_statements_are_read_page_by_page_newest_first(unique: str) -> None:
    party = f"store/{unique}"
    for number in range(60):
        begun = begin_statement(party, f"2031-{number // 28 + 1:02d}-{number % 28 + 1:02d}", "TWD", NOW)
        transaction = WriteTransaction()
        add_head(transaction, begun, begun)
        transaction.commit()
    first = page_of_statements(party)
    rest = page_of_statements(party, first.next)
    periods = [made.period for made in (*first.items, *rest.items)]
    assert (len(first.items), rest.next, len(periods)) == (50, "", 60)
    assert periods == sorted(periods, reverse=True)
    answer = manage(gateway_event("GET", f"/api/manage/{unique}/statements", subject="m", role="manager"), CONTEXT)
    assert len(json.loads(answer["body"])["statements"]) == 50
    assert json.loads(answer["body"])["next"] == first.next
    for statement in (*first.items, *rest.items):
        StatementItem.get(*statement_key(party, statement.period)).delete()


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of what waits does not yet have what is carried forward."""
    query = PayableItem.due.query

    def lagging(key: str, *arguments: Any, **options: Any) -> Any:
        return iter(()) if key.startswith("carried#") else query(key, *arguments, **options)

    monkeypatch.setattr(PayableItem.due, "query", lagging)


def test_a_debt_that_the_index_does_not_have_yet_is_netted_by_the_next_day(
    unique: str, queue: Queue, held_back: None
) -> None:
    jobs.set_checkpoint("settle_due", DAYS[0])
    party = f"store/{unique}"
    owe(party, DAYS[0], -500)
    owe(party, DAYS[1], 1_000)
    owe(party, DAYS[2], 70)
    queue_due(NOW)
    queue.deliver()
    found = [(made.period, made.total_minor, made.state) for made in reversed(list_statements(party))]
    assert found == [(DAYS[0], -500, "carried"), (DAYS[1], 500, "paid"), (DAYS[2], 70, "paid")]


def test_a_debt_of_an_old_day_that_comes_after_many_later_ones_is_netted_though_the_index_lags(
    unique: str, queue: Queue, held_back: None
) -> None:
    party, day = f"store/{unique}", NOW - timedelta(days=20)
    jobs.set_checkpoint("settle_due", "2031-03-01")
    for number in range(12):
        owe(party, (day + timedelta(days=number)).date().isoformat(), 200)
    queue_due(NOW)
    queue.deliver()
    jobs.set_checkpoint("settle_due", "2031-03-01")
    owe(party, "2031-03-01", -500)
    owe(party, NOW.date().isoformat(), 1_000)
    queue_due(NOW)
    queue.deliver()
    newest, *_, oldest = list_statements(party)
    assert (oldest.period, oldest.total_minor, newest.total_minor) == ("2031-03-01", -500, 500)


def test_a_statement_that_was_cut_off_takes_the_debt_that_came_meanwhile(unique: str, held_back: None) -> None:
    party = f"store/{unique}"
    owe(party, DAYS[1], *([1_000] * 91))
    [later] = [each for each in due_on(DAYS[1]) if each.party == party]
    assert not settle_party(later, NOW, 1).is_done
    owe(party, DAYS[0], -500)
    [before] = [each for each in due_on(DAYS[0]) if each.party == party]
    settle_party(before, NOW)
    done = settle_party(later, NOW)
    assert done.statement is not None
    assert done.statement.total_minor == 91_000 - 500
