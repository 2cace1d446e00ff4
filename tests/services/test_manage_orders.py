"""A store's orders and stock through the manage function's routes, on real tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from manage import app, order_api
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import place_purchase
from mart_union.kernel.clock import iso
from mart_union.ledger.service import get_balance
from mart_union.mediation.model import Supplier
from mart_union.mediation.tables import supplier_item
from mart_union.orders.responses import add_response
from mart_union.orders.service import take_step
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.capacity import measured
from tests.services.market import NOW, Market, fill_pool, open_market, save_mediated


@pytest.fixture
def market(unique: str) -> Market:
    """A market with a supplier's goods in the store."""
    market = open_market(unique)
    fill_pool(market.supplier, 10, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=25_000, supply_minor=15_000)
    return market


@pytest.fixture
def purchase(market: Market) -> Purchase:
    """Two tins of the store's own and a bag of the supplier's: 600 + 250 + 60 dollars."""
    wanted = [Wanted(market.store, "TEA", 2), Wanted(market.store, "HERB", 1)]
    return place_purchase(
        market.customer, wanted, recipient=market.recipient, total_seen=91_000, method="account", key="key-purchase"
    )


def call(method: str, path: str, role: str = "manager", key: str = "", **more: Any) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    subject = f"{role}-of-store" if role else "somebody"
    answer = app.api.handle(gateway_event(method, path, subject=subject, role=role, headers=headers, **more), CONTEXT)
    kind = headers_of(answer).get("content-type", "")
    return answer["statusCode"], json.loads(answer["body"]) if "json" in kind else answer["body"]


def test_the_list_tells_whom_where_by_when_and_for_how_much(market: Market, purchase: Purchase) -> None:
    status, page = call("GET", f"/api/manage/{market.store}/orders", "packer")
    assert status == 200
    (order,) = page["items"]
    assert (order["recipient"]["name"], order["recipient"]["address_lines"]) == ("王小明", ["光復路 1 號"])
    assert (order["total_minor"], order["state"]) == (91_000, "placed")
    assert order["promised_by"] > order["placed_at"]
    assert order["act_by"] > order["placed_at"]
    assert {line["sku"]: line["mine"] for line in order["lines"]} == {"TEA": True, "HERB": False}
    assert call("GET", f"/api/manage/{market.store}/orders", query={"state": "shipped"})[1]["items"] == []
    assert call("GET", f"/api/manage/{market.other_store}/orders")[1]["items"] == []


