"""The terms of an urgent sale: how many a customer may have, for whom it is, what its turnover may be, and how it is cut for its load."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Wanted
from mart_union.checkout.paying import expire_purchase
from mart_union.checkout.service import get_purchase, get_purchase_with_orders, place_purchase, quote_cart
from mart_union.kernel.errors import LimitReached, NotEligible, OutOfStock
from mart_union.orders.model import ReturnedLine
from mart_union.orders.refunding import RefundWish
from mart_union.orders.return_decisions import Decision
from mart_union.orders.service import take_step
from mart_union.settlement.books import load_books
from mart_union.settlement.checks.limits import check_limits
from mart_union.settlement.refunding import ask_return, refund_order, settle_return
from mart_union.stock.service import get_level
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market
from tests.services.urgent import Stock, bought, buy, level, shopper, start

SKU = "TEA"


def sale_of(market: Market, **terms: object) -> str:
    """A sale of the store's tea under these terms; its id."""
    urgent = start(market, **terms).urgent
    assert urgent is not None
    return urgent.id


def market_of_other(market: Market) -> Market:
    """The same market with its second store first."""
    return replace(market, store=market.other_store)


def assert_checked(market: Market, sale: str, units: int) -> None:
    """So many units of the sale are counted as the customer's, and the checker agrees."""
    assert bought(market, sale) == units
    assert [each for each in check_limits(load_books()) if sale in each.subject] == []


def problem(market: Market, quantity: int) -> str:
    quote = quote_cart([Wanted(market.store, SKU, quantity)], customer=market.customer, now=NOW)
    return quote.stores[0].lines[0].problem


def test_a_customer_buys_up_to_the_limit_and_is_told_what_is_left(unique: str) -> None:
    market = open_market(unique)
    sale = sale_of(market, per_customer=3)
    buy(market, 2, 20_000)
    assert (problem(market, 1), problem(market, 2)) == ("", "limit")
    with measured() as capacity, pytest.raises(LimitReached) as refused:
        buy(market, 2, 20_000, key="key-00000002")
    assert (refused.value.facts["left"], refused.value.facts["limit"]) == (1, 3)
    assert capacity.writes == []
    assert level(market) == Stock(6, 2, 2)
    buy(market, 1, 20_000, key="key-00000003")
    buy(shopper(market, "b"), 1, 20_000, key="key-00000004")
    assert_checked(market, sale, 3)
    line = get_purchase_with_orders(buy(market, 2, 20_000))[1][0].lines[0]
    assert (line.sale, line.sale_limit) == (sale, 3)


def test_more_than_the_limit_at_once_is_refused_with_all_that_is_left(unique: str) -> None:
    market = open_market(unique)
    sale = sale_of(market, per_customer=2)
    with pytest.raises(LimitReached) as refused:
        buy(market, 3, 20_000)
    assert refused.value.facts["left"] == 2
    assert (bought(market, sale), level(market)) == (0, Stock(6, 4, 0))


def test_a_customer_who_buys_eight_times_at_once_has_no_more_than_the_limit(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=40)
    sale = sale_of(market, per_customer=3, quantity=30)

    def try_to_buy(number: int) -> bool:
        try:
            return bool(buy(market, 1, 20_000, key=f"key-{number:08}"))
        except LimitReached:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(try_to_buy, range(8))) == 3
    assert_checked(market, sale, 3)
    assert level(market) == Stock(10, 27, 3)


def test_a_repeat_counts_once(unique: str) -> None:
    market = open_market(unique)
    sale = sale_of(market, per_customer=2)
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: buy(market, 2, 20_000), range(4)))) == 1
    assert_checked(market, sale, 2)


