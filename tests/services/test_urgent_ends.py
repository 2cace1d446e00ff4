"""How an urgent sale begins once, closes by itself, and ends once: whatever is repeated, late, unpaid, given back or done at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from mart_union.catalog.listings import change_listing
from mart_union.catalog.showing import show_listing
from mart_union.catalog.tables import SALE_ENDS, SaleEndItem, sale_end_key
from mart_union.catalog.urgent import end_urgent_sale, end_urgent_sales, list_urgent_sales, start_urgent_sale
from mart_union.checkout.admission import get_in_line
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Wanted
from mart_union.checkout.paying import expire_purchase
from mart_union.checkout.service import quote_cart
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Conflict, KeyReused, OutOfStock, PriceChanged, SaleOverlaps
from mart_union.settlement.check import check_union
from mart_union.stock.model import shard_of
from stock_adjustment.app import lambda_handler as stock_adjustment
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market
from tests.services.test_low_stock import streamed as events_of_level
from tests.services.test_machine_room import image, record
from tests.services.urgent import LATER, TERMS, Stock, buy, current, end, let_in, level, shopper, start, streamed

SOON = NOW + timedelta(seconds=30)
AFTER = replace(TERMS, starts_at=iso(LATER), ends_at=iso(LATER + timedelta(hours=1)))


def ends_of(market: Market) -> list[str]:
    """The sales of the market's store in the clock of those that end."""
    return [item.sale for item in SaleEndItem.query(SALE_ENDS) if f"#{market.store}#" in item.sk]


def cancel(market: Market, purchase: str) -> None:
    cancel_purchase(purchase, actor=market.customer, role="customer", key=f"cancel-{purchase}", now=NOW)


def test_a_late_repeat_of_the_start_gets_the_first_answer_and_begins_no_second_sale(unique: str) -> None:
    market = open_market(unique)
    first = start(market)
    buy(market, 4, 20_000)
    assert streamed(market) == 1
    assert start(market) == first
    assert (level(market), current(market).urgent, ends_of(market)) == (Stock(6, 0, 4), None, [])


def test_a_start_that_is_sent_many_times_at_once_begins_one_sale(unique: str) -> None:
    market = open_market(unique)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: start(market), range(6)))
    assert answers == [answers[0]] * 6
    assert (level(market), current(market)) == (Stock(6, 4, 0), answers[0])


@pytest.mark.parametrize("is_over", [False, True])
def test_the_key_of_a_sale_begins_no_other_one(unique: str, is_over: bool) -> None:
    market = open_market(unique)
    sale = start(market)
    if is_over:
        end(market, sale)
    before = (level(market), current(market))
    with pytest.raises(KeyReused):
        start(market, quantity=2, price_minor=10_000)
    assert (level(market), current(market)) == before


def test_a_late_repeat_of_an_end_ends_no_later_sale(unique: str) -> None:
    market = open_market(unique)
    first = start(market)
    for _ in range(2):
        assert end(market, first).urgent is None
    second = start(market, key="sale-00002")
    assert end(market, first) == second
    assert (current(market), level(market)) == (second, Stock(6, 4, 0))


def test_what_nobody_paid_for_is_sold_in_the_sale_again(unique: str) -> None:
    market = open_market(unique)
    start(market)
    waits = buy(market, 4, 20_000, method="bank_transfer")
    assert (streamed(market), end_urgent_sales(SOON)) == (0, 0)
    with pytest.raises(OutOfStock) as refused:
        buy(shopper(market, "b"), 1, 20_000, key="key-00000009")
    assert refused.value.facts["left"] == 0
    assert expire_purchase(waits, NOW + timedelta(minutes=20))
    assert level(market) == Stock(6, 4, 0)
    buy(shopper(market, "c"), 1, 20_000, key="key-00000009", now=NOW + timedelta(minutes=21))
    assert level(market) == Stock(6, 3, 1)


def test_what_is_cancelled_goes_to_the_sale_that_it_was_bought_in_and_to_no_later_one(unique: str) -> None:
    market = open_market(unique)
    first = start(market)
    here, later = (buy(market, 1, 20_000, key=f"key-0000000{number}") for number in (1, 2))
    cancel(market, here)
    assert level(market) == Stock(6, 3, 1)
    end(market, first)
    start(market, key="sale-00002")
    cancel(market, later)
    assert level(market) == Stock(6, 4, 0)


