"""What customers, their banks and the card processor do."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.machine.machine import History, has_purchases, one_of, some
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import invocation, queue_batch, request
from tests.world import CUSTOMER

CARDS = {
    "card": "pm_card_visa",
    "card that asks": "pm_card_authenticationRequired",
    "card that is refused": "pm_card_chargeDeclined",
}
"""Cards, by how they answer."""


class Cards(History):
    """They pay by card, confirm to their banks; the processor tells of it, and the cards' queue charges, refunds and releases."""

    @precondition(has_purchases)
    @rule(pick=some, card=st.sampled_from(sorted(CARDS)), strike=strikes)
    def pay_by_card(self, pick: int, card: str, strike: Aimed | None) -> None:
        """A waiting purchase is paid by another card."""
        purchase = self.one(pick)
        body = {"purchase": purchase["id"], "amount_minor": purchase["total_minor"], "payment_method": CARDS[card]}
        command = request("payments", "POST", "/api/payments", body, subject=CUSTOMER, key=self.key())
        self.perform(f"pay by {card}", command, strike)

    @precondition(lambda self: self.intents("requires_action"))
    @rule(pick=some, strike=strikes)
    def bank_confirms(self, pick: int, strike: Aimed | None) -> None:
        """A customer has confirmed a payment to their bank, and the processor says so."""
        intent = one_of(self.intents("requires_action"), pick)
        self.place.desk.change(intent["id"], status="requires_capture")
        self.state = self.place.read(self.state)
        self.processor_tells(intent, strike)

    @precondition(lambda self: self.intents())
    @rule(pick=some, strike=strikes)
    def old_news(self, pick: int, strike: Aimed | None) -> None:
        """The processor tells once more of something that may have changed since."""
        self.processor_tells(one_of(self.intents(), pick), strike)

    @precondition(lambda self: self.card_news)
    @rule(pick=some, again=st.booleans(), strike=strikes)
    def card_news_arrives(self, pick: int, again: bool, strike: Aimed | None) -> None:
        """The cards' queue delivers an event, in no order, now and then twice."""
        news = one_of(self.card_news, pick)
        if not again:
            self.card_news.remove(news)
        name = json.loads(news)["detail-type"]
        self.perform(f"cards: {name}", invocation("cards", queue_batch(news)), strike)

    @precondition(lambda self: self.card_news)
    @rule(strike=strikes)
    def all_card_news_arrives(self, strike: Aimed | None) -> None:
        """The cards' queue is emptied: else few cards would be charged."""
        while self.card_news:
            self.card_news_arrives(0, False, strike)

    def processor_tells(self, intent: dict[str, Any], strike: Aimed | None) -> None:
        """A webhook about an intent."""
        about = {"object": "payment_intent", "id": intent["id"]}
        body = json.dumps({"id": f"evt_{self.key()}", "object": "event", "type": "any", "data": {"object": about}})
        command = request("payments", "POST", "/api/payments/webhooks/stripe", body, signed="signature_stripe")
        self.perform("the processor tells of an intent", command, strike)

    def intents(self, status: str = "") -> list[dict[str, Any]]:
        """The processor's intents, or those in a state."""
        made = [each for each in self.state.cards.objects.values() if each["object"] == "payment_intent"]
        return [each for each in made if not status or each["status"] == status]
