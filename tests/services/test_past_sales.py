"""What became of urgent sales: written down in the transaction that ends each, and so once, whoever ends it and whatever meets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.listings import change_listing
from mart_union.catalog.past_sales import list_past_sales
from mart_union.catalog.tables import PastSaleItem, past_sales_key
from mart_union.catalog.urgent import end_urgent_sale, end_urgent_sales, start_urgent_sale
from mart_union.catalog.urgent_terms import PastSale, UrgentSale
from mart_union.checkout.paying import expire_purchase
from mart_union.kernel.clock import iso
from tests.services.capacity import measured
from tests.services.cutting import CutOff, cut_off
from tests.services.market import NOW, Market, open_market
from tests.services.test_manage_catalog import api, ask
from tests.services.urgent import LATER, TERMS, Stock, buy, current, end, level, start, streamed
from tests.services.weather import all_at_once

MONTH = "2026-11"


def ended(market: Market, month: str = MONTH) -> tuple[PastSale, ...]:
    return list_past_sales(market.store, month).items


def figures(past: PastSale) -> tuple[str, int, int, int, int]:
    assert past.sold + past.reserved + past.unsold == past.sale.quantity
    return past.way, past.sold, past.reserved, past.unsold, past.turnover_minor


def sale_of(market: Market) -> UrgentSale:
    sale = current(market).urgent
    assert sale is not None
    return sale


def test_the_end_of_the_window_leaves_what_was_offered_sold_and_put_back(unique: str) -> None:
    market = open_market(unique)
    sale = start(market, per_customer=3)
    buy(market, 3, 20_000)
    assert ended(market) == ()
    for _ in range(2):
        end_urgent_sales(LATER)
    assert sale.urgent is not None
    assert ended(market) == (
        PastSale("TEA", sale.titles, "", 30_000, sale.urgent, iso(LATER), "window", 3, 0, 1, 60_000),
    )
    assert level(market) == Stock(7, 0, 3)


def test_it_says_what_ended_it_and_what_was_not_paid_for_then(unique: str) -> None:
    market = open_market(unique, money=10_000_000)
    start(market)
    buy(market, 4, 20_000)
    streamed(market)
    second = start(market, key="sale-00002", quantity=5)
    waits = buy(market, 2, 20_000, key="key-00000002", method="bank_transfer")
    buy(market, 1, 20_000, key="key-00000003")
    end_urgent_sale(market.store, "TEA", sale_of(market).id, actor="owner", now=NOW + timedelta(minutes=1))
    assert end(market, second).urgent is None, "its late repeat"
    told = [("store", 1, 2, 2, 20_000), ("sold_out", 4, 0, 0, 80_000)]
    assert [figures(past) for past in ended(market)] == told
    assert expire_purchase(waits, LATER)
    assert [figures(past) for past in ended(market)] == told, "as it ended"


def test_a_sale_that_the_next_one_puts_away_is_told_too_at_the_price_that_held(unique: str) -> None:
    market = open_market(unique)
    start(market)
    change_listing(market.store, "TEA", {"price_minor": 10_000}, "owner", NOW)
    buy(market, 2, 10_000)
    terms = replace(TERMS, price_minor=9_000, starts_at=iso(LATER), ends_at=iso(LATER + timedelta(hours=1)))
    start_urgent_sale(market.store, "TEA", terms, actor="owner", key="sale-00002", now=LATER)
    assert [figures(past) for past in ended(market)] == [("window", 2, 0, 2, 20_000)]


def test_sweeps_ends_by_hand_and_streams_at_once_leave_one_record_in_any_weather(unique: str) -> None:
    market = open_market(unique, money=10_000_000)
    sale = start(market)
    buy(market, 1, 20_000)
    all_at_once(
        [lambda: end_urgent_sales(LATER), lambda: int(end(market, sale).sequence), lambda: streamed(market)] * 4
    )
    assert (current(market).urgent, level(market)) == (None, Stock(9, 0, 1))
    (past,) = ended(market)
    assert figures(past)[1:] == (1, 0, 3, 20_000)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_end_that_is_cut_off_and_repeated_is_told_once(unique: str, when: str) -> None:
    for number in range(10):
        market = open_market(f"{unique}-{number}")
        start(market)
        try:
            with cut_off(number, when):
                end_urgent_sales(LATER)
        except CutOff:
            end_urgent_sales(LATER)
            assert [figures(past) for past in ended(market)] == [("window", 0, 0, 4, 0)]
            continue
        assert number > 3
        assert [figures(past) for past in ended(market)] == [("window", 0, 0, 4, 0)]
        return
    pytest.fail("an end takes more than ten requests")


def test_purchases_and_ends_at_once_are_told_as_they_came_to_pass(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=40)
    sale = start(market, quantity=30)
    with ThreadPoolExecutor(7) as threads:
        buying = [threads.submit(buy, market, 2, 20_000, key=f"key-{number:08}") for number in range(6)]
        ending = threads.submit(end, market, sale)
        outcomes = [each.exception() for each in buying]
        ending.result()
    (past,) = ended(market)
    assert past.sold == 2 * outcomes.count(None)
    assert level(market) == Stock(40 - past.sold, 0, past.sold)


def many(market: Market, moments: list[datetime]) -> None:
    """A sale of one unit that ends at each of some moments."""
    for number, moment in enumerate(moments):
        start(market, key=f"sale-{number:05}", quantity=1)
        end_urgent_sale(market.store, "TEA", sale_of(market).id, actor="owner", now=moment)


def test_a_page_of_a_month_is_one_query_newest_first(unique: str) -> None:
    market = open_market(unique)
    moments = [NOW + timedelta(minutes=number) for number in range(22)]
    many(market, [*moments, NOW + timedelta(days=30)])
    with measured() as capacity:
        first = list_past_sales(market.store, MONTH)
    assert capacity.requests == ["Query"]
    rest = list_past_sales(market.store, MONTH, first.next)
    assert [past.ended_at for past in (*first.items, *rest.items)] == [iso(moment) for moment in reversed(moments)]
    assert (len(first.items), rest.next, len(ended(market, "2026-12"))) == (20, "", 1)
    assert ended(open_market(f"{unique}b")) == ()


def test_an_end_writes_one_item_more(unique: str) -> None:
    market = open_market(unique)
    sale = start(market)
    with measured() as capacity:
        end(market, sale)
    assert capacity.requests == ["GetItem", "BatchGetItem", "TransactWriteItems"]
    [item] = PastSaleItem.query(past_sales_key(market.store, MONTH))
    assert (item.listed_pk, len(ended(market))) == (None, 1)


def test_the_page_and_the_api_tell_it_to_the_store_s_staff(unique: str) -> None:
    market = open_market(unique)
    start(market)
    buy(market, 3, 20_000)
    end_urgent_sales(LATER)
    path = f"/manage/{market.store}/urgent-sales"
    assert f'href="/union{path}/ended"' in ask("GET", path, "packer")["body"]
    status, page = api("GET", f"{path}/ended", "packer", query={"month": MONTH})
    assert (status, page["items"][0]["turnover_minor"], page["items"][0]["unsold"]) == (200, 60_000, 1)
    body = ask("GET", f"{path}/ended", "packer", query={"month": MONTH}, headers={"Accept-Language": "en"})["body"]
    assert ("by the clock" in body, "NT$600" in body, "2026-11-22 14:00" in body) == (True, True, True)
    assert api("GET", f"{path}/ended", "packer", query={"month": "2026-10"})[1] == {"items": [], "next": ""}
    assert api("GET", f"{path}/ended", "packer", query={"month": "autumn"})[0] == 422
    assert api("GET", f"{path}/ended", "")[0] == 403
