"""A suspended enterprise's stores sell nothing, nor does anybody a suspended supplier's goods; open orders go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mart_union.catalog import showing
from mart_union.catalog.enterprises import apply_enterprise, decide_enterprise, get_enterprise
from mart_union.catalog.model import OfferReference
from mart_union.catalog.service import get_store
from mart_union.catalog.unions import get_union, mark_suspended
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.ids import new_id
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.payouts import get_payout
from mart_union.mediation.links import list_links, make_link
from mart_union.mediation.model import Terms
from mart_union.mediation.suppliers import apply_supplier, decide_supplier, get_supplier
from mart_union.orders.service import get_order, take_step
from mart_union.stock.service import get_level
from tests.services.buckets import own_bucket
from tests.services.cutting import CutOff, cut_off
from tests.services.market import NOW, Market, fill_pool, give_money, open_market, save_mediated
from tests.services.settling import settle_day
from tests.services.test_mediation import make_offer
from tests.services.test_settlement import owe


@pytest.fixture
def market(unique: str) -> Iterator[Market]:
    market = open_market(unique)
    enterprise = get_store(market.store).enterprise
    apply_enterprise(enterprise, {"en": "Xu"}, "12345678", "owner-1", NOW)
    apply_supplier(
        market.supplier, names={"en": "G"}, texts={}, registration="87654321", applicant="supplier-1", now=NOW
    )
    for decide in (decide_enterprise, decide_supplier):
        decide(enterprise if decide is decide_enterprise else market.supplier, True, "operator-1", NOW)
    fill_pool(market.supplier, 9, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    yield market
    for party in (f"enterprise/{enterprise}", f"supplier/{market.supplier}"):
        mark_suspended(party, False, "operator-1", NOW)


def suspend(market: Market, who: str, *, approve: bool = False) -> str:
    if who == "supplier":
        return decide_supplier(market.supplier, approve, "operator-1", NOW).state
    return decide_enterprise(get_store(market.store).enterprise, approve, "operator-1", NOW).state


def buy(market: Market, sku: str) -> Purchase:
    wanted = [Wanted(market.store, sku, 1)]
    total = quote_cart(wanted).total_minor or 1
    facts = {"recipient": market.recipient, "total_seen": total, "method": "account", "key": new_id(), "now": NOW}
    return place_purchase(market.customer, wanted, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(("who", "problem"), [("enterprise", "closed"), ("supplier", "withdrawn")])
def test_nothing_is_sold_of_whoever_is_suspended_until_the_operator_lets_them_again(
    market: Market, who: str, problem: str
) -> None:
    wanted = [Wanted(market.store, "HERB", 1)]
    before = buy(market, "HERB")
    assert suspend(market, who) == "suspended"
    assert suspend(market, who) == "suspended"
    known, level = len(whole_ledger().transfers), get_level(get_order(before.orders[0]).lines[0].level)
    [line] = quote_cart(wanted).stores[0].lines
    assert line.problem == problem
    give_money(f"store/{market.store}/deposit", 100_000)
    known += 1
    sell: Callable[[], object] = lambda: place_shop_sale(  # noqa: E731
        market.store, "shop-1", wanted, recipient=market.recipient, key=new_id(), now=NOW
    )
    for refused in (lambda: buy(market, "HERB"), sell):
        with pytest.raises(RuleViolation):
            refused()
    assert (len(whole_ledger().transfers), get_level(level.id)) == (known, level)
    take_step(before.orders[0], "accept", "s", "supplier", "a", NOW, fulfiller=f"supplier/{market.supplier}")
    assert get_order(before.orders[0]).state == "accepted"
    assert suspend(market, who, approve=True) == "approved"
    assert buy(market, "HERB").payment == "paid"
    assert get_union().suspended == ()


def test_a_suspended_suppliers_goods_only_are_not_sold(market: Market) -> None:
    suspend(market, "supplier")
    assert buy(market, "TEA").payment == "paid"


@pytest.mark.parametrize("who", ["enterprise", "supplier"])
def test_a_listings_page_says_that_it_cannot_be_bought(market: Market, who: str) -> None:
    showing._stores.clear()
    assert showing.show_listing(market.store, "HERB", now=NOW).available
    suspend(market, who)
    later = 10**9
    shown = showing.show_listing(market.store, "HERB", now=NOW, monotonic=lambda: later)
    assert (shown.available, shown.suspended) == (False, who)


def test_no_link_is_made_of_a_suspended_suppliers_offer(market: Market) -> None:
    offer = make_offer(market.supplier, granted_to=("everyone",))
    suspend(market, "supplier")
    with pytest.raises(RuleViolation, match="suspended"):
        make_link(market.store, "NEW", OfferReference(offer.supplier, offer.sku), Terms("tea"), "manager-1", NOW)
    assert list_links(market.store).items == ()


@pytest.mark.parametrize("who", ["enterprise", "supplier"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_suspension_cut_off_at_any_request_is_completed_by_its_repeat(market: Market, who: str, when: str) -> None:
    for number in range(20):
        try:
            with cut_off(number, when):
                suspend(market, who)
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        assert suspend(market, who) == "suspended"
        name = (
            f"supplier/{market.supplier}" if who == "supplier" else f"enterprise/{get_store(market.store).enterprise}"
        )
        assert get_union().suspended == (name,)
        state = get_supplier(market.supplier).state if who == "supplier" else get_enterprise(name.split("/")[1]).state
        assert state == "suspended"
        suspend(market, who, approve=True)
        if not was_cut_off:
            break
    assert number > 2
    assert not was_cut_off


def test_a_suspended_party_is_paid_what_it_has_earned(market: Market) -> None:
    suspend(market, "supplier")
    party, day = f"supplier/{market.supplier}", "2026-11-30"
    owe(party, day, 8_000)
    with own_bucket():
        [paid] = settle_day(day, NOW, market.supplier)
    assert (paid.total_minor, get_payout(paid.payout).state) == (8_000, "sent")
