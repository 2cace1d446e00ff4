"""Bad input about cards: another amount, another currency, a tampered notice: a named refusal, nothing posted, nothing asked of the processor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from infra.local.cards import signature
from mart_union.checkout import card_port
from mart_union.checkout.card_port import card_provider
from mart_union.checkout.cards import settle_intent
from mart_union.checkout.model import Purchase
from mart_union.checkout.service import get_purchase
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import NotChargeable, NotFound, RuleViolation
from mart_union.kernel.money import Currency
from mart_union.kernel.settings import settings
from mart_union.ledger.census import whole_ledger
from mart_union.orders.service import get_order
from payments.app import lambda_handler
from tests.card_desk import ASKS_FOR_ACTION, Desk, open_desk
from tests.gateway import CONTEXT, gateway_event
from tests.services.card_payments import NOW, TOTAL, buy, buy_id, intent_of, stock
from tests.services.market import Market, open_market
from tests.services.test_card_notices import notify, paid


@pytest.fixture(scope="module")
def open_card_desk() -> Iterator[Desk]:
    """A processor of its own: what it moves in another currency would stand in everybody's report."""
    with open_desk() as desk:
        yield desk


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


def posted(purchase: Purchase) -> list[str]:
    """The transfers about a purchase and its orders that are not pending."""
    names = {f"purchase/{purchase.id}", *(f"order/{order}" for order in purchase.orders)}
    return [each.id for each in whole_ledger().transfers if each.reference in names and not each.pending]


def ask(market: Market, body: dict[str, Any]) -> tuple[int, str]:
    event = gateway_event(
        "POST", "/api/payments", body=body, subject=market.customer, headers={"Idempotency-Key": "pay-by-card"}
    )
    answered = lambda_handler(event, CONTEXT)
    return answered["statusCode"], json.loads(answered["body"])["type"].rpartition(":")[2]


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [
        (0, (422, "amount-out-of-range")),
        (-TOTAL, (422, "amount-out-of-range")),
        (2**53, (422, "amount-out-of-range")),
        (TOTAL + 1, (422, "invalid")),
        (TOTAL - 100, (422, "rule-violation")),
        (TOTAL + 100, (422, "rule-violation")),
        (float(TOTAL) + 0.5, (422, "invalid")),
    ],
)
def test_a_payment_of_another_amount_is_refused_by_name(
    market: Market, desk: Desk, amount: float, refusal: tuple[int, str]
) -> None:
    purchase, asked = buy(market), desk.count("payment_intents")
    assert ask(market, {"purchase": purchase.id, "amount_minor": amount, "payment_method": desk.card()}) == refusal
    assert (get_purchase(purchase.id), desk.count("payment_intents"), posted(purchase)) == (purchase, asked, [])


@pytest.mark.parametrize(
    "changes", [{"amount_minor": TOTAL - 100}, {"amount_minor": TOTAL + 100}, {"currency": "USD"}], ids=str
)
def test_an_authorization_of_something_else_places_nothing(market: Market, desk: Desk, changes: dict[str, Any]) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    desk.act(intent_of(purchase))
    intent = card_provider().find(intent_of(purchase))
    with pytest.raises(RuleViolation):
        settle_intent(replace(intent, **changes), NOW)
    assert (get_purchase(purchase.id), posted(purchase)) == (purchase, [])
    assert (get_order(purchase.orders[0]).state, stock(market.store)) == ("awaiting_payment", (9, 1, 0))


def notice_of(desk: Desk, about: str) -> dict[str, Any]:
    body, _ = desk.events_about(about)[-1]
    found: dict[str, Any] = json.loads(body)
    return found


TAMPERED = {
    "another amount": {"amount": 100, "amount_capturable": 100},
    "another state": {"status": "succeeded", "amount_received": TOTAL},
    "another currency": {"currency": "usd"},
    "another purchase": {"metadata": {"union": "hsinchu", "purchase": "someone-elses"}},
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_notice_is_refused_under_every_signature_but_its_own(market: Market, desk: Desk, what: str) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    body, signed = desk.events_about(intent_of(purchase))[-1]
    notice = json.loads(body)
    notice["data"]["object"] |= TAMPERED[what]
    tampered = json.dumps(notice)
    minutes = int((utc_now() - timedelta(minutes=6)).timestamp())
    for wrong in (signed, signature(tampered, key="whsec_other"), signature(tampered, at=minutes), "", "v1=", "t=,v1="):
        assert (notify(tampered, wrong)[0], notify(tampered, wrong)[1]["type"]) == (
            401,
            "urn:mart-union:problem:unauthenticated",
        )
    assert (get_purchase(purchase.id), posted(purchase)) == (purchase, [])


@pytest.mark.parametrize("what", TAMPERED)
def test_what_a_signed_notice_says_is_not_believed(market: Market, desk: Desk, what: str) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    notice = notice_of(desk, intent_of(purchase))
    notice["data"]["object"] |= TAMPERED[what]
    body = json.dumps(notice)
    assert notify(body, signature(body))[0] == 200
    assert (get_purchase(purchase.id), posted(purchase)) == (purchase, [])
    assert get_order(purchase.orders[0]).state == "awaiting_payment"


def test_a_notice_of_an_intent_that_the_processor_does_not_know_is_refused(market: Market, desk: Desk) -> None:
    purchase = buy(market, desk.card(ASKS_FOR_ACTION))
    notice = notice_of(desk, intent_of(purchase))
    notice["data"]["object"]["id"] = "pi_of_nobody"
    body = json.dumps(notice)
    assert (notify(body, signature(body))[0], posted(purchase)) == (422, [])


@pytest.mark.parametrize(
    ("body", "status"), [("", 422), ("{", 422), ("[]", 422), ('{"id": 1}', 422), ('{"type": "x", "data": 1}', 422)]
)
def test_a_notice_that_is_none_is_refused(desk: Desk, body: str, status: int) -> None:
    assert notify(body, signature(body))[0] == status


def test_a_dispute_in_another_currency_is_refused_by_name_and_posts_nothing(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    before = posted(purchase)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=TOTAL, currency="usd")
    about = {"id": dispute, "object": "dispute"}
    body = json.dumps({"id": "evt_1", "object": "event", "type": "charge.dispute.created", "data": {"object": about}})
    told = notify(body, signature(body))
    assert (told[0], told[1]["type"]) == (422, "urn:mart-union:problem:currency-mismatch")
    assert posted(purchase) == before
    desk.dispute(id=dispute, currency="twd")


def test_a_union_whose_steps_are_finer_than_the_processors_takes_no_cards(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    dinars = replace(settings(), currency=Currency("KWD", 1))
    monkeypatch.setattr(card_port, "settings", lambda: dinars)
    with pytest.raises(NotChargeable) as refusal:
        buy(market, desk.card())
    assert (refusal.value.code, refusal.value.facts) == ("not-chargeable", {"step_minor": 1})
    with pytest.raises(NotFound):
        get_purchase(buy_id(market))
    assert stock(market.store) == (10, 0, 0)
