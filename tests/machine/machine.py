"""The machine: one step at a time, and what must hold after it.

Every step is a command as its caller sends it. A fault may strike it; then it is repeated, as its caller would. A refusal changes
nothing. After each step the checker proves the invariants on all that the tables hold.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from mart_union.orders.model import Order
from mart_union.orders.service import get_order
from tests.faults import chance
from tests.faults.place import Place, State, broken_invariants, forget_what_processes_keep
from tests.faults.wire import Killed, Wire
from tests.machine.striking import Aimed
from tests.machine.trading import Answer, Command, Undelivered, card_news_in, messages_in, records_between, request
from tests.services.ledger_events.document import pattern_of
from tests.world import CUSTOMER

some = st.integers(0, 10**6)
"""Chooses one of whatever there is, by its place."""

AFTER_A_FAULT = " after a fault"
"""How the name of a step ends that a fault has struck."""


_DELIVERIES = 3
"""How often a queue may have to deliver after a fault; the cards' own does so six times."""

_DECLINED = "urn:mart-union:problem:card-declined"
"""Not the union has refused, but the card's bank: the purchase notes which card that was, and goes on waiting."""


class History(RuleBasedStateMachine):
    """One history of a small union, from the same beginning."""

    place: ClassVar[Place]
    wire: ClassVar[Wire]
    counts: ClassVar[Counter[str]] = Counter()
    postings: ClassVar[set[str]] = set()

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
        self.returning: list[str] = []
        self.jobs: list[str] = []
        self.card_news: list[str] = []
        self.records: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []

    def teardown(self) -> None:
        """What was read step by step is all that there is."""
        assert self.place.read() == self.state

    # One step.

    def perform(self, name: str, command: Command, strike: Aimed | None) -> Answer:
        """Do a command under a fault, repeat it if the fault struck, and check everything."""
        before = self.state
        answer = self._struck(command, strike) if strike else None
        struck = strike is not None and self.wire.struck
        if answer is None:
            answer = self._done(command, deliveries=_DELIVERIES if struck else 1)
            assert answer["statusCode"] < 500, f"{name} failed: {answer['body']}"
        self.state = self.place.read(before, self.wire.forget_written())
        self.quiet += 1
        refused = answer["statusCode"] >= 400
        self.counts[f"{name}, {'refused' if refused else 'done'}{AFTER_A_FAULT if struck else ''}"] += 1
        if refused and not struck:
            changed = _differing(before, self.state)
            if content_of(answer).get("type") == _DECLINED:
                changed = [
                    key for key in changed if not _is_tried_card(before.items.get(key), self.state.items.get(key))
                ]
            assert not changed, f"{name} was refused and changed {changed}: {answer['body']}"
        ledger, orders = (records_between(before, self.state, table) for table in ("-ledger", "-orders"))
        self.postings.update(_posted_in(ledger))
        self.records += [*ledger, *orders]
        problems = broken_invariants(self.state) if self.state != before else []  # else they were looked for before
        assert not problems, f"after {name}: {problems}"
        return answer

    def _struck(self, command: Command, strike: Aimed) -> Answer | None:
        """The answer to a command whose request the fault missed, else None: it is to be repeated."""
        try:
            answer: Answer = self.wire.watch(command, strike)
            self._hear()
        except (Killed, Exception):
            if not self.wire.struck:
                raise
            forget_what_processes_keep()
            return None
        return answer if answer["statusCode"] < 500 and not self.wire.struck else None

    def _done(self, command: Command, deliveries: int) -> Answer:
        """The answer to a command that no fault strikes. After one that did, a queue may have to deliver more than once: a card processor keeps a failure that it
        answered, and gives it again under the same key (decision 0041)."""
        for _ in range(deliveries - 1):
            with suppress(Undelivered):
                return self._heard(command)
        return self._heard(command)

    def _heard(self, command: Command) -> Answer:
        answer: Answer = self.wire.watch(command)
        self._hear()
        return answer

    def _hear(self) -> None:
        """What the last command put into queues, itself and by the bus."""
        self.jobs += messages_in(self.wire.effects)
        self.card_news += card_news_in(self.wire.effects)

    def key(self) -> str:
        """A new idempotency key."""
        self.number += 1
        return f"machine-{self.number:06d}"

    def ask(self, function: str, method: str, path: str, body: Any = None, **who: str) -> dict[str, Any]:
        """What a read answers."""
        answer = request(function, method, path, body, **who)()
        assert answer["statusCode"] == 200, answer["body"]
        return content_of(answer)

    def one(self, pick: int) -> dict[str, Any]:
        """One of the purchases; the newer ones more often."""
        return self.purchases[-1 - min(pick % 12, pick % len(self.purchases))]

    def order(self, pick: int) -> Order:
        """One order of one of the purchases, as it is now."""
        return self.order_of(one_of(self.one(pick)["orders"], pick))

    def order_of(self, order: str) -> Order:
        """An order as it is now."""
        return get_order(order, consistent=True)

    def step_of_customer(self, order: str, step: str, lines: list[int] | None, strike: Aimed | None) -> None:
        """A step of the customer's order."""
        path, body = f"/api/orders/{order}/steps", {"step": step, "lines": lines}
        command = request("tracking", "POST", path, body, subject=CUSTOMER, key=self.key())
        self.perform(f"customer: {step}", command, strike)


def has_purchases(history: History) -> bool:
    """Whether anything was bought yet."""
    return bool(history.purchases)


def one_of(things: Any, choice: int) -> Any:
    """One of some things, by a number of any size."""
    return list(things)[choice % len(things)]


def content_of(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer."""
    content: dict[str, Any] = json.loads(answer["body"])
    return content


def _posted_in(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The patterns of the postings of new transfers among a table's records."""
    for record in records:
        image = record["dynamodb"].get("NewImage", {})
        if image.get("sk") == {"S": "TRANSFER"}:
            transfer = json.loads(image["document"]["S"])
            for posting in transfer["postings"]:
                yield pattern_of(transfer["kind"], posting["account"], posting["amount_minor"], transfer["reference"])


def _differing(before: State, after: State) -> list[Any]:
    keys = before.items.keys() | after.items.keys()
    return [key for key in keys if before.items.get(key) != after.items.get(key)]


def _is_tried_card(before: dict[str, Any] | None, after: dict[str, Any] | None) -> bool:
    """Whether something is a purchase that differs in nothing but the card that was tried, with which nothing was authorized."""
    if before is None or after is None or not before["pk"]["S"].startswith("PURCHASE#"):
        return False
    rows = [{**item, "document": json.loads(item["document"]["S"])} for item in (before, after)]
    cards = [(row.pop("intent", None), row["document"].pop("card", None)) for row in rows]
    return rows[0] == rows[1] and not (cards[1][1] or {}).get("authorized_minor")
