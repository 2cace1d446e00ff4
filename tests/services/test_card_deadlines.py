"""Deadlines while a card is only authorized: the time of what nobody can hand over yet does not run, all other time does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import ProviderUnavailable
from mart_union.orders.procedures import deadline_of
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from tests.card_desk import Desk
from tests.services.card_payments import answer, buy, intent_of
from tests.services.market import NOW, Market, open_market, save_store

DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    """The first store hands over online, its neighbour makes appointments: it has 72 hours to answer."""
    made = open_market(unique, money=100_000)
    save_store(made.store, procedure="digital", carrier="", delivery_amount=0)
    save_store(made.other_store, procedure="appointment", carrier="", delivery_amount=0)
    return made


def buy_both(market: Market, desk: Desk) -> Purchase:
    return place_purchase(
        market.customer,
        [Wanted(store, "TEA", 1) for store in (market.store, market.other_store)],
        recipient=market.recipient,
        total_seen=60_000,
        method="card",
        payment_method=desk.card(),
        key="key-00000001",
        now=NOW,
    )


def test_what_waits_for_its_neighbours_answer_does_not_lapse(market: Market, desk: Desk) -> None:
    purchase = buy_both(market, desk)
    digital = purchase.orders[0]
    assert (get_order(digital).clock_at, get_purchase(purchase.id).expires_at) == ("", iso(NOW + 3 * DAY))
    assert act_on_deadlines(digital, NOW + 3 * DAY - SECOND).state == "placed"
    assert capture_purchase(purchase.id, NOW + 3 * DAY - SECOND) is False
    assert capture_purchase(purchase.id, NOW + 3 * DAY) is True
    assert [get_order(order).state for order in purchase.orders] == ["placed", "refused"]
    assert desk.intent(intent_of(purchase))["amount_received"] == 30_000


def test_its_time_begins_when_the_card_is_charged_and_ends_exactly(market: Market, desk: Desk) -> None:
    purchase = buy_both(market, desk)
    digital, other = purchase.orders
    charged = NOW + 2 * DAY
    facts = {"appointment_at": iso(NOW + 9 * DAY)}
    store = f"store/{market.other_store}"
    take_step(other, "schedule", "manager", "store", "s", charged, fulfiller=store, facts=facts)
    assert capture_purchase(purchase.id, charged) is True
    assert get_order(digital).clock_at == iso(charged + DAY)
    assert act_on_deadlines(digital, charged + DAY - SECOND).state == "placed"
    assert act_on_deadlines(digital, charged + DAY).state == "refused"
    assert get_order(digital).refunded_minor == 30_000


def test_time_does_not_run_while_the_processor_is_silent(market: Market, desk: Desk) -> None:
    purchase = buy_both(market, desk)
    answer(purchase.orders[1], "refuse")
    desk.fail("down", "/capture", times=2)
    with pytest.raises(ProviderUnavailable):
        capture_purchase(purchase.id, NOW)
    digital = purchase.orders[0]
    assert (get_order(digital).payment, get_order(digital).clock_at) == ("capturing", "")
    assert act_on_deadlines(digital, NOW + 5 * DAY).state == "placed"
    assert capture_purchase(purchase.id, NOW + 5 * DAY) is True
    assert get_order(digital).clock_at == iso(NOW + 6 * DAY)


def test_what_can_be_answered_before_the_money_keeps_its_time(unique: str, desk: Desk) -> None:
    market = open_market(unique, money=100_000)
    save_store(market.other_store, procedure="pickup", carrier="", delivery_amount=6_000)
    purchase = buy(market, desk.card(), stores=2)
    shipped, collected = purchase.orders
    assert from_iso(get_order(shipped).clock_at) == NOW + 2 * DAY
    for order in purchase.orders:
        answer(order, "accept")
    preparing = deadline_of(get_order(collected), get_order(collected).lines[0])
    assert get_order(shipped).clock_at == ""  # it may not ship yet
    capture_purchase(purchase.id, NOW + DAY)
    assert deadline_of(get_order(collected), get_order(collected).lines[0]) == preparing
    assert (
        get_order(shipped).clock_at == get_order(shipped).promised_by
    )  # when it is late; its deadline is a week later
