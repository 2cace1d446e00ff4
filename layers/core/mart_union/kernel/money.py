"""Money: integer minor units of an ISO 4217 currency, never a float.

A union has one currency and a `step`, the smallest amount it charges: New Taiwan dollars have two
decimals in ISO 4217 but are charged in whole dollars, so their step is 100 minor units.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from mart_union.kernel.errors import AmountOutOfRange, Invalid

LARGEST_AMOUNT = 2**53 - 1  # exact in every JSON reader (RFC 8259, section 6)

_NO_DECIMALS = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "UYI",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
_THREE_DECIMALS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
_DIGITS = dict.fromkeys(_NO_DECIMALS, 0) | dict.fromkeys(_THREE_DECIMALS, 3) | {"CLF": 4, "UYW": 4}
"""Where a currency's decimals are not two (ISO 4217, list one)."""
_SIGNS = {"TWD": "NT$", "KRW": "₩", "JPY": "¥", "USD": "US$", "EUR": "€"}
_PERCENT = re.compile(r"^\s*(\d{1,3})(?:\.(\d{1,2}))?\s*%?\s*$")
_AMOUNT = re.compile(r"^\s*(\d{1,15})(?:\.(\d{1,3}))?\s*$")
_PRICE = re.compile(r"^\s*(\d{1,15})(?:\.(\d{1,3}))?\s+([A-Z]{3})\s*$")


class Currency(Struct, frozen=True):
    """An ISO 4217 currency and the step in which a union charges it, in minor units."""

    code: str
    step: int

    @property
    def digits(self) -> int:
        """Decimals of the currency in ISO 4217."""
        return _DIGITS.get(self.code, 2)

    @property
    def sign(self) -> str:
        """What is written before an amount."""
        return _SIGNS.get(self.code, self.code + " ")

    @property
    def digits_at_the_till(self) -> int:
        """Decimals that an amount in whole steps can have."""
        digits, step = self.digits, self.step
        while digits and step % 10 == 0:
            digits, step = digits - 1, step // 10
        return digits


def format_money(amount_minor: int, currency: Currency) -> str:
    """An amount for people: `NT$1,280`, `₩12,000`, `-€3.50`. Exact: decimals are hidden only when they are zero."""
    unit = 10**currency.digits
    whole, fraction = divmod(abs(amount_minor), unit)
    text = f"{'-' if amount_minor < 0 else ''}{currency.sign}{whole:,}"
    if fraction or currency.digits_at_the_till:
        text += f".{fraction:0{currency.digits}d}"
    return text


def plain_amount(amount_minor: int, currency: Currency) -> str:
    """An amount as a form's field has it, in major units without separators: `380`, `3.50`, `-12`. `parse_amount` reads it back."""
    whole, fraction = divmod(abs(amount_minor), 10**currency.digits)
    written = f"{whole}.{fraction:0{currency.digits}d}" if fraction else str(whole)
    return f"-{written}" if amount_minor < 0 else written


def amount_text(amount_minor: int, currency: Currency) -> str:
    """An amount in a sentence or a feed, in major units with the currency's code: `380 TWD`, `3.50 EUR`. `parse_price` reads it back."""
    return f"{plain_amount(amount_minor, currency)} {currency.code}"


def parse_price(text: str, currency: Currency) -> int:
    """Minor units of a Google Merchant price such as `380 TWD` or `380.00 TWD`.

    Raises:
        Invalid: another currency, more decimals than it has, or not a whole number of steps.
    """
    match = _PRICE.match(text)
    if match is None:
        raise Invalid(f"'{text}' is not a price: write an amount and a currency, such as '380 {currency.code}'")
    if match.group(3) != currency.code:
        raise Invalid(f"the price is in {match.group(3)}; this union trades in {currency.code}")
    return _in_minor(match, currency)


def parse_amount(text: str, currency: Currency) -> int:
    """Minor units of what a form's field has, in major units of the union's currency: `380`, `3.50`.

    Raises:
        Invalid: it is no such number, has more decimals than the currency, or is not a whole number of steps.
    """
    match = _AMOUNT.match(text)
    if match is None:
        raise Invalid(f"'{text.strip()}' is not an amount: write a number such as 380, without the currency")
    return _in_minor(match, currency)


