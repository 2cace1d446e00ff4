"""Orders that are paid when they are handed over."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mart_union.kernel.clock import iso
from mart_union.orders.cash import due_minor
from mart_union.orders.model import Order
from tests.faults import chance
from tests.machine.machine import one_of, some
from tests.machine.sellers import Sellers
from tests.machine.shoppers import Shoppers
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import request
from tests.machine.union import STAFF
from tests.world import OTHER_STORE

_GOODS = (OTHER_STORE, "PK-DAY-CEDAR")
"""Of the store whose orders can be paid so."""

words = st.sampled_from(("carrier", "carrier", "store", "", "turn away", "forged"))


class Cash(Shoppers, Sellers):
    """They are bought, shipped, paid to the carrier or the store, or refused at the door."""

    @rule(quantity=st.integers(1, 3), strike=strikes)
    def buy_on_delivery(self, quantity: int, strike: Aimed | None) -> None:
        """A purchase that is paid when it comes; its store ships it."""
        known = len(self.purchases)
        self.buy(([_GOODS], quantity, "on_delivery"), 0, strike)
        for order in self.purchases[-1]["orders"] if len(self.purchases) > known else ():
            for step in ("accept", "ship"):
                self.step_of_fulfiller(self.order_of(order), f"store/{OTHER_STORE}", step, None, strike)

    @precondition(lambda self: self.at_the_door())
    @rule(pick=some, word=words, off=st.sampled_from((0, 0, 0, 100)), strike=strikes)
    def hand_over(self, pick: int, word: str, off: int, strike: Aimed | None) -> None:
        """A parcel is at the door: its carrier or its store says who was paid what, or that it was refused. A store's word for the carrier's
        is refused."""
        order = one_of(self.at_the_door(), pick)
        if word == "carrier":
            self.carrier_reports(order, due_minor(order) + off, strike)
        elif word == "turn away":
            self.step_of_fulfiller(order, f"store/{order.store}", "turn_away", None, strike)
        else:
            by = "carrier" if word == "forged" else word
            self.store_collects(order, due_minor(order) + off, by, strike)

    def carrier_reports(self, order: Order, collected: int, strike: Aimed | None) -> None:
        """A carrier's signed report of a delivery."""
        key, parcel = self.key(), order.shipments[-1]
        told = {"order": order.id, "shipment": parcel.id, "event": "delivered", "at": iso(chance.now())}
        body = told | {"collected_minor": collected}
        path = f"/api/carriers/{parcel.carrier}/events"
        command = request("tracking", "POST", path, body, key=key, signed="signature_carrier", carrier=parcel.carrier)
        self.perform("a carrier delivers", command, strike)

    def store_collects(self, order: Order, collected: int, by: str, strike: Aimed | None) -> None:
        """A store says that it handed over, and what was paid to whom."""
        path = f"/api/manage/{order.store}/orders/{order.id}/steps"
        body = {"step": "deliver", "collected_minor": collected, "collected_by": by}
        command = request("manage", "POST", path, body, subject=STAFF[order.store], role="owner", key=self.key())
        answer = self.perform(f"the store delivers, paid to {by or 'whom it does not say'}", command, strike)
        assert by != "carrier" or answer["statusCode"] == 422, "a store made a carrier owe"

    def at_the_door(self) -> list[Order]:
        """Orders of the store that are on their way; few of them, the newest."""
        newest = [order for purchase in self.purchases[-4:] for order in purchase["orders"]]
        orders = [self.order_of(order) for order in newest]
        return [order for order in orders if order.store == OTHER_STORE and order.state == "shipped"]
