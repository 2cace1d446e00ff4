"""A seller's own web shop, as the demo plays it: it shows what the union tells it, and reports what it has sold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from standardwebhooks import Webhook

from infra.local.people import Refused, visitor

_SECRET_SECONDS = 2


class Shop:
    """A shop that listens at an address while the demo runs. Once it knows its id and secret, it believes what is signed with that, and keeps the
    newest snapshot of each link (`shown`, by SKU)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.shown: dict[str, dict[str, Any]] = {}
        self._id, self._secret, self._registered = "", "", Event()

    def registered(self, shop: str, secret: str) -> None:
        """Take note of what the union calls the shop, and of the secret that they share."""
        self._id, self._secret = shop, secret
        self._registered.set()

    def hear(self, headers: dict[str, str], body: bytes) -> int:
        """Take a message of the union; the status of the answer. A message may be there before the answer to the registration is."""
        if not self._registered.wait(_SECRET_SECONDS):
            return 503
        link = Webhook(self._secret).verify(body, headers)["data"]
        if link["sequence"] > self.shown.get(link["sku"], {"sequence": 0})["sequence"]:
            self.shown[link["sku"]] = link
        return 204

    def report_sale(self, url: str, sale: dict[str, Any]) -> str:
        """Report a sale at a union's address, signed with the shop's secret; the order that it became.

        Raises:
            Refused: the union did not take it.
        """
        body, now = json.dumps(sale), datetime.now(UTC)
        headers = {
            "webhook-id": sale["sale"],
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self._secret).sign(sale["sale"], now, body),
            "content-type": "application/json",
        }
        answer = visitor(url).http.post(f"/api/shops/{self._id}/sales", content=body, headers=headers)
        if answer.status_code != 201:
            raise Refused(f"the shop's sale was answered {answer.status_code}: {answer.text[:500]}")
        return str(answer.json()["orders"][0])


class _Server(ThreadingHTTPServer):
    """A server with the shop that it is the door of."""

    shop: Shop


class _Door(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Hand a message to the shop."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.shop.hear(dict(self.headers.items()), body))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the demo tells its own story."""


@contextmanager
def listening() -> Iterator[Shop]:
    """A shop that listens while the demo runs."""
    server = _Server(("127.0.0.1", 0), _Door)
    server.shop = Shop(f"http://127.0.0.1:{server.server_address[1]}/union")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.shop
    finally:
        server.shutdown()
        server.server_close()
