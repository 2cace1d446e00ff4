"""The operations that are measured: each is a request to a function's handler, about something that was made ready for it.

To add one: a function that makes its `Operation`, with its budget (docs/performance.md), and its name in `operations()`. Handler, budget and
growth rows follow from that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import browse.app
import checkout.app
import manage.app
import tracking.app
from bench import sizes
from bench.scene import CUSTOMER, SKUS, STORES, buy, scene, shipped, total_of, wanted
from bench.sizes import More
from mart_union.kernel.ids import derived_id
from tests.gateway import CONTEXT, gateway_event

Handler = Callable[[dict[str, Any], Any], Any]

READ_GOAL, WRITE_GOAL = 1.3, 1.25


@dataclass(frozen=True)
class Budget:
    """What an operation may take: the table "Budgets" of docs/performance.md.

    `read` is in units, None where the table says "by size". `items` counts the items that are written, of which each costs `units`: 2
    in a transaction, 1 in a single write; None where the table gives no formula. `more` is what items of several KB and indexes take
    beyond that, argued part by part (see `bench.sizes`).
    """

    requests: int
    why: str
    read: float | None = None
    items: int | None = 0
    units: int = 2
    more: tuple[More, ...] = ()

    @property
    def written(self) -> float | None:
        """The write units that are allowed."""
        return None if self.items is None else self.units * self.items + sum(each.units for each in self.more)

    @property
    def why_written(self) -> str:
        """How these are arrived at."""
        if self.items is None:
            return self.why
        parts = [f"{self.units} x {self.items} items", *(f"{each.units:g}: {each.why}" for each in self.more)]
        plain = f"the plain formula: {self.units * self.items}; " if self.more else ""
        return plain + " + ".join(parts)


@dataclass(frozen=True)
class Operation:
    """A kind of request. `subject` names what one such request is about: made ready (and not timed) for a key, then put into the event."""

    name: str
    handler: Handler
    subject: Callable[[str], str]
    event: Callable[[str, str], dict[str, Any]]
    goal: float
    budget: Budget

    def call(self, key: str, subject: str) -> Any:
        """Let the handler answer the request.

        Raises:
            RuntimeError: it did not do what was asked.
        """
        return self.answer(self.event(key, subject))

    def answer(self, event: dict[str, Any]) -> Any:
        """Let the handler answer a request that was made before."""
        answer = self.handler(event, CONTEXT)
        if isinstance(answer, dict) and answer.get("statusCode", 200) >= 400:
            raise RuntimeError(f"{self.name}: {answer['body']}")
        return answer


def operations() -> list[Operation]:
    """What shoppers and stores do one at a time, reads first."""
    carts = [(1, 1), (3, 1), (10, 1), (3, 2), (10, 5)]
    return [*_reads(), *(_checkout(*cart) for cart in carts), _cancel(1), _cancel(2), _step(), _complete()]


def _reads() -> list[Operation]:
    shelf = Budget(1, "1 request, 0.5 read a 4 KB shelf", 0.5)
    listing = Budget(1, "1 request, at most 1 read", 1)
    status = Budget(2, "1 + 1 for the recipient, 0.5 read each 4 KB")
    order = f"{purchase_of_three('a-purchase-to-look-at')}-1"
    browsing, status_of = browse.app.lambda_handler, tracking.app.lambda_handler
    return [
        read("front page", browsing, "/", shelf),
        read("front as JSON", browsing, "/api/stores", shelf),
        read("store page", browsing, f"/stores/{STORES[0]}", shelf),
        read("category page", browsing, "/categories/tea", shelf),
        read("listing page", browsing, f"/stores/{STORES[0]}/{SKUS[0]}", listing),
        read("listing as JSON", browsing, f"/api/listings/{STORES[0]}/{SKUS[0]}", listing),
        read("order status", status_of, f"/api/orders/{order}", status),
    ]


def lists() -> list[Operation]:
    """Pages of what there may be much of."""
    mine = Budget(1, "1 a page; by size")
    stores = Budget(2, "1 a page + 1 batch read of recipients; by size")
    orders = f"/api/manage/{STORES[0]}/orders"
    return [
        read("page of purchases", tracking.app.lambda_handler, "/api/purchases", mine),
        read("page of a store's orders", manage.app.lambda_handler, orders, stores, role="owner"),
    ]


def read(name: str, handler: Handler, path: str, budget: Budget, *, role: str = "") -> Operation:
    """An operation that reads one path, always the same."""
    event = gateway_event("GET", path, subject=CUSTOMER, role=role)
    return Operation(name, handler, lambda _key: "", lambda _key, _subject: event, READ_GOAL, budget)


def purchase_of_three(key: str, stores: int = 1) -> str:
    """The id of a new purchase of three lines."""
    wishes = wanted(3, stores)
    return buy(wishes, scene(), key, total_of(wishes)).id


def _checkout(lines: int, stores: int) -> Operation:
    wishes = wanted(lines, stores)
    body = {
        "lines": [{"store": wish.store, "sku": wish.sku, "quantity": wish.quantity} for wish in wishes],
        "recipient": scene(),
        "total_minor": total_of(wishes),
    }

    def event(key: str, subject: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return gateway_event("POST", "/api/purchases", body=body, headers=headers, subject=CUSTOMER)

    why = f"2 requests; 0.5 x (k + m + 2) read (decision 0005), 2 x (k + m + 3) write; k = {lines}, m = {stores}"
    more = sizes.placed(lines, stores)
    budget = Budget(2, why, 0.5 * (lines + stores + 2), lines + stores + 3, more=more)
    name = f"checkout, {plural('line', lines)} of {plural('store', stores)}"
    handler = checkout.app.lambda_handler
    return Operation(name, handler, lambda key: derived_id("purchase", CUSTOMER, key), event, WRITE_GOAL, budget)


def plural(word: str, number: int) -> str:
    """`1 line`, `3 lines`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _cancel(stores: int) -> Operation:
    def event(key: str, subject: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": f"key-{subject}"}
        return gateway_event("POST", f"/api/purchases/{subject}/cancel", headers=headers, subject=CUSTOMER)

    why = f"2 requests; (1 + m) x 0.5 read, 2 x (k + m + h + 3) write; k = 3, m = {stores}"
    budget = Budget(2, why, 0.5 * (1 + stores), 3 + stores + 3, more=sizes.cancelled(3, stores))
    name, subject = f"cancel, {plural('store', stores)}", partial(purchase_of_three, stores=stores)
    return Operation(name, tracking.app.lambda_handler, subject, event, WRITE_GOAL, budget)


def _step() -> Operation:
    def event(key: str, subject: str) -> dict[str, Any]:
        path, headers = f"/api/manage/{STORES[0]}/orders/{subject}-1/steps", {"Idempotency-Key": f"key-{subject}"}
        return gateway_event("POST", path, body={"step": "accept"}, headers=headers, subject="packer", role="packer")

    why = "at most 2 requests; 0.5 read, 1 write a KB of the order (a single write: half of the formula's 2) + indexes"
    budget = Budget(2, why, 0.5, 1, 1, sizes.stepped(3))
    return Operation("order step", manage.app.lambda_handler, purchase_of_three, event, WRITE_GOAL, budget)


def _complete() -> Operation:
    def subject(key: str) -> str:
        return shipped(f"{purchase_of_three(key)}-1")

    def event(key: str, subject: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": f"receive-{subject}"}
        path = f"/api/orders/{subject}/steps"
        return gateway_event("POST", path, body={"step": "receive"}, headers=headers, subject=CUSTOMER)

    why = "at most 2 requests; 0.5 read, 2 x (2 + parties) write; parties = 2 (store, carrier)"
    budget = Budget(2, why, 0.5, 2 + 2, more=sizes.completed(3, steps=4, payables=2))
    return Operation("complete lines", tracking.app.lambda_handler, subject, event, WRITE_GOAL, budget)
