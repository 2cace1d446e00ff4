"""Supply prices by volume: the quantity of a line decides what its units cost, once and for good, in shares, holds, returns and payables."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from catalog_import.supply import OfferImport
from mart_union.catalog.files import Finding
from mart_union.catalog.files import Row as SheetRow
from mart_union.catalog.model import Category, OfferReference
from mart_union.catalog.rows import RowRefused
from mart_union.catalog.service import get_listing, save_category
from mart_union.catalog.upload_model import Upload
from mart_union.catalog.volumes import SupplyPrice, Tier
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Invalid
from mart_union.kernel.events import Event
from mart_union.kernel.ids import new_id
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Offer, Terms
from mart_union.orders.model import Line
from mart_union.orders.service import get_order
from mart_union.settlement.completion import complete_order
from mart_union.stock.model import shard_of
from mart_union.stock.service import get_level
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services.capacity import measured
from tests.services.market import Market, give_money, open_market
from tests.services.refunds import LATER, ask, decide, delivered, payables, take_back, wrong
from tests.services.test_manage_catalog import api as manage_api
from tests.services.test_manage_catalog import ask as manage_page
from tests.services.test_mediation import make_offer, make_supplier

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TIERS = (Tier(3, 14_000), Tier(10, 12_000))
SCHEDULE = "1:15000 3:14000 10:12000"


@pytest.fixture
def market(unique: str) -> Market:
    """An offer of 150 dollars, 140 from three on, 120 from ten on; two stores sell it as HERB at 230, the first as LOSS at 130, too, on a deposit of
    3,000."""
    made = open_market(unique, money=10_000_000)
    prices = {"supply_minor": 15_000, "suggested_minor": 23_000, "minimum_minor": 0}
    make_offer(make_supplier(made.supplier), granted_to=("everyone",), tiers=TIERS, **prices)
    for store, sku, price in (
        (made.store, "HERB", 23_000),
        (made.other_store, "HERB", 23_000),
        (made.store, "LOSS", 13_000),
    ):
        reference = OfferReference(made.supplier, "HERB-TEA")
        mediation.make_link(store, sku, reference, Terms("tea", price), "owner", NOW)
    give_money(f"store/{made.store}/deposit", 300_000)
    return made


def offered(market: Market) -> Offer:
    return mediation.get_offer(market.supplier, "HERB-TEA")


def save(market: Market, **changes: Any) -> bool:
    return mediation.save_offer(replace(offered(market), **changes), None, "owner", NOW)


def heard(market: Market) -> None:
    """The links hear of how the offer is."""
    mediation.apply_offer_change(Event("e", "OfferChanged", f"offer/{market.supplier}/HERB-TEA", 1, "now", {}))


def buy(market: Market, *wanted: tuple[str, str, int, int], key: str = "key-00000001") -> Purchase:
    """A purchase of so many of some listings at a price each, with 60 dollars of delivery a store."""
    total = sum(quantity * price for _, _, quantity, price in wanted) + 6_000 * len({store for store, *_ in wanted})
    wishes = [Wanted(store, sku, quantity) for store, sku, quantity, _ in wanted]
    terms = {"recipient": market.recipient, "total_seen": total, "method": "account", "key": key, "now": NOW}
    return place_purchase(market.customer, wishes, **terms)  # type: ignore[arg-type]


def lines_of(orders: Iterable[str]) -> list[Line]:
    return [line for order in orders for line in get_order(order, consistent=True).lines]


def shares_of(line: Line) -> dict[str, int]:
    return {share.kind: share.amount_minor for share in line.split}


@pytest.mark.parametrize(
    ("quantity", "unit"), [(1, 15_000), (2, 15_000), (3, 14_000), (9, 14_000), (10, 12_000), (40, 12_000)]
)
def test_the_tier_that_a_line_reaches_holds_for_each_of_its_units(market: Market, quantity: int, unit: int) -> None:
    [line] = lines_of(buy(market, (market.store, "HERB", quantity, 23_000)).orders)
    assert (line.supply_minor, line.supply_schedule, line.held_minor) == (unit, SCHEDULE, 0)
    assert shares_of(line)["supply"] == quantity * unit
    assert sum(shares_of(line).values()) == quantity * 23_000 + 6_000
    assert wrong(market) == []


def test_what_is_left_for_the_store_or_held_of_its_deposit_goes_by_the_tier(market: Market) -> None:
    [line] = lines_of(buy(market, (market.store, "HERB", 3, 23_000)).orders)
    assert shares_of(line) == {"supply": 42_000, "commission": 4_100, "tax": 3_300, "delivery": 6_000, "sale": 19_600}
    held = [
        lines_of(buy(market, (market.store, "LOSS", quantity, 13_000), key=f"key-0000001{quantity}").orders)[
            0
        ].held_minor
        for quantity in (2, 3, 10)
    ]
    assert held == [
        6_800,
        7_200,
        4_000,
    ]  # 26,000 - 1,600 - 1,200 - 30,000; 39,000 - 2,300 - 1,900 - 42,000; 130,000 - 7,800 - 6,200 - 120,000
    assert mediation.get_deposit(market.store).held_minor == sum(held)
    assert wrong(market) == []


def test_each_line_counts_for_itself_even_where_lines_share_a_pool(market: Market) -> None:
    wanted = [
        (market.store, "HERB", 2, 23_000),
        (market.store, "LOSS", 2, 13_000),
        (market.other_store, "HERB", 8, 23_000),
    ]
    lines = lines_of(buy(market, *wanted).orders)
    assert sorted((line.quantity, line.supply_minor) for line in lines) == [(2, 15_000), (2, 15_000), (8, 14_000)]
    assert (get_level(offered(market).level).reserve, get_level(offered(market).level).sold) == (88, 12)
    assert wrong(market) == []


def test_a_shops_sale_holds_the_tiers_price(market: Market) -> None:
    wanted = [Wanted(market.store, "HERB", 10)]
    sale = place_shop_sale(
        market.store, "shop", wanted, recipient=market.recipient, key=f"sale-{market.store}", now=NOW
    )
    [line] = lines_of(sale.orders)
    assert (line.supply_minor, line.held_minor, shares_of(line)) == (12_000, 120_000, {"supply": 120_000})
    assert mediation.get_deposit(market.store).held_minor == 120_000
    assert wrong(market) == []


def test_a_return_leaves_the_rest_at_the_price_that_was_frozen(market: Market) -> None:
    party = f"supplier/{market.supplier}"
    order = delivered(market, buy(market, (market.store, "HERB", 3, 23_000)).orders[0], party)
    asked = ask(market, order, 2, reason="defective")
    decide(market, order, asked, "accept", taker=party)
    take_back(market, order, asked, taker=party, stock="reserve")
    [line] = lines_of([order])
    [share] = [each for each in line.split if each.kind == "supply"]
    assert (line.supply_minor, share.amount_minor, share.reversed_minor) == (14_000, 42_000, 28_000)
    assert wrong(market) == []
    complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    assert payables(order, "completion")[party].amount_minor == 14_000 + 6_000
    assert wrong(market) == []


def test_a_cancelled_purchase_gives_back_what_a_tier_held_and_took(market: Market) -> None:
    purchase = buy(market, (market.store, "LOSS", 10, 13_000))
    assert mediation.get_deposit(market.store).held_minor == 4_000
    cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert mediation.get_deposit(market.store).held_minor == 0
    assert (get_level(offered(market).level).reserve, get_level(offered(market).level).sold) == (100, 0)
    assert wrong(market) == []


def test_a_change_of_the_tiers_holds_from_its_moment_though_listings_have_not_heard_of_it(market: Market) -> None:
    first = buy(market, (market.store, "HERB", 3, 23_000))
    assert save(market, tiers=(Tier(2, 13_000),))
    [line] = lines_of(buy(market, (market.store, "HERB", 3, 23_000), key="key-00000002").orders)
    assert (line.supply_minor, line.supply_schedule) == (13_000, "1:15000 2:13000")
    save(market, tiers=())
    [line] = lines_of(buy(market, (market.store, "HERB", 3, 23_000), key="key-00000003").orders)
    assert (line.supply_minor, line.supply_schedule) == (15_000, "")
    assert lines_of(first.orders)[0].supply_minor == 14_000
    heard(market)
    reference = get_listing(market.store, "HERB").offer
    assert reference is not None
    assert reference.supply_price == SupplyPrice(15_000)
    assert wrong(market) == []


def test_purchases_beside_changes_of_the_tiers_are_each_made_under_some_terms_that_held(market: Market) -> None:
    def sell(number: int) -> Line:
        store = (market.store, market.other_store)[number % 2]
        return lines_of(buy(market, (store, "HERB", 3, 23_000), key=f"key-000001{number:02d}").orders)[0]

    def change(number: int) -> None:
        save(market, tiers=TIERS if number % 2 else (Tier(2, 13_000),))

    with ThreadPoolExecutor(4) as threads:
        changes = threads.submit(lambda: [change(number) for number in range(6)])
        lines = list(threads.map(sell, range(8)))
        changes.result()
    prices = {SCHEDULE: 14_000, "1:15000 2:13000": 13_000}
    assert [line.supply_minor for line in lines] == [prices[line.supply_schedule] for line in lines]
    assert wrong(market) == []


def test_tiers_stand_on_the_pool_and_its_allotments_and_the_same_again_writes_nothing(market: Market) -> None:
    offer = offered(market)
    mediation.set_allotment(market.supplier, offer.sku, market.store, 10, actor="owner", key="key-00001", now=NOW)
    levels = (offer.level, shard_of(offer.level, market.store))
    assert [get_level(level).supply_tiers for level in levels] == [SCHEDULE, SCHEDULE]
    assert save(market, tiers=(Tier(2, 13_000),))
    assert [get_level(level).supply_tiers for level in levels] == ["1:15000 2:13000"] * 2
    assert get_level(offer.level).reason == "supply-price"
    heard(market)
    [line] = lines_of(buy(market, (market.store, "HERB", 2, 23_000)).orders)
    assert (line.supply_minor, line.draws) == (13_000, {levels[1]: 2})
    with measured() as capacity:
        assert not save(market, tiers=(Tier(2, 13_000),))
    assert capacity.writes == []
    assert wrong(market) == []


@pytest.mark.parametrize(
    ("tiers", "reason"),
    [
        ([(1, 14_000)], "each begins after the one before"),
        ([(3, 14_000), (3, 13_000)], "each begins after the one before"),
        ([(1000, 14_000)], "each begins after the one before"),
        ([(3, 15_000)], "each costs less than the one before"),
        ([(3, 14_000), (5, 14_000)], "each costs less than the one before"),
        ([(3, 14_050)], "an amount is in steps"),
        ([(3, 0)], "an amount must be between"),
        ([(2 + number, 14_900 - 100 * number) for number in range(11)], "there are at most 10"),
    ],
)
def test_tiers_that_cannot_be_meant_are_refused_by_name(
    market: Market, tiers: list[tuple[int, int]], reason: str
) -> None:
    before, pool = offered(market), get_level(offered(market).level)
    with pytest.raises(Invalid) as refusal:
        save(market, tiers=tuple(Tier(*tier) for tier in tiers))
    [error] = refusal.value.facts["errors"]  # type: ignore[misc]
    assert error["field"] == "tiers"
    assert error["reason"].startswith(reason)
    assert (offered(market), get_level(before.level)) == (before, pool)


def test_a_price_that_its_tiers_no_longer_undercut_is_refused_though_they_were_only_kept(market: Market) -> None:
    before, pool = offered(market), get_level(offered(market).level)
    lower = replace(before, supply_minor=TIERS[0].supply_minor, tiers=())
    with pytest.raises(Invalid, match="each costs less than the one before"):
        mediation.save_offer(lower, 100, "owner", NOW, kept=("tiers",))
    assert (offered(market), get_level(before.level)) == (before, pool)


def upload(market: Market, cell: str) -> tuple[Tier, ...] | list[str]:
    """The offer's tiers after a row of an upload with this cell, or what was wrong with the row."""
    save_category("", Category("tea", {"en": "Tea"}), "operator", NOW)
    importer = OfferImport(market.supplier)
    prices = {"supply_price": "150 TWD", "suggested_price": "230 TWD", "tiers": cell}
    cells = {
        "id": "HERB-TEA",
        "title": "茶",
        "union_category": "tea",
        "quantity": "100",
        "granted_to": "everyone",
    } | prices
    try:
        row = importer.read(SheetRow(2, cells, tuple(cells.values())))
    except RowRefused as refused:
        return [f"{found.line} {found.code}" for found in refused.findings if isinstance(found, Finding)]
    begun = {"begun": iso(utc_now())}  # each is a file of its own, and comes after those before it
    importer.apply([row], Upload(new_id(), f"supplier/{market.supplier}", "owner", "STARTED", iso(NOW), **begun), NOW)
    return offered(market).tiers


