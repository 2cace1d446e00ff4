"""The operations that are measured: each is a request to a function's handler, about something that was made ready for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import browse.app
import checkout.app
import manage.app
import tracking.app
from bench.scene import CUSTOMER, SKUS, STORES, buy, total_of, wanted
from mart_union.kernel.ids import derived_id
from tests.gateway import CONTEXT, gateway_event

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

READ_GOAL, WRITE_GOAL = 1.3, 1.25


@dataclass(frozen=True)
class Operation:
    """A kind of request. `subject` names what one such request is about: made ready (and not timed) for a key, then put into the event."""

    name: str
    handler: Handler
    subject: Callable[[str], str]
    event: Callable[[str, str], dict[str, Any]]
    goal: float
    lines: int = 0
    stores: int = 0

    def call(self, key: str, subject: str) -> dict[str, Any]:
        """Let the handler answer the request.

        Raises:
            RuntimeError: it did not do what was asked.
        """
        return self.answer(self.event(key, subject))

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Let the handler answer a request that was made before."""
        answer = self.handler(event, CONTEXT)
        if answer["statusCode"] >= 400:
            raise RuntimeError(f"{self.name}: {answer['body']}")
        return answer


def operations(recipient: str) -> list[Operation]:
    """Everything that is measured, reads first."""
    first = Subjects(recipient)
    placed = first.purchase("a-purchase-to-look-at")
    reads = [
        _read("front page", browse.app.lambda_handler, "/"),
        _read("front as JSON", browse.app.lambda_handler, "/api/stores"),
        _read("listing page", browse.app.lambda_handler, f"/stores/{STORES[0]}/{SKUS[0]}"),
        _read("listing as JSON", browse.app.lambda_handler, f"/api/listings/{STORES[0]}/{SKUS[0]}"),
        _read("order status", tracking.app.lambda_handler, f"/api/orders/{placed}-1"),
    ]
    carts = [(1, 1), (3, 1), (10, 1), (3, 2), (10, 5)]
    return [*reads, *(_checkout(recipient, *cart) for cart in carts), _cancel(first), _step(first)]


def lists(recipient: str) -> list[Operation]:
    """Pages of what there may be much of."""
    return [
        _read("page of purchases", tracking.app.lambda_handler, "/api/purchases"),
        _read("page of a store's orders", manage.app.lambda_handler, f"/api/manage/{STORES[0]}/orders", role="owner"),
    ]


class Subjects:
    """Purchases of three lines in one store, made to be looked at, cancelled, accepted."""

    def __init__(self, recipient: str) -> None:
        self._recipient = recipient
        self._wishes = wanted(3, 1)
        self._total = total_of(self._wishes)

    def purchase(self, key: str) -> str:
        """The id of a new purchase."""
        return buy(self._wishes, self._recipient, key, self._total).id


def _read(name: str, handler: Handler, path: str, role: str = "") -> Operation:
    event = gateway_event("GET", path, subject=CUSTOMER, role=role)
    return Operation(name, handler, lambda _key: "", lambda _key, _subject: event, READ_GOAL)


def _checkout(recipient: str, lines: int, stores: int) -> Operation:
    wishes = wanted(lines, stores)
    body = {
        "lines": [{"store": wish.store, "sku": wish.sku, "quantity": wish.quantity} for wish in wishes],
        "recipient": recipient,
        "total_minor": total_of(wishes),
    }

    def event(key: str, subject: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return gateway_event("POST", "/api/purchases", body=body, headers=headers, subject=CUSTOMER)

    name = f"checkout, {lines} {_plural('line', lines)} of {stores} {_plural('store', stores)}"
    handler = checkout.app.lambda_handler
    return Operation(name, handler, lambda key: derived_id("purchase", CUSTOMER, key), event, WRITE_GOAL, lines, stores)


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"


def _cancel(subjects: Subjects) -> Operation:
    def event(key: str, subject: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": f"key-{subject}"}
        return gateway_event("POST", f"/api/purchases/{subject}/cancel", headers=headers, subject=CUSTOMER)

    return Operation("cancel", tracking.app.lambda_handler, subjects.purchase, event, WRITE_GOAL, 3, 1)


def _step(subjects: Subjects) -> Operation:
    def event(key: str, subject: str) -> dict[str, Any]:
        path, headers = f"/api/manage/{STORES[0]}/orders/{subject}-1/steps", {"Idempotency-Key": f"key-{subject}"}
        return gateway_event("POST", path, body={"step": "accept"}, headers=headers, subject="packer", role="packer")

    return Operation("order step", manage.app.lambda_handler, subjects.purchase, event, WRITE_GOAL)
