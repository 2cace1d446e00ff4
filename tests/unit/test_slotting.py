"""Slots: what they are named, which times a week makes, and which of them can be chosen."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace

from checkout.bodies import CartChange, LineForm, WantedLine, read_lines, write_lines
from mart_union.catalog.model import Listing, Store, Union, listing_level
from mart_union.checkout.model import Wanted
from mart_union.checkout.pricing import Terms, folded, promised, quote, slot_reason
from mart_union.customers.model import CartLine
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid
from mart_union.kernel.ids import input_hash
from mart_union.kernel.money import Currency
from mart_union.orders.model import Order
from mart_union.orders.procedures import deadline_of
from mart_union.orders.steps import Details, apply_step
from mart_union.stock.events import events_of
from mart_union.stock.model import Level
from mart_union.stock.slots import month_after, months_between
from mart_union.stock.slotting import is_slot, slot_level, slot_moment, slot_name, slot_of, slots_of, weekly
from mart_union.stock.tables import level_key, level_under
from tests.orders_examples import PLACED, order_of

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SLOT = "20261201T0200Z"
LEVEL = slot_level("tea", "TASTE", SLOT)
TASTING = Listing(
    "tea", "TASTE", {}, {}, "", "", "service", 50_000, "on_sale", listing_level("tea", "TASTE"), slot_minutes=90
)
JAR = Listing("tea", "JAR", {}, {}, "", "", "goods", 30_000, "on_sale", listing_level("tea", "JAR"))
STORE = Store("tea", "tea-co", {}, {}, "food", "open", "", lead_days=2)
TERMS = Terms(
    Union("hsinchu", {}, {}, (), ("en",), (), ()),
    {"tea": STORE},
    {("tea", "TASTE"): TASTING, ("tea", "JAR"): JAR},
    NOW,
)


def test_a_slot_is_named_by_its_minute_and_its_level_stands_with_those_of_its_month() -> None:
    assert slot_name(datetime(2026, 12, 1, 10, 0, 59, tzinfo=ZoneInfo("Asia/Taipei"))) == SLOT
    assert slot_moment(SLOT) == datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
    assert LEVEL == "slot/tea/TASTE/20261201T0200Z"
    assert (is_slot(LEVEL), slots_of(LEVEL), is_slot(JAR.level)) == (True, ("tea/TASTE", SLOT), False)
    assert level_key(LEVEL) == ("SLOTS#tea/TASTE#202612", SLOT)
    assert level_under(*level_key(LEVEL)) == LEVEL
    assert level_under(*level_key(JAR.level)) == JAR.level
    assert level_under(f"LEVEL#{LEVEL}", "COMMAND#k") == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "99991231T2359Z",
        "00010101T0000Z",
        "20261301T0200Z",
        "2026121T0200Z",
        "20261201T0200",
        "２0261201T0200Z",
    ],
)
def test_what_is_no_name_of_a_slot_begins_never(text: str) -> None:
    assert slot_moment(text) is None


@pytest.mark.parametrize("slot", ["20261301T0200Z", "99991231T2359Z", "2026-12-01T02:00Z", "soon"])
def test_a_request_for_no_time_at_all_is_malformed(slot: str) -> None:
    line = {"store": "tea", "sku": "TASTE", "quantity": 1}
    for body in (WantedLine, CartChange, LineForm):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(line | {"slot": slot}, body)
        assert msgspec.convert(line | {"slot": SLOT}, body).slot == SLOT
        assert msgspec.convert(line, body).slot == ""
    with pytest.raises(Invalid):
        read_lines(f"tea:TASTE:1@{slot}")


def test_the_checkout_form_s_lines_are_read_as_they_are_written() -> None:
    lines = (CartLine("tea", "TASTE", 2, SLOT), CartLine("tea", "JAR", 1))
    assert write_lines(lines) == "tea:TASTE:2@20261201T0200Z,tea:JAR:1"
    assert read_lines(write_lines(lines)) == [Wanted("tea", "TASTE", 2, SLOT), Wanted("tea", "JAR", 1)]


def test_a_week_s_times_are_those_of_the_union_s_clocks() -> None:
    named = list(
        weekly(date(2026, 11, 30), date(2026, 12, 8), {0, 1}, {time(18, 30), time(10, 0)}, ZoneInfo("Asia/Taipei"))
    )
    assert named == [
        *("20261130T0200Z", "20261130T1030Z", "20261201T0200Z", "20261201T1030Z"),
        *("20261207T0200Z", "20261207T1030Z", "20261208T0200Z", "20261208T1030Z"),
    ]


def test_times_keep_to_clocks_that_are_set_forward_and_back() -> None:
    zone, every = ZoneInfo("Europe/Berlin"), set(range(7))
    assert list(weekly(date(2026, 10, 24), date(2026, 10, 26), every, {time(9, 0)}, zone)) == [
        *("20261024T0700Z", "20261025T0800Z", "20261026T0800Z"),
    ]
    assert list(weekly(date(2026, 3, 29), date(2026, 3, 29), every, {time(2, 30)}, zone)) == ["20260329T0130Z"]


def test_a_slot_s_counts_are_its_level_s() -> None:
    level = Level(LEVEL, reserve=3, reserved=1, sold=2, received=6)
    assert slot_of(level).capacity == 6
    assert (slot_of(level).booked, slot_of(level).left) == (3, 3)
    closed = slot_of(replace(level, on_sale=False))
    assert (closed.left, closed.open) == (0, False)


def test_months_go_on_over_the_end_of_a_year() -> None:
    last = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert month_after(last) == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_after(datetime(2026, 12, 31, 20, 0, tzinfo=ZoneInfo("America/New_York"))) == datetime(
        2027, 2, 1, tzinfo=UTC
    )
    assert months_between(last, month_after(last)) == ["202612", "202701"]
    begin = datetime(2026, 12, 1, tzinfo=ZoneInfo("Asia/Taipei"))
    assert months_between(begin, begin) == ["202611"]
    assert months_between(month_after(last), last) == []


@pytest.mark.parametrize(
    ("listing", "slot", "now", "reason"),
    [
        (TASTING, SLOT, NOW, ""),
        (TASTING, "", NOW, "none"),
        (TASTING, "20261399T0200Z", NOW, "unknown"),
        (TASTING, SLOT, datetime(2026, 12, 1, 1, 59, 59, tzinfo=UTC), ""),
        (TASTING, SLOT, datetime(2026, 12, 1, 2, 0, tzinfo=UTC), "past"),
        (JAR, "", NOW, ""),
        (JAR, SLOT, NOW, "unknown"),
    ],
)
def test_a_time_is_chosen_where_one_has_to_be_and_is_ahead(
    listing: Listing, slot: str, now: datetime, reason: str
) -> None:
    assert slot_reason(Wanted("tea", listing.sku, 1, slot), listing, now) == reason


def test_the_same_service_at_two_times_is_two_lines() -> None:
    wishes = [
        Wanted("tea", "TASTE", 1, SLOT),
        Wanted("tea", "TASTE", 2, "20261201T0400Z"),
        Wanted("tea", "TASTE", 3, SLOT),
    ]
    assert folded(wishes) == (Wanted("tea", "TASTE", 4, SLOT), Wanted("tea", "TASTE", 2, "20261201T0400Z"))


def test_a_request_s_fingerprint_knows_the_time_and_is_the_old_one_without() -> None:
    old = input_hash([{"store": "tea", "sku": "JAR", "quantity": 1}])
    assert input_hash([Wanted("tea", "JAR", 1)]) == old
    assert input_hash([Wanted("tea", "JAR", 1, SLOT)]) != old


@pytest.mark.parametrize(
    ("wish", "level", "problem"),
    [
        (Wanted("tea", "TASTE", 2, SLOT), Level(LEVEL, reserve=2), ""),
        (Wanted("tea", "TASTE", 3, SLOT), Level(LEVEL, reserve=2), "slot"),
        (Wanted("tea", "TASTE", 1, SLOT), Level(LEVEL, reserve=2, on_sale=False), "slot"),
        (Wanted("tea", "TASTE", 1), Level(LEVEL, reserve=2), "slot"),
        (Wanted("tea", "JAR", 1, SLOT), Level(LEVEL, reserve=2), "slot"),
        (Wanted("tea", "JAR", 3), Level(JAR.level, reserve=2), "short"),
    ],
)
def test_a_cart_tells_that_a_time_is_full_closed_or_not_chosen(wish: Wanted, level: Level, problem: str) -> None:
    quoted = quote([wish], replace(TERMS, levels={level.id: level}), Currency("TWD", 100))
    [line] = quoted.stores[0].lines
    assert (line.problem, line.slot, quoted.ready) == (problem, wish.slot, not problem)


def test_what_is_booked_is_promised_for_its_time_and_all_else_by_the_store_s_lead() -> None:
    taste, jar = Wanted("tea", "TASTE", 1, SLOT), Wanted("tea", "JAR", 1)
    assert promised(STORE, [taste], TERMS) == "2026-12-01T03:30:00.000Z"
    assert promised(STORE, [jar], TERMS) == "2026-11-24T15:59:59.000Z"
    assert promised(STORE, [taste, jar], TERMS) == "2026-12-01T03:30:00.000Z"
    soon = replace(taste, slot="20261122T0500Z")
    assert promised(STORE, [soon, jar], TERMS) == "2026-11-24T15:59:59.000Z"
    assert promised(STORE, [soon], TERMS) == "2026-11-22T06:30:00.000Z"


def _booked(slot: str) -> Order:
    order = order_of(procedure="appointment")
    return replace(order, lines=tuple(replace(line, slot=slot) for line in order.lines))


def test_a_booking_is_answered_before_its_time_and_done_after_it() -> None:
    soon, late = PLACED + timedelta(hours=3), PLACED + timedelta(days=10)
    order = _booked(slot_name(soon))
    assert deadline_of(order, order.lines[0]) == (iso(soon), "refuse")
    later = _booked(slot_name(late))
    assert deadline_of(later, later.lines[0]) == (iso(PLACED + timedelta(hours=72)), "refuse")
    taken = apply_step(
        later, "schedule", role="store", actor="a", at=iso(PLACED), key="k-1", fulfiller=later.lines[0].fulfiller
    )
    assert taken.facts["appointment_at"] == iso(late)
    [own] = [line for line in taken.lines if line.state == "scheduled"][:1]
    assert deadline_of(taken, own) == (iso(late + timedelta(days=90)), "cancel")


def test_another_appointment_may_be_made_than_was_booked() -> None:
    order = _booked(slot_name(PLACED + timedelta(days=3)))
    other = Details(appointment_at="2026-12-24T10:00:00+08:00")
    taken = apply_step(
        order,
        "schedule",
        role="store",
        actor="a",
        at=iso(PLACED),
        key="k-1",
        fulfiller=order.lines[0].fulfiller,
        details=other,
    )
    assert taken.facts["appointment_at"] == other.appointment_at


def test_a_time_that_is_fully_booked_is_no_shortage() -> None:
    before, after = (
        {"reserve": 1, "received": 1, "sequence": 1},
        {"reserve": 0, "sold": 1, "received": 1, "sequence": 2},
    )
    assert events_of(*level_key(LEVEL), before, after, "e", "") == []
    [out] = events_of(*level_key(JAR.level), before, after, "e", "")
    assert out.name == "StockOut"