def test_an_upload_names_tiers_keeps_them_where_it_says_nothing_and_ends_them_with_none(market: Market) -> None:
    assert [upload(market, cell) for cell in ("", "2:140 TWD; 20:99 TWD")] == [
        TIERS,
        (Tier(2, 14_000), Tier(20, 9_900)),
    ]
    wrong_cells = ("2", "x:140 TWD", "2:140 JPY", "5:140 TWD;3:130 TWD", "2:150 TWD")
    assert [upload(market, cell) for cell in wrong_cells] == [["2 bad-tier"]] * 3 + [["2 invalid"]] * 2
    assert upload(market, "none") == ()
    assert get_level(offered(market).level).supply_tiers == ""


def test_sellers_see_what_a_line_of_each_tier_leaves_them_and_suppliers_write_tiers_on_their_page(
    market: Market,
) -> None:
    english = {"Accept-Language": "en"}
    status, found = manage_api("GET", f"/manage/{market.store}/offers", query={"supplier": market.supplier})
    [view] = found["items"]
    assert status == 200
    assert [(each["begins"], each["supply_minor"], each["left_minor"]) for each in view["volumes"]] == [
        (3, 14_000, 19_600),
        (10, 12_000, 85_200),  # 230,000 - 13,800 - 11,000 - 120,000
    ]
    assert view["left_minor"] == 5_500
    page = manage_page("GET", f"/manage/{market.store}/offers/{market.supplier}/HERB-TEA", headers=english)["body"]
    assert "supply price NT$140 each, left for you of so many NT$196" in page
    path, whose = f"/supply/{market.supplier}/offers", {"subject": "weaver", "role": "owner"}
    shown = supply(gateway_event("GET", f"{path}/HERB-TEA", headers=english, **whose), CONTEXT)["body"]
    assert ">3 140\n10 120\n</textarea>" in shown
    prices = {"supply_price": "150", "suggested_price": "230", "minimum_price": "180"}
    form = {"sku": "HERB-TEA", "title.en": "Tea", "granted_to": "everyone", "union_category": "tea"} | prices

    def post(tiers: str) -> int:
        answer = supply(gateway_event("POST", path, form=form | {"tiers": tiers}, **whose), CONTEXT)
        return int(answer["statusCode"])

    assert (post("4 130\r\n\r\n20 110\r\n"), offered(market).tiers) == (303, (Tier(4, 13_000), Tier(20, 11_000)))
    assert [post(text) for text in ("4", "four 130", "4 160")] == [422, 422, 422]
    assert offered(market).tiers == (Tier(4, 13_000), Tier(20, 11_000))
