"""What an urgent sale is: its price, window, quantity and terms, and how it is cut for the load it expects. Pure rules."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from mart_union.catalog.postcodes import checked_beginnings, lies_within
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import Currency, checked_price

MOST_RATE = 4_000
"""Buyers a second, which is what the most shards bear."""

_LONGEST = timedelta(days=30)
_MOST_UNITS = 10**9
_MOST_A_CUSTOMER = 999
_MOST_POSTCODES = 20

_WRITE_UNITS_A_SECOND = 1_000
"""What one partition takes, and so one item: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""
_UNITS_A_PURCHASE = 2
"""A write of less than 1 KB in a transaction: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html"""
_BUYERS_A_SHARD = _WRITE_UNITS_A_SECOND // _UNITS_A_PURCHASE // 2
"""Half of what a partition bears: buyers do not fall on the shards evenly."""
_MOST_SHARDS, _LEAST_IN_SHARD = MOST_RATE // _BUYERS_A_SHARD, 25


class SaleTerms(Struct, frozen=True):
    """What a store says of an urgent sale: the price, the window (ISO 8601 with a time zone), and how much is kept for it.

    That is a `quantity`, or what a turnover of `turnover_minor` buys at the price; the smaller, where both are named. 0 is no limit
    `per_customer`, and no expectation of a `rate` (buyers a second); without `postcodes` (their beginnings) the sale is for everybody.
    """

    price_minor: int
    starts_at: str
    ends_at: str
    quantity: int = 0
    turnover_minor: int = 0
    per_customer: int = 0
    postcodes: tuple[str, ...] = ()
    rate: int = 0


class SaleWindow(Struct, frozen=True, omit_defaults=True):
    """A price for a window of time (ISO 8601, UTC). Whether it runs is decided when it is looked at: no clock can be late."""

    price_minor: int
    starts_at: str
    ends_at: str

    def runs_at(self, moment: datetime) -> bool:
        """Whether the window is open."""
        return datetime.fromisoformat(self.starts_at) <= moment < datetime.fromisoformat(self.ends_at)

    def ends_by(self, moment: datetime) -> bool:
        """Whether the window is over."""
        return datetime.fromisoformat(self.ends_at) <= moment

    def turns_after(self, moment: datetime) -> str:
        """When the window opens or closes next; '' once it is over."""
        return next((each for each in (self.starts_at, self.ends_at) if datetime.fromisoformat(each) > moment), "")


class UrgentSale(SaleWindow, frozen=True, omit_defaults=True):
    """A price for a window of time and a quantity kept for it.

    `per_customer` is the most units that a customer may have of it (0: as many as there are); `postcodes` the beginnings of the recipients'
    postcodes that it is for (none: everybody's); `rate` how many buyers a second it lets in (0: all at once).
    """

    id: str
    quantity: int
    per_customer: int = 0
    postcodes: tuple[str, ...] = ()
    rate: int = 0

    def is_for(self, postcode: str) -> bool:
        """Whether what is delivered to a postcode may be bought in it."""
        return lies_within(postcode, self.postcodes)


class PastSale(Struct, frozen=True):
    """An urgent sale of a listing as it ended: by the end of its `window`, `sold_out`, or by its `store`. `usual_minor` was the listing's own price.

    Of the units that were kept for it, so many were `sold`, `reserved` for purchases that were not paid for yet, and `unsold`: back in the reserve. What is
    paid for, or given back, after the end is not told here. `turnover_minor` is what the units sold came to at the price that held in the end.
    """

    sku: str
    titles: dict[str, str]
    glyph: str
    usual_minor: int
    sale: UrgentSale
    ended_at: str
    way: str
    sold: int
    reserved: int
    unsold: int
    turnover_minor: int


def checked_sale(sale_id: str, terms: SaleTerms, currency: Currency, now: datetime) -> UrgentSale:
    """The sale that a store's terms make; a cap of its turnover becomes a quantity.

    Raises:
        Invalid: price, window, quantity, limit, postcodes or rate is malformed; `errors` names the field.
    """
    starts, ends = _moment("starts_at", terms.starts_at), _moment("ends_at", terms.ends_at)
    price = checked_price(terms.price_minor, currency)
    is_ahead = now < ends and starts < ends <= starts + _LONGEST
    _need("ends_at", is_ahead, "the end must be ahead, after the start, and within 30 days of it")
    limit = terms.per_customer
    _need("per_customer", 0 <= limit <= _MOST_A_CUSTOMER, f"a whole number up to {_MOST_A_CUSTOMER}, 0 for no limit")
    _need("rate", 0 <= terms.rate <= MOST_RATE, f"buyers a second up to {MOST_RATE}, 0 where no rush is expected")
    quantity, postcodes = _quantity(terms, price), checked_beginnings("postcodes", terms.postcodes, _MOST_POSTCODES)
    return UrgentSale(price, iso(starts), iso(ends), sale_id, quantity, limit, postcodes, terms.rate)


def shares(quantity: int, rate: int) -> list[int]:
    """How many units each shard gets: as many shards as the buyers a second need, and each with enough to be worth asking."""
    needed = -(-rate // _BUYERS_A_SHARD)
    shards = max(1, min(needed, _MOST_SHARDS, quantity // _LEAST_IN_SHARD))
    return [quantity // shards + (number < quantity % shards) for number in range(shards)]


def _quantity(terms: SaleTerms, price_minor: int) -> int:
    """How many units are kept: what is named, or what the turnover buys."""
    _need("quantity", 0 <= terms.quantity <= _MOST_UNITS, "the quantity must be a whole number from 1")
    _need("turnover_minor", terms.turnover_minor >= 0, "the turnover must be an amount of money")
    if not terms.turnover_minor:
        _need("quantity", terms.quantity >= 1, "the quantity must be a whole number from 1")
        return terms.quantity
    bought = terms.turnover_minor // price_minor
    _need("turnover_minor", 1 <= bought <= _MOST_UNITS, "the turnover must buy at least one unit at the price")
    return min(bought, terms.quantity or bought)


def _moment(field: str, text: str) -> datetime:
    try:
        moment = from_iso(text)
        is_moment = moment.tzinfo is not None
    except ValueError:
        is_moment = False
    _need(field, is_moment, "give a moment with its time zone, such as 2026-12-01T10:00:00+08:00")
    return moment


def _need(field: str, is_so: bool, message: str) -> None:
    if not is_so:
        raise Invalid(f"{field}: {message}", errors=[{"field": field, "reason": message}])
