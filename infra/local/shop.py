"""A seller's own web shop, as the demo plays it: it takes what the union tells it, and reports what it has sold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from standardwebhooks import Webhook

from infra.local.people import Refused, visitor


class _Listener(BaseHTTPRequestHandler):
    """Says yes to every message of the union."""

    def do_POST(self) -> None:
        """Take a message."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the demo tells its own story."""


@contextmanager
def listening() -> Iterator[str]:
    """A shop that listens while the demo runs; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Listener)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/union"
    finally:
        server.shutdown()
        server.server_close()


def report_sale(url: str, shop: str, secret: str, sale: dict[str, Any]) -> str:
    """Report a sale at a union's address, signed with the shop's secret; the order that it became.

    Raises:
        Refused: the union did not take it.
    """
    body, now = json.dumps(sale), datetime.now(UTC)
    headers = {
        "webhook-id": sale["sale"],
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(sale["sale"], now, body),
        "content-type": "application/json",
    }
    answer = visitor(url).http.post(f"/api/shops/{shop}/sales", content=body, headers=headers)
    if answer.status_code != 201:
        raise Refused(f"the shop's sale was answered {answer.status_code}: {answer.text[:500]}")
    return str(answer.json()["orders"][0])
