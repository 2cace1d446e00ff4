"""Urgent selling: a price and a quantity for a window of time; nothing else sells what is kept for it, and nothing of it is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.catalog.listings import set_listing_state
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.tables import SaleEndItem, listing_item, sale_end_key
from mart_union.catalog.urgent import end_urgent_sales, list_urgent_sales
from mart_union.catalog.urgent_terms import UrgentSale
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import get_purchase_with_orders, quote_cart
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, OutOfStock, PriceChanged, RuleViolation, SaleOverlaps
from mart_union.kernel.storage import fetch
from mart_union.stock.counting import count
from mart_union.stock.model import shard_of
from mart_union.stock.service import get_level
from mart_union.stock.tables import LevelItem, level_key
from tests.services.capacity import measured
from tests.services.market import NOW, open_market, save_mediated
from tests.services.urgent import LATER, TERMS, Stock, buy, current, end, let_in, level, start, streamed


def test_a_sale_keeps_its_quantity_and_sells_it_at_its_price_in_its_window(unique: str) -> None:
    market = open_market(unique)
    for _ in range(2):
        start(market)
    assert (level(market).reserve, level(market).kept) == (6, 4)
    assert quote_cart([Wanted(market.store, "TEA", 1)], now=NOW).goods_minor == 20_000
    assert quote_cart([Wanted(market.store, "TEA", 1)], now=LATER).goods_minor == 30_000
    with pytest.raises(PriceChanged):
        buy(market, 3, 30_000)
    buy(market, 3, 20_000)
    assert (level(market).reserve, level(market).kept, level(market).sold) == (6, 1, 3)


def test_a_sale_never_sells_more_than_was_kept_for_it(unique: str) -> None:
    market = open_market(unique)
    start(market)

    def try_to_buy(number: int) -> bool:
        try:
            return bool(buy(market, 1, 20_000, key=f"key-{number:08}"))
        except OutOfStock:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(try_to_buy, range(8))) == 4
    assert (level(market).reserve, level(market).kept, level(market).sold) == (6, 0, 4)


def test_a_sale_ends_when_its_window_is_over_or_its_quantity_is_sold(unique: str) -> None:
    market = open_market(unique)
    start(market)
    buy(market, 1, 20_000)
    end_urgent_sales(NOW)
    assert [sale.listing.sku for sale in list_urgent_sales(market.store).items] == ["TEA"]
    for _ in range(2):
        end_urgent_sales(LATER)
    assert list_urgent_sales(market.store).items == ()
    assert (level(market).reserve, level(market).kept, level(market).sold) == (9, 0, 1)
    start(market, key="sale-00002", quantity=1)
    buy(market, 1, 20_000, key="key-00000002")
    assert streamed(market) == 1
    assert current(market).urgent is None
    buy(market, 1, 30_000, key="key-00000003")
    assert level(market) == Stock(7, 0, 3)


def test_what_is_cancelled_goes_to_the_reserve_even_after_the_sale(unique: str) -> None:
    market = open_market(unique)
    sale = start(market)
    purchase = buy(market, 2, 20_000)
    end(market, sale)
    cancel_purchase(purchase, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert (level(market).reserve, level(market).kept, level(market).sold) == (10, 0, 0)


@pytest.mark.usefixtures("ticket_key")
def test_a_busy_sale_is_split_over_shards_on_which_one_purchase_may_draw(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=70)
    sale = start(market, quantity=60, rate=500)
    assert get_level(shard_of(f"listing/{market.store}/TEA", 2)).reserve == 30
    purchase = buy(market, 35, 20_000, admission=let_in(market, sale))
    line = get_purchase_with_orders(purchase)[1][0].lines[0]
    assert sorted(line.draws.values()) == [5, 30]
    assert level(market) == Stock(10, 25, 35)
    with pytest.raises(OutOfStock) as refused:
        buy(market, 26, 20_000, key="key-00000002", admission=let_in(market, sale))
    assert refused.value.facts["left"] == 25
    buy(market, 25, 20_000, key="key-00000003", admission=let_in(market, sale))
    cancel_purchase(purchase, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert level(market) == Stock(10, 35, 25)


def test_what_is_sold_out_is_refused_without_a_write(unique: str) -> None:
    market = open_market(unique)
    start(market, quantity=2)
    buy(market, 2, 20_000)
    with measured() as capacity, pytest.raises(OutOfStock) as refused:
        buy(market, 1, 20_000, key="key-00000002")
    assert (capacity.written_units, capacity.requests) == (0, ["BatchGetItem", "BatchGetItem", "GetItem"])
    assert (refused.value.facts["left"], refused.value.facts["total_minor"]) == (0, 36_000)
    assert streamed(market) == 1
    with pytest.raises(OutOfStock):
        buy(market, 9, 30_000, key="key-00000003")
    with measured() as capacity, pytest.raises(OutOfStock):
        buy(market, 9, 30_000, key="key-00000004")
    assert "TransactWriteItems" not in capacity.requests
    buy(market, 8, 30_000, key="key-00000005")


def test_what_a_sale_has_left_is_for_sale_from_the_end_of_its_window(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=70)
    start(market, quantity=60)
    buy(market, 65, 30_000, now=LATER)
    assert level(market) == Stock(0, 5, 65)
    end_urgent_sales(LATER)
    assert level(market) == Stock(5, 0, 65)
    with pytest.raises(OutOfStock):
        buy(market, 6, 30_000, key="key-00000002", now=LATER)


def test_what_is_kept_for_a_sale_is_not_sold_before_it(unique: str) -> None:
    market = open_market(unique)
    start(market, starts_at=iso(NOW + timedelta(minutes=30)))
    with pytest.raises(OutOfStock):
        buy(market, 7, 30_000)
    buy(market, 6, 30_000)
    assert level(market) == Stock(0, 4, 6)


def test_a_paused_listing_does_not_sell_what_is_kept_for_its_sale(unique: str) -> None:
    market = open_market(unique)
    start(market)
    set_listing_state(market.store, "TEA", "paused", "owner", NOW)
    shard = get_level(shard_of(f"listing/{market.store}/TEA", 1))
    assert (shard.on_sale, shard.reserve) == (False, 4)
    with pytest.raises(RuleViolation):
        buy(market, 1, 20_000)
    set_listing_state(market.store, "TEA", "on_sale", "owner", NOW)
    buy(market, 1, 20_000)


def test_a_count_finds_what_is_kept_for_a_sale_too(unique: str) -> None:
    market = open_market(unique)
    start(market)
    assert not count(
        f"listing/{market.store}/TEA",
        10,
        actor="import",
        reference="upload/1",
        now=NOW,
        shards=lambda: [f"listing/{market.store}/TEA#1"],
    )
    assert (level(market).reserve, level(market).kept) == (6, 4)


def test_a_count_smaller_than_what_is_kept_for_a_sale_leaves_nothing_to_sell_that_is_not_there(unique: str) -> None:
    market = open_market(unique)
    start(market)
    home, shard = f"listing/{market.store}/TEA", f"listing/{market.store}/TEA#1"
    assert count(home, 1, actor="import", reference="upload/1", now=NOW, shards=lambda: [shard])
    assert (get_level(home).reserve, get_level(shard).reserve, get_level(shard).on_sale) == (0, 1, True)
    buy(market, 1, 20_000)
    for price in (20_000, 30_000):
        with pytest.raises(OutOfStock):
            buy(market, 1, price, key=f"key-{price}")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"quantity": 0}, Invalid),
        ({"quantity": 11}, OutOfStock),
        ({"price_minor": 30_000}, RuleViolation),
        ({"price_minor": 20_050}, Invalid),
        ({"ends_at": iso(NOW)}, Invalid),
        ({"ends_at": "tomorrow"}, Invalid),
        ({"ends_at": "2026-11-22T12:30:00"}, Invalid),
        ({"sku": "LINK"}, RuleViolation),
    ],
)
def test_a_sale_that_cannot_be_is_refused_by_name(
    unique: str, changes: dict[str, Any], refusal: type[Exception]
) -> None:
    market = open_market(unique)
    save_mediated(market.store, "LINK", market.supplier, price_minor=50_000, supply_minor=20_000)
    with pytest.raises(refusal):
        start(market, **changes)
    assert (level(market).reserve, level(market).kept) == (10, 0)
    assert list_urgent_sales(market.store).items == ()


def test_a_second_sale_of_a_listing_waits_for_the_first(unique: str) -> None:
    market = open_market(unique)
    start(market)
    with pytest.raises(SaleOverlaps) as refused:
        start(market, key="sale-00002")
    assert refused.value.facts["ends_at"] == TERMS.ends_at
    assert level(market).kept == 4


def test_a_sale_that_cannot_be_ended_holds_up_no_other(unique: str) -> None:
    market = open_market(unique)
    start(market)
    LevelItem(*level_key(f"listing/{market.other_store}/TEA")).delete()
    broken = fetch(listing_ref(market.other_store, "TEA"), consistent=True)
    assert broken is not None
    sold = UrgentSale(20_000, TERMS.starts_at, TERMS.starts_at, "broken", 1)
    item = listing_item(replace(broken, urgent=sold, shards=1))
    clock = SaleEndItem(*sale_end_key(sold.ends_at, market.other_store, "TEA"), sale=sold.id)
    item.save()
    clock.save()
    try:
        end_urgent_sales(LATER)
        assert list_urgent_sales(market.store).items == ()
    finally:
        item.delete()
        clock.delete()
