"""What a supplier fulfils is promised by the supplier's days until it leaves; deadlines, lateness and indicators go by that promise, line by line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from browse.app import lambda_handler as browse
from mart_union.catalog.model import OfferReference
from mart_union.catalog.service import get_listing
from mart_union.checkout.model import Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.events import Event
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Terms
from mart_union.mediation.order_telling import news_of
from mart_union.mediation.supply_orders import supply_order_of
from mart_union.orders.indicators import counted_order
from mart_union.orders.model import Order
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from mart_union.orders.views import customer_order, store_order
from supply.orders import view_of
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import NOW, Market, give_money, open_market
from tests.services.test_mediation import make_offer, make_supplier

OWN, SUPPLIED = "2026-11-24T15:59:59.000Z", "2026-12-22T15:59:59.000Z"
"""The ends of the days two and thirty days after the purchase."""


@pytest.fixture
def market(unique: str) -> Market:
    """A store that sends what is its own after two days, and sells an offer, under the SKU HERB, whose supplier needs thirty."""
    made = open_market(unique)
    offer = make_offer(make_supplier(made.supplier), granted_to=("everyone",), lead_days=30)
    reference = OfferReference(offer.supplier, offer.sku)
    mediation.make_link(made.store, "HERB", reference, Terms("tea", 23_000), "owner", NOW)
    return made


def bought(market: Market, *skus: str) -> Order:
    wanted = [Wanted(market.store, sku, 1) for sku in skus]
    quote = quote_cart(wanted, now=NOW)
    made = place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=quote.total_minor,
        method="account",
        key="key-00000001",
        now=NOW,
    )
    order = get_order(made.orders[0])
    assert quote.stores[0].promised_by == order.promised_by
    return order


def test_what_a_supplier_sends_is_promised_by_its_own_lead_time_and_not_cancelled_before(market: Market) -> None:
    order = bought(market, "HERB")
    assert (order.promised_by, order.lines[0].promised_by) == (SUPPLIED, "")
    supplier = f"supplier/{market.supplier}"
    take_step(order.id, "accept", "staff", "supplier", "a", NOW, fulfiller=supplier)
    kept = act_on_deadlines(order.id, NOW + timedelta(days=11))
    assert (kept.state, [line.escrow_minor for line in kept.lines]) == ("accepted", [order.lines[0].escrow_minor])
    assert kept.clock_at == SUPPLIED  # it is late then
    assert act_on_deadlines(order.id, NOW + timedelta(days=29)).history[-1].step == "accept"
    assert act_on_deadlines(order.id, NOW + timedelta(days=31)).history[-1].step == "late"
    assert act_on_deadlines(order.id, NOW + timedelta(days=38)).state == "cancelled"


def test_each_line_of_an_order_is_promised_by_who_fulfils_it(market: Market) -> None:
    order = bought(market, "TEA", "HERB")
    numbers = {line.sku: line.number for line in order.lines}
    assert order.promised_by == SUPPLIED
    assert {line.sku: order.promise_of(line) for line in order.lines} == {"TEA": OWN, "HERB": SUPPLIED}
    seen = customer_order(order, order.placed_at)
    assert (seen.promised_by, {line.sku: line.promised_by for line in seen.lines}) == (
        SUPPLIED,
        {"TEA": OWN, "HERB": SUPPLIED},
    )
    assert (store_order(order).promised_by, view_of(order, market.supplier).promised_by) == (OWN, SUPPLIED)
    assert news_of(order, f"supplier/{market.supplier}").promised_by == SUPPLIED
    for party in ("store", "supplier"):
        fulfiller = f"{party}/{market.store if party == 'store' else market.supplier}"
        take_step(order.id, "accept", "staff", party, party, NOW, fulfiller=fulfiller)
    late = act_on_deadlines(order.id, NOW + timedelta(days=3))
    assert (late.history[-1].step, late.history[-1].lines) == ("late", (numbers["TEA"],))
    assert (counted_order(late).late, supply_order_of(late, market.supplier).late) == (1, False)


@pytest.mark.parametrize(("days", "late"), [(29, False), (31, True)])
def test_a_supplier_is_late_by_its_own_promise(market: Market, days: int, late: bool) -> None:
    order, supplier = bought(market, "TEA", "HERB"), f"supplier/{market.supplier}"
    take_step(order.id, "accept", "staff", "supplier", "a", NOW, fulfiller=supplier)
    sent = take_step(
        order.id,
        "ship",
        "staff",
        "supplier",
        "b",
        NOW + timedelta(days=days),
        tracking=("hct", "HCT1"),
        fulfiller=supplier,
    )
    assert supply_order_of(sent, market.supplier).late is late


def test_a_change_of_the_lead_time_is_promised_from_then_on_and_changes_no_order(market: Market) -> None:
    before = bought(market, "HERB")
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    mediation.save_offer(replace(offer, lead_days=4), None, "owner", NOW)
    mediation.apply_offer_change(Event("e", "OfferChanged", f"offer/{market.supplier}/HERB-TEA", 2, "now", {}))
    listing = get_listing(market.store, "HERB")
    assert listing.offer is not None
    assert listing.offer.lead_days == 4
    assert quote_cart([Wanted(market.store, "HERB", 1)], now=NOW).stores[0].promised_by == "2026-11-26T15:59:59.000Z"
    assert get_order(before.id) == before


def test_a_shops_own_sale_is_promised_by_the_suppliers_days(market: Market) -> None:
    give_money(f"store/{market.store}/deposit", 100_000)
    wanted = [Wanted(market.store, "HERB", 1)]
    sale = place_shop_sale(market.store, "shop-1", wanted, recipient=market.recipient, key="S-1", now=NOW)
    assert get_order(sale.orders[0]).promised_by == SUPPLIED


def test_a_listings_page_says_how_long_its_supplier_needs(market: Market) -> None:
    def shown(sku: str) -> str:
        return str(browse(gateway_event("GET", f"/stores/{market.store}/{sku}"), CONTEXT)["body"])

    ways = {sku: [days for days in (2, 30) if f"<dd>{days} 天</dd>" in shown(sku)] for sku in ("HERB", "TEA")}
    assert ways == {"HERB": [30], "TEA": [2]}
