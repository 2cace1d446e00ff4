"""Counts of a level while units go to its shards and come back, and while an upload that was cut off goes on: each unit is counted once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog import importing
from mart_union.catalog.files import Row
from mart_union.catalog.importing import ListingImport, Outcome
from mart_union.catalog.model import Listing, listing_level
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.rows import ListingRow
from mart_union.catalog.upload_model import Upload
from mart_union.catalog.urgent import end_urgent_sales
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import SaleOverlaps
from mart_union.kernel.ids import new_id
from mart_union.kernel.storage import fetch
from mart_union.kernel.transaction import WriteTransaction
from mart_union.mediation import offers
from mart_union.mediation import service as mediation
from mart_union.stock.counting import count
from mart_union.stock.model import take
from mart_union.stock.service import add_movement, get_level, get_levels
from tests.services.market import NOW, Market, open_market
from tests.services.test_mediation import make_offer, make_store, make_supplier
from tests.services.urgent import LATER, Stock, level, start
from tests.services.weather import all_at_once

UPLOAD = Upload("u", "store/s", "owner", "IN_PROGRESS", iso(NOW), etag="e1")


def current(market: Market) -> Listing:
    listing = fetch(listing_ref(market.store, "TEA"), consistent=True)
    assert listing is not None
    return listing


def upload(market: Market, quantity: int, low_stock: int = 2, upload: Upload = UPLOAD) -> Outcome:
    """What becomes of a file of one row, the store's tea."""
    row = Row(2, {"id": "TEA"}, ())
    listing = replace(current(market), low_stock=low_stock, urgent=None, shards=0, shards_made=0)
    return ListingImport(market.store).apply(
        [ListingRow(row=row, listing=listing, path=(), quantity=quantity)], upload, NOW
    )


def end(_: Market) -> None:
    end_urgent_sales(LATER)


def once_before(monkeypatch: pytest.MonkeyPatch, module: object, act: Callable[[], object]) -> None:
    """Let something happen once, between the reading for a count and the count."""
    left = [act]

    def count_then(*given: object, **named: object) -> bool:
        while left:
            left.pop()()
        return count(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "count", count_then)


@pytest.mark.parametrize("quantity", [10, 6, 14, 4])
def test_a_count_in_a_file_while_a_sale_begins_counts_each_unit_once(
    unique: str, monkeypatch: pytest.MonkeyPatch, quantity: int
) -> None:
    market = open_market(unique)
    once_before(monkeypatch, importing, lambda: start(market))
    assert upload(market, quantity, low_stock=4).refused == []
    assert level(market) == Stock(quantity - 4, 4, 0)
    assert (get_level(current(market).level).low_stock, current(market).shards) == (4, 1)


@pytest.mark.parametrize("quantity", [10, 6, 14, 4])
def test_a_count_in_a_file_while_a_sale_ends_counts_each_unit_once(
    unique: str, monkeypatch: pytest.MonkeyPatch, quantity: int
) -> None:
    market = open_market(unique)
    start(market)
    once_before(monkeypatch, importing, lambda: end(market))
    assert upload(market, quantity, low_stock=4).refused == []
    assert level(market) == Stock(quantity, 0, 0)
    assert current(market).shards == 0


def test_a_count_that_looks_right_by_a_level_from_before_the_end_of_a_sale_is_made_by_the_level_of_after_it(
    unique: str,
) -> None:
    market = open_market(unique)
    start(market)
    home = get_level(listing_level(market.store, "TEA"))

    def shards() -> tuple[str, ...]:
        end(market)
        return current(market).shard_levels

    assert count(home.id, 6, actor="import", reference="upload/1", now=NOW, before=home, shards=shards)
    assert level(market) == Stock(6, 0, 0)