def test_cancellations_and_the_end_of_the_sale_at_once_lose_no_unit(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=40)
    sale = start(market, quantity=30)
    bought = [buy(market, 2, 20_000, key=f"key-{number:08}") for number in range(6)]

    def until_done(purchase: str) -> None:
        for _ in range(20):
            try:
                return cancel(market, purchase)
            except Conflict:
                continue
        pytest.fail("it could not be cancelled")

    with ThreadPoolExecutor(7) as threads:
        cancelled = [threads.submit(until_done, purchase) for purchase in bought[:3]]
        ended = threads.submit(end, market, sale)
        cancelled += [threads.submit(until_done, purchase) for purchase in bought[3:]]
        for each in (*cancelled, ended):
            each.result()
    assert (level(market), current(market).urgent, ends_of(market)) == (Stock(40, 0, 0), None, [])
    assert all(not image(shard_of(current(market).level, number))["sale"] for number in (1,))


def test_a_listing_is_sold_at_its_own_price_as_soon_as_its_sale_is_sold_out_whoever_has_come_by(unique: str) -> None:
    market = open_market(unique)
    start(market)
    buy(market, 4, 20_000)
    shown = show_listing(market.store, "TEA", now=SOON)
    assert (shown.listing.price_minor, shown.listing.urgent, shown.reserve, shown.available) == (30_000, None, 6, True)
    assert quote_cart([Wanted(market.store, "TEA", 1)], now=SOON).goods_minor == 30_000
    with measured() as capacity, pytest.raises(OutOfStock) as refused:
        buy(market, 1, 20_000, key="key-00000002", now=SOON)
    assert (refused.value.facts["total_minor"], capacity.written_units) == (36_000, 0)
    buy(market, 1, 30_000, key="key-00000003", now=SOON)
    assert level(market) == Stock(5, 0, 5)
    with pytest.raises(PriceChanged):
        buy(market, 1, 25_000, key="key-00000004", now=LATER)


@pytest.mark.usefixtures("ticket_key")
def test_nobody_waits_in_line_for_a_sale_that_is_sold_out_nor_needs_a_ticket_for_what_else_is_left(unique: str) -> None:
    market = open_market(unique)
    sale = start(market, rate=2)
    buy(market, 4, 20_000, admission=let_in(market, sale))
    with pytest.raises(OutOfStock) as refused:
        get_in_line(market.customer, market.store, "TEA", now=SOON)
    assert refused.value.facts["left"] == 0
    buy(market, 1, 30_000, key="key-00000002", now=SOON)
    assert level(market) == Stock(5, 0, 5)


def test_a_sale_that_is_over_makes_room_for_the_next_one_whoever_has_come_by(unique: str) -> None:
    market = open_market(unique)
    first = start(market)
    with pytest.raises(SaleOverlaps) as refused:
        start(market, key="sale-00002")
    assert first.urgent is not None
    until = from_iso(first.urgent.ends_at).astimezone(ZoneInfo("Asia/Taipei"))
    told = f"TEA has an urgent sale until {until:%Y-%m-%d %H:%M} (Asia/Taipei): end it first, or wait"
    assert (refused.value.detail, refused.value.facts) == (told, {"ends_at": first.urgent.ends_at})
    second = start_urgent_sale(market.store, "TEA", AFTER, actor="owner", key="sale-00003", now=LATER)
    assert second.urgent is not None
    assert (level(market), ends_of(market)) == (Stock(6, 4, 0), [second.urgent.id])
    assert second.urgent.id != first.urgent.id
    buy(market, 4, 20_000, now=LATER)
    start_urgent_sale(market.store, "TEA", AFTER, actor="owner", key="sale-00004", now=LATER)
    assert level(market) == Stock(2, 4, 4)


def test_the_sweeper_ends_the_sale_that_it_came_for_and_no_later_one(unique: str, monkeypatch: Any) -> None:
    market = open_market(unique)
    first = start(market)
    assert first.urgent is not None
    entry = SaleEndItem.get(*sale_end_key(first.urgent.ends_at, market.store, "TEA"))
    end(market, first)
    start_urgent_sale(market.store, "TEA", AFTER, actor="owner", key="sale-00002", now=LATER)
    entry.save()  # as the sweep has read it
    end_urgent_sales(LATER)
    second = current(market).urgent
    assert second is not None
    assert (level(market), ends_of(market)) == (Stock(6, 4, 0), [second.id])


