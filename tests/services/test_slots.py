"""Slots: a service's times are opened by its store, chosen by shoppers, and each sold to no more than it is for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mart_union.catalog.listings import change_listing, get_listing, save_listing, set_listing_state
from mart_union.catalog.model import Listing, listing_level
from mart_union.catalog.shelves import rebuild_store
from mart_union.catalog.showing import free_slots, get_shelf, show_listing
from mart_union.catalog.slots import (
    Opened,
    Times,
    close_slot,
    find_slot,
    list_month,
    list_movements,
    open_slots,
    set_capacity,
)
from mart_union.catalog.urgent import SaleTerms, start_urgent_sale
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import expire_purchase
from mart_union.checkout.service import get_purchase_with_orders, place_purchase, quote_cart
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, KeyReused, NotFound, OutOfStock, PartRefused, RuleViolation, SlotRefused
from mart_union.orders.model import Order
from mart_union.orders.refunding import RefundWish
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from mart_union.stock.journal import record_movements
from mart_union.stock.service import get_level, get_levels
from mart_union.stock.slotting import Slot, slot_level
from tests.services import market as markets
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market
from tests.services.refunds import refund, wrong

PRICE = 50_000
TEN, ELEVEN = "20261201T0200Z", "20261201T0300Z"
"""Ten and eleven o'clock in Hsinchu on the first of December, nine days after NOW."""
DECEMBER = Times("2026-12-01", "2026-12-01", ("10:00", "11:00"), 2)


def open_with_tasting(unique: str, times: Times = DECEMBER, *, procedure: str = "appointment") -> Market:
    market = open_market(unique, money=10_000_000)
    markets.save_store(market.store, procedure=procedure, carrier="", delivery_amount=0)
    save_listing(tasting(market), "owner", NOW)
    opened(market, times)
    return market


def tasting(market: Market, sku: str = "TASTE", **changes: Any) -> Listing:
    facts = {"slot_minutes": 60, "kind": "service"} | changes
    level = listing_level(market.store, sku)
    kind = str(facts.pop("kind"))
    return Listing(market.store, sku, {"en": "A tasting"}, {}, "tea", "food", kind, PRICE, "on_sale", level, **facts)


def opened(market: Market, times: Times, now: datetime = NOW) -> Opened:
    return open_slots(market.store, "TASTE", times, actor="owner", now=now)


def book(market: Market, slot: str = TEN, quantity: int = 1, key: str = "key-00000001", **options: Any) -> Purchase:
    return place_purchase(
        market.customer,
        [Wanted(market.store, "TASTE", quantity, slot)],
        recipient=market.recipient,
        total_seen=PRICE * quantity,
        method=options.get("method", "account"),
        key=key,
        now=options.get("now", NOW),
    )


def order_of(purchase: Purchase) -> Order:
    return get_purchase_with_orders(purchase.id)[1][0]


def slot(market: Market, name: str = TEN) -> Slot:
    assert get_level(slot_level(market.store, "TASTE", name)).balances()
    return find_slot(market.store, "TASTE", name)


def test_a_booking_takes_a_place_at_its_time_in_the_purchase_s_one_write(unique: str) -> None:
    market = open_with_tasting(unique)
    with measured() as capacity:
        purchase = book(market, quantity=2)
    assert capacity.requests == ["BatchGetItem", "TransactWriteItems"]
    assert (slot(market), slot(market, ELEVEN)) == (Slot(TEN, 2, 2, 0, True), Slot(ELEVEN, 2, 0, 2, True))
    order = order_of(purchase)
    [line] = order.lines
    assert (line.slot, line.level, line.draws) == (TEN, slot_level(market.store, "TASTE", TEN), {})
    assert (order.promised_by, order.clock_at) == ("2026-12-01T03:00:00.000Z", iso(NOW + timedelta(hours=72)))
    assert get_levels([listing_level(market.store, "TASTE")]) == {}
    assert wrong(market) == []


