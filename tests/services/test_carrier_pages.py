"""Carriers as their people see them: the operator who describes them, the store that chooses, the shopper who reads what it costs."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from checkout.app import lambda_handler as checkout
from manage.app import lambda_handler as manage
from mart_union.catalog.carriers import Carrier, PriceStep, Zone
from mart_union.catalog.model import Classification
from mart_union.catalog.service import get_store, get_union
from mart_union.checkout.service import list_purchases
from mart_union.customers.model import CartLine, RecipientFields
from mart_union.customers.service import add_recipient, fill_cart
from operate.app import lambda_handler as operate
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import NOW, Market, open_market, save_store, save_union

HCT = Carrier("hct", {"en": "HCT", "zh-TW": "新竹物流"}, "https://track.example/{number}")
TERMS = {
    "names": {"en": "HCT", "zh-TW": "新竹物流"},
    "tracking_url": "https://track.example/{number}",
    "area": ["30", "9"],
    "zones": [
        {"postcodes": ["30"], "transit_days": 1, "prices": [{"begins": 0, "amount_minor": 8_000}]},
        {"postcodes": [], "transit_days": 3, "prices": [{"begins": 0, "amount_minor": 15_000}]},
    ],
    "priced_by": "goods",
    "cut_off": "15:30",
    "collects": ["mon", "tue"],
}


@pytest.fixture
def market(unique: str) -> Market:
    made = open_market(unique)
    save_union(carriers=(HCT,), classifications=(Classification("food", {"en": "Food", "zh-TW": "食"}),))
    return made


def ask(handler: Any, method: str, path: str, **more: Any) -> tuple[int, str]:
    headers = {"Accept-Language": "en"} | more.pop("headers", {})
    told = handler(gateway_event(method, path, headers=headers, **more), CONTEXT)
    return told["statusCode"], told["body"]


def as_operator(method: str, path: str, **more: Any) -> tuple[int, str]:
    return ask(operate, method, path, subject="operator-1", role="operator", **more)


def test_the_operator_describes_a_carrier_as_a_whole_and_again_changes_nothing(market: Market) -> None:
    status, body = as_operator("PUT", "/api/operate/union/carriers/hct", body=TERMS)
    assert (status, json.loads(body)) == (200, {"id": "hct", **TERMS})
    described = get_union()
    assert described.carrier("hct") is not None
    assert as_operator("PUT", "/api/operate/union/carriers/hct", body=TERMS)[0] == 200
    assert get_union() == described
    assert as_operator("PUT", "/api/operate/union/carriers/post", body={**TERMS, "zones": []})[0] == 200
    assert [each.id for each in get_union().carriers] == ["hct", "post"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"zones": [{"prices": [{"begins": 0, "amount_minor": 8_050}]}]}, "carriers.hct.zones.1.prices"),
        ({"cut_off": "noon"}, "carriers.hct.cut_off"),
        ({"area": ["3?"]}, "carriers.hct.area"),
    ],
)
def test_a_carrier_that_cannot_be_meant_is_refused_by_name_and_nothing_changes(
    market: Market, changes: dict[str, Any], field: str
) -> None:
    before = get_union()
    status, body = as_operator("PUT", "/api/operate/union/carriers/hct", body={**TERMS, **changes})
    assert (status, [each["field"] for each in json.loads(body)["errors"]]) == (422, [field])
    whole = {"id": "hsinchu", "names": before.names, "texts": {}, "places": [], "classifications": []}
    carriers = [{"id": "hct", **TERMS, **changes}]
    described = {**whole, "languages": ["zh-TW", "en"], "carriers": carriers}
    assert as_operator("PUT", "/api/operate/union", body=described)[0] == 422
    assert get_union() == before


def test_a_carriers_form_shows_what_it_changes(market: Market) -> None:
    path = "/operate/union/carriers/hct"
    form = {
        "area": "30, 9",
        "cut_off": "15:30",
        "collects-mon": "true",
        "collects-tue": "true",
        "priced_by": "goods",
        "zone-1-postcodes": "30 31",
        "zone-1-transit_days": "1",
        "zone-1-prices": "0 80\r\n1000 0",
        "zone-3-transit_days": "3",
        "zone-3-prices": "0 150",
    }
    refused = as_operator("POST", path, form=form)
    assert (refused[0], "outside of its area: 31" in refused[1]) == (422, True)
    assert as_operator("POST", path, form=form | {"zone-1-postcodes": "30"})[0] == 303
    saved = get_union().carrier("hct")
    assert saved is not None
    assert (saved.names, saved.area, saved.collects) == (HCT.names, ("30", "9"), ("mon", "tue"))
    assert saved.zones == (
        Zone(("30",), 1, (PriceStep(0, 8_000), PriceStep(100_000, 0))),
        Zone((), 3, (PriceStep(0, 15_000),)),
    )
    shown = as_operator("GET", path)[1]
    assert re.findall(r"<textarea name=\"(zone-\d-prices)\"[^>]*>([^<]*)</textarea>", shown) == [
        ("zone-1-prices", "0 80\n1000 0"),
        ("zone-2-prices", "0 150"),
        ("zone-3-prices", ""),
        ("zone-4-prices", ""),
    ]
    fields = dict(re.findall(r'name="(area|cut_off|zone-1-\w+)"[^>]*value="([^"]*)"', shown))
    assert fields == {"area": "30 9", "cut_off": "15:30", "zone-1-postcodes": "30", "zone-1-transit_days": "1"}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("zone-1-prices", "free"),
        ("zone-1-prices", "0 8.123"),
        ("zone-1-transit_days", "-1"),
        ("zone-1-transit_days", ""),
    ],
)
def test_a_form_that_cannot_be_read_is_refused_and_changes_nothing(market: Market, field: str, text: str) -> None:
    before = get_union()
    form = {"priced_by": "goods", "zone-1-transit_days": "1", "zone-1-prices": "0 80"} | {field: text}
    assert as_operator("POST", "/operate/union/carriers/hct", form=form)[0] == 422
    assert as_operator("POST", "/operate/union/carriers/nobody", form=form)[0] in (404, 422)
    assert get_union() == before


def test_renaming_a_carrier_keeps_its_prices(market: Market) -> None:
    assert as_operator("PUT", "/api/operate/union/carriers/hct", body=TERMS)[0] == 200
    form = {
        "id": "hct",
        "name-en": "HCT Logistics",
        "name-zh-TW": "物流",
        "tracking_url": "https://hct.example/{number}",
    }
    assert as_operator("POST", "/operate/union/carriers", form=form)[0] == 303
    renamed = get_union().carrier("hct")
    assert renamed is not None
    assert (renamed.names["en"], len(renamed.zones), renamed.cut_off) == ("HCT Logistics", 2, "15:30")


def as_store(market: Market, method: str, path: str, **more: Any) -> tuple[int, str]:
    return ask(manage, method, f"{path}/manage/{market.store}/settings", subject="manager-1", role="manager", **more)


def test_a_store_chooses_its_carriers_table_only_where_there_is_one(market: Market) -> None:
    terms = json.loads(as_store(market, "GET", "/api")[1])
    kept = {name: value for name, value in terms.items() if name in _TERMS} | {"delivery_by_table": True}
    before = get_store(market.store)
    status, body = as_store(market, "PUT", "/api", body=kept)
    assert (status, json.loads(body)["errors"][0]["field"]) == (422, "delivery_by_table")
    assert get_store(market.store) == before
    as_operator("PUT", "/api/operate/union/carriers/hct", body=TERMS)
    assert as_store(market, "PUT", "/api", body=kept)[0] == 200
    assert get_store(market.store).delivery_by_table is True
    assert 'name="delivery_by_table" value="true" checked' in as_store(market, "GET", "")[1]


_TERMS = frozenset(
    [
        "names",
        "texts",
        "classification",
        "hours",
        "place",
        "glyph",
        "procedure",
        "carrier",
        "lead_days",
        "return_window_days",
        "delivery_amount",
        "free_delivery_from",
        "settlement_period",
    ]
)


def test_the_checkout_shows_the_total_of_the_address_that_is_chosen_and_refuses_another(market: Market) -> None:
    as_operator("PUT", "/api/operate/union/carriers/hct", body={**TERMS, "collects": []})
    save_store(market.store, delivery_by_table=True)
    near, far, nowhere = (
        add_recipient(market.customer, RecipientFields("王", ("路 1 號",), city, code, "0900"), f"to-{code}-0001", NOW)
        for city, code in (("新竹市", "300"), ("屏東市", "900"), ("臺北市", "100"))
    )
    session, _ = fill_cart("", CartLine(market.store, "TEA", 1))
    who = {"subject": market.customer, "headers": {"Cookie": f"mu_session={session}"}}

    def page(recipient: str) -> tuple[list[str], str]:
        body = ask(checkout, "GET", "/checkout", query={"recipient": recipient}, **who)[1]
        return re.findall(r'name="total_minor" value="(\d+)"', body), html.unescape(body)

    assert page(near.id)[0] == ["38000"]
    shown = page(far.id)
    assert shown[0] == ["45000"]
    assert f'value="{far.id}" checked' in shown[1]
    assert f'href="/union/checkout?recipient={near.id}"' in shown[1]
    beyond = page(nowhere.id)
    assert (beyond[0], "Not delivered to this address" in beyond[1]) == ([], True)
    assert f'href="/union/checkout?recipient={near.id}"' in beyond[1]
    bought = {"lines": f"{market.store}:TEA:1", "total_minor": "38000", "method": "account"}
    for recipient, status in ((far.id, 409), (nowhere.id, 422)):
        form = {**bought, "recipient": recipient, "idempotency_key": f"buy-{recipient}"}
        assert ask(checkout, "POST", "/checkout", form=form, **who)[0] == status
    assert list_purchases(market.customer).items == ()
    form = {**bought, "recipient": near.id, "idempotency_key": "buy-near-0001"}
    assert ask(checkout, "POST", "/checkout", form=form, **who)[0] == 303
    assert [each.delivery_minor for each in list_purchases(market.customer).items] == [8_000]


def test_a_quote_takes_the_postcode(market: Market) -> None:
    as_operator("PUT", "/api/operate/union/carriers/hct", body=TERMS)
    save_store(market.store, delivery_by_table=True)
    wanted = {"lines": [{"store": market.store, "sku": "TEA", "quantity": 1}]}
    told = {
        code: json.loads(ask(checkout, "POST", "/api/quotes", body={**wanted, "postcode": code})[1])
        for code in ("300", "900", "100")
    }
    assert {code: (each["delivery_minor"], each["ready"]) for code, each in told.items()} == {
        "300": (8_000, True),
        "900": (15_000, True),
        "100": (0, False),
    }
    assert told["100"]["stores"][0]["lines"][0]["problem"] == "outside"
