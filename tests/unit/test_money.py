"""Money: exact parsing and writing, rates, and splits that add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import (
    LARGEST_AMOUNT,
    Currency,
    amount_text,
    checked_price,
    format_money,
    included_rate_of,
    parse_amount,
    parse_price,
    rate_of,
    split,
)

TWD = Currency("TWD", 100)
EUR = Currency("EUR", 1)
CHF = Currency("CHF", 5)
KRW = Currency("KRW", 10)
KWD = Currency("KWD", 1)

AMOUNTS = st.integers(0, LARGEST_AMOUNT)
STEPS = st.sampled_from([1, 5, 10, 100, 1000])
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (128000, TWD, "NT$1,280"),
        (128050, TWD, "NT$1,280.50"),
        (0, TWD, "NT$0"),
        (-350, EUR, "-€3.50"),
        (5, EUR, "€0.05"),
        (12000, KRW, "₩12,000"),
        (100000000, TWD, "NT$1,000,000"),
        (1005, CHF, "CHF 10.05"),
        (1, KWD, "KWD 0.001"),
    ],
)
def test_an_amount_is_written_exactly(amount_minor: int, currency: Currency, written: str) -> None:
    assert format_money(amount_minor, currency) == written


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("380 TWD", TWD, 38000),
        ("380.00 TWD", TWD, 38000),
        ("  380.0  TWD ", TWD, 38000),
        ("380.000 TWD", TWD, 38000),
        ("3.5 EUR", EUR, 350),
        ("12000 KRW", KRW, 12000),
        ("12000.00 KRW", KRW, 12000),
        ("0.001 KWD", KWD, 1),
    ],
)
def test_a_price_is_read_in_minor_units(text: str, currency: Currency, amount_minor: int) -> None:
    assert parse_price(text, currency) == amount_minor


@pytest.mark.parametrize(
    ("text", "currency", "reason"),
    [
        ("", TWD, "is not a price"),
        ("380", TWD, "is not a price"),
        ("NT$380", TWD, "is not a price"),
        ("1,280 TWD", TWD, "is not a price"),
        ("-380 TWD", TWD, "is not a price"),
        ("1e3 TWD", TWD, "is not a price"),
        ("380 USD", TWD, "the price is in USD; this union trades in TWD"),
        ("3.505 EUR", EUR, "EUR has 2 decimals"),
        ("12000.5 KRW", KRW, "KRW has 0 decimals"),
        ("380.50 TWD", TWD, "in steps of 1 TWD; 380.50 TWD is not"),
        ("12005 KRW", KRW, "in steps of 10 KRW; 12005 KRW is not"),
        ("0 TWD", TWD, "between 1 and"),
        ("999999999999999 TWD", TWD, "between 1 and"),
    ],
)
def test_what_is_no_price_of_the_union_is_refused_with_the_reason(text: str, currency: Currency, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        parse_price(text, currency)


@pytest.mark.parametrize(
    ("text", "amount_minor", "written"),
    [(" 380 ", 38_000, "380 TWD"), ("380.00", 38_000, "380 TWD"), ("1", 100, "1 TWD")],
)
def test_an_amount_of_a_form_is_read_without_its_currency_and_said_with_it(
    text: str, amount_minor: int, written: str
) -> None:
    assert parse_amount(text, TWD) == amount_minor
    assert amount_text(amount_minor, TWD) == written
    assert (amount_text(-350, EUR), amount_text(5, EUR), amount_text(12_000, KRW)) == (
        "-3.50 EUR",
        "0.05 EUR",
        "12000 KRW",
    )


@pytest.mark.parametrize("text", ["abc", "380 TWD", "1,280", "-1"])
def test_what_is_no_amount_is_refused_as_it_was_typed(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_amount(text, TWD)
    assert refused.value.detail == f"'{text}' is not an amount: write a number such as 380, without the currency"


@pytest.mark.parametrize("amount_minor", [0, -100, LARGEST_AMOUNT + 100, 150])
def test_a_price_that_cannot_be_charged_is_refused(amount_minor: int) -> None:
    with pytest.raises(Invalid):
        checked_price(amount_minor, TWD)


@given(whole=st.integers(1, 10**9))
def test_what_is_written_in_whole_steps_is_read_back(whole: int) -> None:
    amount_minor = whole * TWD.step
    digits = format_money(amount_minor, TWD).removeprefix("NT$").replace(",", "")
    assert parse_price(f"{digits} TWD", TWD) == amount_minor


@pytest.mark.parametrize(
    ("amount_minor", "basis_points", "step", "share"),
    [
        (100000, 500, 100, 5000),
        (38000, 500, 100, 1900),
        (1000, 500, 100, 100),  # 50 is half a step: up
        (900, 500, 100, 0),  # 45 is less than half a step
        (99, 1000, 1, 10),
        (0, 500, 100, 0),
        (38000, 0, 100, 0),
        (38000, 10_000, 100, 38000),
    ],
)
def test_a_rate_is_rounded_half_up_to_whole_steps(amount_minor: int, basis_points: int, step: int, share: int) -> None:
    assert rate_of(amount_minor, basis_points, step) == share


@pytest.mark.parametrize(
    ("amount_minor", "basis_points", "step", "tax"),
    [
        (105000, 500, 100, 5000),
        (38000, 500, 100, 1800),  # 1809.5
        (121, 2100, 1, 21),
        (0, 500, 100, 0),
        (38000, 0, 100, 0),
    ],
)
def test_the_tax_in_a_price_is_rounded_half_up_to_whole_steps(
    amount_minor: int, basis_points: int, step: int, tax: int
) -> None:
    assert included_rate_of(amount_minor, basis_points, step) == tax


@given(amount_minor=AMOUNTS, basis_points=st.integers(0, 10_000), step=STEPS)
def test_a_rate_is_within_half_a_step_of_the_exact_share(amount_minor: int, basis_points: int, step: int) -> None:
    share = rate_of(amount_minor, basis_points, step)
    assert share % step == 0
    assert abs(share * 10_000 - amount_minor * basis_points) * 2 <= 10_000 * step


@given(amount_minor=AMOUNTS, basis_points=st.integers(0, 10_000), step=STEPS)
def test_the_tax_in_a_price_is_within_half_a_step_of_the_exact_tax(
    amount_minor: int, basis_points: int, step: int
) -> None:
    tax, whole = included_rate_of(amount_minor, basis_points, step), 10_000 + basis_points
    assert tax % step == 0
    assert abs(tax * whole - amount_minor * basis_points) * 2 <= whole * step


@pytest.mark.parametrize(
    ("amount_minor", "weights", "step", "parts"),
    [
        (10000, [1, 1, 1], 100, [3400, 3300, 3300]),  # equal remainders: the earlier part
        (10000, [1, 2], 100, [3300, 6700]),  # 33.3 and 66.7: the larger remainder
        (10050, [0, 1, 1], 100, [0, 5050, 5000]),  # the first part with a weight keeps what is not a whole step
        (0, [3, 4], 100, [0, 0]),
        (100, [1, 1], 100, [100, 0]),
        (7, [5], 1, [7]),
    ],
)
def test_a_split_gives_remainders_to_the_largest_and_then_the_first(
    amount_minor: int, weights: list[int], step: int, parts: list[int]
) -> None:
    assert split(amount_minor, weights, step) == parts


@given(amount_minor=AMOUNTS, weights=WEIGHTS, step=STEPS)
def test_a_split_adds_up_exactly(amount_minor: int, weights: list[int], step: int) -> None:
    assert sum(split(amount_minor, weights, step)) == amount_minor


@given(amount_minor=AMOUNTS, weights=WEIGHTS, step=STEPS)
def test_each_part_of_a_split_is_less_than_a_step_from_its_proportion(
    amount_minor: int, weights: list[int], step: int
) -> None:
    whole, odd = amount_minor - amount_minor % step, amount_minor % step
    parts = split(amount_minor, weights, step)
    parts[next(i for i, weight in enumerate(weights) if weight)] -= odd
    assert all(part % step == 0 for part in parts)
    assert all(
        abs(part * sum(weights) - whole * weight) < step * sum(weights)
        for part, weight in zip(parts, weights, strict=True)
    )


@given(amount_minor=AMOUNTS, weights=WEIGHTS, step=STEPS)
def test_a_part_without_weight_gets_nothing(amount_minor: int, weights: list[int], step: int) -> None:
    parts = split(amount_minor, weights, step)
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [3, -1]])
def test_weights_that_say_nothing_are_a_mistake(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(100, weights)
