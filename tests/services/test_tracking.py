"""The tracking function on real tables: a customer follows, cancels, receives and answers back; carriers report."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import place_purchase
from mart_union.kernel import secrets
from mart_union.kernel.secrets import derived_webhook_key
from mart_union.ledger.service import get_balance
from mart_union.orders.service import take_step
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.market import Market, open_market
from tracking.app import lambda_handler

KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture
def market(unique: str) -> Market:
    """A market of the test's own."""
    return open_market(unique)


@pytest.fixture
def purchase(market: Market) -> Purchase:
    """Two tins from one store and one from the other, paid from the account: 2 × 300 + 60, 300 + 60 dollars."""
    wanted = [Wanted(market.store, "TEA", 2), Wanted(market.other_store, "TEA", 1)]
    return place_purchase(
        market.customer, wanted, recipient=market.recipient, total_seen=102_000, method="account", key="key-purchase"
    )


@pytest.fixture
def carrier_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The union's secret without the network."""
    monkeypatch.setattr(secrets, "_keys", lambda: {"carrier_key": KEY})
    return


def call(method: str, path: str, who: str, key: str = "", **more: Any) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    event = gateway_event(method, path, subject=who, headers=headers | more.pop("headers", {}), **more)
    answer = lambda_handler(event, CONTEXT)
    kind = headers_of(answer).get("content-type", "")
    return answer["statusCode"], json.loads(answer["body"]) if "json" in kind else answer["body"]


def ship(market: Market, order: str) -> None:
    now, party = datetime.now(UTC), f"store/{market.store}"
    take_step(order, "accept", "packer", "store", "key-accept", now, fulfiller=party)
    take_step(order, "ship", "packer", "store", "key-ship", now, fulfiller=party, tracking=("hct", "WX-1"))


def test_a_customer_sees_their_purchases_with_the_state_of_the_orders(market: Market, purchase: Purchase) -> None:
    status, page = call("GET", "/api/purchases", market.customer)
    assert (status, [item["id"] for item in page["items"]]) == (200, [purchase.id])
    ship(market, purchase.orders[0])
    status, found = call("GET", f"/api/purchases/{purchase.id}", market.customer)
    assert (status, found["state"]) == (200, "placed")
    assert [order["state"] for order in found["orders"]] == ["shipped", "placed"]


def test_an_order_shows_its_way_and_its_recipient_and_nothing_of_the_stores_money(
    market: Market, purchase: Purchase
) -> None:
    ship(market, purchase.orders[0])
    status, order = call("GET", f"/api/orders/{purchase.orders[0]}", market.customer)
    assert status == 200
    assert (order["state"], order["allowed"], order["recipient"]["name"]) == ("shipped", ["receive"], "王小明")
    assert [(taken["step"], taken["role"]) for taken in order["history"]] == [("accept", "store"), ("ship", "store")]
    assert order["shipments"][0]["tracking_number"] == "WX-1"
    assert (order["escrow_minor"], order["refunded_minor"]) == (order["total_minor"], 0)
    text = json.dumps(order)
    assert not any(word in text for word in ("split", "commission", "packer", "key-", "held", "share"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/purchases/{purchase}"),
        ("POST", "/api/purchases/{purchase}/cancel"),
        ("GET", "/api/orders/{order}"),
        ("POST", "/api/orders/{order}/steps"),
        ("GET", "/api/orders/{order}/responses"),
        ("POST", "/api/orders/{order}/responses"),
    ],
)
def test_what_is_anothers_is_not_found_and_stays_as_it_was(
    market: Market, purchase: Purchase, method: str, path: str
) -> None:
    real = path.format(purchase=purchase.id, order=purchase.orders[0])
    none = path.format(purchase="nothing", order="nothing")
    body = {"step": "cancel", "kind": "question", "text": "Mine?"} if method == "POST" else None
    status, problem = call(method, real, "eve", "key-00001" if body else "", body=body)
    status_of_none, problem_of_none = call(method, none, "eve", "key-00001" if body else "", body=body)
    assert (status, status_of_none) == (404, 404)
    words = [problem["detail"], problem_of_none["detail"].replace("nothing", purchase.id)]
    assert words[0] == words[1]
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000 - 102_000
    assert call("GET", f"/api/orders/{purchase.orders[0]}/responses", market.customer)[1]["items"] == []


def test_cancelling_a_purchase_gives_everything_back_once(market: Market, purchase: Purchase) -> None:
    path = f"/api/purchases/{purchase.id}/cancel"
    for _ in range(2):
        status, found = call("POST", path, market.customer, "key-00001")
        assert (status, found["state"]) == (200, "cancelled")
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000
    assert call("POST", path, market.customer)[0] == 422