def test_two_shoppers_and_one_place_are_one_booking(unique: str) -> None:
    market = open_with_tasting(unique, Times("2026-12-01", "2026-12-01", ("10:00",), 1))

    def try_to_book(number: int) -> bool:
        try:
            return bool(book(market, key=f"key-{number:08}"))
        except OutOfStock:
            return False

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(try_to_book, range(16))) == 1
    assert slot(market) == Slot(TEN, 1, 1, 0, True)


@pytest.mark.parametrize(
    ("wanted", "now", "reason", "detail"),
    [
        ("", NOW, "none", "choose a time for TASTE"),
        ("20261301T0200Z", NOW, "unknown", "TASTE has no such time: choose one of those that it has"),
        (
            TEN,
            datetime(2026, 12, 1, 2, 0, tzinfo=UTC),
            "past",
            "this time of TASTE has begun: choose one that is ahead",
        ),
    ],
)
def test_a_time_that_cannot_be_chosen_is_refused_by_name(
    unique: str, wanted: str, now: datetime, reason: str, detail: str
) -> None:
    market = open_with_tasting(unique)
    with measured() as capacity, pytest.raises(SlotRefused) as refused:
        book(market, wanted, now=now)
    assert (refused.value.facts["reason"], refused.value.detail) == (reason, detail)
    assert capacity.written_units == 0
    [line] = quote_cart([Wanted(market.store, "TASTE", 1, wanted)], now=now).stores[0].lines
    assert (line.problem, slot(market).left) == ("slot", 2)


def test_a_time_is_sold_until_the_minute_in_which_it_begins(unique: str) -> None:
    market = open_with_tasting(unique)
    book(market, now=datetime(2026, 12, 1, 1, 59, 59, tzinfo=UTC))
    assert slot(market).left == 1


@pytest.mark.parametrize("wanted", ["20261201T0400Z", TEN])
def test_a_time_that_was_never_opened_or_is_full_is_out_of_stock(unique: str, wanted: str) -> None:
    market = open_with_tasting(unique)
    book(market, quantity=2)
    for key in ("key-00000002", "key-00000003"):  # first by the condition of the write, then by a look
        with pytest.raises(OutOfStock):
            book(market, wanted, key=key)
    assert slot(market) == Slot(TEN, 2, 2, 0, True)


def test_the_time_is_part_of_what_a_key_stands_for(unique: str) -> None:
    market = open_with_tasting(unique)
    first = book(market)
    assert book(market).id == first.id
    with pytest.raises(KeyReused):
        book(market, ELEVEN)
    assert (slot(market).booked, slot(market, ELEVEN).booked) == (1, 0)


def test_one_cart_may_have_two_times_of_a_service_and_goods(unique: str) -> None:
    market = open_with_tasting(unique)
    wanted = [
        Wanted(market.store, "TASTE", 1, TEN),
        Wanted(market.store, "TASTE", 2, ELEVEN),
        Wanted(market.store, "TEA", 1),
    ]
    quoted = quote_cart(wanted, now=NOW)
    assert (quoted.ready, quoted.total_minor) == (True, 3 * PRICE + 30_000)
    purchase = place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=quoted.total_minor,
        method="account",
        key="key-00000001",
        now=NOW,
    )
    order = order_of(purchase)
    assert [(line.sku, line.slot, line.quantity) for line in order.lines] == [
        ("TASTE", TEN, 1),
        ("TASTE", ELEVEN, 2),
        ("TEA", "", 1),
    ]
    assert order.promised_by == "2026-12-01T04:00:00.000Z"
    assert (slot(market).left, slot(market, ELEVEN).left) == (1, 0)


