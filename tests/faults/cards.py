"""A card processor for stories: a server that speaks the part of Stripe's API which the project uses, beside each place.

The project reaches it through Stripe's own library, so its requests are struck like all others. It keeps what Stripe keeps: intents and
refunds, and the answer to each idempotency key, a server error as well, which is given again to the same request and refused to another
(https://docs.stripe.com/api/idempotent_requests). What it knows is put back between cells, as tables are. A card named
`pm_card_authenticationRequired` has to be confirmed to its bank first, `pm_card_chargeDeclined` is refused.
"""

from __future__ import annotations

import copy
import itertools
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mart_union.checkout import card_port
from mart_union.kernel.settings import settings

Fields = Mapping[str, str]
Answer = tuple[int, dict[str, Any]]
_OPEN = frozenset({"requires_confirmation", "requires_action", "requires_payment_method", "requires_capture"})
_AFTER_CONFIRMING = {"pm_card_authenticationRequired": "requires_action"}
_DECLINED = "pm_card_chargeDeclined"
_numbers = itertools.count(1)
FAILS = "Harness-Fails"
"""The header by which the harness lets the desk fail at a request: `break`, with nothing done, or `break after` it was carried out."""


@dataclass
class Books:
    """What the processor knows: intents and refunds by id, and what it answered to each key, with the request."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept: dict[str, tuple[str, Answer]] = field(default_factory=dict)


class CardDesk:
    """One account at the processor."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._books = Books()
        self.address = ""

    def look(self) -> Books:
        """How its books stand."""
        with self._lock:
            return copy.deepcopy(self._books)

    def put_back(self, books: Books) -> None:
        """Let its books stand as they did."""
        with self._lock:
            self._books = copy.deepcopy(books)

    def change(self, name: str, **fields: Any) -> None:
        """Something of its own becomes so, such as an intent that its customer's bank has confirmed."""
        with self._lock:
            self._books.objects[name] |= fields

    def open_dispute(self, intent: str, amount: int) -> str:
        """A customer's bank takes an amount of a charge back, until it has decided; the dispute's id. `change` brings its `status` on."""
        made = {"id": f"dp_{_new_id()}", "object": "dispute", "payment_intent": intent, "amount": amount}
        with self._lock:
            self._books.objects[made["id"]] = made | {"status": "needs_response"}
        return str(made["id"])

    def answer(self, method: str, path: str, fields: Fields, key: str, fails: str = "") -> Answer:
        """One request. Requests come one at a time, so none finds its key in use."""
        with self._lock:
            if method != "POST" or not key:
                return self._carry_out(method, path, fields)
            asked = json.dumps([path, sorted(fields.items())])
            if key not in self._books.kept:
                done = self._carry_out(method, path, fields) if fails != "break" else _TROUBLE
                self._books.kept[key] = (asked, _TROUBLE if fails else done)
            known, answer = self._books.kept[key]
        return answer if known == asked else _refusal("idempotency_error", "this key came with another request")

    def _carry_out(self, method: str, path: str, fields: Fields) -> Answer:
        kind, *names = path.strip("/").split("/")[1:]
        if method == "POST" and not names:
            return self._create(fields) if kind == "payment_intents" else self._refund(fields)
        if not names:
            listed = {"refunds": self._refunds, "disputes": self._disputes}.get(kind)
            made = listed(fields["payment_intent"])[::-1] if listed else []
            return 200, {"object": "list", "data": made, "has_more": False, "url": path}
        known = self._books.objects
        if kind == "disputes" and names[0] not in known:
            return self._dispute(names[0])
        if names[0] not in known:
            return _refusal("invalid_request_error", "No such object", code="resource_missing", status=404)
        return _ACTS[names[1]](known[names[0]], fields) if method == "POST" else (200, copy.deepcopy(known[names[0]]))

    def _create(self, fields: Fields) -> Answer:
        made = {
            "id": f"pi_{_new_id()}",
            "object": "payment_intent",
            "status": "requires_confirmation",
            "amount": int(fields["amount"]),
            "amount_received": 0,
            "currency": fields["currency"],
            "payment_method": fields["payment_method"],
            "metadata": {"union": fields["metadata[union]"], "purchase": fields["metadata[purchase]"]},
        }
        if not made["payment_method"].startswith("pm_"):
            return _refusal("invalid_request_error", "No such PaymentMethod", code="resource_missing")
        self._books.objects[made["id"]] = made
        return 200, copy.deepcopy(made)

    def _refund(self, fields: Fields) -> Answer:
        intent, amount = self._books.objects.get(fields["payment_intent"]), int(fields["amount"])
        refunded = sum(each["amount"] for each in self._refunds(fields["payment_intent"]))
        if any(each["status"] != "won" for each in self._disputes(fields["payment_intent"])):
            return _refusal("invalid_request_error", "The charge was charged back", code="charge_disputed")
        if intent is None or refunded + amount > intent["amount_received"]:
            return _refusal("invalid_request_error", "more than was charged", code="charge_already_refunded")
        made = {
            "id": f"re_{_new_id()}",
            "object": "refund",
            "payment_intent": intent["id"],
            "amount": amount,
            "status": "succeeded",
            "metadata": {"transfer": fields["metadata[transfer]"]},
        }
        self._books.objects[made["id"]] = made
        return 200, copy.deepcopy(made)

    def _refunds(self, intent: str) -> list[dict[str, Any]]:
        return [
            copy.deepcopy(each)
            for each in self._books.objects.values()
            if each["object"] == "refund" and each["payment_intent"] == intent
        ]

    def _disputes(self, intent: str) -> list[dict[str, Any]]:
        return [
            copy.deepcopy(each)
            for each in self._books.objects.values()
            if each["object"] == "dispute" and each["payment_intent"] == intent
        ]

    def _dispute(self, name: str) -> Answer:
        """Named for its state and its intent: `dp-won-pi_…`."""
        _, state, intent = name.split("-", 2)
        status = {"open": "needs_response"}.get(state, state)
        amount = self._books.objects[intent]["amount_received"]
        return 200, {"id": name, "object": "dispute", "payment_intent": intent, "amount": amount, "status": status}


