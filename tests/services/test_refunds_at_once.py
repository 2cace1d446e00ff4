"""Refunds that are repeated, cut off, or made at the same moment as others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from mart_union.kernel.errors import (
    KeyReused,
    MartUnionError,
)
from mart_union.orders.refunding import RefundWish
from mart_union.settlement import refunding
from mart_union.settlement.completion import complete_order
from tests.services.cutting import CutOff, cut_off
from tests.services.market import open_market
from tests.services.refunds import LATER, PAID, balance, bought, counts, payables, refund, shipped, wrong


def test_the_same_key_refunds_once_and_another_request_under_it_is_refused(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    first = refund(market, order, RefundWish(1, units=1))
    assert refund(market, order, RefundWish(1, units=1)) == first
    with pytest.raises(KeyReused):
        refund(market, order, RefundWish(1, amount_minor=30_000))
    assert (balance(market), counts(market)) == (1_000_000 - PAID + 30_000, (8, 2, 0))


def test_eight_repeats_at_once_refund_once(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: refund(market, order, RefundWish(1, units=1)).sequence, range(8)))
    assert (answers, balance(market)) == ([2] * 8, 1_000_000 - PAID + 30_000)


def test_two_refunds_at_once_never_give_back_more_than_was_paid(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)

    def try_it(number: int) -> str:
        try:
            refund(market, order, RefundWish(1, amount_minor=60_000), key=f"refund-000{number}")
        except MartUnionError as error:
            return error.code
        return "refunded"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(try_it, range(2))) == ["beyond-original", "refunded"]
    assert balance(market) == 1_000_000 - PAID + 60_000
    assert wrong(market) == []


@contextmanager
def just_before_writing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> Iterator[None]:
    """Act once between a refund's reading of the order and its writing."""
    commit, todo = refunding._commit, [act]

    def late(*arguments: object, **options: object) -> None:
        while todo:
            todo.pop()()
        commit(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(refunding, "_commit", late)
    yield
    assert todo == []


def test_a_refund_that_a_completion_overtakes_takes_the_money_from_those_who_got_it(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = open_market(unique)
    order = shipped(market, bought(market))

    def complete() -> None:
        complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)

    with just_before_writing(monkeypatch, complete):
        refund(market, order, RefundWish(1, amount_minor=30_000))
    assert payables(order, "completion")[f"store/{market.store}"].amount_minor == 90_000 - 5_400 - 4_300
    assert payables(order, "refund")[f"store/{market.store}"].amount_minor == -26_800
    assert (balance(market), wrong(market)) == (1_000_000 - PAID + 30_000, [])


def test_a_completion_that_a_refund_overtakes_pays_the_rest(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mart_union.settlement import completion

    market = open_market(unique)
    order = shipped(market, bought(market))
    commit, todo = completion._commit, [1]

    def late(*arguments: object) -> None:
        while todo:
            todo.pop()
            refund(market, order, RefundWish(1, amount_minor=30_000))
        commit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(completion, "_commit", late)
    complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    assert payables(order, "refund") == {}
    assert payables(order, "completion")[f"store/{market.store}"].amount_minor == 90_000 - 5_400 - 4_300 - 26_800
    assert (balance(market), wrong(market)) == (1_000_000 - PAID + 30_000, [])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_refund_cut_off_at_any_request_and_repeated_refunds_once(unique: str, when: str) -> None:
    market = open_market(unique, money=10_000_000)
    for number in range(9):
        order = bought(market, quantity=2, key=f"key-0000000{number}")
        try:
            with cut_off(number, when):
                refund(market, order, RefundWish(1, units=1))
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        assert len(refund(market, order, RefundWish(1, units=1)).refunds) == 1
        if not was_cut_off:
            break
    assert (number, wrong(market)) == (2, [])
