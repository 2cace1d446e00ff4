"""The rules of commission and tax: which holds, what it comes to, and that a line's shares add up under any of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mart_union.catalog.fees import (
    CommissionRule,
    TaxRule,
    commission_of,
    commission_rule,
    frozen_rates,
    frozen_rule,
    lineage,
    tax_rules,
    taxes_of,
)
from mart_union.catalog.model import Listing, OfferReference, Store, Union
from mart_union.checkout.model import Wanted
from mart_union.checkout.pricing import Terms, quote, split_line
from mart_union.kernel.money import Currency

EVERYTHING = CommissionRule("all", "union", rate_basis_points=600)
FOOD = CommissionRule("food", "classification", "food-drink", rate_basis_points=500)
TEA = CommissionRule("tea", "category", "tea", rate_basis_points=400)
OOLONG = CommissionRule("oolong", "category", "oolong", rate_basis_points=300)
STORE_RULE = CommissionRule("ours", "store", "tea-house", rate_basis_points=200)
RULES = (EVERYTHING, FOOD, TEA, OOLONG, STORE_RULE)
PARENTS = {"oolong": "tea", "tea": "food"}

STORE = Store("tea-house", "tea-co", {}, {}, "food-drink", "open", "", carrier="hct")
LISTING = Listing("tea-house", "TEA", {}, {}, "x", "oolong", "goods", 30_000, "on_sale", "listing/tea-house/TEA")
UNION = Union("hsinchu", {}, {}, (), ("en",), (), (), fees=(EVERYTHING,), category_parents=PARENTS)
CITY_AND_STATE = (
    TaxRule("city", "city", 225, included=False),
    TaxRule("state", "state", 600, included=False),
)


@pytest.mark.parametrize(
    ("gone", "winner"),
    [((), "ours"), (("ours",), "oolong"), (("ours", "oolong"), "tea"), (("ours", "oolong", "tea"), "food")],
)
def test_the_most_specific_rule_wins(gone: tuple[str, ...], winner: str) -> None:
    rules = [rule for rule in RULES if rule.id not in gone]
    categories = lineage("oolong", PARENTS)
    found = commission_rule(rules, store="tea-house", classification="food-drink", categories=categories)
    assert found is not None
    assert found.id == winner


def test_where_nothing_else_holds_the_unions_rule_does_and_without_one_nothing_is_taken() -> None:
    elsewhere = {"store": "kiln", "classification": "craft", "categories": ("glass",)}
    assert commission_rule(RULES, **elsewhere) == EVERYTHING  # type: ignore[arg-type]
    none = commission_rule((TEA,), **elsewhere)  # type: ignore[arg-type]
    assert (none, commission_of(none, 30_000, 1, 100)) == (None, 0)


def test_a_circle_of_categories_ends_where_it_began() -> None:
    assert lineage("a", {"a": "b", "b": "a"}) == ("a", "b")


@pytest.mark.parametrize(
    ("rule", "amount", "quantity", "commission"),
    [
        (CommissionRule("r", "union", rate_basis_points=600), 60_000, 2, 3_600),
        (CommissionRule("r", "union", rate_basis_points=600, fixed_minor=500), 60_000, 2, 4_600),
        (CommissionRule("r", "union", rate_basis_points=600, floor_minor=3_000), 60_000, 2, 6_000),
        (CommissionRule("r", "union", rate_basis_points=600, cap_minor=1_000), 60_000, 2, 2_000),
        (CommissionRule("r", "union", fixed_minor=500), 60_000, 3, 1_500),
        (CommissionRule("r", "union", rate_basis_points=600, cap_minor=0), 60_000, 2, 0),
    ],
)
def test_rate_and_fixed_part_stay_between_floor_and_cap_of_each_unit(
    rule: CommissionRule, amount: int, quantity: int, commission: int
) -> None:
    assert commission_of(rule, amount, quantity, 100) == commission


def test_of_each_code_the_rule_of_the_nearest_category_holds() -> None:
    rules = (
        TaxRule("vat", "vat", 500),
        TaxRule("food", "vat", 200, category="food"),
        TaxRule("tea", "vat", 0, category="tea"),
        TaxRule("sugar", "sugar", 100, category="food"),
        TaxRule("fee", "vat", 500, on="fee"),
    )
    assert [rule.id for rule in tax_rules(rules, "goods", ("oolong", "tea", "food"))] == ["sugar", "tea"]
    assert [rule.id for rule in tax_rules(rules, "goods", ("glass",))] == ["vat"]
    assert [rule.id for rule in tax_rules(rules, "fee", ("oolong", "tea"))] == ["fee"]


def test_the_first_code_keeps_the_remainder_of_a_tax_of_several() -> None:
    taxes = taxes_of(CITY_AND_STATE, 999, 1)
    assert (taxes.included, taxes.added) == ({}, {"city": 22, "state": 60})  # 8.25 % of 9.99 is 82.4 cents
    equal = taxes_of((TaxRule("a", "a", 50), TaxRule("b", "b", 50)), 10_100, 100)
    assert equal.included == {"a": 100, "b": 0}  # one step for two equal claims


def test_a_sales_tax_is_added_to_the_price_and_a_value_added_tax_is_contained_in_it() -> None:
    added = replace(UNION, taxes=CITY_AND_STATE)
    money = split_line(LISTING, STORE, added, quantity=2, delivery_minor=6_000, supply_minor=0, step=100)
    assert money.tax_minor == 5_000  # 8.25 % of 600, in whole dollars
    assert {(share.account, share.kind): share.amount_minor for share in money.shares} == {
        ("union/commission", "commission"): 3_600,
        ("tax/city", "tax"): 1_400,
        ("tax/state", "tax"): 3_600,
        ("carrier/hct", "delivery"): 6_000,
        ("store/tea-house", "sale"): 56_400,
    }
    terms = Terms(added, {"tea-house": STORE}, {("tea-house", "TEA"): LISTING}, datetime(2026, 11, 22, tzinfo=UTC))
    quoted = quote([Wanted("tea-house", "TEA", 2)], terms, Currency("TWD", 100))
    assert (quoted.goods_minor, quoted.tax_minor, quoted.total_minor) == (60_000, 5_000, 65_000)
    contained = replace(UNION, taxes=(TaxRule("vat", "vat", 500),))
    assert split_line(LISTING, STORE, contained, quantity=2, delivery_minor=0, supply_minor=0, step=100).tax_minor == 0


@pytest.mark.parametrize(("included", "commission", "sale"), [(True, 3_400, 56_400), (False, 3_600, 56_200)])
def test_a_tax_on_the_fee_is_the_stores_when_added_and_the_unions_when_contained(
    included: bool, commission: int, sale: int
) -> None:
    union = replace(UNION, taxes=(TaxRule("fee", "vat", 500, on="fee", included=included),))
    shares = split_line(LISTING, STORE, union, quantity=2, delivery_minor=0, supply_minor=0, step=100).shares
    assert [(share.kind, share.amount_minor) for share in shares] == [
        ("commission", commission),
        ("fee_tax", 200),
        ("sale", sale),
    ]


def test_what_a_line_was_made_with_can_be_read_back() -> None:
    rule = CommissionRule("tea", "category", "tea", 450, 100, 300, 9_000)
    rates = frozen_rates(rule, CITY_AND_STATE, (TaxRule("fee", "vat", 500, on="fee"),))
    assert rates == {
        "commission": "tea 450+100>=300<=9000",
        "tax/city": "+225",
        "tax/state": "+600",
        "fee_tax/vat": "500",
    }
    assert frozen_rule(rates) == replace(rule, scope="", subject="")
    assert frozen_rule(frozen_rates(EVERYTHING, (), ())) == replace(EVERYTHING, scope="")
    assert frozen_rule({}) is None


steps = st.integers(0, 500).map(lambda units: units * 100)


@given(
    price=st.integers(1, 10**6).map(lambda units: units * 100),
    quantity=st.integers(1, 99),
    rate=st.integers(0, 10_000),
    fixed=steps,
    floor=steps,
    cap=st.none() | steps,
    taxes=st.lists(st.tuples(st.integers(0, 10_000), st.booleans(), st.sampled_from(["goods", "fee"])), max_size=4),
    delivery=steps,
    supply=steps,
    mediated=st.booleans(),
)
def test_shares_add_up_to_what_was_charged_and_held_under_any_rules(
    price: int,
    quantity: int,
    rate: int,
    fixed: int,
    floor: int,
    cap: int | None,
    taxes: list[tuple[int, bool, str]],
    delivery: int,
    supply: int,
    mediated: bool,
) -> None:
    rule = CommissionRule("r", "union", "", rate, fixed, floor, None if cap is None else floor + cap)
    rules = tuple(TaxRule(f"t{n}", f"c{n}", points, on, "", kind) for n, (points, kind, on) in enumerate(taxes))
    union = replace(UNION, fees=(rule,), taxes=rules)
    offer = OfferReference("kiln", "POT") if mediated else None
    listing = replace(LISTING, price_minor=price, offer=offer)
    cost = supply if mediated else 0
    money = split_line(listing, STORE, union, quantity=quantity, delivery_minor=delivery, supply_minor=cost, step=100)
    charged = price * quantity + money.tax_minor + delivery
    assert sum(share.amount_minor for share in money.shares) == charged + money.held_minor
    assert all(share.amount_minor > 0 and share.amount_minor % 100 == 0 for share in money.shares)
    assert sum(share.amount_minor for share in money.shares if share.kind == "supply") == cost
    assert frozen_rule(money.rates) == replace(rule, scope="")
