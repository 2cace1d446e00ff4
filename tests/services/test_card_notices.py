"""What the card processor and the bus tell: webhooks through the payments function, events through the cards function, disputes, reports."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import stripe

from cards.app import lambda_handler as cards_handler
from infra.local.cards import signature
from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import Movement, card_provider
from mart_union.checkout.model import Purchase
from mart_union.checkout.service import get_purchase
from mart_union.checkout.stripe_cards import StripeCards
from mart_union.kernel.clock import iso, local_date, utc_now
from mart_union.kernel.errors import KeyReused, ProviderUnavailable
from mart_union.ledger import jobs
from mart_union.ledger.model import Transfer
from mart_union.ledger.postings import record_postings
from mart_union.ledger.service import get_transfer
from mart_union.settlement.books import reconcile, reconcile_daily
from mart_union.settlement.provider_report import post_fees, provider_differences
from payments.app import lambda_handler
from tests.card_desk import ASKS_FOR_ACTION, DECLINED, Desk
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.buckets import own_bucket
from tests.services.card_payments import LATER, TOTAL, amounts, answer, buy, intent_of, refund_of, stock
from tests.services.market import Market, open_market


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


def notify(body: str, signed: str) -> tuple[int, Any]:
    event = gateway_event("POST", "/api/payments/webhooks/stripe", body=body, headers={"Stripe-Signature": signed})
    told = lambda_handler(event, CONTEXT)
    return told["statusCode"], json.loads(told["body"])


def tell_cards(name: str, entity: str, data: dict[str, Any]) -> list[Any]:
    """What the cards function could not handle of one event of the bus."""
    detail = {"id": "e1", "name": name, "entity": entity, "sequence": 1, "at": "2026-11-22T04:00:00.000Z", "data": data}
    body = json.dumps({"detail-type": name, "detail": detail})
    record = {"messageId": "m1", "body": body, "attributes": {}, "messageAttributes": {}, "eventSource": "aws:sqs"}
    failures: list[Any] = cards_handler({"Records": [record]}, CONTEXT)["batchItemFailures"]
    return failures


def paid(market: Market, desk: Desk, *, stores: int = 1) -> Purchase:
    purchase = buy(market, desk.card(), stores=stores)
    for order in purchase.orders:
        answer(order, "accept")
    capture_purchase(purchase.id, LATER)
    return get_purchase(purchase.id)


def test_a_signed_notice_authorizes_what_the_bank_has_confirmed_however_often_it_comes(
    market: Market, desk: Desk
) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    desk.act(intent_of(purchase))
    body, signed = desk.events_about(intent_of(purchase))[-1]
    for _ in range(3):
        assert notify(body, signed) == (200, {"id": json.loads(body)["id"], "outcome": "authorized"})
    assert (get_purchase(purchase.id).payment, stock(market.store)) == ("authorized", (9, 0, 1))


def test_a_notice_that_the_processor_did_not_just_sign_is_refused_and_changes_nothing(
    market: Market, desk: Desk
) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    desk.act(intent_of(purchase))
    body, signed = desk.events_about(intent_of(purchase))[-1]
    old = signature(body, at=int((utc_now() - timedelta(minutes=10)).timestamp()))
    for wrong in ((body + " ", signed), (body, old), (body, signature(body, key="another")), (body, ""), (body, "t=1")):
        assert notify(*wrong)[0] == 401
    assert get_purchase(purchase.id).payment == "pending"


def test_a_notice_of_something_else_is_ignored(desk: Desk) -> None:
    body = json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": "product.created",
            "data": {"object": {"object": "product", "id": "prod_1"}},
        }
    )
    assert notify(body, signature(body)) == (200, {"id": "evt_1", "outcome": "ignored"})


def test_an_order_that_is_answered_has_its_card_charged_by_the_queue_and_a_repeat_changes_nothing(
    market: Market, desk: Desk
) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    for _ in range(2):
        told = {"payment": "authorized", "purchase": purchase.id}
        assert tell_cards("OrderAccepted", f"order/{purchase.orders[0]}", told) == []
    assert (get_purchase(purchase.id).payment, desk.intent(intent_of(purchase))["amount_received"]) == ("paid", TOTAL)


def test_a_message_that_finds_the_processor_down_comes_again(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    told = {"payment": "authorized", "purchase": purchase.id}
    desk.fail("down", "/capture", times=2)
    assert tell_cards("OrderAccepted", f"order/{purchase.orders[0]}", told) == [{"itemIdentifier": "m1"}]
    assert tell_cards("OrderAccepted", f"order/{purchase.orders[0]}", told) == []
    assert get_purchase(purchase.id).payment == "paid"


def test_a_refund_and_a_release_are_carried_out_by_the_queue_once(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    for _ in range(2):
        assert tell_cards("TransferPosted", f"transfer/{refund_of(purchase)}", {}) == []
        assert tell_cards("TransferVoided", f"transfer/{purchase.transfer}", {}) == []
    assert desk.refunds(intent_of(purchase)) == [TOTAL]
    other = buy(market, desk.card(), key="key-00000002")
    answer(other.orders[0], "refuse")
    capture_purchase(other.id, LATER)
    assert tell_cards("TransferVoided", f"transfer/{other.transfer}", {}) == []
    assert desk.intent(intent_of(other))["status"] == "canceled"


def test_a_card_that_refuses_its_capture_ends_the_purchase_once_the_processor_gave_it_up(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    provider = card_provider()
    assert isinstance(provider, StripeCards)

    def refuse(*_: object) -> None:
        raise stripe.CardError("the authorization has expired", "", "expired_card")

    monkeypatch.setattr(provider._api.payment_intents, "capture", refuse)
    with pytest.raises(ProviderUnavailable):
        capture_purchase(purchase.id, LATER)
    assert get_purchase(purchase.id).payment == "capturing"
    provider.release(intent_of(purchase))
    capture_purchase(purchase.id, LATER)
    assert get_purchase(purchase.id).payment == "voided"


def test_the_processors_report_and_the_ledger_agree_and_what_one_lacks_is_named(market: Market, desk: Desk) -> None:
    now = utc_now()
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    capture_purchase(purchase.id, now)
    capture = get_transfer(f"card-{intent_of(purchase)}")
    day = local_date(now, "Asia/Taipei").isoformat()
    record_postings([capture])
    assert found(day, intent_of(purchase), capture) == []
    made = card_provider().refund(intent_of(purchase), 1_000, "never-posted")
    [unknown] = [each for each in provider_differences(day) if made.id and "moved -1000 (refund)" in each.detail]
    assert unknown.invariant == 1


def test_the_daily_reconciliation_compares_yesterday_once_the_processor_has_told_all_of_it(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    capture_purchase(purchase.id, now)
    card_provider().refund(intent_of(purchase), 700, f"never-posted-{purchase.id}")
    told = {each for each in provider_differences(local_date(now, "Asia/Taipei").isoformat()) if "-700" in each.detail}
    yesterday = (local_date(now, "Asia/Taipei") - timedelta(days=1)).isoformat()
    kept = {"reconcile": yesterday, "provider_reports": yesterday}
    monkeypatch.setattr(jobs, "get_checkpoint", kept.__getitem__)
    monkeypatch.setattr(jobs, "set_checkpoint", lambda job, until: kept.update({job: until}))
    midnight = datetime.combine(local_date(now, "Asia/Taipei") + timedelta(days=1), time(), ZoneInfo("Asia/Taipei"))
    with own_bucket():
        assert reconcile_daily(midnight + timedelta(minutes=59)) is None
        report = reconcile_daily(midnight + timedelta(minutes=61))
        assert report is not None
        assert len(told) == 1
        assert told <= set(report.differences)
        assert report.day == local_date(now, "Asia/Taipei").isoformat()
        assert reconcile_daily(midnight + timedelta(hours=2)) is None

        def fail(*_: object) -> None:
            raise ProviderUnavailable("the card processor does not answer")

        monkeypatch.setattr("mart_union.settlement.provider_days.provider_differences", fail)
        silent = reconcile(midnight + timedelta(hours=3))
        early = reconcile(midnight + timedelta(minutes=10), report.day)
    assert [each.subject for each in silent.differences if "does not answer" in each.detail] == ["provider/stripe"]
    assert [each for each in early.differences if "does not answer" in each.detail] == []


def found(day: str, intent: str, transfer: Transfer) -> list[str]:
    """What the report says of one payment."""
    return [each.detail for each in provider_differences(day) if intent in each.subject or transfer.id in each.subject]


def test_without_a_processor_there_is_nothing_to_compare(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mart_union.settlement.provider_report.cards_are_offered", lambda: False)
    assert provider_differences("2026-11-22") == []


def test_the_payment_page_asks_for_a_card_and_lets_nothing_else_in(market: Market, desk: Desk) -> None:
    purchase = buy(market)
    page = lambda_handler(gateway_event("GET", f"/pay/{purchase.id}", subject=market.customer), CONTEXT)
    assert page["statusCode"] == 200
    assert f'<script src="{desk.address}/js.stripe.com/v3/"></script>' in page["body"]
    assert 'data-card-key="pk_test_mart_union"' in page["body"]
    policy = headers_of(page)["content-security-policy"]
    assert f"script-src 'self' {desk.address};" in policy
    assert "'unsafe-inline'" not in policy


def test_the_payment_page_pays_by_card_and_says_when_it_was_refused(market: Market, desk: Desk) -> None:
    purchase = buy(market)
    assert pay_on_page(market, purchase, desk.card(DECLINED)) == f"/pay/{purchase.id}"
    page = lambda_handler(gateway_event("GET", f"/pay/{purchase.id}", subject=market.customer), CONTEXT)
    assert "這張卡被拒絕了" in page["body"]
    assert pay_on_page(market, purchase, desk.card()) == f"/purchases/{purchase.id}"
    assert get_purchase(purchase.id).payment == "authorized"


def test_who_comes_back_from_their_bank_finds_the_purchase_authorized(market: Market, desk: Desk) -> None:
    purchase = buy(market)
    assert pay_on_page(market, purchase, desk.card(ASKS_FOR_ACTION)) == f"/pay/{purchase.id}"
    look = gateway_event("GET", f"/pay/{purchase.id}", subject=market.customer)
    secret = desk.intent(intent_of(purchase))["client_secret"]
    assert f'data-card-secret="{secret}"' in lambda_handler(look, CONTEXT)["body"]
    desk.act(intent_of(purchase))
    assert "data-card-secret" not in lambda_handler(look, CONTEXT)["body"]
    assert get_purchase(purchase.id).payment == "authorized"


def pay_on_page(market: Market, purchase: Purchase, card: str) -> str:
    """Where the payment page's form leads with a card."""
    form = {"amount_minor": str(purchase.total_minor), "payment_method": card, "idempotency_key": "from-the-page"}
    event = gateway_event("POST", f"/pay/{purchase.id}", form=form, subject=market.customer)
    answered = lambda_handler(event, CONTEXT)
    assert answered["statusCode"] == 303
    return headers_of(answered)["location"].partition("/union")[2] or headers_of(answered)["location"]