def test_what_is_cancelled_refused_or_left_out_may_be_bought_again(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=40)
    sale = sale_of(market, per_customer=4, quantity=30)
    store = f"store/{market.store}"
    cancelled, refused = (buy(market, 1, 20_000, key=f"key-0000000{number}") for number in (1, 2))
    part = buy(market, 2, 20_000, key="key-00000003")
    assert_checked(market, sale, 4)
    for _ in range(2):
        cancel_purchase(cancelled, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert_checked(market, sale, 3)
    for _ in range(2):
        take_step(f"{refused}-1", "refuse", "owner", "store", "refuse-01", NOW, fulfiller=store)
    assert_checked(market, sale, 2)
    wish = [RefundWish(1, units=1)]
    for _ in range(2):
        refund_order(f"{part}-1", wish, store=market.store, reason="broken", actor="owner", key="refund-1", now=NOW)
    assert_checked(market, sale, 1)
    buy(market, 3, 20_000, key="key-00000004")
    assert_checked(market, sale, 4)


def test_what_is_returned_counts_as_bought(unique: str) -> None:
    market = open_market(unique)
    sale = sale_of(market, per_customer=2)
    order = f"{buy(market, 2, 20_000)}-1"
    for step in ("accept", "ship", "deliver"):
        more = {"tracking": ("hct", "T1")} if step == "ship" else {}
        take_step(order, step, "owner", "store", f"{step}-001", NOW, fulfiller=f"store/{market.store}", **more)  # type: ignore[arg-type]
    lines = [ReturnedLine(1, 1)]
    asked = ask_return(order, lines, customer=market.customer, reason="changed_mind", key="return-1", now=NOW)
    for wish in (Decision("accept"), Decision("receive"), Decision("refund", stock="reserve")):
        facts = {"taker": f"store/{market.store}", "actor": "owner", "now": NOW}
        settle_return(order, asked.returns[0].id, wish, key=f"{wish.decision}-01", **facts)  # type: ignore[arg-type]
    assert_checked(market, sale, 2)
    with pytest.raises(LimitReached):
        buy(market, 1, 20_000, key="key-00000002")


def test_an_unpaid_purchase_that_expires_gives_its_units_back_once(unique: str) -> None:
    market = open_market(unique)
    sale = sale_of(market, per_customer=2)
    waiting = buy(market, 2, 20_000, method="bank_transfer")
    assert_checked(market, sale, 2)
    late = NOW + timedelta(days=2)
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(lambda _: expire_purchase(waiting, late), range(4))) == 1
    assert get_purchase(waiting).payment == "expired"
    assert_checked(market, sale, 0)
    assert level(market) == Stock(6, 4, 0)


def test_a_sale_for_some_postcodes_is_for_nobody_else(unique: str) -> None:
    market = open_market(unique)
    sale_of(market, postcodes=("30", "BT1 1-a"))
    far = shopper(market, "far", postcode="100")
    with measured() as capacity, pytest.raises(NotEligible) as refused:
        buy(far, 1, 20_000)
    assert refused.value.facts["postcodes"] == ["30", "BT11A"]
    assert capacity.writes == []
    buy(shopper(market, "near", postcode=" 3 02"), 1, 20_000)
    buy(shopper(market, "there", postcode="bt1 1AA"), 1, 20_000)
    assert level(market) == Stock(6, 2, 2)


def test_a_cap_of_the_turnover_becomes_a_quantity(unique: str) -> None:
    market = open_market(unique)
    sale = start(market, quantity=0, turnover_minor=70_000).urgent
    assert sale is not None
    assert (sale.quantity, level(market)) == (3, Stock(7, 3, 0))
    other = start(market_of_other(market), quantity=2, turnover_minor=70_000).urgent
    assert other is not None
    assert other.quantity == 2


def test_a_sale_has_the_shards_that_its_load_needs(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=200)
    made = start(market, quantity=110, rate=1_000)
    assert made.shards == 4
    assert [get_level(level).reserve for level in made.shard_levels] == [28, 28, 27, 27]


def test_a_purchase_without_a_limit_counts_nothing(unique: str) -> None:
    market = open_market(unique)
    sale = sale_of(market)
    buy(market, 2, 20_000)
    assert bought(market, sale) == 0
    assert_checked(market, sale, 0)


def test_more_than_the_limit_is_told_before_that_too_little_is_left_for_the_customer_can_mend_it(unique: str) -> None:
    market = open_market(unique)
    sale_of(market, per_customer=3, quantity=4)
    buy(shopper(market, "b"), 2, 20_000)
    assert [problem(market, quantity) for quantity in (2, 3, 4, 9)] == ["", "short", "limit", "limit"]
    with pytest.raises(LimitReached) as refused:
        buy(market, 9, 20_000, key="key-00000002")
    assert (refused.value.facts["left"], level(market)) == (3, Stock(6, 2, 2))


def test_a_sold_out_sale_is_refused_as_such_before_any_limit(unique: str) -> None:
    market = open_market(unique)
    sale_of(market, per_customer=4)
    buy(market, 4, 20_000)
    with measured() as capacity, pytest.raises(OutOfStock):
        buy(market, 1, 20_000, key="key-00000002")
    assert capacity.writes == []


def test_limited_and_other_lines_of_one_purchase_are_counted_by_sale(unique: str) -> None:
    market = open_market(unique)
    sale = sale_of(market, per_customer=2)
    other = sale_of(market_of_other(market), per_customer=2)
    wanted = [Wanted(market.store, SKU, 2), Wanted(market.other_store, SKU, 1)]
    purchase = place_purchase(
        market.customer, wanted, recipient=market.recipient, total_seen=72_000, method="account", key="k-1", now=NOW
    )
    assert (bought(market, sale), bought(market, other)) == (2, 1)
    cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert (bought(market, sale), bought(market, other)) == (0, 0)
