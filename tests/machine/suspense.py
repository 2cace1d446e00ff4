"""Money of the bank under references that mean nothing here."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.machine.machine import History, has_purchases, one_of, some
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import request
from tests.world import CUSTOMER, OPERATOR, STORE

_SENDER = {"holder": "Wang", "account": "100000000777", "bank": "004"}

words = st.sampled_from(("for the tea", "customer/nobody-knows", "purchase/1", ""))


class Suspense(History):
    """It waits, is assigned, is sent back, and what was assigned by mistake is taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: list[str] = []

    @rule(dollars=st.integers(1, 3_000), word=words, strike=strikes)
    def unknown_money_comes(self, dollars: int, word: str, strike: Aimed | None) -> None:
        """The bank tells of money that nobody can place."""
        self.come_unknown(dollars * 100, word, strike)

    @precondition(has_purchases)
    @rule(pick=some, strike=strikes)
    def money_for_a_purchase_comes_unknown(self, pick: int, strike: Aimed | None) -> None:
        """Exactly what a purchase costs comes under words of the customer's own, and is assigned to it."""
        purchase = self.one(pick)
        self.come_unknown(purchase["total_minor"], "for my order", strike)
        self.decide_unknown("assigned to a purchase", {"reference": f"purchase/{purchase['id']}"}, -1, strike)

    @precondition(lambda self: self.unknown)
    @rule(pick=some, where=st.sampled_from((f"customer/{CUSTOMER}", f"deposit/{STORE}", "purchase")), strike=strikes)
    def money_is_assigned(self, pick: int, where: str, strike: Aimed | None) -> None:
        """The operator finds whose it is."""
        if where == "purchase" and not self.purchases:
            return
        where = f"purchase/{self.one(pick)['id']}" if where == "purchase" else where
        self.decide_unknown("assigned", {"reference": where}, pick, strike)

    @precondition(lambda self: self.unknown)
    @rule(pick=some, strike=strikes)
    def money_is_sent_back(self, pick: int, strike: Aimed | None) -> None:
        """The operator has it sent back to whoever sent it."""
        self.decide_unknown("sent back", {"sender": _SENDER}, pick, strike)

    @precondition(lambda self: self.unknown)
    @rule(pick=some, strike=strikes)
    def assignment_is_undone(self, pick: int, strike: Aimed | None) -> None:
        """The operator takes an assignment back."""
        self.decide_unknown("taken back", {"undo": "the wrong customer"}, pick, strike)

    def come_unknown(self, amount: int, word: str, strike: Aimed | None) -> None:
        """A notice of the bank under a reference of the sender's own."""
        key = self.key()
        data = {"id": key, "amount_minor": amount, "currency": "TWD", "reference": word}
        body = {"type": "transfer.received", "data": data}
        command = request("payments", "POST", "/api/payments/webhooks/bank", body, key=key, signed="signature_bank")
        if self.perform("unknown money comes", command, strike)["statusCode"] < 400:
            self.unknown.append(key)

    def decide_unknown(self, name: str, decision: dict[str, object], pick: int, strike: Aimed | None) -> None:
        """The operator's decision on the money of a notice."""
        body = {"id": one_of(self.unknown, pick)} | decision
        command = request("payments", "POST", "/api/operate/suspense", body, subject=OPERATOR, role="operator")
        self.perform(f"unknown money is {name}", command, strike)
