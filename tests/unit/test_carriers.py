"""What a carrier asks for, where it delivers, and when that is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mart_union.catalog.carriers import Carrier, PriceStep, Zone, checked_carriers
from mart_union.kernel.errors import Invalid

TAIPEI = ZoneInfo("Asia/Taipei")
NEAR = Zone(("30", "31"), 1, (PriceStep(0, 8_000), PriceStep(100_000, 0)))
TOWN = Zone(("300",), 0, (PriceStep(0, 6_000),))
ELSEWHERE = Zone((), 3, (PriceStep(0, 15_000), PriceStep(100_000, 9_000)))
CARRIER = Carrier("hct", {"en": "HCT"}, zones=(ELSEWHERE, NEAR, TOWN))
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")


@pytest.mark.parametrize(
    ("postcode", "zone"),
    [("300", TOWN), ("300-41", TOWN), ("302", NEAR), (" 31 2", NEAR), ("900", ELSEWHERE), (None, ELSEWHERE)],
)
def test_the_zone_with_the_longest_beginning_holds(postcode: str | None, zone: Zone) -> None:
    assert CARRIER.zone_of(postcode) is zone


@pytest.mark.parametrize(
    ("goods_minor", "postcode", "price"),
    [(99_900, "302", 8_000), (100_000, "302", 0), (99_999, "900", 15_000), (10**9, "900", 9_000), (0, "300", 6_000)],
)
def test_a_price_goes_by_zone_and_by_the_amount_of_the_goods(goods_minor: int, postcode: str, price: int) -> None:
    assert CARRIER.price_for(goods_minor, 1, postcode) == price


def test_a_price_may_go_by_units_instead() -> None:
    by_units = replace(CARRIER, priced_by="units", zones=(Zone((), 1, (PriceStep(0, 8_000), PriceStep(3, 12_000))),))
    assert [by_units.price_for(10**9, units, None) for units in (1, 2, 3, 4)] == [8_000, 8_000, 12_000, 12_000]


@given(goods=st.integers(0, 10**12), units=st.integers(1, 999), postcode=st.none() | st.text(max_size=8))
def test_every_postcode_has_one_price_of_the_table(goods: int, units: int, postcode: str | None) -> None:
    amounts = {step.amount_minor for zone in CARRIER.zones for step in zone.prices}
    assert CARRIER.price_for(goods, units, postcode) in amounts


def test_an_area_is_where_a_postcode_begins_so_and_without_one_it_is_everywhere() -> None:
    local = replace(CARRIER, area=("30", "31"))
    assert [local.delivers_to(each) for each in ("300", "31-2", "900", "")] == [True, True, False, False]
    assert CARRIER.delivers_to("900")


def at(day: int, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=TAIPEI)


@pytest.mark.parametrize(
    ("ordered", "lead_days", "postcode", "arrives"),
    [
        (at(23, "15:29"), 0, "300", date(2026, 11, 23)),  # a Monday, before the cut-off
        (at(23, "15:30"), 0, "300", date(2026, 11, 24)),
        (at(23, "15:29"), 2, "302", date(2026, 11, 26)),
        (at(26, "16:00"), 0, "302", date(2026, 11, 28)),  # collected on Friday; on its way over the weekend
        (at(27, "16:00"), 0, "300", date(2026, 11, 30)),  # a Friday after the cut-off: collected on Monday
        (at(28, "09:00"), 1, "900", date(2026, 12, 3)),
    ],
)
def test_an_order_arrives_after_cut_off_lead_days_collection_and_transit(
    ordered: datetime, lead_days: int, postcode: str, arrives: date
) -> None:
    carrier = replace(CARRIER, cut_off="15:30", collects=WEEKDAYS)
    assert carrier.arrival(ordered, lead_days, postcode) == arrives


def test_a_carrier_of_which_nothing_is_said_brings_it_on_the_day_on_which_it_is_ready() -> None:
    plain = Carrier("hct", {"en": "HCT"})
    assert plain.arrival(at(28, "23:59"), 2, "900") == date(2026, 11, 30)
    assert (plain.price_for(100, 1, "900"), plain.is_priced, plain.goes_by_postcode) == (0, False, False)


def test_a_carrier_that_was_written_before_it_had_terms_is_read() -> None:
    old = b'{"id": "hct", "names": {"en": "HCT"}, "tracking_url": "https://track.example/{number}"}'
    assert msgspec.json.decode(old, type=Carrier) == Carrier("hct", {"en": "HCT"}, "https://track.example/{number}")


def test_postcodes_are_kept_as_they_are_compared_and_days_in_their_order() -> None:
    written = replace(CARRIER, area=("3-0", "31", "30"), zones=(ELSEWHERE,), collects=("fri", "mon"))
    [kept] = checked_carriers([written], 100)
    assert (kept.area, kept.collects) == (("30", "31"), ("mon", "fri"))


def priced(*steps: tuple[int, int], **changes: Any) -> Zone:
    return replace(ELSEWHERE, prices=tuple(PriceStep(*step) for step in steps), **changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tracking_url": "javascript:alert(1)"}, "carriers.hct.tracking_url"),
        ({"priced_by": "weight"}, "carriers.hct.priced_by"),
        ({"cut_off": "24:00"}, "carriers.hct.cut_off"),
        ({"collects": ("monday",)}, "carriers.hct.collects"),
        ({"area": ("30*",)}, "carriers.hct.area"),
        ({"zones": (NEAR,)}, "carriers.hct.zones"),
        ({"zones": (ELSEWHERE, ELSEWHERE)}, "carriers.hct.zones"),
        ({"zones": (ELSEWHERE, NEAR, replace(NEAR, postcodes=("31",)))}, "carriers.hct.zones"),
        ({"area": ("9",), "zones": (ELSEWHERE, NEAR)}, "carriers.hct.zones"),
        ({"zones": (ELSEWHERE, replace(NEAR, prices=()))}, "carriers.hct.zones"),
        ({"zones": (ELSEWHERE,) * 21}, "carriers.hct.zones"),
        ({"zones": (replace(ELSEWHERE, transit_days=61),)}, "carriers.hct.zones.1.transit_days"),
        ({"zones": (replace(ELSEWHERE, transit_days=-1),)}, "carriers.hct.zones.1.transit_days"),
        ({"zones": (priced((0, 8_050)),)}, "carriers.hct.zones.1.prices"),
        ({"zones": (priced((0, -100)),)}, "carriers.hct.zones.1.prices"),
        ({"zones": (priced((1, 100)),)}, "carriers.hct.zones.1.prices"),
        ({"zones": (priced((0, 100), (0, 200)),)}, "carriers.hct.zones.1.prices"),
        ({"zones": (priced((0, 100), (2**53, 200)),)}, "carriers.hct.zones.1.prices"),
        ({"names": {"en": "x" * 40_000}}, "carriers"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_name_of_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked_carriers([replace(CARRIER, **changes)], 100)
    assert [error["field"] for error in refusal.value.facts["errors"]] == [field]


def test_two_carriers_of_one_id_and_more_than_fifty_are_refused() -> None:
    for carriers in ([CARRIER, CARRIER], [replace(CARRIER, id=f"c{number}", zones=()) for number in range(51)]):
        with pytest.raises(Invalid):
            checked_carriers(carriers, 100)
