"""Paying by card when two things happen at the same moment: one of them wins, and nobody is charged twice."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import card_provider
from mart_union.checkout.cards import look_at_card, pay_by_card, release_card, settle_intent
from mart_union.checkout.paying import expire_purchase
from mart_union.checkout.service import get_purchase
from mart_union.kernel.clock import from_iso
from mart_union.kernel.errors import (
    Busy,
    MartUnionError,
)
from mart_union.orders.service import get_order
from tests.card_desk import ASKS_FOR_ACTION, Desk
from tests.services.card_payments import (
    LATER,
    NOW,
    TOTAL,
    answer,
    buy,
    intent_of,
    stock,
)
from tests.services.market import Market, open_market


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


def at_once(*actions: Callable[[], object]) -> list[object]:
    """What each action gave, or its refusal, when all begin at the same moment."""
    results: list[object] = [None] * len(actions)
    barrier = threading.Barrier(len(actions))

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = actions[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    unexpected = [
        result for result in results if isinstance(result, Exception) and not isinstance(result, MartUnionError)
    ]
    if unexpected:
        raise unexpected[0]
    return results


@pytest.mark.parametrize("turn", range(5))
def test_capture_and_cancellation_at_once_leave_one_winner(market: Market, desk: Desk, turn: int) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    at_once(
        lambda: capture_purchase(purchase.id, LATER),
        lambda: cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-01", now=NOW),
    )
    capture_purchase(purchase.id, LATER)
    release_card(purchase.id)
    after, intent = get_purchase(purchase.id), desk.intent(intent_of(purchase))
    order = get_order(purchase.orders[0])
    ends = (after.payment, intent["status"], order.state, order.escrow_minor, stock(market.store))
    assert ends in {
        ("paid", "succeeded", "accepted", TOTAL, (9, 0, 1)),
        ("voided", "canceled", "cancelled", 0, (10, 0, 0)),
        ("paid", "succeeded", "cancelled", 0, (10, 0, 0)),  # captured, then refunded
    }


@pytest.mark.parametrize("turn", range(5))
def test_capture_and_refusal_at_once_charge_exactly_what_stays(market: Market, desk: Desk, turn: int) -> None:
    purchase = buy(market, desk.card(), stores=2)
    for order in purchase.orders:
        answer(order, "accept")
    at_once(
        lambda: capture_purchase(purchase.id, LATER),
        lambda: answer(purchase.orders[1], "refuse"),
    )
    capture_purchase(purchase.id, LATER)
    captured = desk.intent(intent_of(purchase))["amount_received"]
    second = get_order(purchase.orders[1])
    given_back = second.refunded_minor
    kept = TOTAL if second.state == "refused" else 2 * TOTAL
    assert captured - given_back == kept
    assert get_purchase(purchase.id).payment == "paid"


@pytest.mark.parametrize("turn", range(5))
def test_two_captures_at_once_charge_once(market: Market, desk: Desk, turn: int) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    before = desk.count("capture")
    results = at_once(*[lambda: capture_purchase(purchase.id, LATER)] * 3)
    assert not [result for result in results if isinstance(result, MartUnionError) and not isinstance(result, Busy)]
    assert (desk.count("capture") - before, get_purchase(purchase.id).payment) == (1, "paid")


@pytest.mark.parametrize("turn", range(5))
def test_the_notice_and_the_answer_at_once_authorize_once(market: Market, desk: Desk, turn: int) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    desk.act(intent_of(purchase))
    intent = card_provider().find(intent_of(purchase))
    at_once(
        lambda: settle_intent(intent, NOW),
        lambda: look_at_card(purchase.id, market.customer, NOW),
        lambda: settle_intent(intent, NOW),
    )
    assert (get_purchase(purchase.id).payment, stock(market.store)) == ("authorized", (9, 0, 1))


@pytest.mark.parametrize("turn", range(5))
def test_expiry_and_confirmation_at_once_leave_one_winner(market: Market, desk: Desk, turn: int) -> None:
    purchase, card = buy(market), desk.card()
    end = from_iso(purchase.expires_at)
    at_once(
        lambda: expire_purchase(purchase.id, end),
        lambda: pay_by_card(purchase.id, market.customer, TOTAL, payment_method=card, now=NOW),
    )
    after = get_purchase(purchase.id)
    if after.card is not None:
        settle_intent(card_provider().find(after.card.intent), NOW)
        release_card(purchase.id)
    after = get_purchase(purchase.id)
    status = desk.intent(after.card.intent)["status"] if after.card else ""
    assert (after.payment, stock(market.store), status) in {
        ("authorized", (9, 0, 1), "requires_capture"),
        ("expired", (10, 0, 0), "canceled"),
        ("expired", (10, 0, 0), ""),
    }
