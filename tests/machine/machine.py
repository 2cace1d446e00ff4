"""The machine: rules that trade, one step at a time, and what must hold after each of them.

Every step is a command as its caller sends it. A fault may strike it; then it is repeated, as its caller would. A refusal changes
nothing. After each step the checker proves the invariants on all that the tables hold.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mart_union.kernel.clock import iso
from mart_union.ledger import jobs
from mart_union.orders.model import Order
from mart_union.orders.procedures import allowed_steps
from mart_union.orders.service import get_order
from mart_union.settlement.rounds import HOURS, MINUTES
from tests.faults import chance
from tests.faults.place import Place, State, broken_invariants, forget_what_processes_keep
from tests.faults.wire import Killed, Wire
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import (
    Answer,
    Command,
    batches,
    invocation,
    messages_in,
    queue_batch,
    records_between,
    request,
)
from tests.world import CUSTOMER, OTHER_STORE, STORE, SUPPLIER

_OWN = ((STORE, "OB-TOP"), (STORE, "OB-FINE-75G"), (OTHER_STORE, "PK-DAY-CEDAR"))
_MEDIATED = (STORE, "GX-HERBTEA")
_STAFF = {STORE: "owner-emei", OTHER_STORE: "owner-jianshi"}

_STEPS_BETWEEN_CLOCKS = 4
"""Schedules fire between commands, not instead of them."""

goods = st.sampled_from((*_OWN, _MEDIATED))
own_goods = st.sampled_from(_OWN)
quantities = st.integers(1, 3)
amounts = st.integers(1, 400).map(lambda dollars: dollars * 100)
Wish = tuple[list[tuple[str, str]], int, str]

wishes = st.tuples(
    st.lists(goods, min_size=1, max_size=2),
    quantities,
    st.sampled_from(("account", "account", "bank_transfer")),
)
"""Listings, the quantity of each, and how it is paid."""

some = st.integers(0, 10**6)
"""Chooses one of whatever there is, by its place."""


def _has_purchases(trade: Trade) -> bool:
    return bool(trade.purchases)


def _often(advance: Callable[[Trade, int, Aimed | None], None]) -> Any:
    """One more rule of the same doing, so that it comes up more often."""

    def once_more(trade: Trade, pick: int, strike: Aimed | None) -> None:
        advance(trade, pick, strike)

    return precondition(_has_purchases)(rule(pick=some, strike=strikes)(once_more))


class Trade(RuleBasedStateMachine):
    """One history of a small union, from the same beginning."""

    place: ClassVar[Place]
    wire: ClassVar[Wire]
    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        now = self.place.read()
        self.place.put_back(self.place.laid, now)
        self.wire.forget_written()
        chance.set_clock(chance.START)
        self.state = self.place.laid
        self.number = 0
        self.quiet = 0
        self.purchases: list[dict[str, Any]] = []
        self.jobs: list[str] = []
        self.records: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []

    # One step.

    def perform(self, name: str, command: Command, strike: Aimed | None) -> Answer:
        """Do a command under a fault, repeat it if the fault struck, and check everything."""
        before = self.state
        answer = self._struck(command, strike) if strike else None
        struck = strike is not None and self.wire.struck
        if answer is None:
            answer = self.wire.watch(command)
            self.jobs += messages_in(self.wire.effects)
            assert answer["statusCode"] < 500, f"{name} failed: {answer['body']}"
        self.state = self.place.read(before, self.wire.forget_written())
        self.quiet += 1
        refused = answer["statusCode"] >= 400
        self.counts[f"{name}, {'refused' if refused else 'done'}{' after a fault' if struck else ''}"] += 1
        if refused and not struck:
            changed = _differing(before, self.state)
            assert not changed, f"{name} was refused and changed {changed}: {answer['body']}"
        self.records += records_between(before, self.state, "-ledger")
        problems = broken_invariants(self.state)
        assert not problems, f"after {name}: {problems}"
        return answer

    def _struck(self, command: Command, strike: Aimed) -> Answer | None:
        """The answer to a command whose request the fault missed, else None: it is to be repeated."""
        try:
            answer: Answer = self.wire.watch(command, strike)
            self.jobs += messages_in(self.wire.effects)
        except (Killed, Exception):
            if not self.wire.struck:
                raise
            forget_what_processes_keep()
            return None
        return answer if answer["statusCode"] < 500 and not self.wire.struck else None

    def key(self) -> str:
        """A new idempotency key."""
        self.number += 1
        return f"machine-{self.number:06d}"

    # Shoppers.

    @initialize(wishes=st.lists(wishes, min_size=2, max_size=4))
    def open_shop(self, wishes: list[Wish]) -> None:
        """Some purchases have been made already."""
        for wish in wishes:
            self.buy(wish, 0, None)

    @rule(wish=wishes, off=st.sampled_from((0, 0, 0, 0, 100)), strike=strikes)
    def buy(self, wish: Wish, off: int, strike: Aimed | None) -> None:
        """A purchase of one or two listings; now and then with a total that nobody saw."""
        listings, quantity, method = wish
        lines = [{"store": store, "sku": sku, "quantity": quantity} for store, sku in dict.fromkeys(listings)]
        quote = self.ask("checkout", "POST", "/api/quotes", {"lines": lines}, subject=CUSTOMER)
        body = {"lines": lines, "recipient": self.place.names["recipient"], "method": method}
        body["total_minor"] = max(quote["total_minor"] - off, 1)
        command = request("checkout", "POST", "/api/purchases", body, subject=CUSTOMER, key=self.key())
        answer = self.perform(f"buy by {method}", command, strike)
        if answer["statusCode"] < 400:
            self.purchases.append(_content(answer))

    @rule(wish=wishes)
    def buy_more(self, wish: Wish) -> None:
        """Another purchase: there is no trade without them."""
        self.buy(wish, 0, None)

    @precondition(_has_purchases)
    @rule(pick=some, strike=strikes)
    def pay(self, pick: int, strike: Aimed | None) -> None:
        """A waiting purchase is paid from the account."""
        purchase = self.one(pick)
        body = {"purchase": purchase["id"], "amount_minor": purchase["total_minor"]}
        self.perform(
            "pay", request("payments", "POST", "/api/payments", body, subject=CUSTOMER, key=self.key()), strike
        )

    @precondition(_has_purchases)
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

    @precondition(_has_purchases)
    @rule(pick=some, strike=strikes)
    def cancel(self, pick: int, strike: Aimed | None) -> None:
        """A customer cancels a purchase."""
        purchase = self.one(pick)
        path = f"/api/purchases/{purchase['id']}/cancel"
        self.perform("cancel", request("tracking", "POST", path, subject=CUSTOMER, key=self.key()), strike)

    @precondition(_has_purchases)
    @rule(pick=some, step=st.sampled_from(("receive", "receive", "cancel")), one=st.booleans(), strike=strikes)
    def customer_steps(self, pick: int, step: str, one: bool, strike: Aimed | None) -> None:
        """A customer has received an order, or cancels a part of it."""
        order = self.order(pick)
        self.step_of_customer(order.id, step, [1] if one else None, strike)

    def step_of_customer(self, order: str, step: str, lines: list[int] | None, strike: Aimed | None) -> None:
        """A step of the customer's order."""
        path, body = f"/api/orders/{order}/steps", {"step": step, "lines": lines}
        command = request("tracking", "POST", path, body, subject=CUSTOMER, key=self.key())
        self.perform(f"customer: {step}", command, strike)

    # Stores and suppliers.

    def advance(self, pick: int, strike: Aimed | None) -> None:
        """Whoever has to do with an order next does what is to be done if all goes well."""
        order = self.order(pick)
        going_on = [line for line in order.lines if line.state in _ON_ITS_WAY]
        if not going_on:
            return
        line = _one_of(going_on, pick)
        step = _ON_ITS_WAY[line.state]
        if step == "receive":
            self.step_of_customer(order.id, step, [line.number], strike)
        else:
            self.step_of_fulfiller(order, line.fulfiller, step, None, strike)

    advance_one = _often(advance)
    advance_two = _often(advance)
    advance_three = _often(advance)

    @precondition(_has_purchases)
    @rule(pick=some, choice=some, one=st.booleans(), strike=strikes)
    def store_steps(self, pick: int, choice: int, one: bool, strike: Aimed | None) -> None:
        """A store takes a step that its procedure allows now, or one that it does not."""
        order = self.order(pick)
        step = _one_of([*allowed_steps(order, "store", f"store/{order.store}"), "ship", "refuse"], choice)
        lines = [order.lines[0].number] if one else None
        self.step_of_fulfiller(order, f"store/{order.store}", step, lines, strike)

    @precondition(_has_purchases)
    @rule(pick=some, choice=some, strike=strikes)
    def supplier_steps(self, pick: int, choice: int, strike: Aimed | None) -> None:
        """A supplier takes a step with its lines."""
        order = self.order(pick)
        if not any(line.offer for line in order.lines):
            return
        step = _one_of([*allowed_steps(order, "supplier", f"supplier/{SUPPLIER}"), "refuse"], choice)
        self.step_of_fulfiller(order, f"supplier/{SUPPLIER}", step, None, strike)

    def step_of_fulfiller(
        self, order: Order, fulfiller: str, step: str, lines: list[int] | None, strike: Aimed | None
    ) -> None:
        """A step of those lines of an order that a store or a supplier fulfils."""
        role, _, party = fulfiller.partition("/")
        function, area, owner = ("manage", "manage", _STAFF.get(party, "")) if role == "store" else _SUPPLY
        path = f"/api/{area}/{party}/orders/{order.id}/steps"
        body = {"step": step, "lines": lines, **_DETAILS.get(step, {})}
        command = request(function, "POST", path, body, subject=owner, role="owner", key=self.key())
        self.perform(f"{role}: {step}", command, strike)

    @rule(goods=own_goods, quantity=st.integers(-2, 6), strike=strikes)
    def move_stock(self, goods: tuple[str, str], quantity: int, strike: Aimed | None) -> None:
        """Units are laid in or taken out."""
        way, reason = ("in", "received") if quantity > 0 else ("out", "damaged")
        path = f"/api/manage/{goods[0]}/stock/{goods[1]}/{way}"
        body = {"quantity": abs(quantity), "reason": reason}
        command = request("manage", "POST", path, body, subject=_STAFF[goods[0]], role="owner", key=self.key())
        self.perform(f"stock {way}", command, strike)

    @rule(goods=own_goods, price=st.integers(100, 2000), strike=strikes)
    def change_price(self, goods: tuple[str, str], price: int, strike: Aimed | None) -> None:
        """A store asks another price."""
        path = f"/api/manage/{goods[0]}/listings/{goods[1]}"
        terms = self.ask("manage", "GET", path, subject=_STAFF[goods[0]], role="owner")
        fields = ("titles", "texts", "category", "union_category", "kind")
        body = {**{name: terms[name] for name in fields}, "price_minor": price * 100}
        command = request("manage", "PUT", path, body, subject=_STAFF[goods[0]], role="owner")
        self.perform("change a price", command, strike)

    @rule(supply=st.integers(100, 260), quantity=st.none() | st.integers(0, 60), strike=strikes)
    def change_offer(self, supply: int, quantity: int | None, strike: Aimed | None) -> None:
        """A supplier asks another supply price (above what sellers ask, too), and counts its pool."""
        path = f"/api/supply/{SUPPLIER}/offers/HERB-TEA"
        body = {
            "titles": {"zh-TW": "仙草茶包 20 入", "en": "Grass Jelly Tea Bags, 20"},
            "supply_minor": supply * 100,
            "suggested_minor": 23_000,
            "minimum_minor": 18_000,
            "granted_to": ["everyone"],
            "union_category": "tea",
            "quantity": quantity,
        }
        command = request("supply", "PUT", path, body, subject="owner-guanxi", role="owner")
        self.perform("change an offer", command, strike)

    @rule(quantity=st.integers(1, 4), strike=strikes)
    def shop_sells(self, quantity: int, strike: Aimed | None) -> None:
        """The seller's own shop reports a sale."""
        shop, key = self.place.names["shop"], self.key()
        body = {"sale": key, "lines": [{"sku": _MEDIATED[1], "quantity": quantity}], "recipient": _RECIPIENT}
        path = f"/api/shops/{shop}/sales"
        command = request("supply", "POST", path, body, key=key, signed="signature_shop", shop=shop)
        answer = self.perform("shop sells", command, strike)
        if answer["statusCode"] < 400:
            sold = _content(answer)
            self.purchases.append({"id": sold["purchase"], "orders": list(sold["orders"]), "total_minor": 100})

    # Clocks and streams.

    @precondition(lambda self: self.quiet >= _STEPS_BETWEEN_CLOCKS)
    @rule(minutes=st.sampled_from((1, 12)), strike=strikes)
    def minutes_pass(self, minutes: int, strike: Aimed | None) -> None:
        """Some minutes pass, and the sweeper comes by."""
        self.quiet = 0
        chance.set_clock(chance.now() + timedelta(minutes=minutes))
        self.perform("sweep", invocation("sweeper", {}), strike)

    @precondition(lambda self: self.quiet >= _STEPS_BETWEEN_CLOCKS)
    @rule(hours=st.sampled_from((5, 30, 60, 200)), strike=strikes)
    def days_pass(self, hours: int, strike: Aimed | None) -> None:
        """Days pass; the sweeper frees what is unpaid, has nothing to free for as long, and comes by in the end."""
        self.minutes_pass(12, None)
        chance.set_clock(chance.now() + timedelta(hours=hours))
        jobs.set_checkpoint("expire_unpaid", iso(chance.now() - timedelta(minutes=2))[:MINUTES])
        jobs.set_checkpoint("order_deadlines", iso(chance.now() - timedelta(hours=hours))[:HOURS])
        self.perform("sweep after days", invocation("sweeper", {}), strike)

    @precondition(lambda self: self.quiet >= _STEPS_BETWEEN_CLOCKS)
    @rule(strike=strikes)
    def settle(self, strike: Aimed | None) -> None:
        """The settlement's schedule fires."""
        self.quiet = 0
        self.perform("settle", invocation("settlement", {}), strike)

    @precondition(lambda self: self.jobs)
    @rule(pick=some, again=st.booleans(), strike=strikes)
    def job_arrives(self, pick: int, again: bool, strike: Aimed | None) -> None:
        """The settlement's queue delivers a message, in no order, now and then twice."""
        job = self.jobs[pick % len(self.jobs)]
        if not again:
            self.jobs.remove(job)
        self.perform("settlement's job", invocation("settlement", queue_batch(job)), strike)

    @precondition(lambda self: self.records)
    @rule(again=st.integers(0, 3), strike=strikes)
    def stream_delivers(self, again: int, strike: Aimed | None) -> None:
        """The ledger's stream delivers what happened, some of it a second time."""
        waiting = [*self.told[-again:], *self.records] if again else self.records
        self.told, self.records = [*self.told, *self.records][-10:], []
        for batch in batches(waiting):
            self.perform("stream", invocation("relay", batch), strike)

    # What there is.

    def ask(self, function: str, method: str, path: str, body: Any = None, **who: str) -> dict[str, Any]:
        """What a read answers."""
        answer = request(function, method, path, body, **who)()
        assert answer["statusCode"] == 200, answer["body"]
        return _content(answer)

    def one(self, pick: int) -> dict[str, Any]:
        """One of the purchases; the newer ones more often."""
        return self.purchases[-1 - min(pick % 12, pick % len(self.purchases))]

    def order(self, pick: int) -> Order:
        """One order of one of the purchases, as it is now."""
        purchase = self.one(pick)
        return get_order(_one_of(purchase["orders"], pick), consistent=True)


_ON_ITS_WAY = {"placed": "accept", "accepted": "ship", "shipped": "receive", "delivered": "receive"}
_SUPPLY = ("supply", "supply", "owner-guanxi")
_DETAILS: dict[str, dict[str, str]] = {"ship": {"carrier": "windcity-express", "tracking_number": "WC-1"}}
_RECIPIENT = {
    "name": "Lin",
    "address_lines": ["1 Guangfu Rd"],
    "city": "Hsinchu",
    "postcode": "300",
    "phone": "0900-000-001",
}


def _one_of(things: Any, choice: int) -> Any:
    return list(things)[choice % len(things)]


def _content(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(answer["body"])
    return content


def _differing(before: State, after: State) -> list[Any]:
    keys = before.items.keys() | after.items.keys()
    return [key for key in keys if before.items.get(key) != after.items.get(key)]