def test_what_is_cancelled_refunded_or_not_paid_gives_its_places_back(unique: str) -> None:
    market = open_with_tasting(unique, Times("2026-12-01", "2026-12-01", ("10:00",), 4))
    cancelled = book(market, quantity=2)
    cancel_purchase(cancelled.id, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert slot(market) == Slot(TEN, 4, 0, 4, True)
    kept = book(market, quantity=3, key="key-00000002")
    refund(market, kept.orders[0], RefundWish(1, units=1))
    assert slot(market) == Slot(TEN, 4, 2, 2, True)
    unpaid = book(market, quantity=2, key="key-00000003", method="bank_transfer")
    assert (slot(market).left, get_level(slot_level(market.store, "TASTE", TEN)).reserved) == (0, 2)
    assert expire_purchase(unpaid.id, NOW + timedelta(days=1))
    assert slot(market) == Slot(TEN, 4, 2, 2, True)
    assert wrong(market) == []


def test_an_unpaid_booking_ends_when_its_time_begins(unique: str) -> None:
    market = open_with_tasting(unique, Times("2026-11-22", "2026-11-22", ("12:05",), 1))
    purchase = book(market, "20261122T0405Z", method="bank_transfer")
    assert purchase.expires_at == "2026-11-22T04:05:00.000Z"
    assert not expire_purchase(purchase.id, NOW + timedelta(minutes=4))
    assert expire_purchase(purchase.id, NOW + timedelta(minutes=5))
    assert slot(market, "20261122T0405Z").left == 1


def test_a_booking_that_nobody_answers_is_refused_when_its_time_begins(unique: str) -> None:
    market = open_with_tasting(unique, Times("2026-11-22", "2026-11-22", ("15:00",), 1))
    purchase = book(market, "20261122T0700Z")
    assert order_of(purchase).clock_at == "2026-11-22T07:00:00.000Z"
    act_on_deadlines(purchase.orders[0], NOW + timedelta(hours=3))
    order = get_order(purchase.orders[0])
    assert (order.state, order.refunded_minor) == ("refused", PRICE)
    assert slot(market, "20261122T0700Z") == Slot("20261122T0700Z", 1, 0, 1, True)


def test_the_store_schedules_a_booking_for_its_time_without_saying_it_again(unique: str) -> None:
    market = open_with_tasting(unique)
    purchase = book(market)
    take_step(purchase.orders[0], "schedule", "staff", "store", "s-1", NOW, fulfiller=f"store/{market.store}")
    order = get_order(purchase.orders[0])
    assert (order.state, order.facts["appointment_at"]) == ("scheduled", "2026-12-01T02:00:00.000Z")


def test_slots_are_opened_for_the_days_and_times_of_weeks_and_only_once(unique: str) -> None:
    market = open_with_tasting(unique)
    weeks = Times("2026-12-01", "2026-12-14", ("10:00", "14:30"), 3, ("tue", "sat"))
    first = opened(market, weeks)
    assert first == Opened(
        (
            *("20261201T0630Z", "20261205T0200Z", "20261205T0630Z", "20261208T0200Z"),
            *("20261208T0630Z", "20261212T0200Z", "20261212T0630Z"),
        ),
        (TEN,),
    )
    assert opened(market, weeks) == Opened((), (TEN, *first.opened))
    assert (slot(market).capacity, slot(market, "20261212T0630Z").capacity) == (2, 3)


def test_many_slots_opened_by_four_at_once_are_each_opened_once(unique: str) -> None:
    market = open_with_tasting(unique)
    times = Times("2027-01-01", "2027-04-10", ("09:00", "10:00"), 5)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: opened(market, times), range(4)))
    new = [name for answer in answers for name in answer.opened]
    assert (len(new), len(set(new))) == (200, 200)
    level = get_level(slot_level(market.store, "TASTE", new[0]))
    assert (level.reserve, level.received, level.sequence) == (5, 5, 1)


