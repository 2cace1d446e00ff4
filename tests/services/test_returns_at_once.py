"""Returns that are decided by two at once, or at the moment of a completion or of the last one's sale: each thing happens once, whoever is first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mart_union.kernel.errors import MartUnionError
from mart_union.orders.return_decisions import Decision
from mart_union.orders.service import get_order
from mart_union.settlement.completion import complete_order
from mart_union.settlement.refunding import send_goods, settle_return
from tests.services.cutting import CutOff, cut_off
from tests.services.market import Market, open_market
from tests.services.refunds import LATER, PAID, ask, balance, bought, counts, decide, delivered, payables, wrong
from tests.services.test_refunds_at_once import just_before_writing


def received(market: Market, reason: str = "defective") -> tuple[str, str]:
    """An order with a return of one tea that has come, and that return."""
    order = delivered(market, bought(market))
    identity = ask(market, order, reason=reason)
    for decision in ("accept", "receive"):
        decide(market, order, identity, decision)
    return order, identity


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except MartUnionError as error:
        return error.code
    return "done"


def settle(market: Market, order: str, identity: str, decision: str, key: str, **facts: Any) -> str:
    wish, taker = Decision(decision, **facts), f"store/{market.store}"
    return outcome(lambda: settle_return(order, identity, wish, taker=taker, actor=key, key=key, now=LATER))


def complete(market: Market, order: str) -> None:
    complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)


def test_two_who_decide_at_once_refund_or_replace_but_not_both(unique: str) -> None:
    market = open_market(unique)
    order, identity = received(market)
    wishes = [("refund", "key-refund-1"), ("replace", "key-replace-1")]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda wish: settle(market, order, identity, *wish, stock="written_off"), wishes))
    # What is to be replaced may be refunded instead, but what became of the goods was said then.
    assert answers in (["done", "step-not-allowed"], ["invalid", "done"])
    refunded = answers[0] == "done"
    assert get_order(order).returns[0].state == ("refunded" if refunded else "replacing")
    assert counts(market) == ((7, 2, 1) if refunded else (6, 3, 1))
    assert (balance(market), wrong(market)) == (1_000_000 - PAID + (30_000 if refunded else 0), [])


def test_eight_who_refund_at_once_refund_once(unique: str) -> None:
    market = open_market(unique)
    order, identity = received(market)
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(
                lambda n: settle(market, order, identity, "refund", f"key-refund-{n}", stock="reserve"), range(8)
            )
        )
    assert sorted(answers) == ["done", *["step-not-allowed"] * 7]
    assert (balance(market), counts(market), wrong(market)) == (1_000_000 - PAID + 30_000, (8, 2, 0), [])


def test_the_same_decision_eight_times_at_once_is_taken_once_and_all_are_told_so(unique: str) -> None:
    market = open_market(unique)
    order, identity = received(market)
    wish, taker = Decision("replace", stock="written_off"), f"store/{market.store}"

    def repeat(_: int) -> int:
        return settle_return(order, identity, wish, taker=taker, actor="staff", key="key-1", now=LATER).sequence

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(repeat, range(8)))) == 1
    assert (counts(market), wrong(market)) == ((6, 3, 1), [])


def test_two_returns_at_once_of_which_one_can_be_replaced_leave_nothing_below_zero(unique: str) -> None:
    market = open_market(unique, stock=4)
    order = delivered(market, bought(market))
    identities = [ask(market, order, reason="defective", key=f"return-000{n}") for n in (1, 2)]
    for identity in identities:
        for decision in ("accept", "receive"):
            decide(market, order, identity, decision)
    with ThreadPoolExecutor(2) as threads:
        answers = threads.map(
            lambda identity: settle(market, order, identity, "replace", "key-replace", stock="written_off"), identities
        )
        assert sorted(answers) == ["done", "out-of-stock"]
    assert sorted(one.state for one in get_order(order).returns) == ["received", "replacing"]
    assert (counts(market), wrong(market)) == ((0, 3, 1), [])


def test_it_is_sent_or_refused_and_who_comes_second_is_told(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    identity = ask(market, order)
    decide(market, order, identity, "accept")

    def send() -> object:
        return send_goods(order, identity, ("hct", "B1"), customer=market.customer, key="sent-0001", now=LATER)

    acts = [lambda: outcome(send), lambda: settle(market, order, identity, "refuse", "key-refuse", answer="too late")]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda act: act(), acts))
    assert sorted(answers) == ["done", "step-not-allowed"]
    assert get_order(order).returns[0].state == ("sent" if answers[0] == "done" else "refused")
    assert wrong(market) == []


@pytest.mark.parametrize("first", ["completion", "return"])
def test_a_return_that_meets_a_completion_takes_its_money_where_it_is(
    unique: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = open_market(unique)
    order, identity = received(market)
    if first == "completion":
        with just_before_writing(monkeypatch, lambda: complete(market, order)):
            decide(market, order, identity, "refund", stock="reserve")
    else:
        decide(market, order, identity, "refund", stock="reserve")
        complete(market, order)
    assert set(payables(order, "refund")) == ({f"store/{market.store}"} if first == "completion" else set())
    assert (balance(market), counts(market), wrong(market)) == (1_000_000 - PAID + 30_000, (8, 2, 0), [])


def test_a_return_and_a_completion_at_once_count_it_once(unique: str) -> None:
    market = open_market(unique)
    order, identity = received(market)
    acts = [
        lambda: settle(market, order, identity, "refund", "key-refund-1", stock="reserve"),
        lambda: outcome(lambda: complete(market, order)),
    ]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda act: act(), acts)) == ["done", "done"]
    assert get_order(order).state == "completed"
    assert (balance(market), counts(market), wrong(market)) == (1_000_000 - PAID + 30_000, (8, 2, 0), [])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("decision", "left"), [("refund", (7, 2, 1)), ("replace", (6, 3, 1))])
def test_a_decision_cut_off_at_any_request_and_repeated_happens_once(
    unique: str, decision: str, left: tuple[int, int, int], when: str
) -> None:
    market = open_market(unique)
    order, identity = received(market)
    for number in range(4):  # a read and a write, and once more than there are
        try:
            with cut_off(number, when):
                decide(market, order, identity, decision, stock="written_off")
            break
        except CutOff:
            pass
    decide(market, order, identity, decision, stock="written_off")
    assert (counts(market), wrong(market)) == (left, [])
