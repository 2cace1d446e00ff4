"""Allotments: pool stock set aside for one seller, which draws on it first; nobody else does, and none of it is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.catalog.service import get_listing, show_listing
from mart_union.checkout import terms as checkout_terms
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import expire_purchase, receive_payment
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import get_purchase_with_orders, place_purchase, quote_cart
from mart_union.kernel.clock import from_iso
from mart_union.kernel.errors import (
    Invalid,
    KeyReused,
    MartUnionError,
    NotFound,
    OutOfStock,
    PriceChanged,
    RuleViolation,
)
from mart_union.kernel.events import Event
from mart_union.kernel.ids import new_id
from mart_union.mediation import service as mediation
from mart_union.mediation.allotments import MOST_AT_ONCE
from mart_union.mediation.tables import OfferItem, offer_key
from mart_union.settlement.books import load_books
from mart_union.settlement.checks.levels import check_levels
from mart_union.settlement.checks.pools import check_pools
from mart_union.stock.model import Level, shard_of
from mart_union.stock.service import get_level, get_levels
from supply.app import lambda_handler
from tests.gateway import CONTEXT, gateway_event
from tests.services.capacity import measured
from tests.services.market import NOW, Market, give_money, open_market
from tests.services.test_low_stock import employ, mails, streamed
from tests.services.test_manage_catalog import api as manage
from tests.services.test_manage_catalog import ask as manage_page
from tests.services.test_mediation import link, make_offer, make_supplier, offer_changed

PRICE = 23_000


@pytest.fixture(autouse=True)
def forget_what_was_short() -> None:
    checkout_terms._short.clear()


@pytest.fixture
def market(unique: str) -> Market:
    """Two stores that sell of one pool of a hundred units, at 110 dollars to the supplier."""
    market = open_market(unique, money=100_000_000)
    offer = make_offer(make_supplier(market.supplier), granted_to=("everyone",))
    for store in (market.store, market.other_store):
        link(store, offer)
        give_money(f"store/{store}/deposit", 10_000_000)
    return market


def pool(market: Market) -> str:
    return f"offer/{market.supplier}/HERB-TEA"


def set_aside(market: Market, quantity: int, store: str = "") -> None:
    """Set units aside for a store, and let its listing hear of it."""
    mediation.set_allotment(
        market.supplier, "HERB-TEA", store or market.store, quantity, actor="lin", key=new_id(), now=NOW
    )
    hear(market)


def hear(market: Market) -> None:
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    mediation.apply_offer_change(offer_changed(offer, offer.sequence))
    mediation.apply_stock_change(Event("e", "StockLow", f"level/{offer.level}", 1, "now", {}))


def buy(market: Market, quantity: int, key: str, store: str = "", method: str = "account") -> Purchase:
    wanted = [Wanted(store or market.store, "GX-HERBTEA", quantity)]
    return place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=PRICE * quantity + 6_000,
        method=method,
        key=key,
        now=NOW,
    )


def draws(purchase: Purchase) -> dict[str, int]:
    [order] = get_purchase_with_orders(purchase.id)[1]
    return dict(order.lines[0].draws)


def counts(market: Market) -> dict[str, tuple[int, int, int]]:
    """Reserve, reserved and sold of the pool and of the first store's allotment."""
    own = shard_of(pool(market), market.store)
    levels = get_levels([pool(market), own], consistent=True)
    return {
        name: (level.reserve, level.reserved, level.sold)
        for name, level in (("pool", levels[pool(market)]), ("own", levels.get(own, Level(own))))
    }


def wrong(market: Market) -> list[str]:
    """What the checker finds wrong with the pool and its orders."""
    books = load_books()
    return [
        each.detail
        for check in (check_levels, check_pools)
        for each in check(books)
        if market.supplier in each.subject + each.detail
    ]


def test_a_seller_draws_on_its_allotment_first_and_then_on_the_pool_in_one_purchase(market: Market) -> None:
    set_aside(market, 5)
    own = shard_of(pool(market), market.store)
    assert counts(market) == {"pool": (95, 0, 0), "own": (5, 0, 0)}
    assert draws(buy(market, 3, "key-00000001")) == {own: 3}
    assert draws(buy(market, 4, "key-00000002")) == {own: 2, pool(market): 2}
    assert draws(buy(market, 1, "key-00000003")) == {}
    assert counts(market) == {"pool": (92, 0, 3), "own": (0, 0, 5)}
    assert wrong(market) == []


