"""Delivery by a carrier's terms: what it costs, where it goes and by when, from the quote to the order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.catalog.carriers import Carrier, PriceStep, Zone
from mart_union.checkout.model import Purchase, Quote, Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import list_purchases, place_purchase, quote_cart
from mart_union.customers.model import Recipient
from mart_union.customers.tables import RecipientItem, recipient_key
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import OutsideArea, PriceChanged
from mart_union.ledger.service import get_balance
from mart_union.orders.indicators import counted_order
from mart_union.orders.model import Order
from mart_union.orders.service import get_order, take_step
from mart_union.stock.service import get_level
from tests.services.capacity import measured
from tests.services.market import (
    NOW,
    Market,
    fill_pool,
    give_money,
    open_market,
    save_listing,
    save_mediated,
    save_store,
    save_union,
)

NEAR = Zone(("30",), 1, (PriceStep(0, 8_000), PriceStep(100_000, 0)))
ELSEWHERE = Zone((), 3, (PriceStep(0, 15_000),))
HCT = Carrier("hct", {"en": "HCT"}, zones=(NEAR, ELSEWHERE), cut_off="15:30", collects=("mon", "tue", "wed"))


@pytest.fixture
def market(unique: str) -> Market:
    """A store that charges by HCT's table; its customer's recipient lives at 300. `NOW` is a Sunday noon in Taipei."""
    made = open_market(unique)
    save_union(carriers=(HCT,))
    save_store(made.store, delivery_by_table=True)
    return made


def move_recipient(market: Market, postcode: str) -> str:
    """Another recipient of the customer, elsewhere."""
    name = f"{market.recipient}-{postcode}"
    made = Recipient(name, market.customer, "王小明", ("中正路 1 號",), "屏東市", postcode, "0900-000-001", iso(NOW))
    RecipientItem(*recipient_key(name), document=made).save()
    return name


def quoted(market: Market, quantity: int = 1, postcode: str = "", now: datetime = NOW) -> Quote:
    return quote_cart([Wanted(market.store, "TEA", quantity)], postcode=postcode, now=now)


def buy(market: Market, total: int, **changes: Any) -> Purchase:
    request: dict[str, Any] = {
        "wanted": [Wanted(market.store, "TEA", 1)],
        "recipient": market.recipient,
        "total_seen": total,
        "method": "account",
        "key": "key-00000001",
        "now": NOW,
    } | changes
    return place_purchase(market.customer, **request)


def order_of(purchase: Purchase, number: int = 0) -> Order:
    return get_order(purchase.orders[number], consistent=True)


def state_of_the_world(market: Market) -> tuple[object, ...]:
    level = get_level(f"listing/{market.store}/TEA")
    balance = get_balance(f"customer/{market.customer}").balance_minor
    return level.reserve, level.sold, balance, list_purchases(market.customer).items


def test_a_quote_tells_what_delivery_to_a_postcode_costs_and_by_when(market: Market) -> None:
    [near], [far], [unknown] = (quoted(market, postcode=each).stores for each in ("300", "900", ""))
    assert (near.delivery_minor, near.promised_by) == (8_000, "2026-11-25T15:59:59.000Z")  # Tuesday and a day
    assert (far.delivery_minor, far.promised_by) == (15_000, "2026-11-27T15:59:59.000Z")
    assert (unknown.delivery_minor, unknown.promised_by) == (far.delivery_minor, far.promised_by)
    assert near.by_postcode is unknown.by_postcode is True
    assert quoted(market, 4, "300").delivery_minor == 0


def test_the_order_keeps_what_was_quoted_and_the_carrier_gets_the_charge(market: Market) -> None:
    total = quoted(market, postcode="300").total_minor
    order = order_of(buy(market, total))
    assert (total, order.total_minor) == (38_000, 38_000)
    assert (order.promised_by, order.transit_days) == ("2026-11-25T15:59:59.000Z", 1)
    [line] = order.lines
    shares = {share.account: share.amount_minor for share in line.split if share.kind == "delivery"}
    assert (line.delivery_minor, shares) == (8_000, {"carrier/hct": 8_000})


def test_the_total_of_another_postcode_is_refused_with_the_one_that_holds(market: Market) -> None:
    before = state_of_the_world(market)
    with pytest.raises(PriceChanged) as refusal:
        buy(market, 38_000, recipient=move_recipient(market, "900"))
    assert refusal.value.facts["total_minor"] == 45_000
    assert state_of_the_world(market) == before


def test_what_comes_after_the_cut_off_or_on_a_day_without_collection_is_promised_later(market: Market) -> None:
    def promise(*moment: int) -> str:
        now = datetime(2026, 11, *moment, tzinfo=NOW.tzinfo)  # Taipei is eight hours ahead
        return quoted(market, postcode="300", now=now).stores[0].promised_by[:10]

    assert promise(23, 7, 29) == "2026-11-26"  # Monday 15:29: collected on Wednesday
    assert promise(23, 7, 30) == "2026-12-01"  # a minute later: on Monday a week later


def test_outside_of_its_carriers_area_a_store_sells_nothing_and_the_quote_says_so(market: Market) -> None:
    save_union(carriers=(replace(HCT, area=("30", "31")),))
    far, before = move_recipient(market, "900"), state_of_the_world(market)
    with pytest.raises(OutsideArea) as refusal, measured() as capacity:
        buy(market, 45_000, recipient=far)
    assert refusal.value.code == "outside-area"
    assert refusal.value.facts == {"lines": [{"store": market.store, "sku": "TEA"}]}
    assert capacity.requests == ["BatchGetItem", "GetItem"]  # the terms; then whether this key has bought before
    assert state_of_the_world(market) == before
    quote = quoted(market, postcode="900")
    assert (quote.ready, quote.total_minor, quote.stores[0].lines[0].problem) == (False, 0, "outside")
    assert quoted(market, postcode="31-2").ready
    assert quoted(market).ready


def test_an_area_binds_a_store_that_charges_by_itself_but_not_what_is_collected_there(market: Market) -> None:
    save_union(carriers=(replace(HCT, area=("30",)),))
    assert [line.problem for line in quoted_at(market.other_store, "900")] == ["outside"]
    save_store(market.other_store, procedure="pickup")
    assert [line.problem for line in quoted_at(market.other_store, "900")] == [""]


def quoted_at(store: str, postcode: str) -> Any:
    return quote_cart([Wanted(store, "TEA", 1)], postcode=postcode, now=NOW).stores[0].lines


def test_of_what_a_carrier_brings_only_each_line_bears_a_part_of_its_price(market: Market) -> None:
    save_store(market.store, delivery_by_table=True, assigned={"listing/CUP": "pickup"})
    save_listing(market.store, "CUP", price_minor=90_000, reserve=10)
    save_listing(market.store, "POT", price_minor=10_000, reserve=10)
    wanted = [Wanted(market.store, sku, 1) for sku in ("TEA", "CUP", "POT")]
    quote = quote_cart(wanted, postcode="300", now=NOW)
    assert quote.delivery_minor == 8_000  # the goods that are carried cost 40,000, below the free limit
    purchase = buy(market, quote.total_minor, wanted=wanted)
    orders = [order_of(purchase, number) for number in range(2)]
    assert {line.sku: line.delivery_minor for order in orders for line in order.lines} == {
        "TEA": 6_000,
        "POT": 2_000,
        "CUP": 0,
    }
    assert {order.procedure: order.transit_days for order in orders} == {"carrier": 1, "pickup": None}


def test_a_price_by_units_counts_all_that_is_carried(market: Market) -> None:
    by_units = Zone((), 1, (PriceStep(0, 5_000), PriceStep(3, 9_000)))
    save_union(carriers=(replace(HCT, priced_by="units", zones=(by_units,)),))
    assert [quoted(market, units, "300").delivery_minor for units in (1, 2, 3)] == [5_000, 5_000, 9_000]


def test_a_store_that_charges_by_itself_does_so_and_promises_by_its_carrier(market: Market) -> None:
    [part] = quote_cart([Wanted(market.other_store, "TEA", 1)], postcode="300", now=NOW).stores
    assert (part.delivery_minor, part.promised_by[:10]) == (6_000, "2026-11-25")


def test_a_table_that_is_gone_leaves_the_stores_own_charge(market: Market) -> None:
    save_union(carriers=(Carrier("hct", {"en": "HCT"}),))
    assert quoted(market, postcode="300").delivery_minor == 6_000
    save_union(carriers=())
    [part] = quoted(market, postcode="300").stores
    assert (part.delivery_minor, part.promised_by[:10], part.by_postcode) == (6_000, "2026-11-24", False)


def test_a_suppliers_part_of_the_charge_goes_to_the_supplier_who_delivers(market: Market) -> None:
    fill_pool(market.supplier, 10, 10_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=30_000, supply_minor=10_000)
    wanted = [Wanted(market.store, "TEA", 1), Wanted(market.store, "HERB", 1)]
    order = order_of(buy(market, 68_000, wanted=wanted))
    shares = [share for line in order.lines for share in line.split if share.kind == "delivery"]
    assert {share.account: share.amount_minor for share in shares} == {
        "carrier/hct": 4_000,
        f"supplier/{market.supplier}": 4_000,
    }


def test_a_shops_own_sale_is_charged_nothing_and_promised_as_for_anywhere(market: Market) -> None:
    fill_pool(market.supplier, 10, 10_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=30_000, supply_minor=10_000)
    give_money(f"store/{market.store}/deposit", 100_000)
    sale = place_shop_sale(
        market.store, "shop", [Wanted(market.store, "HERB", 1)], recipient="someone", key="sale-0001", now=NOW
    )
    assert (sale.delivery_minor, order_of(sale).promised_by[:10]) == (0, "2026-11-27")


def test_delivery_by_a_carriers_terms_takes_no_more_requests(market: Market) -> None:
    total = quoted(market, postcode="300").total_minor
    with measured() as capacity:
        buy(market, total)
    assert capacity.requests == ["BatchGetItem", "TransactWriteItems"]
    with measured() as capacity:
        quoted(market, postcode="300")
    assert capacity.requests == ["BatchGetItem", "BatchGetItem"]


@pytest.mark.parametrize(("days", "late"), [(2, 0), (3, 1)])
def test_a_store_is_late_that_ships_too_late_to_arrive_as_promised(market: Market, days: int, late: int) -> None:
    order, now = order_of(buy(market, 38_000)), NOW + timedelta(days=days)
    assert order.ship_by(order.lines[0]) == "2026-11-24T15:59:59.000Z"
    store = f"store/{market.store}"
    take_step(order.id, "accept", "packer", "store", "accept-01", now, fulfiller=store)
    shipped = take_step(order.id, "ship", "packer", "store", "ship-01", now, fulfiller=store, tracking=("hct", "T1"))
    assert (counted_order(shipped).shipped, counted_order(shipped).late) == (1, late)
