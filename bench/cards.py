"""A card processor in this process: it answers as the port promises, and costs no time.

An intent is named for its purchase and amount, and one that it does not know was authorized before it began; so it needs no memory from before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout import card_port
from mart_union.checkout.card_port import CardRefund, Dispute, Intent, Movement, Notice
from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.settings import settings


class FakeCards:
    """One account at a card processor."""

    def __init__(self, *_: str) -> None:
        self._intents: dict[str, Intent] = {}
        self._refunds: dict[str, CardRefund] = {}

    def create(self, purchase: str, amount_minor: int, currency: str, payment_method: str, key: str) -> Intent:
        intent = f"pi_{purchase}_{amount_minor}_{derived_id(key)[:6]}"
        made = Intent(intent, card_port.UNTRIED, amount_minor, 0, currency, settings().union, purchase, payment_method)
        return self._intents.setdefault(intent, made)

    def confirm(self, intent: str) -> Intent:
        return self._move(intent, {card_port.UNTRIED}, card_port.AUTHORIZED)

    def find(self, intent: str) -> Intent:
        if intent not in self._intents:
            _, purchase, amount, _ = intent.split("_")
            known = Intent(
                intent, card_port.AUTHORIZED, int(amount), 0, "TWD", settings().union, purchase, "pm_card_visa"
            )
            self._intents[intent] = known
        return self._intents[intent]

    def capture(self, intent: str, amount_minor: int) -> Intent:
        captured = self._move(intent, {card_port.AUTHORIZED}, card_port.CAPTURED)
        self._intents[intent] = replace(captured, captured_minor=captured.captured_minor or amount_minor)
        return self._intents[intent]

    def release(self, intent: str) -> Intent:
        return self._move(intent, {card_port.AUTHORIZED, card_port.UNTRIED, card_port.TO_ACT}, card_port.RELEASED)

    def _move(self, intent: str, begin: set[str], end: str) -> Intent:
        found = self.find(intent)
        if found.state not in begin | {end}:
            raise RuleViolation(f"the intent is {found.state}")
        self._intents[intent] = replace(found, state=end)
        return self._intents[intent]

    def refund(self, intent: str, amount_minor: int, transfer: str, _attempt: int = 0) -> CardRefund:
        made = CardRefund(f"re_{transfer}", intent, transfer, amount_minor, failed=False)
        return self._refunds.setdefault(transfer, made)

    def refunds(self, intent: str) -> list[CardRefund]:
        return [refund for refund in self._refunds.values() if refund.intent == intent]

    def is_disputed(self, _intent: str) -> bool:
        return False

    def balance(self) -> int:
        return 0

    def find_refund(self, refund: str) -> CardRefund:
        return self._refunds[refund.removeprefix("re_")]

    def find_dispute(self, dispute: str) -> Dispute:
        _, state, intent = dispute.split("-", 2)
        return Dispute(dispute, intent, self.find(intent).amount_minor, state)

    def read_notice(self, text: str, _signature: str) -> Notice:
        about = json.loads(text)["data"]["object"]
        kind = {"payment_intent": "intent"}.get(about["object"], about["object"])
        return Notice(json.loads(text)["id"], kind, about["id"])

    def movements(self, _begin: datetime, _end: datetime) -> Iterator[Movement]:
        return iter(())

    def close(self) -> None:
        """There is nothing to close."""
