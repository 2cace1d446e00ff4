"""Amounts as Stripe writes them: minor units of ISO 4217 to Stripe's own and back, by its table of currencies.

Source: https://docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal currencies" and "Special cases". Most currencies have two
decimals at Stripe. Some have none. ISK and UGX have none any more, and are still written with two that are always 00. Of three
decimals the last one is always 0.
"""

from __future__ import annotations

from mart_union.kernel.errors import CurrencyMismatch, NotChargeable
from mart_union.kernel.money import Currency

_NO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_WHOLE_ONLY = {"ISK": 100, "UGX": 100} | dict.fromkeys(_THREE_DECIMALS, 10)
"""What an amount of these is always a multiple of, in Stripe's units."""


def stripe_digits(code: str) -> int:
    """Decimals of a currency in Stripe's amounts."""
    if code in _NO_DECIMALS:
        return 0
    return 3 if code in _THREE_DECIMALS else 2


def to_stripe(amount_minor: int, currency: Currency) -> int:
    """An amount in Stripe's units.

    Raises:
        NotChargeable: Stripe cannot charge it exactly, such as a dinar's third decimal.
    """
    scaled, rest = divmod(amount_minor * _unit(stripe_digits(currency.code)), _unit(currency.digits))
    unit = _WHOLE_ONLY.get(currency.code, 1)
    if rest or scaled % unit:
        raise NotChargeable(
            f"the card processor does not charge {amount_minor} minor units of {currency.code} exactly",
            amount_minor=amount_minor,
        )
    return scaled


def from_stripe(amount: int, code: str, currency: Currency) -> int:
    """Minor units of the union's currency, from an amount of Stripe's and its currency, in whatever case that is written.

    Raises:
        CurrencyMismatch: it is another currency than the union's, or less than a minor unit.
    """
    scaled, rest = divmod(amount * _unit(currency.digits), _unit(stripe_digits(currency.code)))
    if code.upper() != currency.code or rest:
        raise CurrencyMismatch(f"this union's money is {currency.code}, not {amount} of {code.upper()}")
    return scaled


def _unit(digits: int) -> int:
    return int(10**digits)


def require_chargeable(currency: Currency) -> None:
    """Nothing, if every amount in whole steps of the currency can be charged.

    Raises:
        NotChargeable: the step is too fine; `step_minor` tells it.
    """
    try:
        to_stripe(currency.step, currency)
    except NotChargeable as error:
        raise NotChargeable(
            f"cards cannot be charged in steps of {currency.step} minor units of {currency.code}",
            step_minor=currency.step,
        ) from error
