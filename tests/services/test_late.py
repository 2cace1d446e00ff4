"""Late deliveries: found by the clock, once each, told to whoever fulfils them, shown to the customer, counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from manage.app import lambda_handler as manage
from mart_union.catalog.carriers import Carrier, Zone
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.clock import from_iso, iso
from mart_union.ledger import jobs
from mart_union.orders.due import page_of_due
from mart_union.orders.events import events_of
from mart_union.orders.indicators import counted_order
from mart_union.orders.model import Order
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from mart_union.orders.tracking import add_tracking_event
from mart_union.settlement.check import check_union
from mart_union.settlement.sweeping import take_due_steps
from tests.gateway import CONTEXT, gateway_event
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market, save_store, save_union
from tracking.app import lambda_handler as tracking

PROMISED = datetime(2026, 11, 25, 15, 59, 59, tzinfo=NOW.tzinfo)
SOON = timedelta(seconds=1)


@pytest.fixture
def market(unique: str) -> Market:
    """A store whose carrier takes a day: what is bought on Sunday noon leaves by Tuesday and is promised by the end of Wednesday."""
    made = open_market(unique)
    save_union(carriers=(Carrier("hct", {"en": "HCT"}, zones=(Zone((), 1),)), Carrier("post", {"en": "Post"})))
    return made


def bought(market: Market, key: str = "key-00000001") -> Order:
    wanted = [Wanted(market.store, "TEA", 1)]
    made = place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=quote_cart(wanted, now=NOW).total_minor,
        method="account",
        key=key,
        now=NOW,
    )
    return get_order(made.orders[0], consistent=True)


def step(order: Order, name: str, at: datetime = NOW, **more: Any) -> Order:
    store = f"store/{order.store}"
    return take_step(order.id, name, "packer", "store", f"{name}-0001", at, fulfiller=store, **more)


def shipped(market: Market, carrier: str = "hct", at: datetime = NOW) -> Order:
    order = bought(market)
    step(order, "accept", at)
    return step(order, "ship", at, tracking=(carrier, "T1"))


def told(order: Order) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(taken.step, taken.at, taken.lines) for taken in order.history if taken.step == "late"]


def test_what_has_not_left_when_its_promise_is_over_is_found_late_once(market: Market) -> None:
    order = step(bought(market), "accept")
    assert (order.promised_by, order.clock_at) == (iso(PROMISED), iso(PROMISED))
    assert told(act_on_deadlines(order.id, PROMISED - SOON)) == []
    jobs.set_checkpoint("order_deadlines", iso(PROMISED)[:13], ())
    for _ in range(3):
        take_due_steps(PROMISED + SOON)
    found = get_order(order.id, consistent=True)
    assert told(found) == [("late", iso(PROMISED + SOON), (1,))]
    assert (found.state, found.lines, found.sequence) == ("accepted", order.lines, order.sequence + 1)
    assert order.id not in page_of_due(iso(PROMISED)[:13], iso(PROMISED + SOON)).items
    assert found.clock_at == iso(PROMISED + timedelta(days=7))  # when the deadline of what is accepted passes
    assert [each for each in check_union() if order.id in each.subject] == []


def test_a_parcel_is_late_when_the_day_on_which_it_was_expected_is_over(market: Market) -> None:
    order = shipped(market)
    assert order.shipments[0].estimated_by == "2026-11-23T15:59:59.000Z"
    later = from_iso(order.shipments[0].estimated_by) + SOON
    assert told(act_on_deadlines(order.id, later - 2 * SOON)) == []
    assert told(act_on_deadlines(order.id, later)) == [("late", iso(later), (1,))]
    assert told(act_on_deadlines(order.id, PROMISED + SOON)) == [("late", iso(later), (1,))]


def test_what_the_carrier_said_last_is_when_a_parcel_is_expected_in_whatever_order_it_is_told(market: Market) -> None:
    order, hour = shipped(market), timedelta(hours=1)
    late, early = "2026-11-25T10:00:00.000Z", "2026-11-24T10:00:00.000Z"
    for moment, estimate in ((NOW + 2 * hour, late), (NOW + hour, early), (NOW + 3 * hour, "")):
        told_of = add_tracking_event(
            order.id, "1", "in_transit", iso(moment), carrier="hct", now=NOW + 4 * hour, estimated_by=estimate
        )
        assert (told_of.shipments[0].estimated_by, told_of.clock_at) == (late, late)
    assert told(act_on_deadlines(order.id, from_iso(early) + SOON)) == []
    assert told(act_on_deadlines(order.id, from_iso(late) + SOON)) == [("late", iso(from_iso(late) + SOON), (1,))]


def test_a_carrier_whose_way_is_not_known_gives_no_estimate(market: Market) -> None:
    order = shipped(market, "post")
    assert (order.shipments[0].estimated_by, order.clock_at) == ("", iso(PROMISED))


@pytest.mark.parametrize("name", ["deliver", "refuse"])
def test_what_has_arrived_or_ended_is_never_late(market: Market, name: str) -> None:
    order = shipped(market) if name == "deliver" else bought(market)
    ended = step(order, name)
    assert told(act_on_deadlines(ended.id, PROMISED + SOON)) == []


def test_what_waits_for_its_customer_at_the_store_is_not_late(market: Market) -> None:
    save_store(market.store, procedure="pickup")
    order = bought(market)
    assert order.promised_by[:10] == "2026-11-24"  # the carrier has no part in it
    step(order, "accept")
    ready = step(order, "prepare")
    assert told(act_on_deadlines(ready.id, PROMISED + SOON)) == []


def test_a_deadline_that_has_passed_comes_before_lateness(market: Market) -> None:
    order = bought(market)  # nobody answers for 48 hours: refused, a day before the promise is over
    after = act_on_deadlines(order.id, PROMISED + SOON)
    assert (after.state, told(after)) == ("refused", [])


def test_delivery_and_the_sweeper_at_once_find_late_at_most_once(market: Market) -> None:
    order, later = shipped(market), PROMISED + SOON
    with ThreadPoolExecutor(4) as threads:
        found = [threads.submit(act_on_deadlines, order.id, later) for _ in range(3)]
        arrived = threads.submit(step, order, "deliver", later)
        for each in (*found, arrived):
            each.result()
    after = get_order(order.id, consistent=True)
    assert (after.state, len(told(after)) <= 1) == ("delivered", True)
    assert after.sequence == order.sequence + 1 + len(told(after))
    assert [each for each in check_union() if order.id in each.subject] == []


def test_lateness_is_one_event(market: Market) -> None:
    before = step(bought(market), "accept")
    after = act_on_deadlines(before.id, PROMISED + SOON)
    images = ({"document": msgspec.to_builtins(each)} for each in (before, after))
    [event] = events_of(f"ORDER#{before.id}", "ORDER", *images, "e1", iso(PROMISED))
    assert (event.name, event.sequence) == ("OrderLate", after.sequence)


def test_lateness_is_found_by_the_clock_with_one_read_and_one_write(market: Market) -> None:
    order = step(bought(market), "accept")
    with measured() as capacity:
        assert order.id in page_of_due(iso(PROMISED)[:13], iso(PROMISED + SOON)).items
        act_on_deadlines(order.id, PROMISED + SOON)
    assert capacity.requests == ["Query", "GetItem", "PutItem"]


def test_an_order_that_was_found_late_before_it_left_counts_as_late_once(market: Market) -> None:
    order = step(bought(market), "accept")
    assert (counted_order(order).shipped, counted_order(order).late) == (0, 0)
    late = act_on_deadlines(order.id, PROMISED + SOON)
    assert (counted_order(late).shipped, counted_order(late).late) == (1, 1)
    left = step(late, "ship", PROMISED + 2 * SOON, tracking=("hct", "T1"))
    assert (counted_order(left).shipped, counted_order(left).late) == (1, 1)


def test_a_parcel_that_left_in_time_and_is_late_on_its_way_is_not_its_stores_delay(market: Market) -> None:
    late = act_on_deadlines(shipped(market).id, PROMISED + SOON)
    assert len(told(late)) == 1
    assert (counted_order(late).shipped, counted_order(late).late) == (1, 0)


def test_the_pages_of_customer_and_store_show_lateness_and_when_it_is_expected(market: Market) -> None:
    order = shipped(market)
    act_on_deadlines(order.id, PROMISED + SOON)
    english = {"Accept-Language": "en"}
    as_customer = gateway_event("GET", f"/orders/{order.id}", subject=market.customer, headers=english)
    path = f"/manage/{market.store}/orders/{order.id}"
    as_store = gateway_event("GET", path, subject="packer", role="packer", headers=english)
    for handler, request in ((tracking, as_customer), (manage, as_store)):
        answer = handler(request, CONTEXT)
        assert answer["statusCode"] == 200
        assert "<strong>Late</strong>" in answer["body"]
        assert '<time datetime="2026-11-23T15:59:59.000Z">2026-11-23 23:59</time>' in answer["body"]
        assert f'<time datetime="{iso(PROMISED)}">2026-11-25 23:59</time>' in answer["body"]


def test_an_order_of_whose_reminder_its_history_tells_is_shown_to_its_customer_and_store(market: Market) -> None:
    save_store(market.store, procedure="made_to_order")
    order = bought(market)
    reminded = act_on_deadlines(order.id, NOW + timedelta(hours=49))
    assert [taken.step for taken in reminded.history] == ["remind"]
    as_customer = gateway_event("GET", f"/orders/{order.id}", subject=market.customer)
    as_store = gateway_event("GET", f"/manage/{market.store}/orders/{order.id}", subject="packer", role="packer")
    assert [tracking(as_customer, CONTEXT)["statusCode"], manage(as_store, CONTEXT)["statusCode"]] == [200, 200]