@pytest.mark.parametrize(
    "times",
    [
        Times("2026-12-01", "2026-11-30", ("10:00",), 1),
        Times("2026-12-01", "2028-12-01", ("10:00",), 1, ("mon",)),
        Times("2026-12-01", "2027-12-01", ("10:00",), 1),
        Times("2026-12-01", "2026-12-01", (), 1),
        Times("2026-12-01", "2026-12-01", ("25:00",), 1),
        Times("2026-12-01", "2026-12-01", ("10:00:30",), 1),
        Times("2026-12-01", "2026-12-01", ("10:00+08:00",), 1),
        Times("2026-12-01", "2026-12-01", ("10:00",), 0),
        Times("2026-12-01", "2026-12-01", ("10:00",), 10_000),
        Times("2026-12-01", "2026-12-01", ("10:00",), 1, ("someday",)),
        Times("2026-12-01", "2026-12-01", ("10:00",), 1, ("wed",)),
        Times("2026-11-22", "2026-11-22", ("12:00",), 1),
        Times("tomorrow", "2026-12-01", ("10:00",), 1),
        Times("9999-12-31", "9999-12-31", ("10:00",), 1),
        Times("0001-01-01", "0001-01-01", ("10:00",), 1),
    ],
)
def test_times_that_cannot_be_are_refused_and_nothing_is_opened(unique: str, times: Times) -> None:
    market = open_with_tasting(unique)
    with pytest.raises(Invalid):
        opened(market, times)
    assert [each.slot for each in list_month(market.store, "TASTE", "2026-12").items] == [TEN, ELEVEN]
    assert list_month(market.store, "TASTE", "2026-11").items == ()


def test_a_listing_that_is_not_bookable_or_is_withdrawn_has_no_slots_opened(unique: str) -> None:
    market = open_with_tasting(unique)
    for sku, refusal in (("TEA", RuleViolation), ("NONE", NotFound)):
        with pytest.raises(refusal):
            open_slots(market.store, sku, DECEMBER, actor="owner", now=NOW)
    set_listing_state(market.store, "TASTE", "withdrawn", "owner", NOW)
    with pytest.raises(RuleViolation):
        opened(market, Times("2026-12-02", "2026-12-02", ("10:00",), 1))
    assert len(list_month(market.store, "TASTE", "2026-12").items) == 2


def test_a_slot_is_closed_over_what_is_booked_and_opened_again(unique: str) -> None:
    market = open_with_tasting(unique)
    purchase = book(market)
    for _ in range(2):
        assert close_slot(market.store, "TASTE", TEN, actor="owner", now=NOW) == Slot(TEN, 1, 1, 0, False)
    with pytest.raises(OutOfStock):
        book(market, key="key-00000002")
    cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert slot(market) == Slot(TEN, 1, 0, 0, False)
    for _ in range(2):
        assert set_capacity(market.store, "TASTE", TEN, 3, actor="owner", now=NOW) == Slot(TEN, 3, 0, 3, True)
    assert book(market, quantity=3, key="key-00000003").payment == "paid"
    assert wrong(market) == []


def test_a_slot_is_for_no_fewer_than_are_booked(unique: str) -> None:
    market = open_with_tasting(unique)
    book(market, quantity=2)
    with pytest.raises(OutOfStock) as refused:
        set_capacity(market.store, "TASTE", TEN, 1, actor="owner", now=NOW)
    assert refused.value.facts == {"booked": 2, "wanted": 1}
    for capacity in (0, 10_000):
        with pytest.raises(Invalid):
            set_capacity(market.store, "TASTE", TEN, capacity, actor="owner", now=NOW)
    with pytest.raises(RuleViolation):
        set_capacity(market.store, "TASTE", TEN, 5, actor="owner", now=datetime(2026, 12, 1, 2, 0, tzinfo=UTC))
    assert slot(market) == Slot(TEN, 2, 2, 0, True)
    for name in ("20261201T0400Z", "nonsense"):
        with pytest.raises(NotFound):
            set_capacity(market.store, "TASTE", name, 5, actor="owner", now=NOW)
        with pytest.raises(NotFound):
            close_slot(market.store, "TASTE", name, actor="owner", now=NOW)


