"""Supply prices by volume: from so many units of an offer in one line of an order on, each of them costs its seller less. Pure rules."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from mart_union.kernel.errors import AmountOutOfRange, Invalid
from mart_union.kernel.money import Currency, checked_price

MOST_TIERS = 10

LARGEST_BEGINNING = 999
"""As many units as one line of an order may have."""


class Tier(Struct, frozen=True):
    """From so many units in a line on (`begins`), each of them costs `supply_minor`, the first one, too."""

    begins: int
    supply_minor: int


class SupplyPrice(Struct, frozen=True):
    """What units of an offer cost their seller, in minor units: each `unit_minor`, or what the last tier says that a line reaches."""

    unit_minor: int
    tiers: tuple[Tier, ...] = ()

    def at(self, quantity: int) -> int:
        """What each of so many units in one line costs."""
        return next((tier.supply_minor for tier in reversed(self.tiers) if tier.begins <= quantity), self.unit_minor)

    @property
    def schedule(self) -> str:
        """All of it as text, such as `1:15000 10:14000`; '' where volume changes nothing."""
        steps = (Tier(1, self.unit_minor), *self.tiers) if self.tiers else ()
        return " ".join(f"{step.begins}:{step.supply_minor}" for step in steps)


def read_schedule(schedule: str) -> SupplyPrice:
    """The supply price that a text tells which `SupplyPrice.schedule` has written."""
    first, *tiers = (Tier(*map(int, step.split(":"))) for step in schedule.split())
    return SupplyPrice(first.supply_minor, tuple(tiers))


def checked_tiers(unit_minor: int, tiers: Sequence[Tier], currency: Currency) -> tuple[Tier, ...]:
    """The tiers, if they can be meant beside what a single unit costs.

    Raises:
        Invalid: they are too many, do not begin one after the other from 2 on, do not fall strictly, or one is no price of the currency.
    """
    _need(len(tiers) <= MOST_TIERS, f"there are at most {MOST_TIERS}")
    begins = [1, *(tier.begins for tier in tiers)]
    rises = all(one < other for one, other in pairwise(begins)) and begins[-1] <= LARGEST_BEGINNING
    _need(rises, f"each begins after the one before, the first at 2 at least, the last at {LARGEST_BEGINNING} at most")
    for tier in tiers:
        try:
            checked_price(tier.supply_minor, currency)
        except (Invalid, AmountOutOfRange) as error:
            _need(False, error.detail)
    prices = [unit_minor, *(tier.supply_minor for tier in tiers)]
    _need(
        all(one > other for one, other in pairwise(prices)), "each costs less than the one before, and the supply price"
    )
    return tuple(tiers)


def _need(holds: bool, reason: str) -> None:
    if not holds:
        raise Invalid(f"tiers: {reason}", errors=[{"field": "tiers", "reason": reason}])