@pytest.mark.parametrize(("first", "then"), [(0, 30), (30, 0), (30, 10)])
def test_a_count_of_a_pool_while_an_allotment_is_set_counts_each_unit_once(
    unique: str, monkeypatch: pytest.MonkeyPatch, first: int, then: int
) -> None:
    offer, store = make_offer(make_supplier(unique)), f"{unique}x"
    make_store(store)

    def allot(quantity: int) -> None:
        mediation.set_allotment(unique, offer.sku, store, quantity, actor="owner", key=new_id(), now=NOW)

    allot(first)
    once_before(monkeypatch, offers, lambda: allot(then))
    assert mediation.save_offer(mediation.get_offer(unique, offer.sku), 90, "owner", NOW)
    levels = get_levels(mediation.get_offer(unique, offer.sku).all_levels, consistent=True)
    assert sum(each.reserve for each in levels.values()) == 90
    assert levels[offer.level].reserve == 90 - then


def test_counts_while_sales_begin_and_end_find_what_there_is(unique: str) -> None:
    market = open_market(unique, money=0)

    def trade(number: int) -> None:
        with suppress(SaleOverlaps):
            start(market, key=f"sale-{number:05}")
        end(market)

    def file(number: int) -> object:
        found = upload(market, 10, low_stock=number, upload=replace(UPLOAD, id=f"u{number}"))
        return [finding.code for _, finding in found.refused]

    acts = [act for number in range(8) for act in (lambda n=number: trade(n), lambda n=number: file(n))]
    answers = all_at_once(acts)
    refused = {code for codes in answers if isinstance(codes, list) for code in codes}
    assert refused <= {"busy", "conflict"}  # some come after a later one
    found = level(market)
    assert (found.reserve + found.kept, found.sold) == (10, 0)
    end(market)
    assert level(market) == Stock(10, 0, 0)


def sell(name: str, units: int) -> None:
    for _ in range(units):
        transaction = WriteTransaction()
        add_movement(transaction, name, take(1, "c", "p"), NOW + timedelta(seconds=5))
        transaction.commit()


def test_an_upload_that_goes_on_after_many_sales_counts_no_level_twice(unique: str) -> None:
    market = open_market(unique)
    assert upload(market, 150).applied == 1
    sell(listing_level(market.store, "TEA"), 120)
    again = upload(market, 150)
    assert (again.applied, again.unchanged, again.refused) == (0, 1, [])
    assert level(market) == Stock(30, 0, 120)


def test_an_upload_that_goes_on_counts_no_pool_twice_and_keeps_what_its_supplier_has_paused(unique: str) -> None:
    offer = make_offer(make_supplier(unique))
    assert mediation.save_offer(offer, 150, "owner", NOW, key="u/e1")
    sell(offer.level, 120)
    mediation.save_offer(replace(offer, state="paused", low_stock=9), None, "owner", NOW)
    kept = ("state", "low_stock")
    assert not mediation.save_offer(offer, 150, "owner", NOW, kept=kept, key="u/e1")
    found = get_level(offer.level)
    assert (found.reserve, found.sold, found.on_sale, found.low_stock) == (30, 120, False, 9)
    assert mediation.save_offer(offer, 150, "owner", NOW, kept=kept, key="u2/e1")
    assert (get_level(offer.level).reserve, mediation.get_offer(unique, offer.sku).state) == (150, "paused")


def test_other_content_or_another_upload_counts_anew(unique: str) -> None:
    market = open_market(unique)
    for number, other in enumerate((UPLOAD, replace(UPLOAD, etag="e2"), replace(UPLOAD, id="u2")), 1):
        assert upload(market, 50, upload=other).applied == 1
        sell(listing_level(market.store, "TEA"), 1)
        assert level(market) == Stock(49, 0, number)


def test_of_an_upload_that_many_work_on_at_once_one_counts(unique: str) -> None:
    market = open_market(unique, money=0)
    name = listing_level(market.store, "TEA")
    before = get_level(name)
    all_at_once([lambda: upload(market, 100), lambda: sell(name, 1)] * 8)
    after = get_level(name)
    assert upload(market, 100).unchanged == 1
    assert get_level(name) == after
    assert after.sequence == before.sequence + 1 + after.sold
    assert (after.reserve, after.balances()) == (10 + after.corrected - before.corrected - after.sold, True)