def _confirm(intent: dict[str, Any], fields: Fields) -> Answer:
    if intent["status"] not in {"requires_confirmation", "requires_payment_method", "requires_action"}:
        return _unexpected(intent)
    if intent["payment_method"] == _DECLINED:
        error = {"code": "card_declined", "decline_code": "generic_decline"}
        intent |= {"status": "requires_payment_method", "last_payment_error": error}
        return _refusal("card_error", "Your card was declined.", code="card_declined", status=402)
    intent["status"] = _AFTER_CONFIRMING.get(intent["payment_method"], "requires_capture")
    return 200, copy.deepcopy(intent)


def _capture(intent: dict[str, Any], fields: Fields) -> Answer:
    amount = int(fields["amount_to_capture"])
    if intent["status"] != "requires_capture" or amount > intent["amount"]:
        return _unexpected(intent)
    intent |= {"status": "succeeded", "amount_received": amount}
    return 200, copy.deepcopy(intent)


def _cancel(intent: dict[str, Any], fields: Fields) -> Answer:
    if intent["status"] not in _OPEN:
        return _unexpected(intent)
    intent["status"] = "canceled"
    return 200, copy.deepcopy(intent)


_TROUBLE: Answer = 500, {"error": {"type": "api_error", "message": "by the harness"}}
_ACTS: Mapping[str, Callable[[dict[str, Any], Fields], Answer]] = {
    "confirm": _confirm,
    "capture": _capture,
    "cancel": _cancel,
}


def _unexpected(intent: Mapping[str, Any]) -> Answer:
    return _refusal("invalid_request_error", f"it is {intent['status']}", code="payment_intent_unexpected_state")


def _refusal(kind: str, message: str, *, code: str = "", status: int = 400) -> Answer:
    return status, {"error": {"type": kind, "message": message, "code": code}}


def _new_id() -> str:
    """Told from other ids by the harness as one made by chance."""
    return f"made-{10**15 + next(_numbers)}"


class _Handler(BaseHTTPRequestHandler):
    """Reads a request and writes its answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """The head and the body of an answer are two writes: else the second waits for the caller's delayed acknowledgement, 40 ms."""
    desk: CardDesk

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        address = urlsplit(self.path)
        fields = dict(parse_qsl(body or address.query))
        key, fails = self.headers.get("Idempotency-Key") or "", self.headers.get(FAILS) or ""
        status, answer = self.desk.answer(self.command, address.path, fields, key, fails)
        told = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Says nothing of callers who are gone: they were killed."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """As the base class, but for those."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def open_desk() -> Iterator[CardDesk]:
    """A desk at an address of this machine."""
    desk = CardDesk()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"desk": desk}))
    desk.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield desk
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def cards_taken(patches: pytest.MonkeyPatch) -> Iterator[CardDesk]:
    """Let the union of this process take cards at a desk, as long as the patches last."""
    import stripe._http_client

    with open_desk() as desk:
        patches.setattr(card_port, "read_secret", lambda name: name)
        patches.setattr(stripe._http_client.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
        patches.setenv("CARD_KEY", "pk_test_fake")
        patches.setenv("CARD_API", desk.address)
        _forget_settings()
        try:
            yield desk
        finally:
            patches.undo()
            _forget_settings()


def _forget_settings() -> None:
    settings.cache_clear()
    card_port.card_provider.cache_clear()
