"""Customers' banks take back what cards paid, and decide."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mart_union.checkout.payers import CARDS
from mart_union.ledger.model import Transfer
from tests.machine.clocks import Clocks
from tests.machine.courses import Courses
from tests.machine.machine import one_of, some
from tests.machine.sellers import own_goods
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import request

_NEXT = {"needs_response": ("won", "lost", "lost"), "lost": ("won",)}
"""What a bank can decide of a dispute that stands so."""


class Disputes(Courses, Clocks):
    """Disputes are opened, won, lost, reinstated; of the whole charge or of a part, one or several."""

    @precondition(lambda self: self.intents("succeeded"))
    @rule(pick=some, part=st.sampled_from((1, 1, 2, 3)), strike=strikes)
    def bank_takes_back(self, pick: int, part: int, strike: Aimed | None) -> None:
        """A bank takes a charge back, or a part of what is left of it."""
        self.take_back_of(one_of(self.intents("succeeded"), pick), part, strike)

    @rule(
        goods=own_goods,
        parts=st.sampled_from(((1,), (2,), (2, 1))),
        refunded=st.sampled_from(("before", "meanwhile", "after", "")),
        ends=st.sampled_from((("won",), ("lost",), ("lost", "won"))),
        strike=strikes,
    )
    def sell_and_dispute(
        self, goods: tuple[str, str], parts: tuple[int, ...], refunded: str, ends: tuple[str, ...], strike: Aimed | None
    ) -> None:
        """What was sold by card is disputed, once or twice, and refunded in part at some time: else few would get there."""
        known = {each["id"] for each in self.intents("succeeded")}
        self.sell(goods, "card", None)
        self.all_news_arrives(None)  # its store has answered: the card is charged
        for intent in [each for each in self.intents("succeeded") if each["id"] not in known]:
            acts = {"before": 0, "meanwhile": 1, "after": 2}
            for turn in range(3):
                if acts.get(refunded) == turn:
                    self.refund(0, 0, 10, False, strike)
                    self.all_news_arrives(strike)
                if turn == 0:
                    for part in parts:
                        self.take_back_of(intent, part, strike)
                elif turn == 1:
                    self.decide_all_of(intent, ends, strike)
        self.the_processor_agrees()

    def decide_all_of(self, intent: dict[str, Any], ends: tuple[str, ...], strike: Aimed | None) -> None:
        """The bank decides every dispute of a charge so, one end after the other."""
        for end in ends:
            for dispute in [each for each in self.disputes() if each["payment_intent"] == intent["id"]]:
                self.decide(dispute["id"], end, strike)

    def take_back_of(self, intent: dict[str, Any], part: int, strike: Aimed | None) -> None:
        """A bank takes back a part of what is left of a charge."""
        taken = sum(each["amount"] for each in self.disputes() if each["payment_intent"] == intent["id"])
        amount = (intent["amount_received"] - taken) // part // 100 * 100
        if amount > 0:
            dispute = self.place.desk.open_dispute(intent["id"], amount)
            self.state = self.place.read(self.state)
            self.tell_of(dispute, strike)

    @precondition(lambda self: self.disputes(*_NEXT))
    @rule(pick=some, choice=some, strike=strikes)
    def bank_decides(self, pick: int, choice: int, strike: Aimed | None) -> None:
        """A bank decides, or decides otherwise after all."""
        dispute = one_of(self.disputes(*_NEXT), pick)
        self.decide(dispute["id"], one_of(_NEXT[dispute["status"]], choice), strike)

    def decide(self, dispute: str, status: str, strike: Aimed | None) -> None:
        """A bank decides, and the processor tells of it."""
        self.place.desk.change(dispute, status=status)
        self.state = self.place.read(self.state)
        self.tell_of(dispute, strike)

    @precondition(lambda self: self.disputes())
    @rule(pick=some, strike=strikes)
    def dispute_is_told_again(self, pick: int, strike: Aimed | None) -> None:
        """The processor tells once more of a dispute."""
        self.tell_of(one_of(self.disputes(), pick)["id"], strike)

    @precondition(lambda self: self.disputes() and not self.disputes("needs_response"))
    @rule()
    def the_processor_agrees(self) -> None:
        """When all has been told and decided, and only then, the processor's account is what stands at the processor."""
        if self.disputes("needs_response"):
            return
        self.all_news_arrives(None)
        charged = sum(each["amount_received"] for each in self.intents("succeeded"))
        refunded = sum(each["amount"] for each in self.of_kind("refund") if each["status"] == "succeeded")
        taken = sum(each["amount"] for each in self.disputes("lost"))
        stands = charged - refunded - taken
        assert -self.on_cards() == stands, f"the ledger says {-self.on_cards()}, at the processor are {stands}"

    def all_news_arrives(self, strike: Aimed | None) -> None:
        """What happened is told to the cards' queue, and that is emptied."""
        while self.records or self.card_news:
            if self.records:
                self.stream_delivers(0, strike)
            self.all_card_news_arrives(strike)

    def tell_of(self, dispute: str, strike: Aimed | None) -> None:
        """A webhook about a dispute."""
        about = {"object": "dispute", "id": dispute}
        body = json.dumps({"id": f"evt_{self.key()}", "object": "event", "type": "any", "data": {"object": about}})
        command = request("payments", "POST", "/api/payments/webhooks/stripe", body, signed="signature_stripe")
        status = self.state.cards.objects[dispute]["status"]
        self.perform(f"a dispute is told: {status}", command, strike)

    def disputes(self, *statuses: str) -> list[dict[str, Any]]:
        """The processor's disputes, or those in some states."""
        return [each for each in self.of_kind("dispute") if not statuses or each["status"] in statuses]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """What the processor knows of a kind."""
        return [each for each in self.state.cards.objects.values() if each["object"] == kind]

    def on_cards(self) -> int:
        """What the ledger says of the processor's account."""
        made = [
            msgspec.json.decode(item["document"]["S"], type=Transfer)
            for (table, pk, sk), item in self.state.items.items()
            if table.endswith("-ledger") and pk.startswith("TRANSFER#") and sk == "TRANSFER"
        ]
        moved = [posting for each in made if not each.pending for posting in each.postings]
        return sum(posting.amount_minor for posting in moved if posting.account == CARDS)
