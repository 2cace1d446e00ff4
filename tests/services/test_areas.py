"""Where a supplier delivers an offer is said by its links, listings and snapshots, and nobody buys it for an address elsewhere."""

from __future__ import annotations

import json
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
from mart_union.checkout.model import Quote, Wanted
from mart_union.checkout.service import list_purchases, place_purchase, quote_cart
from mart_union.customers.model import Recipient
from mart_union.customers.tables import RecipientItem, recipient_key
from mart_union.kernel import secrets
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Invalid, OutsideArea
from mart_union.kernel.events import Event
from mart_union.kernel.ids import new_id
from mart_union.ledger.service import get_balance
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Offer, Terms
from mart_union.stock.service import get_level
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services.capacity import measured
from tests.services.market import Market, give_money, open_market
from tests.services.test_manage_catalog import ask as manage_page
from tests.services.test_mediation import make_offer, make_supplier
from tests.services.test_shop_sales import report

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
NORTH = ("30", "31")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})


@pytest.fixture
def market(unique: str) -> Market:
    """Two stores that sell an offer of a supplier which delivers to 30… and 31… only, under the SKU HERB, beside their own TEA."""
    made = open_market(unique)
    offer = make_offer(make_supplier(made.supplier), granted_to=("everyone",), area=NORTH)
    for store in (made.store, made.other_store):
        mediation.make_link(
            store, "HERB", OfferReference(offer.supplier, offer.sku), Terms("tea", 23_000), "owner", NOW
        )
    return made


def offered(market: Market) -> Offer:
    return mediation.get_offer(market.supplier, "HERB-TEA")


def changed(market: Market, **changes: Any) -> None:
    """The supplier changes its offer, and the stream tells of it."""
    mediation.save_offer(replace(offered(market), **changes), None, "owner", NOW)
    mediation.apply_offer_change(Event("e", "OfferChanged", f"offer/{market.supplier}/HERB-TEA", 1, "now", {}))


def moved(market: Market, postcode: str) -> str:
    """A recipient of the customer's elsewhere."""
    name = f"{market.recipient}-{postcode}"
    made = Recipient(name, market.customer, "王小明", ("中正路 2 號",), "臺東", postcode, "0900-000-001", iso(NOW))
    RecipientItem(*recipient_key(name), document=made).save()
    return name


def wanted(market: Market) -> list[Wanted]:
    return [Wanted(store, sku, 1) for store in (market.store, market.other_store) for sku in ("HERB", "TEA")]


def quoted(market: Market, postcode: str = "") -> Quote:
    return quote_cart(wanted(market), postcode=postcode, now=NOW)


def buy(market: Market, recipient: str) -> object:
    terms = {"total_seen": 118_000, "method": "account", "key": "key-00000001", "now": NOW}
    return place_purchase(market.customer, wanted(market), recipient=recipient, **terms)  # type: ignore[arg-type]


def world(market: Market) -> tuple[object, ...]:
    levels = [get_level(name) for name in (offered(market).level, f"listing/{market.store}/TEA")]
    balances = get_balance(f"customer/{market.customer}"), get_balance(f"store/{market.store}/deposit")
    return [(level.reserve, level.sold) for level in levels], balances, list_purchases(market.customer).items


def test_outside_of_the_suppliers_area_its_lines_are_refused_by_name_and_the_quote_says_so_before(
    market: Market,
) -> None:
    far, before = moved(market, "95-0"), world(market)
    with pytest.raises(OutsideArea) as refusal, measured() as capacity:
        buy(market, far)
    lines = [{"store": store, "sku": "HERB"} for store in (market.store, market.other_store)]
    assert (refusal.value.code, refusal.value.facts) == ("outside-area", {"lines": lines})
    assert capacity.requests == ["BatchGetItem", "GetItem"]  # the terms; then whether this key has bought before
    assert world(market) == before
    quote = quoted(market, "950")
    problems = {(line.store, line.sku): line.problem for part in quote.stores for line in part.lines}
    assert problems == {(each.store, each.sku): "outside" if each.sku == "HERB" else "" for each in wanted(market)}
    assert not quote.ready
    assert all(part.by_postcode for part in quote.stores)


def test_within_the_area_and_where_no_address_is_known_it_is_sold(market: Market) -> None:
    assert quoted(market, "31-2").ready
    assert quoted(market).ready
    assert [part.by_postcode for part in quoted(market).stores] == [True, True]
    buy(market, market.recipient)
    assert get_level(offered(market).level).sold == 2


def test_a_change_of_the_area_reaches_links_listings_and_snapshots_and_the_same_again_writes_nothing(
    market: Market,
) -> None:
    def said() -> list[object]:
        link, listing = mediation.get_link(market.store, "HERB"), get_listing(market.store, "HERB")
        assert listing.offer is not None
        return [link.area, listing.offer.area, mediation.snapshot_of(link).area, link.sequence]

    assert said() == [NORTH, NORTH, NORTH, 1]
    changed(market, area=("9-0", "90"))
    assert said() == [("90",), ("90",), ("90",), 2]
    changed(market, area=("90",))
    assert said()[3] == 2
    assert offered(market).sequence == 2
    changed(market, area=())
    assert said() == [(), (), (), 3]
    assert quoted(market, "950").ready


