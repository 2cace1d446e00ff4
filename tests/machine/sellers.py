"""What stores, suppliers and sellers' own shops do."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mart_union.orders.model import Order
from mart_union.orders.procedures import allowed_steps
from tests.machine.machine import History, content_of, has_purchases, one_of, some
from tests.machine.refunds import REASONS
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import request
from tests.machine.union import MEDIATED, OWN, RECIPIENT, SHIPPING, STAFF, SUPPLIERS_OWNER
from tests.world import SUPPLIER

_NEXT = {"placed": "accept", "accepted": "ship", "shipped": "receive", "delivered": "receive"}
"""What is to be done with a line in a state."""

own_goods = st.sampled_from(OWN)


class Sellers(History):
    """They answer orders, move stock, change prices."""

    @precondition(has_purchases)
    @rule(pick=some, strike=strikes)
    def go_on(self, pick: int, strike: Aimed | None) -> None:
        """Whoever has to do with an order next does what is to be done if all goes well."""
        self.go_on_with(self.order(pick), pick, strike)

    def go_on_with(self, order: Order, pick: int, strike: Aimed | None) -> None:
        """One of the lines of an order goes on, with those that its fulfiller treats alike."""
        going_on = [line for line in order.lines if line.state in _NEXT]
        if not going_on:
            return
        line = one_of(going_on, pick)
        if _NEXT[line.state] == "receive":
            self.step_of_customer(order.id, "receive", [line.number], strike)
        else:
            self.step_of_fulfiller(order, line.fulfiller, _NEXT[line.state], None, strike)

    @precondition(has_purchases)
    @rule(pick=some, strike=strikes)
    def go_on_and_on(self, pick: int, strike: Aimed | None) -> None:
        """An order goes on until it is completed: else few would get there."""
        for _ in range(4):
            self.go_on(pick, strike)

    @precondition(has_purchases)
    @rule(pick=some, choice=some, one=st.booleans(), strike=strikes)
    def store_steps(self, pick: int, choice: int, one: bool, strike: Aimed | None) -> None:
        """A store takes a step that its procedure allows now, or one that it does not."""
        order = self.order(pick)
        step = one_of([*allowed_steps(order, "store", f"store/{order.store}"), "ship", "refuse"], choice)
        lines = [order.lines[0].number] if one else None
        self.step_of_fulfiller(order, f"store/{order.store}", step, lines, strike)

    @precondition(has_purchases)
    @rule(pick=some, choice=some, strike=strikes)
    def supplier_steps(self, pick: int, choice: int, strike: Aimed | None) -> None:
        """A supplier takes a step with its lines."""
        order = self.order(pick)
        if not any(line.offer for line in order.lines):
            return
        step = one_of([*allowed_steps(order, "supplier", f"supplier/{SUPPLIER}"), "refuse"], choice)
        self.step_of_fulfiller(order, f"supplier/{SUPPLIER}", step, None, strike)

    def step_of_fulfiller(
        self, order: Order, fulfiller: str, step: str, lines: list[int] | None, strike: Aimed | None
    ) -> None:
        """A step of those lines of an order that a store or a supplier fulfils."""
        role, _, party = fulfiller.partition("/")
        function, owner = ("manage", STAFF[party]) if role == "store" else ("supply", SUPPLIERS_OWNER)
        path = f"/api/{function}/{party}/orders/{order.id}/steps"
        body = {"step": step, "lines": lines, **(SHIPPING if step == "ship" else {})}
        command = request(function, "POST", path, body, subject=owner, role="owner", key=self.key())
        self.perform(f"{role}: {step}", command, strike)

    @rule(goods=own_goods, quantity=st.integers(-2, 6), strike=strikes)
    def move_stock(self, goods: tuple[str, str], quantity: int, strike: Aimed | None) -> None:
        """Units are laid in or taken out."""
        way, reason = ("in", "received") if quantity > 0 else ("out", "damaged")
        path = f"/api/manage/{goods[0]}/stock/{goods[1]}/{way}"
        body = {"quantity": abs(quantity), "reason": reason}
        command = request("manage", "POST", path, body, subject=STAFF[goods[0]], role="owner", key=self.key())
        self.perform(f"stock {way}", command, strike)

    @rule(goods=own_goods, price=st.integers(100, 2000), strike=strikes)
    def change_price(self, goods: tuple[str, str], price: int, strike: Aimed | None) -> None:
        """A store asks another price."""
        path = f"/api/manage/{goods[0]}/listings/{goods[1]}"
        terms = self.ask("manage", "GET", path, subject=STAFF[goods[0]], role="owner")
        fields = ("titles", "texts", "category", "union_category", "kind")
        body = {**{name: terms[name] for name in fields}, "price_minor": price * 100}
        command = request("manage", "PUT", path, body, subject=STAFF[goods[0]], role="owner")
        self.perform("change a price", command, strike)

    @rule(
        supply=st.integers(100, 260),
        tiers=st.integers(0, 2),
        quantity=st.none() | st.integers(0, 60),
        accepts=st.booleans(),
        strike=strikes,
    )
    def change_offer(self, supply: int, tiers: int, quantity: int | None, accepts: bool, strike: Aimed | None) -> None:
        """A supplier asks another supply price (above what sellers ask, too), less by volume or not, takes returns or not, and counts its pool."""
        path = f"/api/supply/{SUPPLIER}/offers/HERB-TEA"
        body = {
            "titles": {"zh-TW": "仙草茶包 20 入", "en": "Grass Jelly Tea Bags, 20"},
            "supply_minor": supply * 100,
            "suggested_minor": 23_000,
            "minimum_minor": 18_000,
            "granted_to": ["everyone"],
            "union_category": "tea",
            "quantity": quantity,
            "accepts_returns": accepts,
            "tiers": [
                {"begins": 2, "supply_minor": supply * 100 - 1_000},
                {"begins": 4, "supply_minor": supply * 50 // 100 * 100},
            ][:tiers],
        }
        command = request("supply", "PUT", path, body, subject=SUPPLIERS_OWNER, role="owner")
        self.perform("change an offer", command, strike)

    @rule(quantity=st.integers(1, 4), strike=strikes)
    def shop_sells(self, quantity: int, strike: Aimed | None) -> None:
        """The seller's own shop reports a sale."""
        shop, key = self.place.names["shop"], self.key()
        body = {"sale": key, "lines": [{"sku": MEDIATED[1], "quantity": quantity}], "recipient": RECIPIENT}
        path = f"/api/shops/{shop}/sales"
        command = request("supply", "POST", path, body, key=key, signed="signature_shop", shop=shop)
        answer = self.perform("shop sells", command, strike)
        if answer["statusCode"] < 400:
            sold = content_of(answer)
            bought = {"id": sold["purchase"], "orders": list(sold["orders"]), "total_minor": 100, "sale": key}
            self.purchases.append(bought)

    @precondition(lambda self: any("sale" in each for each in self.purchases))
    @rule(pick=some, units=st.integers(0, 2), strike=strikes)
    def shop_takes_back(self, pick: int, units: int, strike: Aimed | None) -> None:
        """The seller's own shop cancels a sale that it reported, or asks to give units of it back."""
        sold = one_of([each for each in self.purchases if "sale" in each], pick)
        shop, key = self.place.names["shop"], self.key()
        lines = [{"sku": MEDIATED[1], "quantity": units}]
        back = {"id": key, "lines": lines, "reason": REASONS[pick % len(REASONS)]} if units else {}
        path = f"/api/shops/{shop}/sales/{'returns' if units else 'cancel'}"
        body = {"sale": sold["sale"], **back}
        command = request("supply", "POST", path, body, key=key, signed="signature_shop", shop=shop)
        answer = self.perform(f"shop {'asks for a return' if units else 'cancels'}", command, strike)
        if units and answer["statusCode"] < 400:
            self.returning.append(sold["orders"][0])
