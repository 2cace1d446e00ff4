"""Money back after the fact: refunds by a store, returns by a customer."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mart_union.orders.model import Order
from mart_union.orders.return_rules import stocks_for
from tests.machine.machine import History, has_purchases, one_of, some
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import request
from tests.machine.union import STAFF, SUPPLIERS_OWNER
from tests.world import CUSTOMER

REASONS = ("changed_mind", "defective", "wrong_advice", "damaged_on_the_way")
"""Each is the fault of somebody else: the customer, the supplier, the store, the carrier."""

stocks = st.sampled_from(("reserve", "written_off"))

decisions = st.sampled_from(("accept", "accept", "receive", "receive", "refuse", "refund", "refund", "replace", "ship"))


class Refunds(History):
    """Parts of orders are given back, before completion and after."""

    @precondition(has_purchases)
    @rule(
        pick=some,
        units=st.integers(0, 2),
        amount=st.integers(1, 300),
        written_off=st.booleans(),
        strike=strikes,
    )
    def refund(self, pick: int, units: int, amount: int, written_off: bool, strike: Aimed | None) -> None:
        """A store gives back units of a line, or an amount; more than there is, now and then."""
        order = self.order(pick)
        wish = {"number": one_of(order.lines, pick).number, "units": units}
        wish |= {} if units else {"amount_minor": amount * 100}
        body = {"lines": [wish], "reason": "broken in the box", "written_off": written_off and bool(units)}
        path = f"/api/manage/{order.store}/orders/{order.id}/refunds"
        command = request("manage", "POST", path, body, subject=STAFF[order.store], role="owner", key=self.key())
        self.perform(f"refund {'units' if units else 'an amount'}", command, strike)

    @precondition(has_purchases)
    @rule(pick=some, units=st.integers(1, 2), strike=strikes)
    def ask_return(self, pick: int, units: int, strike: Aimed | None) -> None:
        """A customer asks to give units of a line back."""
        self.ask_return_of(self.order(pick), pick, units, strike)

    def ask_return_of(self, order: Order, pick: int, units: int, strike: Aimed | None) -> bool:
        """Ask to give units of a line of an order back; says whether that is noted."""
        lines = [{"number": one_of(order.lines, pick).number, "units": units}]
        body = {"lines": lines, "reason": REASONS[pick % len(REASONS)], "note": "not what I thought"}
        path = f"/api/orders/{order.id}/returns"
        command = request("tracking", "POST", path, body, subject=CUSTOMER, key=self.key())
        answer = self.perform("ask for a return", command, strike)
        if answer["statusCode"] >= 400:
            return False
        self.returning.append(order.id)
        return True

    @precondition(lambda self: self.returning)
    @rule(pick=some, decision=decisions, stock=stocks, amount=st.sampled_from((0, 0, 100)), strike=strikes)
    def decide(self, pick: int, decision: str, stock: str, amount: int, strike: Aimed | None) -> None:
        """Whoever takes it back accepts, refuses, receives, refunds or replaces a return, or a part of it."""
        order = self.order_of(one_of(self.returning, pick))
        self.decide_return(order, pick, decision, stock, strike, amount)

    @precondition(lambda self: self.returning)
    @rule(pick=some, strike=strikes)
    def send_back(self, pick: int, strike: Aimed | None) -> None:
        """The customer says by which carrier a return is on its way."""
        order = self.order_of(one_of(self.returning, pick))
        path = f"/api/orders/{order.id}/returns/{one_of(order.returns, pick).id}/sent"
        body = {"tracking_number": f"BACK{pick}"}
        command = request("tracking", "POST", path, body, subject=CUSTOMER, key=self.key())
        self.perform("send a return", command, strike)

    @precondition(lambda self: self.returning)
    @rule(pick=some, strike=strikes)
    def take_back(self, pick: int, strike: Aimed | None) -> None:
        """A return goes well: else few would get there."""
        for decision in ("accept", "receive", one_of(("refund", "refund", "replace"), pick)):
            self.decide_return(self.order_of(self.returning[-1]), pick, decision, "reserve", strike)

    def decide_return(
        self, order: Order, pick: int, decision: str, stock: str, strike: Aimed | None, amount: int = 0
    ) -> None:
        """A decision on one of the returns of an order, by whoever takes it back."""
        chosen = one_of(order.returns, pick)
        role, _, party = chosen.taker.partition("/")
        stock = stock if stock in stocks_for(order, chosen) else "written_off"
        function, owner = ("manage", STAFF[party]) if role == "store" else ("supply", SUPPLIERS_OWNER)
        body = {"id": chosen.id, "decision": decision, "answer": "as agreed", "stock": stock}
        body |= {"amount_minor": amount} if decision == "refund" and stock == "written_off" else {}
        body |= {"tracking_number": f"INSTEAD{pick}"} if decision == "ship" else {}
        path = f"/api/{function}/{party}/orders/{order.id}/returns"
        command = request(function, "POST", path, body, subject=owner, role="owner", key=self.key())
        self.perform(f"return: {decision}", command, strike)
