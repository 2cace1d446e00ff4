"""Bundles: a listing made of others draws on each of them, or on none, whatever else draws on them at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from mart_union.catalog.fees import CommissionRule
from mart_union.catalog.listings import change_listing, get_listing, save_listing, set_listing_state
from mart_union.catalog.model import Listing, listing_level
from mart_union.catalog.shelves import rebuild_store
from mart_union.catalog.showing import get_shelf, show_listing
from mart_union.catalog.urgent import SaleTerms, start_urgent_sale
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import expire_purchase
from mart_union.checkout.service import get_purchase_with_orders, place_purchase, quote_cart
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, NotFound, OutOfStock, PartRefused, RuleViolation
from mart_union.orders.refunding import RefundWish
from mart_union.stock.service import get_level, get_levels
from tests.services import market as markets
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market, save_mediated
from tests.services.refunds import ask, bought, decide, delivered, refund, take_back, wrong

SET_PRICE = 100_000
"""A set costs 1000 dollars: two jars of tea and a cup. With it, delivery is 60."""


def open_with_set(unique: str, *, tea: int = 10, cups: int = 3, money: int = 10_000_000) -> Market:
    market = open_market(unique, money=money, stock=tea)
    markets.save_listing(market.store, "CUP", price_minor=20_000, reserve=cups)
    save_listing(bundle(market, TEA=2, CUP=1), "owner", NOW)
    return market


def bundle(market: Market, sku: str = "SET", **parts: int) -> Listing:
    level = listing_level(market.store, sku)
    return Listing(
        market.store, sku, {"en": "A set"}, {}, "tea", "food", "goods", SET_PRICE, "on_sale", level, parts=parts
    )


def buy(market: Market, key: str = "key-00000001", method: str = "account", **quantities: int) -> Purchase:
    wanted = [Wanted(market.store, sku, quantity) for sku, quantity in quantities.items()]
    prices = {"SET": SET_PRICE, "CUP": 20_000, "TEA": 30_000}
    total = sum(prices[sku] * quantity for sku, quantity in quantities.items()) + 6_000
    return place_purchase(
        market.customer, wanted, recipient=market.recipient, total_seen=total, method=method, key=key, now=NOW
    )


def stock(market: Market) -> dict[str, tuple[int, int, int]]:
    """Reserve, reserved and sold of tea and cups."""
    levels = {sku: get_level(listing_level(market.store, sku)) for sku in ("TEA", "CUP")}
    assert all(level.balances() for level in levels.values())
    return {sku: (level.reserve, level.reserved, level.sold) for sku, level in levels.items()}


def test_a_bundle_takes_of_each_part_in_the_purchase_s_one_write(unique: str) -> None:
    market = open_with_set(unique)
    assert get_levels([listing_level(market.store, "SET")]) == {}
    with measured() as capacity:
        purchase = buy(market, SET=3)
    assert capacity.requests == ["BatchGetItem", "TransactWriteItems"]
    assert stock(market) == {"TEA": (4, 0, 6), "CUP": (0, 0, 3)}
    [line] = get_purchase_with_orders(purchase.id)[1][0].lines
    assert (line.sku, line.quantity, line.amount_minor, line.is_bundle) == ("SET", 3, 300_000, True)
    assert line.draws == {listing_level(market.store, "TEA"): 6, listing_level(market.store, "CUP"): 3}


def test_a_bundle_of_which_a_part_is_short_takes_nothing_of_the_others(unique: str) -> None:
    market = open_with_set(unique, cups=1)
    for key in ("key-00000001", "key-00000002"):
        with pytest.raises(OutOfStock):
            buy(market, key, SET=2)
    assert stock(market) == {"TEA": (10, 0, 0), "CUP": (1, 0, 0)}
    assert buy(market, "key-00000003", SET=1).payment == "paid"


def test_a_bundle_and_its_part_alone_add_up_in_one_cart(unique: str) -> None:
    market = open_with_set(unique)
    wanted = [Wanted(market.store, "SET", 3), Wanted(market.store, "TEA", 5)]
    quoted = quote_cart(wanted, now=NOW)
    assert not quoted.ready
    assert {line.sku: line.problem for line in quoted.stores[0].lines} == {"SET": "", "TEA": "short"}
    with pytest.raises(OutOfStock):
        buy(market, SET=3, TEA=5)
    assert stock(market)["TEA"] == (10, 0, 0)
    buy(market, "key-00000002", SET=3, TEA=4)
    assert stock(market) == {"TEA": (0, 0, 10), "CUP": (0, 0, 3)}


def test_sixteen_buyers_of_a_bundle_and_its_parts_sell_exactly_what_is_there(unique: str) -> None:
    market = open_with_set(unique, tea=20, cups=7)

    def try_to_buy(number: int) -> dict[str, int]:
        wish = ({"SET": 1}, {"TEA": 1}, {"CUP": 1}, {"SET": 1, "TEA": 1})[number % 4]
        try:
            buy(market, f"key-{number:08}", **wish)
        except OutOfStock:
            return {}
        return wish

    with ThreadPoolExecutor(16) as threads:
        bought = [wish for wish in threads.map(try_to_buy, range(48)) if wish]
    sets = sum(wish.get("SET", 0) for wish in bought)
    teas = 2 * sets + sum(wish.get("TEA", 0) for wish in bought)
    cups = sets + sum(wish.get("CUP", 0) for wish in bought)
    assert stock(market) == {"TEA": (20 - teas, 0, teas), "CUP": (7 - cups, 0, cups)}
    assert cups == 7
    assert (20 - teas) in range(21)
    with pytest.raises(OutOfStock):
        buy(market, "key-00000099", SET=1)


def test_what_is_cancelled_gives_each_part_its_units_back(unique: str) -> None:
    market = open_with_set(unique)
    purchase = buy(market, SET=2, TEA=1)
    for _ in range(2):
        cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert stock(market) == {"TEA": (10, 0, 0), "CUP": (3, 0, 0)}


def test_an_unpaid_bundle_is_reserved_and_its_expiry_frees_each_part(unique: str) -> None:
    market = open_with_set(unique)
    purchase = buy(market, method="bank_transfer", SET=2)
    assert stock(market) == {"TEA": (6, 4, 0), "CUP": (1, 2, 0)}
    assert expire_purchase(purchase.id, NOW + timedelta(days=30))
    assert get_purchase_with_orders(purchase.id)[0].payment == "expired"
    assert stock(market) == {"TEA": (10, 0, 0), "CUP": (3, 0, 0)}


def test_units_that_are_refunded_give_as_many_of_each_part_back(unique: str) -> None:
    market = open_with_set(unique)
    order = bought(market, quantity=3, sku="SET", price=SET_PRICE)
    after = refund(market, order, RefundWish(1, units=2))
    assert (after.lines[0].returned, after.lines[0].refunded_minor) == (2, 200_000)
    assert stock(market) == {"TEA": (8, 0, 2), "CUP": (2, 0, 1)}
    assert wrong(market) == []


@pytest.mark.parametrize(("where", "reserves"), [("reserve", (6, 1)), ("written_off", (4, 0))])
def test_a_bundle_that_is_sent_back_comes_back_in_parts(unique: str, where: str, reserves: tuple[int, int]) -> None:
    market = open_with_set(unique)
    order = delivered(market, bought(market, quantity=3, sku="SET", price=SET_PRICE))
    identity = ask(market, order, 1)
    decide(market, order, identity, "accept")
    take_back(market, order, identity, stock=where)
    assert stock(market) == {"TEA": (reserves[0], 0, 4), "CUP": (reserves[1], 0, 2)}
    assert wrong(market) == []


@pytest.mark.parametrize("state", ["paused", "withdrawn"])
def test_a_part_that_is_off_sale_takes_the_bundle_with_it(unique: str, state: str) -> None:
    market = open_with_set(unique)
    set_listing_state(market.store, "CUP", state, "owner", NOW)
    [line] = quote_cart([Wanted(market.store, "SET", 1)], now=NOW).stores[0].lines
    assert line.problem == "withdrawn"
    with pytest.raises(OutOfStock):
        buy(market, SET=1)
    with pytest.raises(RuleViolation):  # the second time the levels are looked at first
        buy(market, "key-00000002", SET=1)
    assert not show_listing(market.store, "SET", now=NOW).available
    assert stock(market) == {"TEA": (10, 0, 0), "CUP": (3, 0, 0)}
    set_listing_state(market.store, "CUP", "on_sale", "owner", NOW)
    buy(market, "key-00000003", SET=1)


def test_a_paused_bundle_is_refused_and_its_parts_are_not(unique: str) -> None:
    market = open_with_set(unique)
    set_listing_state(market.store, "SET", "paused", "owner", NOW)
    with pytest.raises(RuleViolation):
        buy(market, SET=1)
    buy(market, "key-00000002", CUP=1)
    assert stock(market) == {"TEA": (10, 0, 0), "CUP": (2, 0, 1)}


def test_its_page_and_its_shelf_show_what_is_left_and_the_page_what_is_in_it(unique: str) -> None:
    market = open_with_set(unique)
    for requests in (2, 1):  # the first time it is not known yet what it is made of
        with measured() as capacity:
            shown = show_listing(market.store, "SET", now=NOW)
        assert (shown.reserve, shown.available, [part.sku for part in shown.parts]) == (3, True, ["TEA", "CUP"])
        assert len(capacity.requests) == requests
    rebuild_store(market.store)
    assert _shelf(market) == {"CUP": True, "SET": True, "TEA": True}
    buy(market, CUP=3)
    assert not show_listing(market.store, "SET", now=NOW).available
    rebuild_store(market.store)
    assert _shelf(market) == {"CUP": False, "SET": False, "TEA": True}


def _shelf(market: Market) -> dict[str, bool]:
    shelf = get_shelf(f"store/{market.store}")
    return {card.sku: card.available for card in shelf.cards} if shelf else {}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"NONE": 1}, "unknown"),
        ({"no such item": 1}, "unknown"),
        ({"NEW": 1}, "itself"),
        ({"TEA": 1, "SET": 1}, "bundle"),
        ({"LINK": 1}, "mediated"),
        ({"OLD": 1}, "withdrawn"),
    ],
)
def test_what_cannot_be_a_part_is_refused_by_name(unique: str, parts: dict[str, int], reason: str) -> None:
    market = open_with_set(unique)
    save_mediated(market.store, "LINK", market.supplier, price_minor=50_000, supply_minor=20_000)
    markets.save_listing(market.store, "OLD", price_minor=20_000, reserve=1)
    set_listing_state(market.store, "OLD", "withdrawn", "owner", NOW)
    with pytest.raises(PartRefused) as refused:
        save_listing(bundle(market, "NEW", **parts), "owner", NOW)
    assert refused.value.facts == {"part": sorted(parts)[0], "reason": reason}
    with pytest.raises(NotFound):
        get_listing(market.store, "NEW")


@pytest.mark.parametrize("parts", [{"TEA": 0}, {"TEA": -1}, {"TEA": 1000}, {f"P{number}": 1 for number in range(11)}])
def test_parts_beyond_their_bounds_are_refused(unique: str, parts: dict[str, int]) -> None:
    market = open_with_set(unique)
    with pytest.raises(Invalid):
        save_listing(bundle(market, "NEW", **parts), "owner", NOW)


def test_a_listing_stays_a_bundle_or_none_and_a_bundle_s_parts_may_change(unique: str) -> None:
    market = open_with_set(unique)
    order = bought(market, quantity=2, sku="SET", price=SET_PRICE)
    for sku, parts in (("SET", {}), ("TEA", {"CUP": 1})):
        with pytest.raises(RuleViolation):
            change_listing(market.store, sku, {"parts": parts}, "owner", NOW)
    changed = change_listing(market.store, "SET", {"parts": {"CUP": 2}}, "owner", NOW)
    assert (changed.parts, get_listing(market.store, "TEA").parts) == ({"CUP": 2}, {})
    refund(market, order, RefundWish(1, units=1))
    assert stock(market) == {"TEA": (8, 0, 2), "CUP": (2, 0, 1)}


def test_a_bundle_is_not_for_urgent_selling(unique: str) -> None:
    market = open_with_set(unique)
    terms = SaleTerms(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), 1)
    with pytest.raises(RuleViolation):
        start_urgent_sale(market.store, "SET", terms, actor="owner", key="sale-00001", now=NOW)
    assert get_listing(market.store, "SET").urgent is None


def test_a_bundle_takes_nothing_of_what_is_kept_for_a_part_s_urgent_sale(unique: str) -> None:
    market = open_with_set(unique)
    terms = SaleTerms(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), 7)
    start_urgent_sale(market.store, "TEA", terms, actor="owner", key="sale-00001", now=NOW)
    with pytest.raises(OutOfStock):
        buy(market, SET=2)
    buy(market, "key-00000002", SET=1)
    assert stock(market) == {"TEA": (1, 0, 2), "CUP": (2, 0, 1)}


def test_a_bundle_s_commission_is_of_its_own_category(unique: str) -> None:
    market = open_with_set(unique)
    rules = (CommissionRule("all", "union", rate_basis_points=600), CommissionRule("sets", "category", "gifts", 1_000))
    markets.save_union(fees=rules)
    change_listing(market.store, "SET", {"union_category": "gifts"}, "owner", NOW)
    order = get_purchase_with_orders(buy(market, SET=1).id)[1][0]
    shares = {share.account: share.amount_minor for share in order.lines[0].split}
    assert shares["union/commission"] == SET_PRICE * 10 // 100
    assert sum(shares.values()) == SET_PRICE + 6_000
