"""Urgent sales, with and without a line, and units of a pool that stand aside for a seller."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from mart_union.catalog.service import get_listing
from mart_union.kernel.clock import iso
from tests.faults import chance
from tests.machine.machine import content_of
from tests.machine.sellers import own_goods
from tests.machine.shoppers import Shoppers
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import request
from tests.machine.union import RUSHED, STAFF, SUPPLIERS_OWNER
from tests.world import CUSTOMER, STORE, SUPPLIER


class Urgency(Shoppers):
    """A store keeps units for a sale of some hours; a supplier keeps units of a pool for one of its sellers."""

    @rule(quantity=st.integers(1, 3), method=st.sampled_from(("account", "card", "bank_transfer")), strike=strikes)
    def buy_in_a_line(self, quantity: int, method: str, strike: Aimed | None) -> None:
        """A customer gets in the line of an urgent sale, and buys when let in; when it is over, at the plain price."""
        store, sku = RUSHED
        joining = request("checkout", "POST", "/api/admissions", {"store": store, "sku": sku}, subject=CUSTOMER)
        turn = self.perform("get in line", joining, strike)
        tickets = [content_of(turn)["ticket"]] if turn["statusCode"] < 400 else []
        chance.move_clock(1)
        asked = {"lines": [self.line_of(RUSHED, quantity)], "admission": tickets}
        self.place_order(asked, method, 0, f"buy in a line by {method}", strike)

    @rule(
        goods=own_goods,
        price=st.integers(100, 900),
        quantity=st.integers(1, 30),
        most=st.integers(0, 4),
        hours=st.sampled_from((1, 20, 100)),
        strike=strikes,
    )
    def start_sale(
        self, goods: tuple[str, str], price: int, quantity: int, most: int, hours: int, strike: Aimed | None
    ) -> None:
        """Units of a listing are kept for a sale that begins at once."""
        store, sku = goods
        body = {
            "sku": sku,
            "price_minor": price * 100,
            "starts_at": iso(chance.now()),
            "ends_at": iso(chance.now() + timedelta(hours=hours)),
            "quantity": quantity,
            "per_customer": most,
        }
        path = f"/api/manage/{store}/urgent-sales"
        command = request("manage", "POST", path, body, subject=STAFF[store], role="owner", key=self.key())
        self.perform("start an urgent sale", command, strike)

    @rule(goods=st.one_of(own_goods, st.just(RUSHED)), strike=strikes)
    def end_sale(self, goods: tuple[str, str], strike: Aimed | None) -> None:
        """A store ends a sale before its time, and what is left is on sale again."""
        path = f"/api/manage/{goods[0]}/urgent-sales/{goods[1]}/end"
        urgent = get_listing(*goods).urgent
        body = {"sale": urgent.id if urgent else "none"}
        command = request("manage", "POST", path, body, subject=STAFF[goods[0]], role="owner", key=self.key())
        self.perform("end an urgent sale", command, strike)

    @rule(quantity=st.integers(0, 40), strike=strikes)
    def allot(self, quantity: int, strike: Aimed | None) -> None:
        """A supplier keeps units of its pool for one seller, fewer or none."""
        path = f"/api/supply/{SUPPLIER}/offers/HERB-TEA/allotments/{STORE}"
        body, key = {"quantity": quantity}, self.key()
        command = request("supply", "PUT", path, body, subject=SUPPLIERS_OWNER, role="owner", key=key)
        self.perform("set an allotment", command, strike)
