"""Providers of delivery: where each delivers, what it asks for that, how long it takes and when it collects. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.hours import DAYS
from mart_union.catalog.postcodes import checked_beginnings, lies_within, plain_postcode
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import LARGEST_AMOUNT

PRICED_BY = ("goods", "units")
"""What the steps of a price table count: the amount of the goods in minor units, or how many units of them there are."""

MOST_CARRIERS, MOST_ZONES, MOST_STEPS, MOST_BEGINNINGS, MOST_TRANSIT_DAYS = 50, 20, 20, 50, 60

LARGEST = 32_000
"""Bytes of all carriers together: every checkout reads them with the union, half a unit a 4 KB."""

_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


class PriceStep(Struct, frozen=True):
    """From so much on (`begins`: minor units of goods, or units of them), delivery of an order costs `amount_minor`."""

    begins: int
    amount_minor: int


class Zone(Struct, frozen=True):
    """Where delivery takes so many days from when the goods are collected, and costs what its `prices` say. `postcodes` are the beginnings of those
    that belong to it; the zone that names none is everywhere else."""

    postcodes: tuple[str, ...] = ()
    transit_days: int = 1
    prices: tuple[PriceStep, ...] = ()


class Carrier(Struct, frozen=True):
    """A provider of delivery; `tracking_url` has `{number}` where the tracking number goes.

    It delivers where a postcode begins as its `area` says (none named: everywhere). Of its `zones` the one with the longest beginning holds; without
    any, nobody knows how long it takes, and it has no price table. What is ordered before the `cut_off` (HH:MM in the union's time; '': at any time)
    counts as of that day, and it collects on the days of the week that `collects` names (none: on all).
    """

    id: str
    names: dict[str, str]
    tracking_url: str = ""
    area: tuple[str, ...] = ()
    zones: tuple[Zone, ...] = ()
    priced_by: str = "goods"
    cut_off: str = ""
    collects: tuple[str, ...] = ()

    @property
    def is_priced(self) -> bool:
        """Whether it has a price table."""
        return any(zone.prices for zone in self.zones)

    @property
    def goes_by_postcode(self) -> bool:
        """Whether the recipient's postcode decides on something: whether it delivers there, for how much, or when."""
        return bool(self.area) or len(self.zones) > 1

    def delivers_to(self, postcode: str) -> bool:
        """Whether a postcode lies in its area."""
        return lies_within(postcode, self.area)

    def zone_of(self, postcode: str | None) -> Zone | None:
        """The zone of a postcode; the one that is everywhere else, where none is known; None, where it has no zones."""
        plain = plain_postcode(postcode or "")
        fitting = ((len(each), zone) for zone in self.zones for each in zone.postcodes if plain.startswith(each))
        elsewhere = next((zone for zone in self.zones if not zone.postcodes), None)
        return max(fitting, key=lambda each: each[0], default=(0, elsewhere))[1]

    def price_for(self, goods_minor: int, units: int, postcode: str | None) -> int:
        """What it asks for delivering an order, in minor units; 0 where it has no price table."""
        zone, count = self.zone_of(postcode), units if self.priced_by == "units" else goods_minor
        begun = [step.amount_minor for step in (zone.prices if zone else ()) if step.begins <= count]
        return begun[-1] if begun else 0

    def arrival(self, ordered: datetime, lead_days: int, postcode: str | None) -> date:
        """The day on which an order arrives, that is placed at a moment in the union's time and ready so many days later: it is collected on the
        next day on which the carrier does that, and on its way for as many days as its zone says."""
        missed = bool(self.cut_off) and f"{ordered:%H:%M}" >= self.cut_off
        day, zone = ordered.date() + timedelta(days=lead_days + missed), self.zone_of(postcode)
        while self.collects and DAYS[day.weekday()] not in self.collects:
            day += timedelta(days=1)
        return day + timedelta(days=zone.transit_days if zone else 0)


def checked_carriers(carriers: Sequence[Carrier], step: int) -> tuple[Carrier, ...]:
    """The carriers, with postcodes as they are compared, if each can be meant. Amounts go in steps of `step` minor units.

    Raises:
        Invalid: one cannot, an id is there twice, or they are too many or too large together; `errors` names the field.
    """
    _need(len(carriers) <= MOST_CARRIERS, "carriers", f"there are at most {MOST_CARRIERS}")
    _need(len({each.id for each in carriers}) == len(carriers), "carriers", "two have the same id")
    checked = tuple(_checked(each, step) for each in carriers)
    size = len(msgspec.json.encode(checked))
    _need(size <= LARGEST, "carriers", f"all of them together take {size} bytes, of at most {LARGEST}")
    return checked


def _checked(carrier: Carrier, step: int) -> Carrier:
    at = f"carriers.{carrier.id}"
    is_link = not carrier.tracking_url or carrier.tracking_url.startswith(("https://", "http://"))
    _need(is_link, f"{at}.tracking_url", "an address that begins with https://")
    _need(carrier.priced_by in PRICED_BY, f"{at}.priced_by", f"one of {', '.join(PRICED_BY)}")
    _need(not carrier.cut_off or bool(_TIME.fullmatch(carrier.cut_off)), f"{at}.cut_off", "write a time as 15:30")
    _need(set(carrier.collects) <= set(DAYS), f"{at}.collects", f"days are {', '.join(DAYS)}")
    area = checked_beginnings(f"{at}.area", carrier.area, MOST_BEGINNINGS)
    zones = _checked_zones(at, carrier.zones, area, step)
    collects = tuple(day for day in DAYS if day in carrier.collects)
    return replace(carrier, area=area, zones=zones, collects=collects)


def _checked_zones(at: str, zones: Sequence[Zone], area: tuple[str, ...], step: int) -> tuple[Zone, ...]:
    _need(len(zones) <= MOST_ZONES, f"{at}.zones", f"at most {MOST_ZONES}")
    checked = tuple(_checked_zone(f"{at}.zones.{number}", zone, step) for number, zone in enumerate(zones, 1))
    elsewhere = sum(not zone.postcodes for zone in checked)
    _need(not zones or elsewhere == 1, f"{at}.zones", "exactly one names no postcodes: it is everywhere else")
    named = [each for zone in checked for each in zone.postcodes]
    _need(len(set(named)) == len(named), f"{at}.zones", "two zones name the same beginning of postcodes")
    outside = [each for each in named if area and not any(each.startswith(one) or one.startswith(each) for one in area)]
    _need(not outside, f"{at}.zones", f"outside of its area: {', '.join(outside)}")
    priced = sum(bool(zone.prices) for zone in checked)
    _need(priced in {0, len(checked)}, f"{at}.zones", "either all have prices or none does")
    return checked


def _checked_zone(at: str, zone: Zone, step: int) -> Zone:
    _need(0 <= zone.transit_days <= MOST_TRANSIT_DAYS, f"{at}.transit_days", f"0 to {MOST_TRANSIT_DAYS}")
    _need(len(zone.prices) <= MOST_STEPS, f"{at}.prices", f"at most {MOST_STEPS}")
    begins = [price.begins for price in zone.prices]
    rises = all(one < next_one for one, next_one in pairwise(begins))
    _need(
        not begins or (begins[0] == 0 and rises), f"{at}.prices", "the first begins at 0, each further one above that"
    )
    _need(all(each <= LARGEST_AMOUNT for each in begins), f"{at}.prices", f"begins at {LARGEST_AMOUNT} at most")
    amounts = [price.amount_minor for price in zone.prices]
    fits = all(0 <= amount <= LARGEST_AMOUNT and amount % step == 0 for amount in amounts)
    _need(fits, f"{at}.prices", f"amounts are 0 or more, in steps of {step} minor units")
    return replace(zone, postcodes=checked_beginnings(f"{at}.postcodes", zone.postcodes, MOST_BEGINNINGS))


def _need(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise Invalid(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
