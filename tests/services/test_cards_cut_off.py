"""Invariant 16 on cards: killed before or after any request, to the tables or to the card processor, and repeated, each ends as if run once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import card_provider
from mart_union.checkout.card_refunds import refund_card
from mart_union.checkout.cards import release_card, settle_intent
from mart_union.checkout.service import get_purchase
from mart_union.ledger.service import get_transfer
from mart_union.orders.service import get_order
from tests.card_desk import ASKS_FOR_ACTION, Desk
from tests.services.card_payments import LATER, NOW, TOTAL, answer, buy, intent_of, pay, refund_of, stock
from tests.services.cutting import CutOff, cut_off
from tests.services.market import Market, open_market

MOST_REQUESTS = 14
both = pytest.mark.parametrize("when", ["before", "after"])


def cut_at_each_request(
    unique: str, when: str, prepare: Callable[[Market], tuple[Callable[[], object], Callable[[], None]]]
) -> None:
    """In a market of its own for each request of a command: kill it there, repeat it, and check how things stand."""
    for number in range(MOST_REQUESTS):
        command, check = prepare(open_market(f"{unique}-{number}", money=100_000))
        try:
            with cut_off(number, when):
                command()
        except CutOff:
            command()
            check()
            continue
        check()
        assert number > 1, "the command made no requests"
        return
    pytest.fail(f"the command makes more than {MOST_REQUESTS} requests")


@both
def test_a_purchase_by_card_killed_at_any_request_and_repeated_authorizes_once(
    unique: str, when: str, desk: Desk
) -> None:
    def prepare(market: Market) -> tuple[Callable[[], object], Callable[[], None]]:
        card, confirmed = desk.card(), desk.count("confirm")

        def check() -> None:
            purchase = buy(market, card)
            assert (purchase.payment, stock(market.store)) == ("authorized", (9, 0, 1))
            assert desk.count("confirm") - confirmed == 1
            assert desk.intent(intent_of(purchase))["status"] == "requires_capture"

        return lambda: buy(market, card), check

    cut_at_each_request(unique, when, prepare)


@both
def test_another_card_for_a_waiting_purchase_killed_at_any_request_and_repeated_authorizes_once(
    unique: str, when: str, desk: Desk
) -> None:
    def prepare(market: Market) -> tuple[Callable[[], object], Callable[[], None]]:
        purchase, card = buy(market, desk.card(ASKS_FOR_ACTION)), desk.card()
        first = intent_of(purchase)

        def check() -> None:
            assert get_purchase(purchase.id).payment == "authorized"
            assert desk.intent(first)["status"] == "canceled"
            assert desk.intent(intent_of(purchase))["status"] == "requires_capture"

        return lambda: pay(market, purchase, card), check

    cut_at_each_request(unique, when, prepare)


@both
def test_a_capture_killed_at_any_request_and_repeated_charges_once(unique: str, when: str, desk: Desk) -> None:
    def prepare(market: Market) -> tuple[Callable[[], object], Callable[[], None]]:
        purchase = buy(market, desk.card(), stores=2)
        answer(purchase.orders[0], "accept")
        answer(purchase.orders[1], "refuse")
        captured = desk.count("capture")

        def check() -> None:
            after = get_purchase(purchase.id)
            assert (after.payment, desk.count("capture") - captured) == ("paid", 1)
            assert desk.intent(intent_of(purchase))["amount_received"] == TOTAL
            assert get_transfer(f"card-{intent_of(purchase)}").kind == "payment"
            assert [get_order(order).escrow_minor for order in purchase.orders] == [TOTAL, 0]

        return lambda: capture_purchase(purchase.id, LATER), check

    cut_at_each_request(unique, when, prepare)


@both
def test_the_end_of_a_refused_purchase_killed_at_any_request_and_repeated_releases_the_card(
    unique: str, when: str, desk: Desk
) -> None:
    def prepare(market: Market) -> tuple[Callable[[], object], Callable[[], None]]:
        purchase = buy(market, desk.card())
        answer(purchase.orders[0], "refuse")

        def end() -> None:
            capture_purchase(purchase.id, LATER)
            release_card(purchase.id)

        def check() -> None:
            assert (get_purchase(purchase.id).payment, stock(market.store)) == ("voided", (10, 0, 0))
            assert desk.intent(intent_of(purchase))["status"] == "canceled"

        return end, check

    cut_at_each_request(unique, when, prepare)


@both
def test_a_refund_killed_at_any_request_and_repeated_gives_back_once(unique: str, when: str, desk: Desk) -> None:
    def prepare(market: Market) -> tuple[Callable[[], object], Callable[[], None]]:
        purchase = buy(market, desk.card())
        answer(purchase.orders[0], "accept")
        capture_purchase(purchase.id, LATER)
        answer(purchase.orders[0], "refuse")
        refund = get_transfer(refund_of(purchase))

        def check() -> None:
            assert desk.refunds(intent_of(purchase)) == [TOTAL]

        return lambda: refund_card(refund, LATER), check

    cut_at_each_request(unique, when, prepare)


@both
def test_a_notice_killed_at_any_request_and_repeated_authorizes_once(unique: str, when: str, desk: Desk) -> None:
    def prepare(market: Market) -> tuple[Callable[[], object], Callable[[], None]]:
        purchase = buy(market, desk.card(ASKS_FOR_ACTION))
        desk.act(intent_of(purchase))

        def check() -> None:
            assert (get_purchase(purchase.id).payment, stock(market.store)) == ("authorized", (9, 0, 1))

        return lambda: settle_intent(card_provider().find(intent_of(purchase)), NOW), check

    cut_at_each_request(unique, when, prepare)