def test_a_purchase_from_an_allotment_is_two_requests_and_one_beyond_it_looks_once(market: Market) -> None:
    set_aside(market, 5)
    with measured() as within:
        buy(market, 3, "key-00000001")
    assert within.requests == ["BatchGetItem", "TransactWriteItems"]
    with measured() as beyond:
        buy(market, 3, "key-00000002")
    assert beyond.requests == ["BatchGetItem", "TransactWriteItems", "BatchGetItem", "TransactWriteItems"]
    with measured() as after:
        buy(market, 3, "key-00000003")
    assert after.requests == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]


def test_nobody_else_sells_what_is_set_aside_and_its_seller_still_does(market: Market) -> None:
    set_aside(market, 60)
    buy(market, 40, "key-00000001", market.other_store)
    with pytest.raises(OutOfStock):
        buy(market, 1, "key-00000002", market.other_store)
    assert show_listing(market.other_store, "GX-HERBTEA", now=NOW).reserve == 0
    assert show_listing(market.store, "GX-HERBTEA", now=NOW).reserve == 60
    hear(market)
    shown = [mediation.get_link(store, "GX-HERBTEA").availability for store in (market.store, market.other_store)]
    assert shown == ["in_stock", "out_of_stock"]
    buy(market, 60, "key-00000003")
    with pytest.raises(OutOfStock):
        buy(market, 1, "key-00000004")
    hear(market)
    assert mediation.get_link(market.store, "GX-HERBTEA").availability == "out_of_stock"
    assert counts(market) == {"pool": (0, 0, 40), "own": (0, 0, 60)}


def test_all_sellers_at_once_sell_exactly_what_the_supplier_has_and_each_its_own(market: Market) -> None:
    set_aside(market, 10)
    set_aside(market, 20, market.other_store)
    stores = [market.store, market.other_store]

    def try_to_buy(number: int) -> int:
        for _ in range(20):
            try:
                buy(market, 3, f"key-{number:08}", stores[number % 2])
                return 3
            except OutOfStock:
                return 0
            except MartUnionError:
                continue
        raise AssertionError("never answered")

    with ThreadPoolExecutor(16) as threads:
        sold = sum(threads.map(try_to_buy, range(60)))
    left = get_levels([pool(market), *(shard_of(pool(market), store) for store in stores)], consistent=True)
    assert sold == sum(level.sold for level in left.values()) == 100 - sum(level.reserve for level in left.values())
    assert sum(level.reserve for level in left.values()) < 6
    assert wrong(market) == []


def test_what_is_given_back_goes_to_the_pool(market: Market) -> None:
    set_aside(market, 5)
    bought = buy(market, 7, "key-00000001")
    cancel_purchase(bought.id, actor=market.customer, role="customer", key="cancel-01", now=NOW)
    assert counts(market) == {"pool": (100, 0, 0), "own": (0, 0, 0)}
    set_aside(market, 4)
    waits = buy(market, 4, "key-00000002", method="bank_transfer")
    assert counts(market) == {"pool": (96, 0, 0), "own": (0, 4, 0)}
    assert expire_purchase(waits.id, from_iso(waits.expires_at))
    assert counts(market) == {"pool": (100, 0, 0), "own": (0, 0, 0)}
    set_aside(market, 4)
    paid = buy(market, 4, "key-00000003", method="bank_transfer")
    assert receive_payment(paid.id, paid.total_minor, reference=f"b-{paid.id}", now=NOW) == "confirmed"
    assert counts(market) == {"pool": (96, 0, 0), "own": (0, 0, 4)}
    assert wrong(market) == []


def test_a_sale_of_the_sellers_own_shop_draws_on_its_allotment(market: Market, unique: str) -> None:
    set_aside(market, 2)
    wanted = [Wanted(market.store, "GX-HERBTEA", 3)]
    sale = place_shop_sale(market.store, f"shop-{unique}", wanted, recipient=market.recipient, key="sale-001", now=NOW)
    assert draws(sale) == {shard_of(pool(market), market.store): 2, pool(market): 1}


def test_a_new_supply_price_holds_for_an_allotment_from_the_same_moment(market: Market) -> None:
    set_aside(market, 5)
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    mediation.save_offer(replace(offer, supply_minor=12_000), None, "owner", NOW)
    [order] = get_purchase_with_orders(buy(market, 2, "key-00000001").id)[1]
    assert (order.lines[0].supply_minor, get_listing(market.store, "GX-HERBTEA").offer.supply_minor) == (12_000, 11_000)  # type: ignore[union-attr]
    assert wrong(market) == []