def test_a_payment_request_names_a_card_or_is_paid_by_the_account(market: Market, desk: Desk) -> None:
    purchase = buy(market)
    body = {"purchase": purchase.id, "amount_minor": TOTAL, "payment_method": desk.card(DECLINED)}
    assert ask(market, body) == (402, "urn:mart-union:problem:card-declined")
    body["payment_method"] = desk.card()
    for _ in range(2):
        assert ask(market, body) == (201, "authorized")
    assert ask(market, body | {"payment_method": "4242424242424242"})[0] == 422
    other = buy(market, key="key-00000002")
    assert ask(market, {"purchase": other.id, "amount_minor": TOTAL}, "by-account")[0] == 201
    assert get_purchase(other.id).payment == "paid"


def ask(market: Market, body: dict[str, Any], key: str = "pay-by-card") -> tuple[int, str]:
    event = gateway_event("POST", "/api/payments", body=body, subject=market.customer, headers={"Idempotency-Key": key})
    answered = lambda_handler(event, CONTEXT)
    told = json.loads(answered["body"])
    return answered["statusCode"], told.get("state") or told["type"]


def test_what_the_processor_kept_of_a_movement_is_posted_once_whenever_it_is_asked(unique: str, desk: Desk) -> None:
    at = iso(LATER)
    early = [Movement(f"txn_1{unique}", "charge", 96_000, 2_300, "card-1", at)]
    late = [*early, Movement(f"txn_2{unique}", "refund", -30_000, -100, "refund-1", at)]
    for movements in (early, late, late):
        post_fees(movements)
    assert amounts(f"provider-fee-txn_1{unique}") == {"provider/stripe": 2_300, "union/provider-fees": -2_300}
    assert amounts(f"provider-fee-txn_2{unique}") == {"provider/stripe": -100, "union/provider-fees": 100}
    with pytest.raises(KeyReused):
        post_fees([Movement(f"txn_1{unique}", "charge", 96_000, 2_400, "card-1", at)])