def test_what_is_sold_of_a_backup_is_delivered_where_the_backup_is(market: Market) -> None:
    backup = make_offer(make_supplier(f"{market.supplier}b"), granted_to=("everyone",), area=("95",), minimum_minor=0)
    terms = Terms("tea", 23_000, backup=backup.key)
    mediation.make_link(market.store, "HERB", OfferReference(market.supplier, "HERB-TEA"), terms, "owner", NOW)
    assert mediation.get_link(market.store, "HERB").area == NORTH
    changed(market, state="paused")
    link, listing = mediation.get_link(market.store, "HERB"), get_listing(market.store, "HERB")
    assert (link.on_backup, link.area, listing.offer and listing.offer.area) == (True, ("95",), ("95",))
    assert quote_cart([Wanted(market.store, "HERB", 1)], postcode="950", now=NOW).ready


def test_a_shops_sale_for_an_address_outside_is_refused_and_leaves_nothing(market: Market) -> None:
    shop = mediation.register_shop(market.store, "https://shop.example/hook", "owner", "key-00001", NOW)
    give_money(f"store/{market.store}/deposit", 50_000)
    changed(market, area=("95",))
    before = world(market)
    answer = report(shop, "sale-1", 1, sku="HERB")
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["type"]) == (422, "urn:mart-union:problem:outside-area")
    assert problem["lines"] == [{"store": market.store, "sku": "HERB"}]
    assert world(market) == before
    changed(market, area=NORTH)
    assert report(shop, "sale-1", 1, sku="HERB")["statusCode"] == 201
    assert mediation.get_deposit(market.store).held_minor == 11_000


@pytest.mark.parametrize("area", [("3!",), ("",), tuple(str(number) for number in range(51))])
def test_an_area_that_is_none_is_refused_and_the_offer_stays(market: Market, area: tuple[str, ...]) -> None:
    before = offered(market)
    with pytest.raises(Invalid) as refusal:
        mediation.save_offer(replace(before, area=area), None, "owner", NOW)
    assert refusal.value.facts["errors"] == [
        {"field": "area", "reason": "at most 50 beginnings of postcodes, of letters and digits"}
    ]
    assert offered(market) == before


def upload(market: Market, area: str | None) -> tuple[str, ...] | tuple[Finding, ...]:
    """The offer's area after a row of an upload with this cell (None: without the column), or what was wrong with the row."""
    save_category("", Category("tea", {"en": "Tea"}), "operator", NOW)
    importer = OfferImport(market.supplier)
    prices = {"supply_price": "110 TWD", "suggested_price": "220 TWD", "minimum_price": "165 TWD"}
    cells = {
        "id": "HERB-TEA",
        "title": "茶",
        "union_category": "tea",
        "quantity": "100",
        "granted_to": "everyone",
    } | prices
    cells |= {} if area is None else {"area": area}
    try:
        row = importer.read(SheetRow(2, cells, tuple(cells.values())))
    except RowRefused as refused:
        return refused.findings
    begun = {"begun": iso(utc_now())}  # each is a file of its own, and comes after those before it
    importer.apply([row], Upload(new_id(), f"supplier/{market.supplier}", "owner", "STARTED", iso(NOW), **begun), NOW)
    return offered(market).area


def test_an_upload_names_the_area_keeps_it_where_it_says_nothing_and_ends_it_with_everywhere(market: Market) -> None:
    assert [upload(market, cell) for cell in ("", None, "30; 9-5", "everywhere")] == [NORTH, NORTH, ("30", "95"), ()]
    [finding] = upload(market, "30;3!")
    assert isinstance(finding, Finding)
    assert (finding.line, finding.code, finding.message.partition(":")[0]) == (2, "invalid", "area")
    assert offered(market).area == ()


def test_supplier_and_sellers_see_the_area_on_their_pages_and_write_it_there(market: Market) -> None:
    english = {"Accept-Language": "en"}

    def page(path: str) -> str:
        query = {"supplier": market.supplier}
        return str(manage_page("GET", f"/manage/{market.store}/{path}", query=query, headers=english)["body"])

    for path in ("offers", f"offers/{market.supplier}/HERB-TEA", "links"):
        assert "postcodes that begin with 30, 31" in page(path), path
    whose = {"subject": "weaver", "role": "owner"}
    path = f"/supply/{market.supplier}/offers"
    shown = supply(gateway_event("GET", f"{path}/HERB-TEA", headers=english, **whose), CONTEXT)["body"]
    assert 'name="area" type="text" value="30 31"' in shown
    prices = {"supply_price": "110", "suggested_price": "220", "minimum_price": "165"}
    form = {"sku": "HERB-TEA", "title.en": "Tea", "granted_to": "everyone", "union_category": "tea", "area": "30, 32-1"}
    assert supply(gateway_event("POST", path, form=form | prices, **whose), CONTEXT)["statusCode"] == 303
    assert offered(market).area == ("30", "321")
