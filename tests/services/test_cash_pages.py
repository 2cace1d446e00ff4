"""Cash on delivery as its people see it: the shopper at checkout, the store that hands over, the customer, the operator who sets the limit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checkout.app import lambda_handler as checkout
from manage.app import lambda_handler as manage
from mart_union.catalog.service import get_union
from mart_union.customers.model import CartLine, RecipientFields
from mart_union.customers.service import add_recipient, fill_cart
from mart_union.orders.service import get_order
from operate.app import lambda_handler as operate
from tests.gateway import CONTEXT, gateway_event
from tests.services.cash import LIMIT, TOTAL, buy, open_cash_market, ship
from tests.services.market import NOW, Market, save_union
from tracking.app import lambda_handler as tracking


@pytest.fixture
def market(unique: str) -> Market:
    return open_cash_market(unique)


def page(handler: Any, method: str, path: str, **more: Any) -> tuple[int, str]:
    told = handler(gateway_event(method, path, **more), CONTEXT)
    return told["statusCode"], told["body"]


def checkout_page(market: Market) -> str:
    session, _ = fill_cart("", CartLine(market.store, "TEA", 1))
    fields = RecipientFields("王小明", ("光復路 1 號",), "新竹市", "300", "0900-000-001")
    add_recipient(market.customer, fields, "recipient-0001", NOW)
    headers = {"Cookie": f"mu_session={session}"}
    status, body = page(checkout, "GET", "/checkout", subject=market.customer, headers=headers)
    assert status == 200
    return body


def test_the_checkout_offers_cash_only_where_it_is_taken(market: Market) -> None:
    assert 'value="on_delivery"' in checkout_page(market)
    save_union()
    assert 'value="on_delivery"' not in checkout_page(market)


def test_a_store_collects_on_its_orders_page_what_the_customers_page_says(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    _, seen = page(tracking, "GET", f"/orders/{order}", subject=market.customer)
    assert "NT$360" in seen.partition("貨到時應付")[2][:60]
    staff = {"subject": "staff", "role": "manager"}
    path = f"/manage/{market.store}/orders/{order}"
    _, shown = page(manage, "GET", path, **staff)
    assert '<input name="collected" required inputmode="decimal" value="360">' in shown
    form = {"step": "deliver", "collected": "350", "idempotency_key": "deliver-0001"}
    assert page(manage, "POST", f"{path}/steps", form=form, **staff)[0] == 422
    by_carrier = form | {"collected": "360", "collected_by": "carrier"}
    assert page(manage, "POST", f"{path}/steps", form=by_carrier, **staff)[0] == 422
    assert get_order(order).payment == "on_delivery"
    for _ in range(2):
        assert page(manage, "POST", f"{path}/steps", form=form | {"collected": "360"}, **staff)[0] == 303
    assert (get_order(order).payment, get_order(order).facts["cash"]) == ("paid", f"store/{market.store}")
    assert 'name="collected"' not in page(manage, "GET", path, **staff)[1]


def test_the_api_tells_the_store_what_is_due_and_refuses_another_amount_by_name(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    path = f"/api/manage/{market.store}/orders/{order}"
    staff = {"subject": "staff", "role": "packer"}
    assert json.loads(page(manage, "GET", path, **staff)[1])["due_minor"] == TOTAL
    body = {"step": "deliver", "collected_minor": TOTAL - 100}
    headers = {"Idempotency-Key": "deliver-0001"}
    status, told = page(manage, "POST", f"{path}/steps", body=body, headers=headers, **staff)
    assert (status, json.loads(told)["due_minor"]) == (422, TOTAL)
    body["collected_minor"] = TOTAL
    status, told = page(manage, "POST", f"{path}/steps", body=body, headers=headers, **staff)
    assert (status, json.loads(told)["payment"], json.loads(told)["due_minor"]) == (200, "paid", 0)


def test_the_operator_sets_the_most_that_a_purchase_on_delivery_may_cost(market: Market) -> None:
    who = {"subject": "operator", "role": "operator"}
    assert page(operate, "POST", "/operate/fees", form={"what": "cash", "cap": "500"}, **who)[0] == 303
    assert (get_union().cash_limit_minor, len(get_union().fees)) == (50_000, 1)
    assert 'value="500"' in page(operate, "GET", "/operate/fees", **who)[1]
    assert page(operate, "POST", "/operate/fees", form={"what": "cash", "cap": ""}, **who)[0] == 303
    assert get_union().cash_limit_minor == 0
    for wrong in (-100, 150, 2**53):
        body = {"cash_limit_minor": wrong}
        assert page(operate, "PUT", "/api/operate/fees", body=body, **who)[0] == 422
    assert get_union().cash_limit_minor == 0
    save_union(cash_limit_minor=LIMIT)