def test_bookings_closings_and_changes_at_once_sell_no_more_than_there_is(unique: str) -> None:
    market = open_with_tasting(unique, Times("2026-12-01", "2026-12-01", ("10:00",), 5))

    def act(number: int) -> int:
        try:
            if number % 4 == 3:
                set_capacity(market.store, "TASTE", TEN, 5 + number % 3, actor="owner", now=NOW)
                return 0
            return len(book(market, key=f"key-{number:08}").orders)
        except OutOfStock:
            return 0

    with ThreadPoolExecutor(16) as threads:
        sold = sum(threads.map(act, range(32)))
    found = slot(market)
    assert (found.booked, found.left) == (sold, found.capacity - sold)
    assert 5 <= sold <= found.capacity <= 7


def test_the_page_shows_the_next_times_that_have_places_in_one_query_more(unique: str) -> None:
    market = open_with_tasting(unique, Times("2026-11-30", "2026-12-31", ("10:00",), 1))
    book(market)
    close_slot(market.store, "TASTE", "20261202T0200Z", actor="owner", now=NOW)
    show_listing(market.store, "TASTE", now=NOW)
    with measured() as capacity:
        shown = show_listing(market.store, "TASTE", now=NOW)
    assert [each.slot for each in shown.slots[:2]] == ["20261130T0200Z", "20261203T0200Z"]
    assert (shown.reserve, shown.available, len(shown.slots)) == (30, True, 30)
    assert capacity.requests == ["BatchGetItem", "Query", "Query"]  # November has fewer than sixty ahead
    late = show_listing(market.store, "TASTE", now=NOW, after=datetime(2026, 12, 31, tzinfo=UTC))
    assert [each.slot for each in late.slots] == ["20261231T0200Z"]
    over = show_listing(market.store, "TASTE", now=datetime(2027, 1, 1, tzinfo=UTC))
    assert (over.slots, over.available) == ((), False)


def test_a_shelf_leaves_it_to_the_page_which_times_are_free(unique: str) -> None:
    market = open_with_tasting(unique)
    for name in (TEN, ELEVEN):
        close_slot(market.store, "TASTE", name, actor="owner", now=NOW)
    rebuild_store(market.store)
    shelf = get_shelf(f"store/{market.store}")
    assert shelf is not None
    assert {card.sku: card.available for card in shelf.cards} == {"TASTE": True, "TEA": True}
    assert not show_listing(market.store, "TASTE", now=NOW).available


def test_a_year_of_times_costs_one_query_of_sixty(unique: str) -> None:
    market = open_with_tasting(unique)
    opened(
        market,
        Times(
            "2026-12-02",
            "2026-12-08",
            tuple(f"{hour:02}:{minute}" for hour in range(8, 20) for minute in ("00", "30")),
            1,
        ),
    )
    with measured() as capacity:
        found = free_slots(market.store, "TASTE", datetime(2026, 12, 1, tzinfo=UTC))
    assert (len(found), capacity.requests) == (60, ["Query"])
    assert capacity.read <= 2.5


def test_staff_see_a_month_page_by_page_and_each_movement_of_a_slot(unique: str) -> None:
    market = open_with_tasting(unique)
    book(market)
    page = list_month(market.store, "TASTE", "2026-12")
    assert page.items == (Slot(TEN, 2, 1, 1, True), Slot(ELEVEN, 2, 0, 2, True))
    early = Times("2026-12-31", "2027-01-01", ("07:00", "08:00"), 1)  # at seven the UTC has the day before
    assert len(opened(market, early).opened) == 4
    assert [each.slot for each in list_month(market.store, "TASTE", "2027-01").items] == [
        "20261231T2300Z",
        "20270101T0000Z",
    ]
    assert [each.slot[:8] for each in list_month(market.store, "TASTE", "2026-12").items] == ["20261201"] * 2 + [
        "20261230",
        "20261231",
    ]
    later = list_month(market.store, "TASTE", "2026-12", TEN)
    assert later.items[0].slot == ELEVEN
    assert list_month(market.store, "TASTE", "2026-12", "20270101T0000Z").items == ()
    with pytest.raises(Invalid):
        list_month(market.store, "TASTE", "2026-12", "further")
    for month in ("2026-13", "2026", "december", "20261-2", "2026-1", "9999-12", "0001-01"):
        with pytest.raises(Invalid):
            list_month(market.store, "TASTE", month)
    level = get_level(slot_level(market.store, "TASTE", TEN))
    assert (
        len(record_movements([(None, level)])) == 1
    )  # the stream writes one for each change; here the first is missing
    [entry] = list_movements(market.store, "TASTE", TEN).items
    assert (entry.level, entry.sequence, entry.reason, entry.reserve_after) == (level.id, 2, "sold", 1)
    with pytest.raises(NotFound):
        list_movements(market.store, "TASTE", "20261201T0400Z")


