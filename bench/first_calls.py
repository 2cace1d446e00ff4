"""The first calls of functions that no shopper waits for: staff's, machines', queues', streams', schedules', and the service center's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.session import get_session

from bench.scene import CUSTOMER, STORES, buy, scene, total_of, wanted
from bench.union import SETTINGS
from mart_union.directory.tables import UnionItem
from tests.gateway import gateway_event

EVENTS = Path(__file__).parents[1] / "events"
SECRETS = {"client_id": "client-hsinchu", "client_secret": "hush"}
_CALL = """
class Context:
    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "bench"
from {function}.app import {handler} as handler
answer = handler(json.load(open(event)), Context)
assert not isinstance(answer, dict) or answer.get("statusCode", 200) == 200, answer
"""
_SAMPLES = {
    "authorizer": "get-account-page-of-nobody.allow",
    "cards": "order-of-unknown-purchase.failed",
    "catalog_import": "not-an-upload",
    "notifications": "order-placed",
    "presence": "schedule",
    "relay": "orders",
    "settlement": "payouts",
    "shelving": "of-a-store-that-is-not-there",
    "stock_adjustment": "levels",
    "sweeper": "schedule",
    "syndication": "union-changed",
    "webhooks": "job-of-a-webhook-that-is-gone",
}
"""A sample event of each function that no API calls; those of things that the bench does not have are answered as such."""


@dataclass(frozen=True)
class Case:
    """A program to start cold: its code, the event of its first request, whether goals are set for it, and which packages it sees."""

    name: str
    code: str
    event: Mapping[str, Any]
    shopper: bool = False
    packages: str = "layer"


def other_cases() -> list[Case]:
    """Each function but the shoppers'."""
    transfer = buy(wanted(1, 1), scene(), "paid-when-cold", total_of(wanted(1, 1))).transfer
    calls = {
        "manage": (f"/api/manage/{STORES[0]}/orders", f"/manage/{STORES[0]}/orders"),
        "supply": ("/api/supply/guanxi-growers/offers", "/supply/guanxi-growers/offers"),
        "operate": ("/api/operate/enterprises", "/operate/enterprises"),
        "payments": (f"/api/payments/{transfer}",),
    }
    of_staff = [
        Case(
            f"{function}, {_told(path)}",
            _code(function),
            gateway_event("GET", path, subject=CUSTOMER, role=_role(function)),
        )
        for function, paths in calls.items()
        for path in paths
    ]
    of_machines = [
        Case(f"{function}, first event {name}", _code(function), _sample(function, name))
        for function, name in _SAMPLES.items()
    ]
    of_center = [
        Case(f"router, {_told(path)}", _code("router", "app"), gateway_event("GET", path), packages="layer and Chalice")
        for path in ("/unions", "/")
    ]
    return [*of_staff, *of_machines, *of_center]


def _role(function: str) -> str:
    return {"operate": "operator", "payments": ""}.get(function, "owner")


def _told(path: str) -> str:
    parts = path.split("/")
    named = "/".join([*parts[:3], *(parts[4:] or parts[3:])]) if parts[1] == "api" else f"/{parts[1]}"
    return f"first call {named}" if parts[1] == "api" or path == "/unions" else f"first call is the page {named}"


def _code(function: str, handler: str = "lambda_handler") -> str:
    return _CALL.format(function=function, handler=handler)


def _sample(function: str, name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / function / f"{name}.json").read_text(encoding="utf-8"))
    return event


class _Listener(BaseHTTPRequestHandler):
    """The user pool's token endpoint and the service center at once: both say yes."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"access_token": "a-token", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@contextmanager
def neighbours() -> Iterator[dict[str, str]]:
    """What these functions find around them: bus, sender, secrets, the directory's table, a service center. The settings that name them."""
    _made("events").create_event_bus(Name=SETTINGS["UNION_BUS"])
    _made("sesv2").create_email_identity(EmailIdentity=SETTINGS["EMAIL_SENDER"])
    _made("secretsmanager").create_secret(Name=SETTINGS["UNION_SECRET"], SecretString=json.dumps(SECRETS))
    UnionItem.create_table(billing_mode="PAY_PER_REQUEST")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield {
            "CENTER_URL": address,
            "TOKEN_URL": f"{address}/oauth2/token",
            "DIRECTORY_TABLE": UnionItem.Meta.table_name,
            "SILENT_MINUTES": "5",
            "OPERATOR_GROUP": "network-operator",
        }
    finally:
        server.shutdown()
        server.server_close()


def _made(service: str) -> Any:
    return get_session().create_client(service)
