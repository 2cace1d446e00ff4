"""The rules of a cart's price and of who gets what of a line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import Listing, OfferReference, Store, Union
from mart_union.checkout.delivering import split_delivery
from mart_union.checkout.model import Wanted
from mart_union.checkout.pricing import Terms, folded, quote, split_line
from mart_union.kernel.errors import Invalid, RuleViolation
from mart_union.kernel.money import Currency
from mart_union.stock.model import Level

UNION = Union(
    "hsinchu",
    {},
    {},
    (),
    ("zh-TW",),
    (),
    (),
    fees=(CommissionRule("everything", "union", rate_basis_points=600),),
    taxes=(TaxRule("goods", "vat", 500),),
)
STORE = Store(
    "tea-house", "tea-co", {}, {}, "food", "open", "", carrier="hct", delivery_amount=6000, free_delivery_from=100_000
)
LISTING = Listing("tea-house", "TEA", {}, {}, "tea", "", "goods", 30_000, "on_sale", "listing/tea-house/TEA")
MEDIATED = Listing(
    "tea-house",
    "POT",
    {},
    {},
    "tea",
    "",
    "goods",
    30_000,
    "on_sale",
    "offer/kiln/POT",
    offer=OfferReference("kiln", "POT"),
)
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TERMS = Terms(UNION, {"tea-house": STORE}, {("tea-house", "TEA"): LISTING}, NOW)
whole_dollars = st.integers(min_value=1, max_value=10**7).map(lambda dollars: dollars * 100)


def test_the_same_listing_wanted_twice_is_one_line() -> None:
    assert folded([Wanted("s", "A", 2), Wanted("s", "B", 1), Wanted("s", "A", 3)]) == (
        Wanted("s", "A", 5),
        Wanted("s", "B", 1),
    )


@pytest.mark.parametrize("quantities", [[0], [-1], [1000], [600, 600], [1000, -1]])
def test_a_quantity_that_is_not_between_1_and_999_is_refused(quantities: list[int]) -> None:
    with pytest.raises(Invalid):
        folded([Wanted("s", "A", quantity) for quantity in quantities])


def test_a_cart_stays_well_below_the_items_of_a_transaction() -> None:
    folded([Wanted("s", f"SKU{number}", 1) for number in range(40)])
    with pytest.raises(RuleViolation):
        folded([Wanted("s", f"SKU{number}", 1) for number in range(41)])
    with pytest.raises(RuleViolation):
        folded([Wanted(f"s{number}", "SKU", 1) for number in range(21)])


def test_delivery_is_free_from_the_amount_that_the_store_names() -> None:
    currency = Currency("TWD", 100)
    three = quote([Wanted("tea-house", "TEA", 3)], TERMS, currency)
    four = quote([Wanted("tea-house", "TEA", 4)], TERMS, currency)
    assert (three.goods_minor, three.delivery_minor, three.total_minor) == (90_000, 6_000, 96_000)
    assert (four.goods_minor, four.delivery_minor, four.total_minor) == (120_000, 0, 120_000)


def test_a_level_that_is_paused_is_short_whatever_it_holds() -> None:
    paused = Level(LISTING.level, reserve=5, received=5, on_sale=False)
    terms = Terms(UNION, TERMS.stores, TERMS.listings, NOW, {paused.id: paused})
    [part] = quote([Wanted("tea-house", "TEA", 1)], terms, Currency("TWD", 100)).stores
    assert part.lines[0].problem == "short"


@given(amount=whole_dollars, delivery=st.integers(0, 1000).map(lambda dollars: dollars * 100))
def test_the_shares_of_an_own_line_add_up_to_what_was_charged(amount: int, delivery: int) -> None:
    listing = replace(LISTING, price_minor=amount)
    money = split_line(listing, STORE, UNION, quantity=1, delivery_minor=delivery, supply_minor=0, step=100)
    assert sum(share.amount_minor for share in money.shares) == amount + delivery
    assert money.held_minor == 0
    assert all(share.amount_minor > 0 and share.amount_minor % 100 == 0 for share in money.shares)


@given(amount=whole_dollars, supply=whole_dollars)
def test_the_supplier_gets_its_price_whatever_the_store_sells_for(amount: int, supply: int) -> None:
    listing = replace(MEDIATED, price_minor=amount)
    money = split_line(listing, STORE, UNION, quantity=1, delivery_minor=0, supply_minor=supply, step=100)
    supplied = [share.amount_minor for share in money.shares if share.kind == "supply"]
    assert supplied == [supply]
    assert sum(share.amount_minor for share in money.shares) == amount + money.held_minor
    own = [share for share in money.shares if share.kind == "sale"]
    assert not (own and money.held_minor), "a line either leaves the store something or takes from its deposit"


def test_whoever_delivers_gets_the_delivery_charge() -> None:
    def deliverer(listing: Listing, store: Store) -> str:
        money = split_line(listing, store, UNION, quantity=1, delivery_minor=6_000, supply_minor=100, step=100)
        return next(share.account for share in money.shares if share.kind == "delivery")

    by_itself = Store("tea-house", "tea-co", {}, {}, "food", "open", "")
    assert deliverer(LISTING, STORE) == "carrier/hct"
    assert deliverer(MEDIATED, STORE) == "supplier/kiln"
    assert deliverer(LISTING, by_itself) == "store/tea-house"


@given(amounts=st.lists(whole_dollars, min_size=1, max_size=20), delivery=st.integers(0, 5000))
def test_a_delivery_charge_is_spread_over_the_lines_and_adds_up(amounts: list[int], delivery: int) -> None:
    parts = split_delivery(delivery * 100, amounts, 100)
    assert sum(parts) == delivery * 100
    assert all(part >= 0 and part % 100 == 0 for part in parts)