def test_a_paused_offer_stops_its_allotments_and_one_that_is_resumed_lets_them_go(market: Market) -> None:
    set_aside(market, 5)
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    mediation.save_offer(replace(offer, state="paused"), None, "owner", NOW)
    before = counts(market)
    with pytest.raises(OutOfStock):
        buy(market, 1, "key-00000001")
    assert counts(market) == before
    mediation.save_offer(replace(offer, low_stock=7), None, "owner", NOW)
    own = get_level(shard_of(pool(market), market.store))
    assert (own.on_sale, own.low_stock) == (True, 7)
    buy(market, 1, "key-00000002")


def test_a_count_includes_what_is_set_aside(market: Market) -> None:
    set_aside(market, 30)
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    assert not mediation.save_offer(offer, 100, "owner", NOW)
    assert mediation.save_offer(offer, 50, "owner", NOW)
    assert counts(market) == {"pool": (20, 0, 0), "own": (30, 0, 0)}
    assert mediation.get_offer(market.supplier, "HERB-TEA").allotments == (market.store,)


@pytest.mark.parametrize(
    ("quantity", "left"), [(0, (0, 0, 0)), (10, (0, 8, 2)), (24, (0, 19, 5)), (39, (0, 31, 8)), (50, (10, 32, 8))]
)
def test_a_count_smaller_than_what_is_set_aside_leaves_nobody_more_than_there_is(
    market: Market, quantity: int, left: tuple[int, int, int]
) -> None:
    set_aside(market, 32)
    set_aside(market, 8, market.other_store)
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    assert mediation.save_offer(offer, quantity, "owner", NOW)
    own, other = (shard_of(pool(market), store) for store in (market.store, market.other_store))
    levels = get_levels([pool(market), own, other], consistent=True)
    assert tuple(levels[name].reserve for name in (pool(market), own, other)) == left
    assert sum(level.received + level.corrected for level in levels.values()) == quantity
    for number in range(quantity + 1):
        for store in (market.store, market.other_store):
            with suppress(OutOfStock):
                buy(market, 1, f"key-{store}-{number:04}", store)
    sold = sum(level.sold for level in get_levels(list(levels), consistent=True).values())
    assert (sold, wrong(market)) == (quantity, [])
    assert not mediation.save_offer(mediation.get_offer(market.supplier, "HERB-TEA"), 0, "owner", NOW)


def test_a_count_that_cuts_an_allotment_of_an_empty_pool_and_changes_its_price_is_one_change(market: Market) -> None:
    set_aside(market, 100)
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    assert counts(market) == {"pool": (0, 0, 0), "own": (100, 0, 0)}
    cheaper = replace(offer, supply_minor=12_000)
    assert mediation.save_offer(cheaper, 3, "owner", NOW, key="list-1/e1")
    assert counts(market) == {"pool": (0, 0, 0), "own": (3, 0, 0)}
    own = get_level(shard_of(pool(market), market.store))
    assert (own.supply_minor, own.reason, own.corrected, own.moved) == (12_000, "counted", -97, 100)
    buy(market, 2, "key-00000001")
    assert not mediation.save_offer(cheaper, 3, "owner", NOW, key="list-1/e1")
    assert (counts(market), wrong(market)) == ({"pool": (0, 0, 0), "own": (1, 0, 2)}, [])


def test_counts_that_cut_and_sales_at_once_sell_nothing_that_is_not_there(market: Market) -> None:
    set_aside(market, 60)
    offer = mediation.get_offer(market.supplier, "HERB-TEA")

    def act(number: int) -> int:
        try:
            if number % 4 == 0:
                mediation.save_offer(offer, 20, "owner", NOW)
                return 0
            buy(market, 1, f"key-{number:08}", market.store if number % 2 else market.other_store)
        except MartUnionError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        sold = sum(threads.map(act, range(40)))
    assert sold > 0
    mediation.save_offer(offer, 0, "owner", NOW)
    with pytest.raises(OutOfStock):
        buy(market, 1, "key-last")
    found = counts(market)
    assert (found["pool"][2] + found["own"][2], found["pool"][0], found["own"][0]) == (sold, 0, 0)
    assert wrong(market) == []