def test_cancelling_one_order_leaves_the_other(market: Market, purchase: Purchase) -> None:
    path = f"/api/orders/{purchase.orders[0]}/steps"
    status, order = call("POST", path, market.customer, "key-00001", body={"step": "cancel"})
    assert (status, order["state"]) == (200, "cancelled")
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000 - 36_000
    status, problem = call("POST", path, market.customer, "key-00002", body={"step": "cancel"})
    assert (status, problem["allowed"], problem["state"]) == (409, [], "cancelled")


def test_receiving_completes_the_order_and_repeating_it_changes_nothing(market: Market, purchase: Purchase) -> None:
    ship(market, purchase.orders[0])
    path = f"/api/orders/{purchase.orders[0]}/steps"
    first = call("POST", path, market.customer, "key-00001", body={"step": "receive"})
    assert (first[0], first[1]["state"]) == (200, "completed")
    assert call("POST", path, market.customer, "key-00001", body={"step": "receive"}) == first


def test_a_customer_asks_and_reads_the_answer(market: Market, purchase: Purchase) -> None:
    path = f"/api/orders/{purchase.orders[0]}/responses"
    question = {"kind": "question", "text": "Could you wrap it?"}
    status, response = call("POST", path, market.customer, "key-00001", body=question)
    assert (status, response["state"]) == (201, "open")
    assert call("POST", path, market.customer, "key-00001", body=question) == (201, response)
    assert call("GET", path, market.customer)[1]["items"] == [response]
    status, problem = call("POST", path, market.customer, "key-00002", body={"kind": "review", "line": 1, "stars": 9})
    assert (status, problem["errors"][0]["field"]) == (422, "stars")


def report(carrier: str, body: dict[str, str], key: str = "") -> tuple[int, Any]:
    key = key or derived_webhook_key("carrier_key", f"carrier/{carrier}")
    text, now = json.dumps(body), datetime.now(UTC)
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(key).sign("msg_1", now, text),
        "Content-Type": "application/json",
    }
    return call("POST", f"/api/carriers/{carrier}/events", "", body=text, headers=headers)


@pytest.mark.usefixtures("carrier_key")
def test_a_carriers_signed_report_delivers_and_its_repeat_changes_nothing(market: Market, purchase: Purchase) -> None:
    order = purchase.orders[0]
    ship(market, order)
    body = {"order": order, "shipment": "1", "event": "delivered", "at": "2026-11-22T12:00:00+08:00"}
    assert report("hct", body) == (200, {"order": order, "state": "delivered", "sequence": 4})
    assert report("hct", body) == (200, {"order": order, "state": "delivered", "sequence": 4})


@pytest.mark.usefixtures("carrier_key")
def test_a_report_unsigned_of_another_carrier_or_of_nothing_is_refused_by_name(
    market: Market, purchase: Purchase
) -> None:
    order = purchase.orders[0]
    ship(market, order)
    body = {"order": order, "shipment": "1", "event": "delivered", "at": "2026-11-22T12:00:00+08:00"}
    forged = base64.b64encode(b"f" * 32).decode()
    assert report("hct", body, forged)[0] == 401
    assert report("hct", body, KEY)[0] == 401
    assert report("hct", body, derived_webhook_key("carrier_key", "carrier/post"))[0] == 401
    assert call("POST", "/api/carriers/hct/events", "", body=body)[0] == 401
    broken = {"Webhook-Id": "1", "Webhook-Timestamp": "1", "Webhook-Signature": "no"}
    assert call("POST", "/api/carriers/hct/events", "", body=body, headers=broken)[0] == 401
    assert report("post", body)[0] == 403
    assert report("hct", body | {"shipment": "7"})[0] == 404
    assert report("hct", body | {"order": "nothing"})[0] == 404
    assert report("hct", body | {"event": "eaten"})[0] == 422
    assert call("GET", f"/api/orders/{order}", market.customer)[1]["sequence"] == 3


def test_the_pages_show_the_way_and_take_the_buttons(market: Market, purchase: Purchase) -> None:
    order = purchase.orders[0]
    for path in ("/purchases", f"/purchases/{purchase.id}", f"/orders/{order}"):
        status, page = call("GET", path, market.customer)
        assert (status, f"TEA of {market.store}" in page) == (200, True)
        assert call("GET", path, "")[0] == 303
    said = {"kind": "complaint", "text": "<b>Broken</b>", "line": "1", "stars": "0", "idempotency_key": "key-00001"}
    status, _ = call("POST", f"/orders/{order}/responses", market.customer, form=said)
    assert status == 303
    assert "&lt;b&gt;Broken&lt;/b&gt;" in call("GET", f"/orders/{order}", market.customer)[1]
    step = {"step": "cancel", "line": "1", "idempotency_key": "key-00001"}
    assert call("POST", f"/orders/{order}/steps", market.customer, form=step)[0] == 303
    status, page = call("POST", f"/orders/{order}/steps", market.customer, form=step | {"idempotency_key": "key-00002"})
    assert status == 409
    cancel = {"idempotency_key": "key-00003"}
    assert call("POST", f"/purchases/{purchase.id}/cancel", market.customer, form=cancel)[0] == 303
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000
