"""What several lines of a cart want of one level is added up; a bundle takes of all its parts, or of none."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mart_union.catalog.bundles import read_parts, write_parts
from mart_union.catalog.model import Listing, UrgentSale, listing_level
from mart_union.checkout.model import Wanted
from mart_union.checkout.sourcing import find_sources
from mart_union.kernel.errors import Invalid
from mart_union.stock.model import Level, shard_of

POT, CUP = listing_level("tea", "POT"), listing_level("tea", "CUP")


def _listing(sku: str, **parts: int) -> Listing:
    return Listing("tea", sku, {}, {}, "", "", "goods", 100, "on_sale", listing_level("tea", sku), parts=parts)


LISTINGS = {("tea", each.sku): each for each in (_listing("POT"), _listing("CUP"), _listing("SET", POT=1, CUP=4))}


def _levels(pot: int, cup: int) -> dict[str, Level]:
    return {POT: Level(POT, reserve=pot), CUP: Level(CUP, reserve=cup)}


def _wish(sku: str, quantity: int) -> Wanted:
    return Wanted("tea", sku, quantity)


@pytest.mark.parametrize(
    ("pot", "cup", "left"),
    [(5, 20, 5), (5, 19, 4), (1, 400, 1), (5, 3, 0), (0, 20, 0)],
)
def test_a_bundle_has_as_many_left_as_its_scarcest_part_allows(pot: int, cup: int, left: int) -> None:
    bundle = LISTINGS["tea", "SET"]
    assert bundle.left_of(_levels(pot, cup)) == left
    paused = _levels(pot, cup) | {CUP: Level(CUP, reserve=cup, on_sale=False)}
    assert bundle.left_of(paused) == 0
    assert bundle.left_of({POT: Level(POT, reserve=9)}) == 0


def test_a_bundle_takes_of_all_its_parts_for_each_of_its_units() -> None:
    wish = _wish("SET", 3)
    assert find_sources([wish], LISTINGS, _levels(3, 12)).draws == {wish: {POT: 3, CUP: 12}}
    assert find_sources([wish], LISTINGS, {}).draws == {wish: {POT: 3, CUP: 12}}
    short = find_sources([wish], LISTINGS, _levels(9, 11))
    assert (short.draws, short.short) == ({}, {wish: 2})


def test_a_bundle_and_its_part_alone_add_up() -> None:
    bundle, cup = _wish("SET", 2), _wish("CUP", 3)
    fits = find_sources([cup, bundle], LISTINGS, _levels(2, 11))
    assert (fits.draws, fits.short) == ({bundle: {POT: 2, CUP: 8}, cup: {CUP: 3}}, {})
    lacks = find_sources([cup, bundle], LISTINGS, _levels(2, 10))
    assert (lacks.draws, lacks.short) == ({bundle: {POT: 2, CUP: 8}}, {cup: 2})


def test_what_cannot_be_met_takes_nothing_from_the_others() -> None:
    bundle, cup = _wish("SET", 3), _wish("CUP", 12)
    found = find_sources([bundle, cup], LISTINGS, _levels(2, 12))
    assert (found.draws, found.short) == ({cup: {CUP: 12}}, {bundle: 2})


def test_two_listings_of_one_pool_add_up() -> None:
    here = replace(_listing("HERB"), level="offer/kiln/HERB")
    listings = {("tea", "HERB"): here, ("cups", "HERB"): replace(here, store="cups")}
    one, two = Wanted("cups", "HERB", 4), Wanted("tea", "HERB", 3)
    found = find_sources([one, two], listings, {here.level: Level(here.level, reserve=6)})
    assert (found.draws, found.short) == ({one: {here.level: 4}}, {two: 2})


def test_a_part_takes_what_a_sale_has_left_where_a_bundle_cannot() -> None:
    shard = shard_of(CUP, 1)
    cup = replace(_listing("CUP"), shards=1)
    listings = LISTINGS | {("tea", "CUP"): cup}
    bundle, alone = _wish("SET", 1), _wish("CUP", 3)
    levels = _levels(1, 5) | {shard: Level(shard, reserve=2)}
    assert find_sources([alone, bundle], listings, levels).draws == {
        bundle: {POT: 1, CUP: 4},
        alone: {CUP: 1, shard: 2},
    }
    sale = UrgentSale(50, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "sale", 2)
    in_sale = find_sources([alone], {("tea", "CUP"): replace(cup, urgent=sale)}, levels)
    assert in_sale.short == {alone: 2}


def test_an_unknown_listing_draws_on_nothing() -> None:
    found = find_sources([_wish("NONE", 1)], LISTINGS, _levels(1, 1))
    assert (found.draws, found.short) == ({}, {})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("OB-TOP:1 cup-s:2", {"OB-TOP": 1, "CUP-S": 2}),
        (" OB-TOP:1,\nCUP-S:12 ", {"OB-TOP": 1, "CUP-S": 12}),
        ("", {}),
    ],
)
def test_parts_are_read_as_they_are_written(text: str, parts: dict[str, int]) -> None:
    assert read_parts(text) == parts
    assert read_parts(write_parts(parts)) == parts


@pytest.mark.parametrize(
    "text", ["OB-TOP", "OB-TOP:", "OB-TOP:x", "OB-TOP:-1", "A:1 A:2", ":1", "A:1:2", "A:9999999999"]
)
def test_parts_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_parts(text)
    assert refused.value.facts["errors"][0]["field"] == "parts"  # type: ignore[index]
