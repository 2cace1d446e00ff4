"""Whole courses of an order, to ends that steps at random seldom reach."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.machine.cards import Cards
from tests.machine.machine import some
from tests.machine.refunds import Refunds
from tests.machine.sellers import Sellers, own_goods
from tests.machine.shoppers import Shoppers
from tests.machine.striking import Aimed, strikes
from tests.machine.union import GOODS, MEDIATED, OWN

_STEPS = 4
"""More than from placed to received."""

ways = st.sampled_from(("account", "card"))


class Courses(Shoppers, Cards, Sellers, Refunds):
    """Somebody buys, and all goes well until the end."""

    @rule(goods=st.sampled_from(GOODS), way=ways, strike=strikes)
    def buy_and_receive(self, goods: tuple[str, str], way: str, strike: Aimed | None) -> None:
        """Goods of a store or a supplier are bought, accepted, charged, shipped and received."""
        self.sell(goods, way, strike)

    @rule(goods=own_goods, way=ways, cancels=st.booleans(), strike=strikes)
    def buy_in_vain(self, goods: tuple[str, str], way: str, cancels: bool, strike: Aimed | None) -> None:
        """Goods are bought, and their customer cancels, or their store refuses."""
        known = len(self.purchases)
        self.buy(([goods], 1, way), 0, strike)
        if len(self.purchases) > known and cancels:
            self.cancel(0, strike)
        elif len(self.purchases) > known:
            order = self.order_of(str(next(iter(self.purchases[-1]["orders"]))))
            self.step_of_fulfiller(order, f"store/{order.store}", "refuse", None, strike)

    def sell(self, goods: tuple[str, str], way: str, strike: Aimed | None) -> str:
        """The same; answers with the order, '' if the goods could not be had."""
        known = len(self.purchases)
        self.buy(([goods], 2, way), 0, strike)
        if len(self.purchases) == known:
            return ""
        order = str(next(iter(self.purchases[-1]["orders"])))
        for _ in range(_STEPS):
            self.go_on_with(self.order_of(order), 0, strike)
            while self.card_news:
                self.card_news_arrives(0, False, strike)
        return order

    @rule(goods=st.sampled_from((*OWN, MEDIATED)), way=ways, pick=some, strike=strikes)
    def buy_and_send_back(self, goods: tuple[str, str], way: str, pick: int, strike: Aimed | None) -> None:
        """Goods are bought, received, and one of them is given back for its money, for a reason that is somebody's fault."""
        order = self.sell(goods, way, strike)
        if not order or not self.ask_return_of(self.order_of(order), pick, 1, strike):
            return
        for decision in ("accept", "receive", "refund"):
            self.decide_return(self.order_of(order), 0, decision, "reserve", strike)
        while self.card_news:
            self.card_news_arrives(0, False, strike)
