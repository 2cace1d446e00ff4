"""Paying by card, against localstripe behind a desk that loses answers: authorized once, captured once for what was accepted."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import requests

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import card_provider
from mart_union.checkout.card_refunds import refund_card, settle_refund
from mart_union.checkout.cards import look_at_card, pay_by_card, release_card, settle_intent
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import expire_purchase, pay_pending
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.kernel import storage
from mart_union.kernel.clock import from_iso
from mart_union.kernel.errors import (
    Busy,
    CardDeclined,
    MartUnionError,
    NotFound,
    PaymentOutstanding,
    ProviderUnavailable,
    RuleViolation,
)
from mart_union.ledger.service import get_balance, get_transfer
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from mart_union.stock.service import get_level
from tests.card_desk import ASKS_FOR_ACTION, DECLINED, Desk
from tests.services.market import NOW, Market, open_market

TOTAL = 36_000  # one TEA and its delivery
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


def buy(market: Market, card: str = "", *, stores: int = 1, key: str = "key-00000001") -> Purchase:
    wanted = [Wanted(store, "TEA", 1) for store in (market.store, market.other_store)[:stores]]
    return place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=TOTAL * stores,
        method="card",
        payment_method=card,
        key=key,
        now=NOW,
    )


def pay(market: Market, purchase: Purchase, card: str) -> Purchase:
    return pay_by_card(purchase.id, market.customer, purchase.total_minor, payment_method=card, now=NOW)


def answer(order: str, step: str, now: datetime = NOW, **details: tuple[str, str]) -> None:
    store = f"store/{get_order(order).store}"
    take_step(order, step, "manager", "store", f"{step}-{order}", now, fulfiller=store, **details)


def intent_of(purchase: Purchase) -> str:
    card = get_purchase(purchase.id).card
    assert card is not None
    return card.intent


def stock(store: str) -> tuple[int, int, int]:
    level = get_level(f"listing/{store}/TEA")
    return level.reserve, level.reserved, level.sold


def amounts(transfer: str) -> dict[str, int]:
    return {posting.account: posting.amount_minor for posting in get_transfer(transfer).postings}


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


def buy_id(market: Market) -> str:
    from mart_union.kernel.ids import derived_id

    return derived_id("purchase", market.customer, "key-00000001")


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


def paid(market: Market, desk: Desk) -> Purchase:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    capture_purchase(purchase.id, LATER)
    return get_purchase(purchase.id)


def refund_of(purchase: Purchase) -> str:
    return f"refund-{purchase.orders[0]}-{get_order(purchase.orders[0]).sequence}"


def test_a_refusal_after_the_capture_is_refunded_to_the_card_once(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    assert amounts(refund.id) == {"provider/stripe": TOTAL, f"order/{purchase.orders[0]}": -TOTAL}
    desk.fail("lost", "/refunds", times=2)
    with pytest.raises(ProviderUnavailable):
        refund_card(refund, LATER)
    for _ in range(2):
        refund_card(refund, LATER)
    assert desk.refunds(intent_of(purchase)) == [TOTAL]
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000


def test_what_the_card_does_not_take_back_is_credited_to_the_customers_account_once(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    card_provider().refund(intent_of(purchase), TOTAL, "by-hand-in-the-dashboard")
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    for _ in range(2):
        refund_card(refund, LATER)
    assert amounts(f"refund-failed-{refund.id}") == {"provider/stripe": -TOTAL, f"customer/{market.customer}": TOTAL}
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000 + TOTAL


def test_a_refund_that_was_credited_is_not_sent_to_the_card_as_well(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    with monkeypatch.context() as patch:
        patch.setattr(type(card_provider()), "refund", _refusing("balance_insufficient"))
        refund_card(refund, LATER)
    assert refund_card(refund, LATER) is True
    assert desk.refunds(intent_of(purchase)) == []
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000 + TOTAL


def test_a_refund_of_a_disputed_charge_waits_for_the_dispute_and_credits_nothing(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    monkeypatch.setattr(type(card_provider()), "refund", _refusing("charge_disputed"))
    with pytest.raises(RuleViolation):
        refund_card(refund, LATER)
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000


def _refusing(reason: str) -> Callable[..., object]:
    def refuse(*_: object) -> object:
        raise RuleViolation("the card provider does not take this", reason=reason)

    return refuse


def test_a_refund_that_fails_later_is_credited_once(market: Market, desk: Desk) -> None:
    from msgspec.structs import replace

    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    made = card_provider().refund(intent_of(purchase), TOTAL, refund.id)
    assert settle_refund(made, LATER) is False
    for _ in range(2):
        assert settle_refund(replace(made, failed=True), LATER) is True
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000 + TOTAL


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
