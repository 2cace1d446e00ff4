"""The demo's returns, played against the functions themselves: who gets and gives what is as its steps tell."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from account.app import lambda_handler as account
from infra.local.demo_returns import returned, returned_to_its_supplier
from infra.local.people import Person
from infra.local.story import Story
from manage.app import lambda_handler as manage
from mart_union.orders.service import get_order
from operate.app import lambda_handler as operate
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import fill_pool, open_market, save_mediated
from tests.services.refunds import bought, delivered, wrong
from tracking.app import lambda_handler as tracking

_HANDLERS = {
    "/api/me": account,
    "/api/manage": manage,
    "/api/supply": supply,
    "/api/orders": tracking,
    "/api/operate": operate,
}


def person(subject: str, role: str = "") -> Person:
    """Somebody who calls the functions as the gateway does."""

    def answer(request: httpx.Request) -> httpx.Response:
        handler = next(each for prefix, each in _HANDLERS.items() if request.url.path.startswith(prefix))
        headers = {name.title(): text for name, text in request.headers.items() if name != "host"}
        body = request.content.decode() or None
        known = {"body": body, "headers": headers, "subject": subject, "role": role}
        event = gateway_event(request.method, request.url.path, query=dict(request.url.params), **known)
        told: dict[str, Any] = handler(event, CONTEXT)
        media_type = {"content-type": "application/json"}
        return httpx.Response(told["statusCode"], headers=media_type, content=told["body"])

    return Person(subject, httpx.Client(base_url="https://union", transport=httpx.MockTransport(answer)))


@pytest.fixture
def story(capsys: pytest.CaptureFixture[str]) -> Story:
    return Story({"unions": {"hsinchu": {}}})


def test_a_return_of_the_stores_own_tells_what_went_back(
    unique: str, story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    market = open_market(unique)
    shopper, staff = person(market.customer), person("staff", "owner")
    order = shopper.get(f"/api/orders/{delivered(market, bought(market))}")
    returned(story, shopper, staff, order, "TEA")
    assert "returned x 1: NT$300, back in the reserve; refunded: NT$50" in capsys.readouterr().out
    assert wrong(market) == []


def test_a_defective_tray_costs_its_maker_its_price_and_the_story_says_so(
    unique: str, story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    market = open_market(unique)
    fill_pool(market.supplier, 5, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    name = delivered(market, bought(market, quantity=2, sku="HERB", price=23_000), f"supplier/{market.supplier}")
    shopper, maker = person(market.customer), person("weaver", "owner")
    order = shopper.get(f"/api/orders/{name}")
    path = f"/api/supply/{market.supplier}/orders/{name}"
    returned_to_its_supplier(story, shopper, (maker, path), order, "HERB")
    told = capsys.readouterr().out
    assert "the shopper got NT$230 out of the order's escrow: NT$520 before, NT$290 after" in told
    assert "the maker is owed NT$210, no longer NT$360: less its price of NT$150" in told
    assert "NT$80 is what store, union and tax give up" in told
    assert [one.state for one in get_order(name).returns] == ["refunded"]
    assert wrong(market) == []
