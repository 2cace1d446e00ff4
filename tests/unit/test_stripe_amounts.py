"""Amounts as Stripe writes them, currency by currency, by the table of its documentation (https://docs.stripe.com/currencies)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mart_union.checkout.stripe_amounts import from_stripe, require_chargeable, to_stripe
from mart_union.kernel.errors import CurrencyMismatch, NotChargeable
from mart_union.kernel.money import Currency


@pytest.mark.parametrize(
    ("code", "step", "amount_minor", "at_stripe"),
    [
        ("USD", 1, 1_000, 1_000),
        ("EUR", 1, 1, 1),
        ("TWD", 100, 38_000, 38_000),
        ("HUF", 100, 38_000, 38_000),
        ("JPY", 1, 500, 500),
        ("KRW", 100, 12_000, 12_000),
        ("VND", 1, 7, 7),
        ("ISK", 1, 5, 500),
        ("UGX", 1, 5, 500),
        ("MGA", 100, 500, 5),
        ("KWD", 10, 5_120, 5_120),
        ("JOD", 1_000, 3_000, 3_000),
        ("BHD", 10, 10, 10),
    ],
)
def test_an_amount_becomes_what_stripe_calls_it_and_comes_back(
    code: str, step: int, amount_minor: int, at_stripe: int
) -> None:
    currency = Currency(code, step)
    require_chargeable(currency)
    assert to_stripe(amount_minor, currency) == at_stripe
    assert from_stripe(at_stripe, code.lower(), currency) == amount_minor


@pytest.mark.parametrize(("code", "step"), [("KWD", 1), ("TND", 5), ("OMR", 15), ("MGA", 20), ("MGA", 1)])
def test_a_step_that_is_finer_than_stripes_is_refused_by_name(code: str, step: int) -> None:
    with pytest.raises(NotChargeable) as refusal:
        require_chargeable(Currency(code, step))
    assert (refusal.value.code, refusal.value.facts) == ("not-chargeable", {"step_minor": step})


@pytest.mark.parametrize(("code", "amount_minor"), [("KWD", 5_124), ("JOD", 1), ("MGA", 150)])
def test_an_amount_that_stripe_cannot_charge_exactly_is_refused_by_name(code: str, amount_minor: int) -> None:
    with pytest.raises(NotChargeable):
        to_stripe(amount_minor, Currency(code, 1))


@pytest.mark.parametrize(("code", "amount"), [("usd", 500), ("isk", 550), ("ISK", 1)])
def test_another_currency_or_a_part_of_a_minor_unit_is_refused_by_name(code: str, amount: int) -> None:
    with pytest.raises(CurrencyMismatch):
        from_stripe(amount, code, Currency("ISK", 1))


@given(
    code=st.sampled_from(
        ["USD", "TWD", "JPY", "KRW", "ISK", "UGX", "MGA", "BHD", "JOD", "KWD", "OMR", "TND", "CLP", "HUF", "XOF"]
    ),
    amount_minor=st.integers(1, 2**53 - 1),
)
def test_what_can_be_charged_comes_back_as_it_was(code: str, amount_minor: int) -> None:
    currency = Currency(code, 1)
    try:
        at_stripe = to_stripe(amount_minor, currency)
    except NotChargeable:
        assert code in {"MGA", "BHD", "JOD", "KWD", "OMR", "TND"}
        return
    assert from_stripe(at_stripe, code, currency) == amount_minor