def test_a_month_of_many_slots_is_read_a_hundred_at_a_time(unique: str) -> None:
    market = open_with_tasting(unique)
    opened(market, Times("2026-12-02", "2026-12-16", tuple(f"{hour:02}:00" for hour in range(8, 18)), 1))
    first = list_month(market.store, "TASTE", "2026-12")
    second = list_month(market.store, "TASTE", "2026-12", first.next)
    assert (len(first.items), first.next, len(second.items), second.next) == (100, first.items[-1].slot, 52, "")
    assert len({each.slot for each in (*first.items, *second.items)}) == 152


@pytest.mark.parametrize(
    "changes", [{"slot_minutes": 4}, {"slot_minutes": 10_081}, {"kind": "goods"}, {"parts": {"TEA": 1}}]
)
def test_only_a_service_that_is_no_bundle_has_times(unique: str, changes: dict[str, Any]) -> None:
    market = open_with_tasting(unique)
    with pytest.raises(Invalid):
        save_listing(tasting(market, "OTHER", **changes), "owner", NOW)


def test_a_bookable_service_stays_one_and_is_no_part_and_not_for_urgent_selling(unique: str) -> None:
    market = open_with_tasting(unique)
    for sku, minutes in (("TASTE", 0), ("TEA", 60)):
        with pytest.raises(RuleViolation):
            change_listing(market.store, sku, {"slot_minutes": minutes, "kind": "service"}, "owner", NOW)
    changed = change_listing(market.store, "TASTE", {"slot_minutes": 90, "low_stock": 1}, "owner", NOW)
    assert (changed.slot_minutes, changed.low_stock) == (90, 1)
    with pytest.raises(PartRefused) as refused:
        save_listing(tasting(market, "SET", slot_minutes=0, parts={"TASTE": 1}), "owner", NOW)
    assert refused.value.facts["reason"] == "bookable"
    terms = SaleTerms(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), 1)
    with pytest.raises(RuleViolation):
        start_urgent_sale(market.store, "TASTE", terms, actor="owner", key="sale-00001", now=NOW)
    assert get_listing(market.store, "TASTE").urgent is None


def test_a_paused_service_is_not_booked(unique: str) -> None:
    market = open_with_tasting(unique)
    set_listing_state(market.store, "TASTE", "paused", "owner", NOW)
    with pytest.raises(RuleViolation):
        book(market)
    assert (slot(market).left, show_listing(market.store, "TASTE", now=NOW).available) == (2, False)


def test_a_service_without_slots_is_sold_as_before(unique: str) -> None:
    market = open_with_tasting(unique)
    markets.save_listing(market.store, "REPAIR", price_minor=PRICE, reserve=3, kind="service")
    wanted = [Wanted(market.store, "REPAIR", 2)]
    purchase = place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=2 * PRICE,
        method="account",
        key="key-00000009",
        now=NOW,
    )
    assert order_of(purchase).lines[0].slot == ""
    assert get_level(listing_level(market.store, "REPAIR")).reserve == 1
