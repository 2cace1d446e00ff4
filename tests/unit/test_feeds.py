"""Feeds of links: Google's product data and fingerprints, without a table."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as Xml

from msgspec.structs import replace

from mart_union.kernel.money import Currency
from mart_union.mediation.feeds import Product, as_tsv, as_xml, etag_of, products_of
from mart_union.mediation.model import Link

TWD = Currency("TWD", 100)
TEA = Link(
    store="emei-tea",
    sku="GX-1",
    supplier="guanxi-growers",
    offer_sku="HERB",
    price_minor=23000,
    category="tea",
    titles={"zh-TW": "仙草茶", "en": "Herb <tea>\tand\nmore \x0b& so"},
    texts={"en": "Hot"},
)
ADDRESS = "https://mart.example/hsinchu"
SHOWN = Product("GX-1", "Herb <tea> and more & so", "Hot", f"{ADDRESS}/stores/emei-tea/GX-1", "in_stock", "230 TWD")


def test_what_is_sold_now_is_told_in_the_language_asked_for_and_what_is_not_is_left_out() -> None:
    paused = replace(TEA, sku="GX-2", state="paused")
    out = replace(TEA, sku="GX-3", availability="out_of_stock", price_minor=23050)
    low = replace(TEA, sku="GX-4", availability="low_stock", texts={})
    english = products_of([TEA, paused, out, low], ("en", "zh-TW"), TWD, ADDRESS)
    assert english[0] == SHOWN
    assert [(each.id, each.availability, each.price) for each in english[1:]] == [
        ("GX-3", "out_of_stock", "230.50 TWD"),
        ("GX-4", "in_stock", "230 TWD"),
    ]
    assert english[2].description == english[2].title
    assert products_of([TEA], ("zh-TW", "en"), TWD, ADDRESS)[0].title == "仙草茶"


def test_tab_separated_text_has_a_row_a_product_whatever_is_in_its_words() -> None:
    rows = list(csv.reader(io.StringIO(as_tsv([SHOWN, replace(SHOWN, title='"Quoted"')])), delimiter="\t"))
    assert rows[0] == ["id", "title", "description", "link", "availability", "price", "condition", "identifier_exists"]
    assert rows[1] == ["GX-1", "Herb <tea> and more & so", "Hot", SHOWN.link, "in_stock", "230 TWD", "new", "no"]
    assert rows[2][1] == '"Quoted"'


def test_xml_is_well_formed_whatever_is_in_its_words() -> None:
    feed = Xml.fromstring(as_xml([SHOWN], "Emei & Tea", ADDRESS))
    assert (feed.tag, feed.attrib, feed.findtext("channel/title")) == ("rss", {"version": "2.0"}, "Emei & Tea")
    google = "{http://base.google.com/ns/1.0}"
    (item,) = feed.findall("channel/item")
    told = {each.tag.removeprefix(google): each.text for each in item}
    assert told == {name: getattr(SHOWN, name) for name in Product.__struct_fields__}


def test_a_fingerprint_changes_with_any_link_and_with_the_form() -> None:
    changed = replace(TEA, sequence=2)
    tags = {etag_of([TEA], "json"), etag_of([changed], "json"), etag_of([TEA], "xml"), etag_of([], "json")}
    assert len(tags) == 4
    assert etag_of([TEA], "json") == etag_of([replace(TEA)], "json")
