"""Urgent selling: a price and a quantity for a window of time; nothing else sells what is kept for it, and nothing of it is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.catalog.model import UrgentSale
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.tables import listing_item
from mart_union.catalog.urgent import (
    SaleTerms,
    end_urgent_sale,
    end_urgent_sales,
    list_urgent_sales,
    start_urgent_sale,
)
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, OutOfStock, PriceChanged, RuleViolation
from mart_union.kernel.storage import fetch
from mart_union.stock.model import Level
from mart_union.stock.service import count, get_level
from mart_union.stock.tables import LevelItem, level_key
from tests.services.market import NOW, Market, open_market, save_mediated

LATER = NOW + timedelta(hours=2)
TERMS = SaleTerms(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), 4)


def start(market: Market, *, key: str = "sale-00001", **changes: Any) -> None:
    terms = SaleTerms(**{name: changes.get(name, getattr(TERMS, name)) for name in TERMS.__struct_fields__})
    start_urgent_sale(market.store, changes.get("sku", "TEA"), terms, actor="owner", key=key, now=NOW)


def buy(market: Market, quantity: int, price: int, *, key: str = "key-00000001", now: Any = NOW) -> str:
    wanted = [Wanted(market.store, "TEA", quantity)]
    total = price * quantity + 6000
    return place_purchase(
        market.customer, wanted, recipient=market.recipient, total_seen=total, method="account", key=key, now=now
    ).id


def level(market: Market) -> Level:
    found = get_level(f"listing/{market.store}/TEA")
    assert found.balances()
    return found


def test_a_sale_keeps_its_quantity_and_sells_it_at_its_price_in_its_window(unique: str) -> None:
    market = open_market(unique)
    for _ in range(2):
        start(market)
    assert (level(market).reserve, level(market).fenced) == (6, 4)
    assert quote_cart([Wanted(market.store, "TEA", 1)], now=NOW).goods_minor == 20_000
    assert quote_cart([Wanted(market.store, "TEA", 1)], now=LATER).goods_minor == 30_000
    with pytest.raises(PriceChanged):
        buy(market, 3, 30_000)
    buy(market, 3, 20_000)
    assert (level(market).reserve, level(market).fenced, level(market).sold) == (6, 1, 3)


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
    assert (level(market).reserve, level(market).fenced, level(market).sold) == (6, 0, 4)


def test_a_sale_ends_when_its_window_is_over_or_its_quantity_is_sold(unique: str) -> None:
    market = open_market(unique)
    start(market)
    buy(market, 1, 20_000)
    end_urgent_sales(NOW)
    assert [listing.sku for listing in list_urgent_sales(market.store)] == ["TEA"]
    for _ in range(2):
        end_urgent_sales(LATER)
    assert list_urgent_sales(market.store) == []
    assert (level(market).reserve, level(market).fenced, level(market).sold) == (9, 0, 1)
    start(market, key="sale-00002", quantity=1)
    buy(market, 1, 20_000, key="key-00000002")
    end_urgent_sales(NOW)
    buy(market, 1, 30_000, key="key-00000003")
    assert level(market).reserve == 7


def test_what_is_cancelled_goes_to_the_reserve_even_after_the_sale(unique: str) -> None:
    market = open_market(unique)
    start(market)
    purchase = buy(market, 2, 20_000)
    end_urgent_sale(market.store, "TEA", actor="owner", now=NOW)
    cancel_purchase(purchase, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert (level(market).reserve, level(market).fenced, level(market).sold) == (10, 0, 0)


def test_a_count_finds_what_is_kept_for_a_sale_too(unique: str) -> None:
    market = open_market(unique)
    start(market)
    assert not count(f"listing/{market.store}/TEA", 10, actor="import", reference="upload/1", now=NOW)
    assert (level(market).reserve, level(market).fenced) == (6, 4)


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
    assert (level(market).reserve, level(market).fenced) == (10, 0)
    assert list_urgent_sales(market.store) == []


def test_a_second_sale_of_a_listing_waits_for_the_first(unique: str) -> None:
    market = open_market(unique)
    start(market)
    with pytest.raises(RuleViolation):
        start(market, key="sale-00002")
    assert level(market).fenced == 4


def test_a_sale_that_cannot_be_ended_holds_up_no_other(unique: str) -> None:
    market = open_market(unique)
    start(market)
    LevelItem(*level_key(f"listing/{market.other_store}/TEA")).delete()
    broken = fetch(listing_ref(market.other_store, "TEA"), consistent=True)
    assert broken is not None
    sold = UrgentSale("broken", 20_000, TERMS.starts_at, TERMS.starts_at, 1)
    item = listing_item(replace(broken, urgent=sold))
    item.save()
    try:
        end_urgent_sales(LATER)
        assert list_urgent_sales(market.store) == []
    finally:
        item.delete()