def test_sweeps_at_once_with_the_end_by_hand_and_the_last_purchases_end_it_once(unique: str) -> None:
    market = open_market(unique, money=10_000_000)
    sale = start(market)

    def buy_one(number: int) -> bool:
        try:
            return bool(buy(market, 1, 20_000, key=f"key-{number:08}"))
        except (OutOfStock, PriceChanged):
            return False

    with ThreadPoolExecutor(8) as threads:
        sold = [threads.submit(buy_one, number) for number in range(5)]
        swept = [threads.submit(end_urgent_sales, LATER) for _ in range(2)]
        by_hand = threads.submit(end, market, sale)
        sold_units = sum(each.result() for each in sold)
        assert by_hand.result().urgent is None
        [each.result() for each in swept]
    assert (level(market), current(market).urgent) == (Stock(10 - sold_units, 0, sold_units), None)
    assert (ends_of(market), image(current(market).level)["kept"]) == ([], 0)


@pytest.mark.parametrize(
    ("before", "quantity", "bought", "told"),
    [(2, 1, 0, []), (2, 2, 2, ["StockOut"]), (10, 8, 0, []), (10, 8, 8, ["StockLow"]), (10, 10, 10, ["StockOut"])],
)
def test_a_sale_tells_of_low_stock_once_and_not_what_was_told_before_it(
    unique: str, before: int, quantity: int, bought: int, told: list[str]
) -> None:
    market = open_market(unique, stock=before)
    home, sales = f"listing/{market.store}/TEA", []

    def go_on() -> None:
        if bought:
            buy(market, bought, 20_000)

    events = events_of_level(
        home, lambda: sales.append(start(market, quantity=quantity)), go_on, lambda: end(market, *sales)
    )
    assert [event.name for event in events] == told


def test_a_sale_never_costs_more_than_the_listing(unique: str) -> None:
    market = open_market(unique)
    start(market)
    change_listing(market.store, "TEA", {"price_minor": 10_000}, "manager", NOW)
    assert quote_cart([Wanted(market.store, "TEA", 1)], now=NOW).goods_minor == 10_000
    buy(market, 1, 10_000)
    assert level(market) == Stock(6, 3, 1)


def test_the_stream_ends_a_sale_when_the_last_of_its_shards_runs_empty(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=70)
    sale = start(market, quantity=60, rate=500)
    one, two = sale.shard_levels

    def tell(shard: str, before: dict[str, Any]) -> None:
        stock_adjustment(record("stock", old=before, new=image(shard)), None)

    before = image(one), image(two)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stock_adjustment.app.publish", lambda _: None)
        patch.setattr("stock_adjustment.app.utc_now", lambda: NOW)
        patch.setattr("mart_union.checkout.service.require_tickets", lambda *_: [])
        buy(market, 35, 20_000)
        tell(one, before[0])
        tell(two, before[1])
        assert current(market) == sale
        buy(market, 25, 20_000, key="key-00000002")
        tell(two, image(two) | {"reserve": 1, "sold": 29})
        assert (current(market).urgent, level(market), ends_of(market)) == (None, Stock(10, 0, 60), [])
        tell(one, image(one) | {"reserve": 1})  # and once more, late
    assert level(market) == Stock(10, 0, 60)


def test_a_store_s_page_of_sales_reads_its_own_only_and_says_what_is_left(unique: str) -> None:
    market = open_market(unique)
    start(market)
    waits = buy(market, 1, 20_000, method="bank_transfer")
    buy(market, 2, 20_000, key="key-00000002")
    end_of_other = start(replace_store(market)).urgent
    assert end_of_other is not None
    with measured() as capacity:
        [sale] = list_urgent_sales(market.store).items
    assert (sale.listing.store, sale.left, sale.reserved, sale.sold) == (market.store, 1, 1, 2)
    assert capacity.requests == ["Query", "BatchGetItem"]
    assert expire_purchase(waits, LATER)
    assert [(each.left, each.reserved, each.sold) for each in list_urgent_sales(market.store).items] == [(2, 0, 2)]
    end_urgent_sale(market.other_store, "TEA", end_of_other.id, actor="owner", now=NOW)


def replace_store(market: Market) -> Market:
    """The same market with its second store first."""
    return Market(market.other_store, market.store, market.supplier, market.customer, market.recipient)


def test_books_in_which_a_sale_is_sold_out_and_not_put_away_yet_agree(unique: str) -> None:
    market = open_market(unique, money=10_000_000)
    start(market)
    buy(market, 4, 20_000)
    assert level(market) == Stock(6, 0, 4)
    assert [each for each in check_union() if market.store in each.subject] == []
