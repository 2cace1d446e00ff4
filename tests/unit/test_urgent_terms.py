"""What a store may say of an urgent sale, what that makes, and how a sale is cut for its load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.catalog.model import Listing
from mart_union.catalog.urgent_terms import MOST_RATE, SaleTerms, UrgentSale, checked_sale, shares
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import Currency
from mart_union.stock.model import Level

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TWD = Currency("TWD", 100)
TERMS = SaleTerms(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), 4)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 10**9 + 1}, "quantity"),
        ({"turnover_minor": -1}, "turnover_minor"),
        ({"turnover_minor": 19_999}, "turnover_minor"),
        ({"turnover_minor": 10**18}, "turnover_minor"),
        ({"per_customer": -1}, "per_customer"),
        ({"per_customer": 1_000}, "per_customer"),
        ({"rate": -1}, "rate"),
        ({"rate": MOST_RATE + 1}, "rate"),
        ({"postcodes": ("",)}, "postcodes"),
        ({"postcodes": ("3*",)}, "postcodes"),
        ({"postcodes": tuple(str(number) for number in range(21))}, "postcodes"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"ends_at": iso(NOW + timedelta(days=31))}, "ends_at"),
    ],
)
def test_a_term_that_cannot_be_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_sale("s1", replace(TERMS, **changes), TWD, NOW)
    assert [error["field"] for error in refused.value.facts["errors"]] == [field]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("quantity", "turnover", "kept"), [(4, 0, 4), (0, 20_000, 1), (0, 99_999, 4), (3, 99_999, 3), (9, 99_999, 4)]
)
def test_a_turnover_is_the_units_that_it_buys_and_the_smaller_counts(quantity: int, turnover: int, kept: int) -> None:
    terms = replace(TERMS, quantity=quantity, turnover_minor=turnover)
    assert checked_sale("s1", terms, TWD, NOW).quantity == kept


@pytest.mark.parametrize(
    ("quantity", "rate", "expected"),
    [
        (10_000, 0, 1),
        (10_000, 1, 1),
        (10_000, 250, 1),
        (10_000, 251, 2),
        (10_000, 2_000, 8),
        (10_000, MOST_RATE, 16),
        (60, 2_000, 2),
        (3, 2_000, 1),
    ],
)
def test_shards_follow_from_the_buyers_a_second_and_the_quantity(quantity: int, rate: int, expected: int) -> None:
    parts = shares(quantity, rate)
    assert (len(parts), sum(parts)) == (expected, quantity)
    assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize(
    ("postcode", "fits"), [("300", True), ("30 2", True), ("ab-1", True), ("130", False), ("", False)]
)
def test_a_sale_is_for_postcodes_that_begin_as_it_says(postcode: str, fits: bool) -> None:
    sale = checked_sale("s1", replace(TERMS, postcodes=("30", "A b1")), TWD, NOW)
    assert sale.is_for(postcode) is fits
    assert checked_sale("s1", TERMS, TWD, NOW).is_for(postcode)


HOME = "listing/tea/OB"
SALE = UrgentSale(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), "s1", 4)
OB = Listing(
    "tea", "OB", {"en": "Oriental Beauty"}, {}, "tea", "tea", "goods", 30_000, "on_sale", HOME, urgent=SALE, shards=2
)
ONE, TWO = (Level(f"{HOME}#{number}", sold=2, moved=2, sale="s1") for number in (1, 2))


@pytest.mark.parametrize(
    ("levels", "is_sold_out"),
    [
        ([ONE, TWO], True),
        ([], False),
        ([ONE], False),
        ([ONE, replace(TWO, reserve=1)], False),
        ([ONE, replace(TWO, reserved=1)], False),
        ([ONE, replace(TWO, sale="s0")], False),
        ([ONE, replace(TWO, sale="")], False),
        ([ONE, replace(TWO, on_sale=False)], True),
    ],
)
def test_a_sale_is_sold_out_only_by_all_of_its_own_shards(levels: list[Level], is_sold_out: bool) -> None:
    sold = OB.at(NOW, {level.id: level for level in levels})
    assert (sold.urgent is None, sold.price_minor, sold.sources) == (
        (True, 30_000, (HOME,)) if is_sold_out else (False, 20_000, (ONE.id, TWO.id))
    )


def test_outside_of_its_window_what_a_sale_has_is_not_sold_before_and_as_the_listing_s_own_after() -> None:
    before, after = (OB.at(NOW + timedelta(hours=hours)) for hours in (-1, 1))
    assert (before.urgent, before.sources) == (None, (HOME,))
    assert (after.urgent, after.price_minor, after.sources) == (None, 30_000, (HOME, ONE.id, TWO.id))
    assert replace(OB, price_minor=10_000).at(NOW).price_minor == 10_000