def test_an_allotment_is_changed_and_ended_and_its_repeat_moves_nothing(market: Market) -> None:
    for quantity in (5, 5, 8, 2, 2):
        set_aside(market, quantity)
        assert counts(market) == {"pool": (100 - quantity, 0, 0), "own": (quantity, 0, 0)}
    sequence = get_level(pool(market)).sequence
    set_aside(market, 2)
    assert get_level(pool(market)).sequence == sequence
    assert get_listing(market.store, "GX-HERBTEA").allotted
    for _ in range(2):
        set_aside(market, 0)
        assert counts(market) == {"pool": (100, 0, 0), "own": (0, 0, 0)}
    assert not get_listing(market.store, "GX-HERBTEA").allotted
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    assert (offer.allotments, offer.allotments_made) == ((), (market.store,))
    assert draws(buy(market, 1, "key-00000001")) == {}


def test_changes_and_sales_at_once_lose_nothing(market: Market) -> None:
    set_aside(market, 10)

    def act(number: int) -> int:
        try:
            if number % 3 == 0:
                mediation.set_allotment(
                    market.supplier, "HERB-TEA", market.store, number, actor="lin", key=new_id(), now=NOW
                )
                return 0
            buy(market, 1, f"key-{number:08}")
        except MartUnionError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        sold = sum(threads.map(act, range(30)))
    found = counts(market)
    assert (found["pool"][2] + found["own"][2], found["pool"][0] + found["own"][0]) == (sold, 100 - sold)
    assert wrong(market) == []


def test_a_late_repeat_tops_nothing_up_that_was_sold_since_and_its_key_serves_nothing_else(market: Market) -> None:
    def allot(quantity: int, key: str) -> mediation.Allotment:
        facts = {"actor": "lin", "key": key, "now": NOW}
        return mediation.set_allotment(market.supplier, "HERB-TEA", market.store, quantity, **facts)  # type: ignore[arg-type]

    first = allot(5, "allot-0001")
    assert allot(5, "allot-0002") == first == mediation.Allotment(market.store, 5, 0, 0)  # moves nothing
    hear(market)
    buy(market, 2, "key-00000001")
    before = counts(market), mediation.get_offer(market.supplier, "HERB-TEA")
    assert counts(market) == {"pool": (95, 0, 0), "own": (3, 0, 2)}
    for key in ("allot-0001", "allot-0002"):
        assert allot(5, key) == mediation.Allotment(market.store, 3, 0, 2)
        with pytest.raises(KeyReused):
            allot(4, key)
    assert (counts(market), mediation.get_offer(market.supplier, "HERB-TEA")) == before
    assert allot(5, "allot-0003") == mediation.Allotment(market.store, 5, 0, 2)


REFUSED: list[tuple[Callable[[Market], object], type[MartUnionError]]] = [
    (lambda market: set_aside(market, -1), Invalid),
    (lambda market: set_aside(market, 10**10), Invalid),
    (lambda market: set_aside(market, 101), OutOfStock),
    (lambda market: set_aside(market, 1, "no-such-store"), NotFound),
    (
        lambda market: mediation.set_allotment(market.supplier, "NONE", market.store, 1, actor="lin", key="k", now=NOW),
        NotFound,
    ),
]


@pytest.mark.parametrize(("command", "refusal"), REFUSED)
def test_what_cannot_be_set_aside_is_refused_by_name_and_changes_nothing(
    market: Market, command: Callable[[Market], object], refusal: type[MartUnionError]
) -> None:
    before = counts(market), mediation.get_offer(market.supplier, "HERB-TEA")
    with pytest.raises(refusal):
        command(market)
    assert (counts(market), mediation.get_offer(market.supplier, "HERB-TEA")) == before


def test_an_offer_has_few_allotments_and_only_for_those_who_may_sell_it(market: Market) -> None:
    offer = mediation.get_offer(market.supplier, "HERB-TEA")
    mediation.save_offer(replace(offer, granted_to=(f"store:{market.other_store}",)), None, "owner", NOW)
    with pytest.raises(RuleViolation):
        set_aside(market, 1)
    mediation.save_offer(replace(offer, granted_to=("everyone",)), None, "owner", NOW)
    full = replace(mediation.get_offer(market.supplier, "HERB-TEA"), sequence=1)
    others = tuple(f"store-{number}" for number in range(MOST_AT_ONCE))
    document = replace(full, allotments=others, allotments_made=others)
    OfferItem(*offer_key(market.supplier, "HERB-TEA"), document=document, sequence=1).save()
    with pytest.raises(RuleViolation) as refused:
        set_aside(market, 1)
    assert refused.value.facts["most"] == MOST_AT_ONCE
    assert counts(market) == {"pool": (100, 0, 0), "own": (0, 0, 0)}


