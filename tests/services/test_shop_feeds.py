"""The feeds of a seller's own shop, and a listing's card for other pages."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as Xml

import msgspec
import pytest

from browse.app import lambda_handler as browse
from mart_union.catalog import showing
from mart_union.kernel import secrets
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Terms
from mart_union.mediation.shop_model import Shop
from mart_union.stock import counting as stock
from supply import feeds
from supply.app import lambda_handler
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import NOW
from tests.services.test_manage_catalog import api as manage
from tests.services.test_manage_catalog import ask as manage_page
from tests.services.test_mediation import link, make_offer, make_store, make_supplier


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})


@pytest.fixture
def shop(unique: str) -> Shop:
    """The shop of a store that sells three offers."""
    store, supplier = make_store(f"{unique}s"), make_supplier(unique)
    for number in range(3):
        link(store, make_offer(supplier, sku=f"F-{number}"), f"L-{number}", Terms("tea"))
    return mediation.register_shop(store, "https://shop.example/hook", "owner", "shop-00001", NOW)


def fetch(shop: Shop, kind: str = "", *, etag: str = "", **query: str) -> dict[str, Any]:
    query = {"token": mediation.feed_token_of(shop.id)} | query
    headers = {"Accept-Language": "en"} | ({"If-None-Match": etag} if etag else {})
    return lambda_handler(
        gateway_event("GET", f"/api/shops/{shop.id}/feed{kind}", query=query, headers=headers), CONTEXT
    )


def header(answer: dict[str, Any], name: str) -> str:
    found = {key.lower(): values[0] for key, values in answer["multiValueHeaders"].items()}
    return str(found.get(name, ""))


@pytest.mark.parametrize("kind", ["", ".xml", ".tsv"])
def test_an_unchanged_feed_is_not_sent_again_and_a_changed_one_is(shop: Shop, kind: str) -> None:
    first = fetch(shop, kind)
    etag = header(first, "etag")
    assert (first["statusCode"], bool(etag)) == (200, True)
    again = fetch(shop, kind, etag=f'"other", W/{etag}')
    assert (again["statusCode"], again["body"], header(again, "etag")) == (304, "", etag)
    mediation.set_link_state(shop.store, "L-1", "paused", "owner", NOW)
    changed = fetch(shop, kind, etag=etag)
    assert (changed["statusCode"], header(changed, "etag") != etag) == (200, True)


def test_snapshots_are_what_the_shop_is_told_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_LINKS_A_PAGE", 2)
    first = json.loads(fetch(shop)["body"])
    assert ([each["sku"] for each in first["links"]], first["next"]) == (["L-0", "L-1"], "L-1")
    told = json.loads(msgspec.json.encode(mediation.snapshot_of(mediation.get_link(shop.store, "L-0"))))
    assert first["links"][0] == told
    assert "supply" not in json.dumps(first)
    address = header(fetch(shop), "link")
    assert address.startswith("<https://")
    assert address.endswith('&cursor=L-1>; rel="next"')
    last = json.loads(fetch(shop, cursor=first["next"])["body"])
    assert ([each["sku"] for each in last["links"]], last["next"]) == (["L-2"], "")


@pytest.mark.parametrize("kind", ["", ".xml", ".tsv"])
def test_a_page_ends_where_an_answer_has_no_room_for_more_and_the_next_goes_on_there(
    shop: Shop, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        heavy = Terms("tea", texts={"zh-TW": "茶" * 2000})
        made = mediation.get_link(shop.store, f"L-{number}")
        link(shop.store, mediation.get_offer(made.supplier, made.offer_sku), f"L-{number}", heavy)
    monkeypatch.setattr(feeds, "_LARGEST_PAGE", 30_000)  # two of them: a character may take six bytes
    first = fetch(shop, kind, lang="zh-TW")
    assert [f"L-{number}" in first["body"] for number in range(3)] == [True, True, False]
    assert len(json.dumps(first["body"])) < 30_000
    address = header(first, "link")
    assert address.endswith('&cursor=L-1>; rel="next"')
    last = fetch(shop, kind, cursor="L-1", lang="zh-TW")
    assert [f"L-{number}" in last["body"] for number in range(3)] == [False, False, True]
    assert header(last, "link") == ""


def test_a_link_that_fills_an_answer_by_itself_is_a_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_LARGEST_PAGE", 1)
    pages = [json.loads(fetch(shop, cursor=cursor)["body"]) for cursor in ("", "L-0", "L-1")]
    assert [[each["sku"] for each in page["links"]] for page in pages] == [["L-0"], ["L-1"], ["L-2"]]
    assert [page["next"] for page in pages] == ["L-0", "L-1", ""]


def test_product_data_names_prices_and_the_unions_pages(shop: Shop) -> None:
    feed = Xml.fromstring(fetch(shop, ".xml")["body"])
    google = "{http://base.google.com/ns/1.0}"
    prices = [each.text for each in feed.iter(f"{google}price")]
    links = [each.text or "" for each in feed.iter(f"{google}link")]
    assert prices == ["220 TWD"] * 3
    assert links[0].endswith(f"/stores/{shop.store}/L-0")
    assert links[0].startswith("https://")
    lines = fetch(shop, ".tsv")["body"].splitlines()
    assert [line.split("\t")[0] for line in lines] == ["id", "L-0", "L-1", "L-2"]


def test_a_feed_wants_its_own_token_and_a_shop_that_is_not_paused(shop: Shop) -> None:
    other = mediation.register_shop(shop.store, "https://other.example/hook", "owner", "shop-00002", NOW)
    for wrong in ("", "none", mediation.feed_token_of(other.id)):
        assert fetch(shop, token=wrong)["statusCode"] == 401
    nobody = gateway_event("GET", "/api/shops/none/feed", query={"token": mediation.feed_token_of("none")})
    assert lambda_handler(nobody, CONTEXT)["statusCode"] == 401
    mediation.set_shop_state(shop.store, shop.id, "paused", "owner", NOW)
    assert fetch(shop)["statusCode"] == 422


def test_the_shops_page_shows_the_feeds_and_the_links_page_the_frame(shop: Shop) -> None:
    token = mediation.feed_token_of(shop.id)
    [shown] = manage("GET", f"/manage/{shop.store}/shops")[1]["shops"]
    assert shown["feed"] == f"/api/shops/{shop.id}/feed?token={token}"
    english = {"Accept-Language": "en"}
    page = manage_page("GET", f"/manage/{shop.store}/shops/{shop.id}", headers=english)["body"]
    assert f"/api/shops/{shop.id}/feed.xml?token={token}" in page
    assert f"/embed/{shop.store}/L-0" in manage_page("GET", f"/manage/{shop.store}/links", headers=english)["body"]


def test_a_card_stands_in_any_frame_and_leads_to_its_checkout_while_it_can_be_had(shop: Shop) -> None:
    def card(sku: str) -> dict[str, Any]:
        showing._stores.clear()
        path = f"/embed/{shop.store}/{sku}"
        return browse(gateway_event("GET", path, headers={"Accept-Language": "en"}), CONTEXT)

    shown = card("L-0")
    assert shown["statusCode"] == 200
    assert header(shown, "content-security-policy").endswith("frame-ancestors *")
    assert f'/checkout/{shop.store}/L-0" target="_blank"' in shown["body"]
    assert "<form" not in shown["body"]
    assert "<script" not in shown["body"]
    level = mediation.get_offer(mediation.get_link(shop.store, "L-0").supplier, "F-0").level
    stock.count(level, 0, actor="owner", reference="", now=NOW)
    assert "/L-0" not in card("L-0")["body"]
    assert card("NOTHING")["statusCode"] == 404
    page = browse(gateway_event("GET", f"/stores/{shop.store}/L-1"), CONTEXT)
    assert header(page, "content-security-policy").endswith("frame-ancestors 'none'")
