"""The card processor fails by itself: it answers 500 and keeps that under the request's key, for a day at least, done or not. Nobody waits
that long, and nobody is charged or refunded twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import ProviderFailed, card_provider
from mart_union.checkout.card_refunds import refund_card
from mart_union.checkout.cards import release_card
from mart_union.checkout.service import get_purchase
from mart_union.kernel.errors import ProviderUnavailable
from mart_union.ledger.service import get_transfer
from tests.card_desk import Desk
from tests.services.card_payments import LATER, TOTAL, answer, buy, intent_of, paid, refund_of, stock
from tests.services.market import Market, open_market
from tests.services.test_cards_at_once import at_once

failing = pytest.mark.parametrize("fault", ["failed", "done"])


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


@pytest.fixture(autouse=True)
def _every_failure_happened(desk: Desk) -> Iterator[None]:
    yield
    assert desk.failures_left() == 0


@failing
def test_a_capture_at_which_the_processor_failed_charges_once_at_the_next_try(
    market: Market, desk: Desk, fault: str
) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    captured = desk.count("capture")
    desk.fail(fault, "/capture")
    with pytest.raises(ProviderUnavailable):
        capture_purchase(purchase.id, LATER)
    assert capture_purchase(purchase.id, LATER) is True
    assert (get_purchase(purchase.id).payment, desk.count("capture") - captured) == ("paid", 1)
    assert desk.intent(intent_of(purchase))["amount_received"] == TOTAL


@failing
def test_a_confirmation_at_which_the_processor_failed_authorizes_once_at_the_next_try(
    market: Market, desk: Desk, fault: str
) -> None:
    card, confirmed = desk.card(), desk.count("confirm")
    desk.fail(fault, "/confirm")
    with pytest.raises(ProviderUnavailable):
        buy(market, card)
    purchase = buy(market, card)
    assert (purchase.payment, stock(market.store)) == ("authorized", (9, 0, 1))
    assert desk.count("confirm") - confirmed == 1


@failing
def test_an_intent_at_whose_making_the_processor_failed_is_made_anew_and_only_one_is_ever_confirmed(
    market: Market, desk: Desk, fault: str
) -> None:
    card, made, confirmed = desk.card(), desk.count("payment_intents"), desk.count("confirm")
    desk.fail(fault, "/payment_intents")
    purchase = buy(market, card)
    assert (purchase.payment, stock(market.store)) == ("authorized", (9, 0, 1))
    assert (desk.count("payment_intents") - made, desk.count("confirm") - confirmed) == (
        {"failed": 1, "done": 2}[fault],
        1,
    )
    assert buy(market, card) == purchase


@failing
def test_a_release_at_which_the_processor_failed_is_done_at_the_next_try(
    market: Market, desk: Desk, fault: str
) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "refuse")
    capture_purchase(purchase.id, LATER)
    desk.fail(fault, "/cancel")
    with pytest.raises(ProviderUnavailable):
        release_card(purchase.id)
    release_card(purchase.id)
    assert desk.intent(intent_of(purchase))["status"] == "canceled"


def test_an_intent_that_another_has_released_meanwhile_is_released(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card())
    for _ in range(2):
        assert card_provider().release(intent_of(purchase)).state == "canceled"


@failing
def test_a_refund_at_which_the_processor_failed_is_made_once_at_the_next_try(
    market: Market, desk: Desk, fault: str
) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    desk.fail(fault, "/refunds")
    with pytest.raises(ProviderUnavailable):
        refund_card(refund, LATER)
    assert tries(purchase.id) == {refund.id: 1}
    for _ in range(2):
        assert refund_card(refund, LATER) is True
    assert (desk.refunds(intent_of(purchase)), tries(purchase.id)) == ([TOTAL], {})


def test_a_refund_whose_every_key_fails_has_another_each_time(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    desk.fail("failed", "/refunds", times=3)
    for count in range(1, 4):
        with pytest.raises(ProviderUnavailable):
            refund_card(refund, LATER)
        assert tries(purchase.id) == {refund.id: count}
    refund_card(refund, LATER)
    assert desk.refunds(intent_of(purchase)) == [TOTAL]


def test_a_failure_that_was_not_noted_is_met_again_under_the_same_key(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    desk.fail("failed", "/refunds")
    with pytest.raises(ProviderFailed):  # as by a process that was killed before it could note that
        card_provider().refund(intent_of(purchase), TOTAL, refund.id)
    with pytest.raises(ProviderFailed):
        refund_card(refund, LATER)
    refund_card(refund, LATER)
    assert desk.refunds(intent_of(purchase)) == [TOTAL]


def test_a_lost_answer_keeps_its_key(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    desk.fail("down", "/refunds", times=6)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            refund_card(refund, LATER)
    assert tries(purchase.id) == {}


def test_two_who_meet_a_failure_at_once_go_on_under_one_key(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    desk.fail("failed", "/refunds")

    def ask() -> None:
        for _ in range(3):
            try:
                refund_card(refund, LATER)
            except ProviderUnavailable:
                continue

    at_once(ask, ask)
    assert desk.refunds(intent_of(purchase)) == [TOTAL]


def tries(purchase: str) -> dict[str, int]:
    card = get_purchase(purchase).card
    assert card is not None
    return card.tries