def test_whom_an_order_went_to_is_no_longer_shown_thirty_days_after_it_ended(
    market: Market, purchase: Purchase, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, path = purchase.orders[0], f"/api/manage/{market.store}/orders"
    now = datetime.now(UTC)
    take_step(order, "cancel", market.customer, "customer", "key-cancel", now)
    month = {"month": purchase.placed_at[:7]}

    def shown(after: timedelta) -> list[bool]:
        monkeypatch.setattr(order_api, "utc_now", lambda: now + after)
        one, (listed,) = call("GET", f"{path}/{order}")[1], call("GET", path, query=month)[1]["items"]
        page = call("GET", f"/manage/{market.store}/orders/{order}")[1]
        return [one["recipient"] is not None, listed["recipient"] is not None, "光復路 1 號" in page]

    assert shown(timedelta(days=29)) == [True, True, True]
    assert shown(timedelta(days=30, minutes=1)) == [False, False, False]


def test_a_packer_ships_the_stores_lines_and_refuses_nothing(market: Market, purchase: Purchase) -> None:
    path = f"/api/manage/{market.store}/orders/{purchase.orders[0]}"
    assert call("GET", path, "packer")[1]["allowed"] == ["accept"]
    assert call("GET", path, "manager")[1]["allowed"] == ["accept", "refuse"]
    assert call("POST", path + "/steps", "packer", "key-00001", body={"step": "refuse"})[0] == 403
    assert call("POST", path + "/steps", "packer", "key-00001", body={"step": "renew_code"})[0] == 403
    assert call("POST", path + "/steps", "manager", "key-00001", body={"step": "renew_code"})[0] == 422
    status, order = call("POST", path + "/steps", "packer", "key-00002", body={"step": "accept"})
    assert (status, {line["sku"]: line["state"] for line in order["lines"]}) == (
        200,
        {"TEA": "accepted", "HERB": "placed"},
    )
    tracking = {"step": "ship", "carrier": "hct", "tracking_number": "WX-1"}
    status, order = call("POST", path + "/steps", "packer", "key-00003", body=tracking)
    assert (status, order["shipments"][0]["carrier"]) == (200, "hct")
    assert call("POST", path + "/steps", "packer", "key-00003", body=tracking) == (status, order)
    supplied = next(line["number"] for line in order["lines"] if not line["mine"])
    body = {"step": "refuse", "lines": [supplied]}
    status, problem = call("POST", path + "/steps", "manager", "key-00004", body=body)
    assert (status, problem["allowed"]) == (409, ["deliver"])


def test_a_manager_refuses_and_the_customer_has_the_money_of_those_lines_back(
    market: Market, purchase: Purchase
) -> None:
    path = f"/api/manage/{market.store}/orders/{purchase.orders[0]}/steps"
    before = get_balance(f"customer/{market.customer}").balance_minor
    status, order = call("POST", path, "manager", "key-00001", body={"step": "refuse", "note": "Sold out"})
    assert status == 200
    (own,) = [line for line in order["lines"] if line["mine"]]
    refunded = get_balance(f"customer/{market.customer}").balance_minor - before
    assert (own["state"], refunded) == ("refused", own["amount_minor"] + own["delivery_minor"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/orders/{order}", None),
        ("POST", "/orders/{order}/steps", {"step": "accept"}),
        ("POST", "/responses/{order}/{response}/answer", {"text": "Hello"}),
    ],
)
def test_an_order_of_another_store_is_not_found(
    market: Market, purchase: Purchase, method: str, path: str, body: dict[str, str] | None
) -> None:
    order = purchase.orders[0]
    response = add_response(order, "question", "When?", customer=market.customer, key="key-00001", now=NOW).id
    real = f"/api/manage/{market.other_store}" + path.format(order=order, response=response)
    status, _ = call(method, real, "owner", "key-00001" if body else "", body=body)
    assert status == 404
    assert call("GET", f"/api/manage/{market.store}/orders/{order}")[1]["sequence"] == 1


def test_a_customers_word_is_listed_and_answered_by_a_manager(market: Market, purchase: Purchase) -> None:
    order = purchase.orders[0]
    said = add_response(order, "complaint", "Late!", customer=market.customer, key="key-00001", now=NOW)
    base = f"/api/manage/{market.store}/responses"
    assert [item["text"] for item in call("GET", base, "packer")[1]["items"]] == ["Late!"]
    path = f"{base}/{order}/{said.id}/answer"
    assert call("POST", path, "packer", body={"text": "Sorry"})[0] == 403
    assert call("POST", path, "manager", body={"text": ""})[0] == 422
    status, answered = call("POST", path, "manager", body={"text": "Sorry"})
    assert (status, answered["state"], answered["answer"]) == (200, "answered", "Sorry")
    assert call("GET", base)[1]["items"] == []


def test_stock_in_and_out_answer_with_what_is_left_and_repeat_nothing(market: Market) -> None:
    path = f"/api/manage/{market.store}/stock/TEA"
    left = {"store": market.store, "sku": "TEA"}
    for _ in range(2):
        answer = call("POST", path + "/in", "packer", "key-00001", body={"quantity": 5, "reason": "received"})
        assert answer == (200, left | {"reserve": 15})
    answer = call("POST", path + "/out", "packer", "key-00002", body={"quantity": 4, "reason": "damaged"})
    assert answer == (200, left | {"reserve": 11})
    assert call("POST", path + "/out", "packer", "key-00003", body={"quantity": 12, "reason": "lost"})[0] == 409
    assert call("POST", path + "/out", "packer", "key-00002", body={"quantity": 5, "reason": "lost"})[0] == 409
    status, stock_of = call("GET", path)
    assert (status, stock_of["reserve"], stock_of["written_off"], stock_of["pooled"]) == (200, 11, 4, False)
    status, page = call("GET", f"/api/manage/{market.store}/stock")
    assert {item["sku"]: item["reserve"] for item in page["items"]} == {"TEA": 11, "HERB": 10}


def test_a_suppliers_pool_shows_what_is_left_and_is_not_the_stores_to_move(market: Market, purchase: Purchase) -> None:
    path = f"/api/manage/{market.store}/stock/HERB"
    status, pooled = call("GET", path)
    assert (status, pooled["pooled"], pooled["reserve"], pooled["sold"]) == (200, True, 9, 0)
    assert call("POST", path + "/in", "owner", "key-00001", body={"quantity": 1, "reason": "received"})[0] == 422
    assert call("GET", path + "/journal")[0] == 422
    assert call("GET", f"/api/manage/{market.store}/stock/NOTHING")[0] == 404


def test_the_stores_procedure_is_chosen_by_a_manager(market: Market) -> None:
    path = f"/api/manage/{market.store}/procedures"
    status, choice = call("GET", path, "packer")
    assert (status, choice["current"]) == (200, "carrier")
    assert [one["name"] for one in choice["procedures"]] == [
        "appointment",
        "carrier",
        "carrier_cash",
        "digital",
        "made_to_order",
        "pickup",
        "pickup_cash",
    ]
    assert call("PUT", path, "packer", body={"procedure": "pickup"})[0] == 403
    assert call("PUT", path, "manager", body={"procedure": "teleport"})[0] == 422
    status, page = call("GET", f"/manage/{market.store}/procedures")
    assert (status, "stateDiagram-v2" in page, "accepted --&gt; shipped" in page) == (200, True, True)
    assert page.count('<svg class="chart"') == 7


def test_an_order_s_page_calls_the_supplier_of_a_line_by_its_name_in_the_read_that_it_makes_anyway(
    market: Market, purchase: Purchase
) -> None:
    path = f"/manage/{market.store}/orders/{purchase.orders[0]}"
    nameless = call("GET", path, "packer")[1]
    supplier = Supplier(market.supplier, {"en": "Guanxi Growers"}, {}, "1", "ben", "approved", iso(NOW))
    supplier_item(supplier).save()
    with measured() as capacity:
        named = call("GET", path, "packer")[1]
    assert (f"<td>supplier/{market.supplier}</td>" in nameless, "<td>Guanxi Growers</td>" in named) == (True, True)
    assert capacity.requests == ["GetItem", "BatchGetItem", "Query"]


def test_the_pages_show_orders_and_stock_and_take_their_forms(market: Market, purchase: Purchase) -> None:
    order, base = purchase.orders[0], f"/manage/{market.store}"
    add_response(order, "question", "When?", customer=market.customer, key="key-00001", now=NOW)
    for path, word in [
        ("/orders", "王小明"),
        (f"/orders/{order}", "光復路 1 號"),
        ("/responses", "When?"),
        ("/stock", "TEA"),
        ("/stock/TEA", "TEA"),
        ("/stock/HERB", "HERB"),
    ]:
        status, page = call("GET", base + path)
        assert (status, word in page) == (200, True), path
    form = {"step": "accept", "line": "0", "idempotency_key": "key-00001"}
    assert call("POST", f"{base}/orders/{order}/steps", "packer", form=form)[0] == 303
    form = {"step": "ship", "carrier": "hct", "tracking_number": "WX-1", "idempotency_key": "key-00002"}
    assert call("POST", f"{base}/orders/{order}/steps", "packer", form=form)[0] == 303
    assert "WX-1" in call("GET", f"{base}/orders/{order}")[1]
    form = {"quantity": "3", "reason": "found", "idempotency_key": "key-00003"}
    assert call("POST", f"{base}/stock/TEA/in", "packer", form=form)[0] == 303
    assert call("GET", f"/api{base}/stock/TEA")[1]["reserve"] == 11
    assert call("GET", f"{base}/orders", "")[0] == 403
