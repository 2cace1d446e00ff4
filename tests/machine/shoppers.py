"""What shoppers and their bank do."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.machine.cards import CARDS
from tests.machine.machine import History, content_of, has_purchases, some
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import request
from tests.machine.union import GOODS, SERVICE
from tests.world import CUSTOMER, STORE

Wish = tuple[list[tuple[str, str]], int, str]

wishes = st.tuples(
    st.lists(st.sampled_from(GOODS), min_size=1, max_size=2),
    st.integers(1, 3),
    st.sampled_from(("account", "account", "bank_transfer", "card", *CARDS)),
)
"""Listings, the quantity of each, and how it is paid."""

amounts = st.integers(1, 400).map(lambda dollars: dollars * 100)


class Shoppers(History):
    """They buy, pay, cancel, receive."""

    @initialize(wishes=st.lists(wishes, min_size=2, max_size=4))
    def open_shop(self, wishes: list[Wish]) -> None:
        """Some purchases have been made already."""
        for wish in wishes:
            self.buy(wish, 0, None)

    @rule(wish=wishes, off=st.sampled_from((0, 0, 0, 0, 100)), strike=strikes)
    def buy(self, wish: Wish, off: int, strike: Aimed | None) -> None:
        """A purchase of one or two listings; now and then with a total that nobody saw."""
        listings, quantity, method = wish
        asked = {"lines": [self.line_of(goods, quantity) for goods in dict.fromkeys(listings)]}
        self.place_order(asked, method, off, f"buy by {method}", strike)

    def line_of(self, goods: tuple[str, str], quantity: int) -> dict[str, Any]:
        """A line of a cart: so many of a listing; of a service, at one of its times."""
        store, sku = goods
        return {
            "store": store,
            "sku": sku,
            "quantity": quantity,
            "slot": self.place.names["slot"] if goods == SERVICE else "",
        }

    def place_order(self, asked: dict[str, Any], method: str, off: int, name: str, strike: Aimed | None) -> None:
        """What is asked for is bought at the price that is quoted, less what nobody saw."""
        quoted = request("checkout", "POST", "/api/quotes", asked, subject=CUSTOMER)()
        if quoted["statusCode"] == 422:
            return  # it cannot be had now: a service's time is over
        body = asked | {"recipient": self.place.names["recipient"], "method": method}
        body |= {"method": "card", "payment_method": CARDS[method]} if method in CARDS else {}
        body["total_minor"] = max(content_of(quoted)["total_minor"] - off, 1)
        command = request("checkout", "POST", "/api/purchases", body, subject=CUSTOMER, key=self.key())
        answer = self.perform(name, command, strike)
        if answer["statusCode"] < 400:
            self.purchases.append(content_of(answer))

    @rule(wish=wishes)
    def buy_more(self, wish: Wish) -> None:
        """Another purchase: there is no trade without them."""
        self.buy(wish, 0, None)

    @precondition(has_purchases)
    @rule(pick=some, strike=strikes)
    def pay(self, pick: int, strike: Aimed | None) -> None:
        """A waiting purchase is paid from the account."""
        purchase = self.one(pick)
        body = {"purchase": purchase["id"], "amount_minor": purchase["total_minor"]}
        self.perform(
            "pay", request("payments", "POST", "/api/payments", body, subject=CUSTOMER, key=self.key()), strike
        )

    @precondition(has_purchases)
    @rule(pick=some, off=st.sampled_from((0, 0, 100)), strike=strikes)
    def bank_pays(self, pick: int, off: int, strike: Aimed | None) -> None:
        """The bank tells of money for a purchase, exact or not, in time or not."""
        purchase = self.one(pick)
        self.bank(f"purchase/{purchase['id']}", purchase["total_minor"] + off, "bank pays", strike)

    @rule(amount=amounts, account=st.sampled_from((f"customer/{CUSTOMER}", f"deposit/{STORE}")), strike=strikes)
    def top_up(self, amount: int, account: str, strike: Aimed | None) -> None:
        """Money for a customer's account, or a store's deposit."""
        self.bank(account, amount, "top up", strike)

    def bank(self, reference: str, amount: int, name: str, strike: Aimed | None) -> None:
        """A notice of the bank; it comes twice, now and then."""
        key = self.key()
        data = {"id": key, "amount_minor": amount, "currency": "TWD", "reference": reference}
        body = {"type": "transfer.received", "data": data}
        command = request("payments", "POST", "/api/payments/webhooks/bank", body, key=key, signed="signature_bank")
        self.perform(name, command, strike)
        if amount % 300 == 0:
            self.perform(f"{name}, again", command, None)

    @precondition(has_purchases)
    @rule(pick=some, strike=strikes)
    def cancel(self, pick: int, strike: Aimed | None) -> None:
        """A customer cancels a purchase."""
        purchase = self.one(pick)
        path = f"/api/purchases/{purchase['id']}/cancel"
        self.perform("cancel", request("tracking", "POST", path, subject=CUSTOMER, key=self.key()), strike)

    @precondition(has_purchases)
    @rule(pick=some, step=st.sampled_from(("receive", "receive", "cancel")), one=st.booleans(), strike=strikes)
    def customer_steps(self, pick: int, step: str, one: bool, strike: Aimed | None) -> None:
        """A customer has received an order, or cancels a part of it."""
        order = self.order(pick)
        self.step_of_customer(order.id, step, [1] if one else None, strike)
