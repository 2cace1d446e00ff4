"""The counts behind a store's indicators, on real tables: each order and response once, whoever tells of it how often in which order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.orders.indicators import Rates
from mart_union.orders.measuring import measure, read_indicators
from mart_union.orders.model import Order, Response
from tests.orders_examples import PLACED, order_of
from tests.services.capacity import measured
from tests.unit.test_indicators import after, shipped

NOW = PLACED + timedelta(days=3)


def own(unique: str, order: Order, number: int = 1) -> Order:
    """The order as one of a store of this test's own."""
    store = f"a{unique}"
    lines = tuple(replace(line, fulfiller=f"store/{store}") for line in order.lines)
    return replace(order, id=f"{unique}-{number}", store=store, lines=lines)


def rates(unique: str, days: int = 30) -> Rates:
    return next(each for each in read_indicators(f"a{unique}", NOW).windows if each.days == days)


def test_what_is_told_twice_late_or_out_of_order_is_counted_once_as_the_newest_says(unique: str) -> None:
    placed, sent = own(unique, order_of()), own(unique, shipped(50))
    measure([placed], [])
    assert rates(unique) == Rates(30, 1, None, None, 0, None, None)
    for batch in ([sent, placed], [placed], [sent], [sent, sent]):
        measure(batch, [])
    assert rates(unique) == Rates(30, 1, 360, 10_000, 0, 0, None)
    with measured() as again:
        measure([placed, sent], [])
    assert (again.requests, dict(again.written)) == (["BatchGetItem"], {})


def test_many_are_counted_in_one_read_and_one_transaction(unique: str) -> None:
    orders = [own(unique, shipped(), number) for number in range(40)]
    answered = Response("r", "o", f"a{unique}", "question", "?", "lin", iso(PLACED), state="answered")
    answered = replace(answered, order=f"{unique}-1", answered_at=iso(PLACED + timedelta(hours=3)), sequence=2)
    answered = replace(answered, answered_by=f"store/a{unique}")
    with measured() as told:
        measure(orders, [answered])
    assert told.requests == ["BatchGetItem", "TransactWriteItems"]
    assert rates(unique) == Rates(30, 40, 360, 0, 0, 0, 180)
    with measured() as asked:
        read_indicators(f"a{unique}", NOW)
    assert asked.requests == ["Query"]


def test_eight_writers_at_once_count_each_order_once(unique: str) -> None:
    orders = [own(unique, shipped(50 if number % 2 else 30), number) for number in range(6)]
    older = [own(unique, order_of(), number) for number in range(6)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: measure([*orders, *older][number:] + [*older, *orders][:number], []), range(8)))
    measure(orders, [])
    assert rates(unique) == Rates(30, 6, 360, 5_000, 0, 0, None)


def test_a_window_ends_with_its_first_day_and_reaches_over_new_year(unique: str) -> None:
    for number, days in enumerate((0, 29, 30, 89, 90)):
        placed = order_of()
        order = replace(own(unique, placed, number), placed_at=iso(NOW - timedelta(days=days)))
        measure([order], [])
    assert (rates(unique).orders, rates(unique, 90).orders) == (2, 4)
    january = PLACED.replace(year=2027, month=1, day=15)
    measure([replace(own(unique, order_of(), 9), placed_at=iso(january))], [])
    with measured() as asked:
        windows = read_indicators(f"a{unique}", january).windows
    assert [each.orders for each in windows] == [1, 2]
    assert asked.requests == ["Query", "Query"]


def test_a_refusal_after_acceptance_is_both(unique: str) -> None:
    accepted = after(order_of(), "accept", "store", 6)
    measure([own(unique, after(accepted, "refuse", "store", 8))], [])
    assert rates(unique) == Rates(30, 1, 360, None, 10_000, None, None)
