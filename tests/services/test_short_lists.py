"""A list without optional columns, or with empty cells, leaves what they said before as it is; what is to end is said by a word of its own."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from catalog_import.supply import OfferImport
from mart_union.catalog.files import Row
from mart_union.catalog.importing import ListingImport, Outcome
from mart_union.catalog.model import Category, Listing
from mart_union.catalog.service import get_listing, save_category
from mart_union.catalog.upload_model import Upload
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.ids import new_id
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Offer
from mart_union.stock.service import get_level
from tests.services.market import open_market
from tests.services.test_mediation import make_offer, make_supplier

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
STOCK = {
    "id": "HERB-TEA",
    "title": "青草茶",
    "union_category": "tea",
    "supply_price": "110 TWD",
    "suggested_price": "220 TWD",
    "quantity": "9",
    "granted_to": "everyone",
}
GOODS = {"id": "TEA-9", "title": "茶", "product_type": "", "union_category": "tea", "price": "380 TWD", "quantity": "5"}
GROUPED = {
    "gtin": "4006381333931",
    "item_group_id": "teas",
    "option": "size=small",
    "kind": "service",
    "low_stock": "3",
}


def apply(importer: OfferImport | ListingImport, owner: str, cells: dict[str, str]) -> Outcome:
    """Apply a file of one row. Each is a file of its own, and comes after those before it."""
    upload = Upload(new_id(), owner, "owner", "STARTED", iso(NOW), begun=iso(utc_now()))
    row = Row(2, cells, tuple(cells.values()))
    if isinstance(importer, OfferImport):
        return importer.apply([importer.read(row)], upload, NOW)
    return importer.apply([importer.read(row)], upload, NOW)


def offered(unique: str) -> Offer:
    """An offer that says everything that a list may say."""
    titles, texts = {"zh-TW": "青草茶", "en": "Herb tea"}, {"zh-TW": "說明", "en": "What it is"}
    made = make_offer(
        make_supplier(unique),
        titles=titles,
        texts=texts,
        kind="service",
        minimum_minor=16_500,
        lead_days=14,
        glyph="茶",
    )
    mediation.save_offer(
        replace(made, granted_to=("everyone",), low_stock=3, accepts_returns=False), None, "owner", NOW
    )
    return mediation.get_offer(made.supplier, made.sku)


def supplied(offer: Offer, cells: dict[str, str]) -> Offer:
    save_category("", Category("tea", {"en": "Tea"}), "operator", NOW)
    done = apply(OfferImport(offer.supplier), f"supplier/{offer.supplier}", cells)
    assert done.refused == []
    return mediation.get_offer(offer.supplier, offer.sku)


def test_a_suppliers_list_of_its_stock_alone_leaves_the_floor_the_lead_time_and_the_words(unique: str) -> None:
    offer = offered(unique)
    after = supplied(offer, STOCK)
    assert (
        replace(after, supply_minor=offer.supply_minor, suggested_minor=offer.suggested_minor, sequence=offer.sequence)
        == offer
    )
    assert get_level(offer.level).reserve == 9
    empty = STOCK | dict.fromkeys(("description", "title_en", "kind", "minimum_price", "lead_days", "glyph"), "")
    assert supplied(offer, empty) == after


def test_a_new_suggested_price_under_a_floor_that_a_row_does_not_name_is_refused(unique: str) -> None:
    offer = offered(unique)
    cells = STOCK | {"suggested_price": "150 TWD"}
    save_category("", Category("tea", {"en": "Tea"}), "operator", NOW)
    done = apply(OfferImport(offer.supplier), f"supplier/{offer.supplier}", cells)
    assert [finding.code for _, finding in done.refused] == ["rule-violation"]
    assert mediation.get_offer(offer.supplier, offer.sku) == offer


def test_each_optional_column_of_a_supplier_has_a_word_that_ends_it(unique: str) -> None:
    offer = offered(unique)
    after = supplied(
        offer, STOCK | {"description": "none", "title_en": "none", "glyph": "none", "minimum_price": "none"}
    )
    assert (after.titles, after.texts) == ({"zh-TW": "青草茶"}, {"en": "What it is"})
    assert (after.glyph, after.minimum_minor, after.lead_days, after.kind) == ("", 0, 14, "service")
    ended = {"description_en": "none", "lead_days": "0", "kind": "goods", "low_stock": "0", "accepts_returns": "yes"}
    after = supplied(offer, STOCK | ended)
    assert (after.texts, after.lead_days, after.kind, after.low_stock, after.accepts_returns) == (
        {},
        0,
        "goods",
        0,
        True,
    )


def listed(store: str) -> Listing:
    """A listing that says everything that a catalog may say."""
    words = {"title_en": "Tea", "description": "說明", "description_en": "What it is", "brand": "Hill", "glyph": "茶"}
    made = sold(store, GOODS | words | GROUPED)
    assert (made.kind, made.low_stock, made.gtin, made.group) == ("service", 3, "4006381333931", "teas")
    return made


def sold(store: str, cells: dict[str, str]) -> Listing:
    save_category("", Category("tea", {"en": "Tea"}), "operator", NOW)
    done = apply(ListingImport(store), f"store/{store}", cells)
    assert done.refused == []
    return get_listing(store, "TEA-9")


def test_a_stores_catalog_of_prices_and_stock_alone_leaves_everything_else(unique: str) -> None:
    listing = listed(open_market(unique).store)
    assert sold(listing.store, GOODS) == listing
    after = sold(listing.store, GOODS | {"price": "400 TWD", "quantity": "7", "brand": "", "description_en": ""})
    assert after == replace(listing, price_minor=40_000, sequence=listing.sequence + 1)
    assert (get_level(listing.level).reserve, get_level(listing.level).low_stock) == (7, 3)


def test_each_optional_column_of_a_store_has_a_word_that_ends_it(unique: str) -> None:
    listing = listed(open_market(unique).store)
    words = ("title_en", "description", "description_en", "brand", "gtin", "item_group_id", "option", "glyph")
    after = sold(listing.store, GOODS | dict.fromkeys(words, "none") | {"low_stock": "0", "kind": "goods"})
    assert (after.titles, after.texts, after.brand, after.gtin) == ({"zh-TW": "茶"}, {}, "", "")
    assert (after.group, after.options, after.glyph, after.low_stock, after.kind) == ("", {}, "", 0, "goods")
    assert get_level(listing.level).low_stock == 0