def _in_minor(match: re.Match[str], currency: Currency) -> int:
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction.rstrip("0")) > currency.digits:
        raise Invalid(f"{currency.code} has {currency.digits} decimals, '{match.group(0).strip()}' has more")
    amount = int(whole) * 10**currency.digits + int(fraction.ljust(currency.digits, "0")[: currency.digits] or "0")
    return checked_price(amount, currency)


def parse_percent(text: str, *, field: str) -> int:
    """Basis points of a rate that a form's field gives in per cent, such as `6.5` or `40 %`.

    Raises:
        Invalid: it is no such rate.
    """
    match = _PERCENT.match(text)
    if match is None:
        message = "write a rate in per cent, with at most two decimals, such as 6.5"
        raise Invalid(message, errors=[{"field": field, "reason": message}])
    return int(match.group(1)) * 100 + int((match.group(2) or "").ljust(2, "0"))


def checked_price(amount_minor: int, currency: Currency) -> int:
    """The amount itself, if it is positive, in range and in whole steps.

    Raises:
        AmountOutOfRange: it is zero, negative or too large.
        Invalid: it is not in whole steps.
    """
    checked_amount(amount_minor)
    if amount_minor % currency.step:
        step, amount = amount_text(currency.step, currency), amount_text(amount_minor, currency)
        raise Invalid(f"an amount is in steps of {step}; {amount} is not")
    return amount_minor


def checked_amount(amount_minor: int) -> int:
    """The amount itself, if it is positive and in range, whatever the union charges in.

    Raises:
        AmountOutOfRange: it is zero, negative or too large.
    """
    if not 0 < amount_minor <= LARGEST_AMOUNT:
        raise AmountOutOfRange(f"an amount must be between 1 and {LARGEST_AMOUNT} minor units, not {amount_minor}")
    return amount_minor


def rate_of(amount_minor: int, basis_points: int, step: int) -> int:
    """A share of an amount (1 basis point = 1/10,000), rounded half up to whole steps."""
    whole_steps, rest = divmod(amount_minor * basis_points, 10_000 * step)
    return (whole_steps + (2 * rest >= 10_000 * step)) * step


def included_rate_of(amount_minor: int, basis_points: int, step: int) -> int:
    """The tax contained in a tax-inclusive amount, rounded half up to whole steps."""
    whole_steps, rest = divmod(amount_minor * basis_points, (10_000 + basis_points) * step)
    return (whole_steps + (2 * rest >= (10_000 + basis_points) * step)) * step


def split(amount_minor: int, weights: Sequence[int], step: int = 1) -> list[int]:
    """Parts of an amount in proportion to weights, in whole steps, adding up exactly (largest remainder).

    What the amount has beyond whole steps goes to the first part with a weight, the remainder's keeper. Equal remainders go to
    the earlier part. All weights zero is a mistake of the caller.
    """
    total = sum(weights)
    if total <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("weights must be non-negative and not all zero")
    steps, odd = divmod(amount_minor, step)
    floors = [steps * weight // total for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(steps * weights[i] % total), i))
    for i in order[: steps - sum(floors)]:
        floors[i] += 1
    parts = [floor * step for floor in floors]
    parts[next(i for i, weight in enumerate(weights) if weight)] += odd
    return parts


def split_within(amount_minor: int, limits: Sequence[int], step: int = 1) -> list[int]:
    """Parts of an amount in proportion to limits that are never passed: in whole steps (`split`), or exactly where steps would pass one.

    An amount above the sum of the limits is a mistake of the caller.
    """
    if amount_minor > sum(limits):
        raise ValueError(f"{sum(limits)} cannot give {amount_minor}")
    if not amount_minor:
        return [0] * len(limits)
    parts = split(amount_minor, limits, step)
    if any(part > limit for part, limit in zip(parts, limits, strict=True)):
        parts = split(amount_minor, limits)
    return parts
