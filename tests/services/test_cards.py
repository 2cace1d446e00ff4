"""Paying by card, against localstripe behind a desk that loses answers: authorized once, captured once for what was accepted."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
import requests

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import card_provider
from mart_union.checkout.cards import look_at_card, pay_by_card, release_card, settle_intent
from mart_union.checkout.paying import expire_purchase, pay_pending
from mart_union.checkout.service import get_purchase
from mart_union.kernel import storage
from mart_union.kernel.clock import from_iso
from mart_union.kernel.errors import (
    CardDeclined,
    NotFound,
    PaymentOutstanding,
    ProviderUnavailable,
    RuleViolation,
)
from mart_union.ledger.service import get_balance
from mart_union.orders.service import act_on_deadlines, get_order
from tests.card_desk import ASKS_FOR_ACTION, DECLINED, Desk
from tests.services.card_payments import (
    LATER,
    NOW,
    TOTAL,
    amounts,
    answer,
    buy,
    buy_id,
    intent_of,
    pay,
    stock,
)
from tests.services.market import Market, open_market


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


def test_a_card_is_authorized_and_the_store_may_answer_but_not_ship(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card())
    assert (purchase.payment, get_purchase(purchase.id)) == ("authorized", purchase)
    assert purchase.card is not None
    assert (purchase.card.authorized_minor, purchase.card.captured_minor) == (TOTAL, 0)
    assert desk.intent(purchase.card.intent)["status"] == "requires_capture"
    order = get_order(purchase.orders[0])
    assert (order.state, order.payment, order.payer) == ("placed", "authorized", "provider/stripe")
    assert stock(market.store) == (9, 0, 1)
    answer(order.id, "accept")
    with pytest.raises(PaymentOutstanding):
        answer(order.id, "ship", tracking=("hct", "A1"))
    assert get_order(order.id).state == "accepted"


def test_what_was_accepted_is_captured_once_and_then_ships(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card(), stores=2)
    first, second = purchase.orders
    answer(first, "accept")
    assert capture_purchase(purchase.id, LATER) is False  # the other store has not answered
    answer(second, "refuse")
    assert capture_purchase(purchase.id, LATER) is True
    assert capture_purchase(purchase.id, LATER) is False
    after = get_purchase(purchase.id)
    assert after.card is not None
    assert (after.payment, after.card.authorized_minor, after.card.captured_minor) == ("paid", 2 * TOTAL, TOTAL)
    intent = desk.intent(after.card.intent)
    assert (intent["status"], intent["amount_received"]) == ("succeeded", TOTAL)
    assert amounts(f"card-{after.card.intent}") == {"provider/stripe": -TOTAL, f"order/{first}": TOTAL}
    assert stock(market.other_store) == (10, 0, 0)
    answer(first, "ship", tracking=("hct", "A1"))
    assert [get_order(order).payment for order in (first, second)] == ["paid", "paid"]


def test_at_the_acceptance_deadline_silence_is_a_refusal_and_the_rest_is_captured(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card(), stores=2)
    answer(purchase.orders[0], "accept")
    deadline = from_iso(get_purchase(purchase.id).expires_at)
    assert deadline == NOW + timedelta(hours=48)
    assert capture_purchase(purchase.id, deadline - timedelta(seconds=1)) is False
    assert capture_purchase(purchase.id, deadline) is True
    assert get_order(purchase.orders[1]).state == "refused"
    assert desk.intent(intent_of(purchase))["amount_received"] == TOTAL


def test_when_every_store_refuses_nothing_is_captured_and_the_card_is_released(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "refuse")
    assert capture_purchase(purchase.id, LATER) is True
    release_card(purchase.id)
    release_card(purchase.id)
    assert get_purchase(purchase.id).payment == "voided"
    assert desk.intent(intent_of(purchase))["status"] == "canceled"
    assert (stock(market.store), get_order(purchase.orders[0]).payment) == ((10, 0, 0), "voided")


@pytest.mark.parametrize("fault", ["lost", "down"])
@pytest.mark.parametrize("request_path", ["/payment_intents", "/confirm"])
def test_an_answer_that_is_lost_is_found_by_the_same_request_and_authorized_once(
    market: Market, desk: Desk, fault: str, request_path: str
) -> None:
    card = desk.card()
    confirmed = desk.count("confirm")
    desk.fail(fault, request_path, times=2)  # the library's own repeat, too
    with pytest.raises(ProviderUnavailable):
        buy(market, card)
    [pending] = [get_purchase(buy_id(market))]
    assert (pending.payment, stock(market.store)) == ("pending", (9, 1, 0))
    again = buy(market, card)
    assert (again.payment, desk.count("confirm") - confirmed) == ("authorized", 1)
    assert buy(market, card) == again


def test_a_lost_answer_to_the_capture_charges_once(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    captured = desk.count("capture")
    desk.fail("lost", "/capture", times=2)
    with pytest.raises(ProviderUnavailable):
        capture_purchase(purchase.id, LATER)
    assert get_purchase(purchase.id).payment == "capturing"
    assert capture_purchase(purchase.id, LATER) is True
    assert (get_purchase(purchase.id).payment, desk.count("capture") - captured) == ("paid", 1)


def test_a_declined_card_leaves_the_purchase_waiting_for_another(market: Market, desk: Desk) -> None:
    declined = desk.card(DECLINED)
    purchase = buy(market, declined)
    assert purchase.card is not None
    assert (purchase.payment, purchase.card.problem) == ("pending", "card_declined")
    assert buy(market, declined) == purchase
    with pytest.raises(CardDeclined):
        pay(market, purchase, declined)
    paid = pay(market, purchase, desk.card())
    assert (paid.payment, stock(market.store)) == ("authorized", (9, 0, 1))
    assert desk.intent(purchase.card.intent)["status"] == "canceled"


def test_a_card_that_the_provider_does_not_know_leaves_the_purchase_waiting(market: Market, desk: Desk) -> None:
    purchase = buy(market, "pm_unknown")
    assert (purchase.payment, get_purchase(purchase.id).card) == ("pending", None)
    assert pay(market, purchase, desk.card()).payment == "authorized"


def test_a_payment_that_may_not_be_is_refused_and_asks_nothing_of_the_provider(market: Market, desk: Desk) -> None:
    purchase, made = buy(market), desk.count("payment_intents")
    with pytest.raises(NotFound):
        pay_by_card(purchase.id, "someone-else", TOTAL, payment_method="pm_x", now=NOW)
    with pytest.raises(RuleViolation):
        pay_by_card(purchase.id, market.customer, TOTAL - 100, payment_method="pm_x", now=NOW)
    assert (get_purchase(purchase.id), desk.count("payment_intents")) == (purchase, made)


@pytest.mark.parametrize("back", ["the customer", "the webhook"])
def test_a_bank_that_asks_the_customer_is_answered_and_then_authorizes(market: Market, desk: Desk, back: str) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    assert purchase.card is not None
    assert (purchase.payment, purchase.card.problem) == ("pending", "requires_action")
    assert look_at_card(purchase.id, market.customer, NOW)[0].payment == "pending"
    desk.act(purchase.card.intent)
    if back == "the customer":
        look_at_card(purchase.id, market.customer, NOW)
    else:
        settle_intent(card_provider().find(purchase.card.intent), NOW)
    assert get_purchase(purchase.id).payment == "authorized"


def test_a_customer_who_fails_at_their_bank_may_use_another_card(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    desk.act(intent_of(purchase), success=False)
    with pytest.raises(CardDeclined):
        look_at_card(purchase.id, market.customer, NOW)
    assert pay(market, purchase, desk.card()).payment == "authorized"


def test_notices_that_are_repeated_late_or_out_of_order_change_nothing_more(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    capture_purchase(purchase.id, LATER)
    after = get_purchase(purchase.id)
    events = desk.events_about(intent_of(purchase))
    assert len(events) >= 2
    for body, signature in [*reversed(events), *events]:
        notice = card_provider().read_notice(body, signature)
        settle_intent(card_provider().find(notice.about), LATER)
    assert get_purchase(purchase.id) == after


def test_money_authorized_for_a_purchase_whose_time_was_over_is_released(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    desk.act(intent_of(purchase))  # and its notice is late
    assert expire_purchase(purchase.id, from_iso(purchase.expires_at)) is True
    settle_intent(card_provider().find(intent_of(purchase)), LATER)
    assert desk.intent(intent_of(purchase))["status"] == "canceled"
    assert (get_purchase(purchase.id).payment, stock(market.store)) == ("expired", (10, 0, 0))


def test_a_purchase_that_the_account_pays_instead_releases_its_card(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    pay_pending(purchase.id, market.customer, TOTAL, key="from-account", now=NOW)
    release_card(purchase.id)
    assert (get_purchase(purchase.id).payment, get_order(purchase.orders[0]).payer) == ("paid", "")
    assert desk.intent(intent_of(purchase))["status"] == "canceled"
    answer(purchase.orders[0], "refuse")
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000


def test_a_cancelled_purchase_was_never_charged(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card(), stores=2)
    for _ in range(2):
        cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-01", now=NOW)
    release_card(purchase.id)
    assert get_purchase(purchase.id).payment == "voided"
    assert [get_order(order).state for order in purchase.orders] == ["cancelled", "cancelled"]
    assert (stock(market.store), stock(market.other_store)) == ((10, 0, 0), (10, 0, 0))
    assert desk.intent(intent_of(purchase))["status"] == "canceled"
    assert capture_purchase(purchase.id, LATER) is False


def test_an_authorization_that_the_provider_gave_up_cancels_what_was_accepted(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    desk.give_up(intent_of(purchase))
    assert capture_purchase(purchase.id, LATER) is True
    order = get_order(purchase.orders[0])
    assert (get_purchase(purchase.id).payment, order.state, order.payment) == ("voided", "cancelled", "voided")
    assert stock(market.store) == (10, 0, 0)


def test_a_deadline_that_the_sweeper_acts_on_first_changes_nothing_about_the_capture(
    market: Market, desk: Desk
) -> None:
    purchase = buy(market, desk.card(), stores=2)
    answer(purchase.orders[0], "accept")
    deadline = from_iso(get_purchase(purchase.id).expires_at)
    act_on_deadlines(purchase.orders[1], deadline)
    assert capture_purchase(purchase.id, deadline) is True
    assert desk.intent(intent_of(purchase))["amount_received"] == TOTAL


def test_a_purchase_by_card_takes_four_requests_to_the_tables_and_two_to_the_processor(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN's budget: reserve 2, confirm 2, provider 2."""
    sent: list[str] = []
    card, send = desk.card(), requests.Session.send
    hook = lambda **_: sent.append("tables")  # noqa: E731
    storage.client().meta.events.register("before-send", hook, unique_id="count")
    monkeypatch.setattr(
        requests.Session, "send", lambda *given, **named: (sent.append("processor"), send(*given, **named))[1]
    )
    purchase = buy(market, card, stores=2)
    storage.client().meta.events.unregister("before-send", unique_id="count")
    assert purchase.payment == "authorized"
    assert sent == ["tables", "tables", "processor", "tables", "processor", "tables"]


def test_no_function_imports_the_processors_library_before_a_card_is_used() -> None:
    for function in ("checkout", "payments", "sweeper", "settlement", "cards"):
        code = f"import sys, {function}.app; sys.exit('stripe' in sys.modules or 'requests' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0, function
