"""Invariant 16 on the commands that move goods and money: cut off at any request and repeated, they end as if they had run once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import expire_purchase, receive_payment
from mart_union.checkout.service import get_purchase, list_purchases, place_purchase
from mart_union.kernel.clock import from_iso
from mart_union.ledger.service import get_balance
from mart_union.orders.service import get_order, take_step
from mart_union.stock.service import get_level, stock_in
from tests.services.cutting import CutOff, cut_off
from tests.services.market import NOW, Market, open_market

MOST_REQUESTS = 12
TOTAL = 36_000  # one TEA and its delivery


def buy(market: Market, method: str = "account") -> Purchase:
    return place_purchase(
        market.customer,
        [Wanted(market.store, "TEA", 1)],
        recipient=market.recipient,
        total_seen=TOTAL,
        method=method,
        key="key-00000001",
        now=NOW,
    )


def reserve(market: Market) -> int:
    return get_level(f"listing/{market.store}/TEA").reserve


def money(market: Market) -> int:
    return get_balance(f"customer/{market.customer}").balance_minor


def cut_at_each_request(
    unique: str, when: str, prepare: Callable[[Market], Callable[[], object]], check: Callable[[Market], None]
) -> None:
    """In a market of its own for each request of the command: cut it off there, repeat it, and check how things stand."""
    for number in range(MOST_REQUESTS):
        market = open_market(f"{unique}-{number}")
        command = prepare(market)
        try:
            with cut_off(number, when):
                command()
        except CutOff:
            command()
            check(market)
            continue
        check(market)
        assert number > 0, "the command made no request"
        return
    pytest.fail(f"the command makes more than {MOST_REQUESTS} requests")


both = pytest.mark.parametrize("when", ["before", "after"])


@both
def test_a_purchase_cut_off_at_any_request_and_repeated_buys_once(unique: str, when: str) -> None:
    def check(market: Market) -> None:
        [purchase] = list_purchases(market.customer).items
        assert get_order(purchase.orders[0]).state == "placed"
        assert (reserve(market), money(market)) == (9, 1_000_000 - TOTAL)

    cut_at_each_request(unique, when, lambda market: lambda: buy(market), check)


@both
def test_a_cancellation_cut_off_at_any_request_and_repeated_gives_back_once(unique: str, when: str) -> None:
    def prepare(market: Market) -> Callable[[], object]:
        purchase = buy(market).id
        return lambda: cancel_purchase(purchase, actor=market.customer, role="customer", key="cancel-0001", now=NOW)

    def check(market: Market) -> None:
        [purchase] = list_purchases(market.customer).items
        assert get_order(purchase.orders[0]).state == "cancelled"
        assert (reserve(market), money(market)) == (10, 1_000_000)

    cut_at_each_request(unique, when, prepare, check)


@both
def test_a_banks_notice_cut_off_at_any_request_and_repeated_pays_once(unique: str, when: str) -> None:
    def prepare(market: Market) -> Callable[[], object]:
        purchase = buy(market, "bank_transfer").id
        return lambda: receive_payment(purchase, TOTAL, reference=f"notice-{market.customer}", now=NOW)

    def check(market: Market) -> None:
        [purchase] = list_purchases(market.customer).items
        order = get_order(purchase.orders[0])
        level = get_level(f"listing/{market.store}/TEA")
        assert (get_purchase(purchase.id).payment, order.state, order.escrow_minor) == ("paid", "placed", TOTAL)
        assert (level.reserve, level.reserved, level.sold, money(market)) == (9, 0, 1, 1_000_000)

    cut_at_each_request(unique, when, prepare, check)


@both
def test_an_expiry_cut_off_at_any_request_and_repeated_frees_once(unique: str, when: str) -> None:
    def prepare(market: Market) -> Callable[[], object]:
        purchase = buy(market, "bank_transfer")
        return lambda: expire_purchase(purchase.id, from_iso(purchase.expires_at))

    def check(market: Market) -> None:
        [purchase] = list_purchases(market.customer).items
        level = get_level(f"listing/{market.store}/TEA")
        assert (get_purchase(purchase.id).payment, level.reserve, level.reserved) == ("expired", 10, 0)

    cut_at_each_request(unique, when, prepare, check)


@both
def test_a_refusal_cut_off_at_any_request_and_repeated_refunds_once(unique: str, when: str) -> None:
    def prepare(market: Market) -> Callable[[], object]:
        [order] = buy(market).orders
        store = f"store/{market.store}"
        return lambda: take_step(order, "refuse", "manager", "store", "refuse-0001", NOW, fulfiller=store)

    def check(market: Market) -> None:
        [purchase] = list_purchases(market.customer).items
        assert get_order(purchase.orders[0]).state == "refused"
        assert (reserve(market), money(market)) == (10, 1_000_000)

    cut_at_each_request(unique, when, prepare, check)


@both
def test_a_stock_in_cut_off_at_any_request_and_repeated_lays_in_once(unique: str, when: str) -> None:
    def prepare(market: Market) -> Callable[[], object]:
        level = f"listing/{market.store}/TEA"
        return lambda: stock_in(
            level, 5, reason="received", actor="packer", reference="delivery", key="stock-0001", now=NOW
        )

    def check(market: Market) -> None:
        assert reserve(market) == 15

    cut_at_each_request(unique, when, prepare, check)
