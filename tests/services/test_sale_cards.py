"""A running urgent sale on the cards of shelves: told by whoever looks, at the moment at which they look, for one read."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from browse import app, data
from mart_union.catalog import service as catalog
from mart_union.catalog import showing
from mart_union.catalog.cards import CardSale
from mart_union.catalog.listings import change_listing
from mart_union.catalog.model import Category
from mart_union.catalog.tables import listing_item
from mart_union.catalog.urgent import end_urgent_sales
from mart_union.kernel.clock import iso
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market
from tests.services.test_shelving import deliver, message
from tests.services.urgent import LATER, TERMS, buy, current, end, start, streamed

HOUR = timedelta(hours=1)
TOLD = (20_000, 30_000, CardSale(20_000, TERMS.starts_at, TERMS.ends_at))
USUAL = (30_000, 0, None)


@pytest.fixture
def market(unique: str) -> Market:
    """A market whose store's tea stands in a category of the union of its own."""
    market = open_market(unique)
    catalog.save_category("", Category(f"tea-{unique}", {"en": "Tea"}), "operator", NOW)
    listing_item(replace(current(market), union_category=f"tea-{unique}")).save()
    return market


def told(market: Market) -> None:
    """The event of the listing reaches the shelves."""
    assert deliver(message(1, "ListingChanged", f"listing/{market.store}/TEA", {"store": market.store})) == []


def shown(shelf: str, moment: datetime) -> tuple[int, int, CardSale | None]:
    found = catalog.get_shelf(shelf, now=moment)
    assert found is not None
    (card,) = found.cards
    return card.price_minor, card.usual_minor, card.urgent_sale


def shelves(market: Market) -> list[str]:
    return [f"store/{market.store}", f"category/{current(market).union_category}"]


def test_one_shelf_shows_the_sale_in_its_window_and_the_usual_price_before_and_after(market: Market) -> None:
    start(market)
    told(market)
    for shelf in shelves(market):
        moments = [NOW - HOUR, NOW, NOW + HOUR - timedelta(milliseconds=1), NOW + HOUR, LATER]
        assert [shown(shelf, moment) for moment in moments] == [USUAL, TOLD, TOLD, USUAL, USUAL]


def test_a_sale_that_is_changed_ended_by_hand_sold_or_swept_leaves_the_card(market: Market) -> None:
    def after(change: Any) -> tuple[int, int, CardSale | None]:
        change()
        told(market)
        first, second = (shown(shelf, NOW) for shelf in shelves(market))
        assert first == second
        return first

    sale = start(market)
    assert after(lambda: None) == TOLD
    assert after(lambda: change_listing(market.store, "TEA", {"price_minor": 25_000}, "owner", NOW)) == (
        20_000,
        25_000,
        CardSale(20_000, TERMS.starts_at, TERMS.ends_at),
    )
    assert after(lambda: change_listing(market.store, "TEA", {"price_minor": 18_000}, "owner", NOW)) == (
        18_000,
        0,
        None,
    )
    change_listing(market.store, "TEA", {"price_minor": 30_000}, "owner", NOW)
    assert after(lambda: end(market, sale)) == USUAL
    start(market, key="sale-00002", quantity=2, postcodes=("300",))
    assert after(lambda: None) == (20_000, 30_000, CardSale(20_000, TERMS.starts_at, TERMS.ends_at, is_local=True))
    assert after(lambda: buy(market, 2, 20_000)) == USUAL, "sold out, though not taken off the listing yet"
    streamed(market)
    assert after(lambda: None) == USUAL
    start(market, key="sale-00003")
    assert after(lambda: end_urgent_sales(LATER)) == USUAL


def ask(monkeypatch: pytest.MonkeyPatch, path: str, moment: datetime, **options: Any) -> dict[str, Any]:
    monkeypatch.setattr(showing, "utc_now", lambda: moment)
    monkeypatch.setattr(data, "utc_now", lambda: moment)
    return app.lambda_handler(gateway_event("GET", path, headers={"Accept-Language": "en"}, **options), CONTEXT)


def test_pages_tell_the_price_beside_the_usual_one_and_until_when_for_one_read(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(market)
    told(market)
    badge = "Urgent sale until 2026-11-22 13:00"
    price = 'NT$200 <small class="muted">instead of <s>NT$300</s></small>'
    pages = [f"/stores/{market.store}", f"/categories/{current(market).union_category}"]
    ask(monkeypatch, "/", NOW)  # a process reads the union's names once
    for path in pages:
        with measured() as capacity:
            page = ask(monkeypatch, path, NOW)["body"]
        assert (capacity.requests, capacity.read) == (["GetItem"], 0.5)
        assert (badge in page, price in page) == (True, True)
        assert "Not for every postcode." not in page
        for moment in (NOW - HOUR, LATER):
            page = ask(monkeypatch, path, moment)["body"]
            assert ("Urgent sale" in page, "instead of" in page, "NT$300" in page) == (False, False, True)
    card = ask(monkeypatch, f"/embed/{market.store}/TEA", NOW)["body"]
    assert (badge in card, price in card) == (True, True)
    assert badge not in ask(monkeypatch, f"/embed/{market.store}/TEA", LATER)["body"]


def test_the_json_of_listings_tells_the_sale_and_that_it_is_local(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(market, postcodes=("300", "303"))
    told(market)
    path = f"/api/stores/{market.store}/listings"
    (card,) = json.loads(ask(monkeypatch, path, NOW)["body"])["listings"]
    assert (card["price_minor"], card["usual_minor"], card["urgent_sale"]) == (
        20_000,
        30_000,
        {"price_minor": 20_000, "starts_at": TERMS.starts_at, "ends_at": TERMS.ends_at, "is_local": True},
    )
    (card,) = json.loads(ask(monkeypatch, path, LATER)["body"])["listings"]
    assert (card["price_minor"], "usual_minor" in card, "urgent_sale" in card) == (30_000, False, False)
    assert "Not for every postcode." in ask(monkeypatch, f"/stores/{market.store}", NOW)["body"]


def test_nobody_keeps_a_page_beyond_the_beginning_or_the_end_of_a_sale_on_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(market, starts_at=iso(NOW + HOUR), ends_at=iso(NOW + 2 * HOUR))
    told(market)
    paths = [f"/stores/{market.store}", f"/categories/{current(market).union_category}"]
    paths += [f"/stores/{market.store}/TEA", f"/embed/{market.store}/TEA", f"/api/stores/{market.store}/listings"]
    before = {NOW: 30, NOW + HOUR - timedelta(seconds=12): 12, NOW + HOUR - timedelta(milliseconds=1): 0}
    inside = {NOW + HOUR: 30, NOW + 2 * HOUR - timedelta(seconds=9.5): 9, NOW + 2 * HOUR: 30}
    for path in paths:
        for moment, seconds in (before | inside).items():
            answer = ask(monkeypatch, path, moment)
            assert headers_of(answer)["cache-control"] == f"public, max-age={seconds}", (path, moment)