def test_a_price_that_the_seller_saw_is_still_what_is_asked(market: Market) -> None:
    set_aside(market, 2)
    with pytest.raises(PriceChanged):
        place_purchase(
            market.customer,
            [Wanted(market.store, "GX-HERBTEA", 1)],
            recipient=market.recipient,
            total_seen=1,
            method="account",
            key="key-00000001",
            now=NOW,
        )
    assert counts(market) == {"pool": (98, 0, 0), "own": (2, 0, 0)}
    assert quote_cart([Wanted(market.store, "GX-HERBTEA", 100)], now=NOW).ready
    assert not quote_cart([Wanted(market.other_store, "GX-HERBTEA", 100)], now=NOW).ready


def test_an_allotment_that_runs_low_is_told_to_its_supplier_once(market: Market) -> None:
    set_aside(market, 8)
    employ("supplier", market.supplier, "owner")
    own = shard_of(pool(market), market.store)
    events = streamed(own, lambda: buy(market, 3, "key-00000001"), lambda: buy(market, 5, "key-00000002"))
    assert [(event.name, event.entity) for event in events] == [
        ("StockLow", f"level/{own}"),
        ("StockOut", f"level/{own}"),
    ]
    assert mails(events[0]) == [
        (f"owner@{market.supplier}.example", "Little is left of an allotment: Grass Jelly Tea Bags")
    ]
    before = mediation.get_link(market.store, "GX-HERBTEA")
    mediation.apply_stock_change(events[1])
    assert mediation.get_link(market.store, "GX-HERBTEA") == before  # the pool has enough


def supply(market: Market, method: str, path: str, **options: Any) -> dict[str, Any]:
    path = path.format(supplier=market.supplier, store=market.store)
    keyed = {"Idempotency-Key": new_id()} | options.pop("headers", {})
    return lambda_handler(
        gateway_event(method, path, subject="owner-1", role="owner", headers=keyed, **options), CONTEXT
    )


def test_the_supplier_sets_it_by_the_api_and_on_the_offers_page_and_the_seller_sees_its_own(market: Market) -> None:
    path = "/supply/{supplier}/offers/HERB-TEA"
    answer = supply(market, "PUT", f"/api{path}/allotments/{{store}}", body={"quantity": 5})
    assert (answer["statusCode"], json.loads(answer["body"])) == (
        200,
        {"store": market.store, "reserve": 5, "reserved": 0, "sold": 0},
    )
    form = {"store": market.other_store, "quantity": "7"}
    assert supply(market, "POST", f"{path}/allotments", form=form)["statusCode"] == 303
    shown = json.loads(supply(market, "GET", f"/api{path}")["body"])
    assert (shown["reserve"], [each["reserve"] for each in shown["allotments"]]) == (88, [5, 7])
    page = supply(market, "GET", path, headers={"Accept-Language": "en"})["body"]
    assert all(store in page for store in (market.store, market.other_store))
    hear(market)
    [offer] = [
        each
        for each in manage("GET", f"/manage/{market.store}/offers", query={"supplier": market.supplier})[1]["items"]
        if each["offer"]["supplier"] == market.supplier
    ]
    assert (offer["reserve"], offer["allotted"], offer["offer"]["allotments"]) == (93, 5, [])
    stock = manage("GET", f"/manage/{market.store}/stock/GX-HERBTEA")[1]
    assert (stock["reserve"], stock["allotted"], stock["kept"]) == (88, 5, 0)
    for page_path in ("stock/GX-HERBTEA", "links", f"offers/{market.supplier}/HERB-TEA"):
        body = manage_page("GET", f"/manage/{market.store}/{page_path}", headers={"Accept-Language": "en"})["body"]
        assert "Set aside for you" in body
        assert market.other_store not in body
    for quantity in (-1, 1.5, "many"):
        refused = supply(market, "PUT", f"/api{path}/allotments/{{store}}", body={"quantity": quantity})
        assert refused["statusCode"] == 422
    assert counts(market) == {"pool": (88, 0, 0), "own": (5, 0, 0)}
