"""Edits of a listing while something else changes it: nothing is written over what was not seen, and its stock stays where it is named."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from mart_union.catalog.listings import change_listing, edit_listing, save_listing, set_listing_state
from mart_union.catalog.model import Listing, listing_level
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.service import list_audit
from mart_union.kernel.errors import Conflict, NotFound, RuleViolation
from mart_union.kernel.storage import fetch
from mart_union.stock.counting import make_level
from mart_union.stock.model import shard_of
from mart_union.stock.service import get_level
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market
from tests.services.urgent import Stock, buy, end, level, start


def current(market: Market) -> Listing:
    listing = fetch(listing_ref(market.store, "TEA"), consistent=True)
    assert listing is not None
    return listing


def edited(market: Market, meanwhile: Callable[[], object], **changes: object) -> Listing:
    """The listing after an edit between whose reading and writing something else happened once."""
    left = [meanwhile]

    def edit(before: Listing | None) -> Listing:
        assert before is not None
        while left:
            left.pop()()
        return replace(before, **changes)

    return edit_listing(market.store, "TEA", edit, "manager", NOW)


def test_an_edit_that_was_read_before_a_sale_began_leaves_the_sale(unique: str) -> None:
    market = open_market(unique)
    saved = edited(market, lambda: start(market), price_minor=31_000)
    assert saved == current(market)
    assert (saved.price_minor, saved.shards, saved.shards_made, saved.sequence) == (31_000, 1, 1, 3)
    assert saved.urgent is not None
    assert level(market) == Stock(6, 4, 0)


def test_an_edit_that_was_read_before_a_sale_ended_does_not_bring_it_back(unique: str) -> None:
    market = open_market(unique)
    sale = start(market)
    saved = edited(market, lambda: end(market, sale), price_minor=31_000)
    assert (saved.urgent, saved.shards, saved.price_minor) == (None, 0, 31_000)
    assert level(market) == Stock(10, 0, 0)
    buy(market, 10, 31_000)


def test_a_pause_that_was_read_before_a_sale_began_pauses_the_sale_too(unique: str) -> None:
    market = open_market(unique)
    saved = edited(market, lambda: start(market), state="paused")
    home = listing_level(market.store, "TEA")
    assert (saved.state, get_level(home).on_sale, get_level(shard_of(home, 1)).on_sale) == ("paused", False, False)
    with pytest.raises(RuleViolation):
        buy(market, 1, 20_000)
    set_listing_state(market.store, "TEA", "on_sale", "manager", NOW)
    assert (get_level(home).on_sale, get_level(shard_of(home, 1)).on_sale) == (True, True)
    assert level(market) == Stock(6, 4, 0)


def test_of_two_edits_at_once_each_keeps_what_the_other_wrote(unique: str) -> None:
    market = open_market(unique)

    def mark() -> None:
        change_listing(market.store, "TEA", {"low_stock": 5}, "owner", NOW)

    saved = edited(market, mark, price_minor=31_000)
    assert (saved.price_minor, saved.low_stock, saved.sequence) == (31_000, 5, 3)
    assert get_level(saved.level).low_stock == 5


def test_edits_and_a_sale_that_begin_at_once_are_all_kept(unique: str) -> None:
    for number in range(6):
        market = open_market(f"{unique}{number}", money=0)

        def change(market: Market = market, **changes: object) -> Callable[[], object]:
            return lambda: change_listing(market.store, "TEA", changes, "manager", NOW)

        def begin(market: Market = market) -> object:
            while True:
                try:
                    return start(market)
                except Conflict:
                    continue

        wanted = [change(low_stock=5), begin, change(brand="Wu"), change(glyph="T")]
        with ThreadPoolExecutor(len(wanted)) as threads:
            list(threads.map(lambda act: act(), wanted))
        found = current(market)
        assert (found.low_stock, found.brand, found.glyph, found.shards, found.sequence) == (5, "Wu", "T", 1, 5)
        assert level(market) == Stock(6, 4, 0)


def test_a_listing_is_written_in_place_of_the_one_that_was_read_and_of_no_other(unique: str) -> None:
    market = open_market(unique)
    read = current(market)
    changed = change_listing(market.store, "TEA", {"price_minor": 31_000}, "manager", NOW)
    for replaces in (read, None):
        with pytest.raises(Conflict):
            save_listing(replace(read, brand="Wu"), "manager", NOW, replaces=replaces)
    assert current(market) == changed
    assert [entry.action for entry in list_audit(f"store/{market.store}", "2026-11").items] == ["listing saved"]


def test_an_edit_takes_one_read_and_one_transaction_and_the_same_again_no_write(unique: str) -> None:
    market = open_market(unique)
    with measured() as capacity:
        set_listing_state(market.store, "TEA", "paused", "manager", NOW)
    assert (capacity.requests, capacity.read) == (["GetItem", "TransactWriteItems"], 1)
    # Two units a KB: the listing, the audit's entry, and the level.
    assert dict(capacity.written) == {"catalog": 4, "stock": 2}
    before = current(market), get_level(listing_level(market.store, "TEA"))
    with measured() as capacity:
        set_listing_state(market.store, "TEA", "paused", "manager", NOW)
    assert capacity.requests == ["GetItem"]
    assert (current(market), get_level(before[1].id)) == before


def test_only_a_listing_of_the_stores_own_is_edited(unique: str) -> None:
    with pytest.raises(NotFound):
        change_listing(unique, "TEA", {"price_minor": 1}, "manager", NOW)
    with pytest.raises(RuleViolation):
        edit_listing(unique, "TEA", _refused, "manager", NOW)
    assert fetch(listing_ref(unique, "TEA"), consistent=True) is None


def _refused(before: Listing | None) -> Listing:
    assert before is None
    raise RuleViolation("never")


def test_a_level_that_is_there_is_not_made_again(unique: str) -> None:
    market = open_market(unique)
    before = get_level(listing_level(market.store, "TEA"))
    make_level(before.id, actor="owner", reference="TEA", now=NOW, low_stock=9, on_sale=False)
    assert get_level(before.id) == before
