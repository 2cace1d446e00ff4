"""A page of a store's orders asks the database the same whatever the store's history. `make bench BENCH="--only orders"` looks at 100,000 orders."""

from __future__ import annotations

from bench import orders
from bench.budgets import read_units
from mart_union.orders.service import get_order
from tests.services.test_budgets import buy, market_with_cups


def test_a_page_of_orders_costs_a_query_and_a_batch_read_however_many_orders_a_store_has(unique: str) -> None:
    few, many = f"{unique}-few-0", f"{unique}-many0"
    order = get_order(buy(market_with_cups(unique)).orders[0])
    orders.fill(order, few, 100)
    orders.fill(order, many, 1_000)
    for query, alike in orders.queries(order, many).values():
        asked, compared = orders.asked_for(many, query), orders.asked_for(few, alike)
        assert [each.operation for each in asked] == [each.operation for each in compared] == ["Query", "BatchGetItem"]
        assert read_units(asked) == read_units(compared)
