"""The supplier's routes and the store's routes of the mediation center, as API Gateway calls them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from msgspec.structs import replace

from manage import mediation as manage_mediation
from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import Category, Classification, Union
from mart_union.catalog.service import save_category, save_union
from mart_union.kernel import secrets
from mart_union.kernel.errors import InsufficientFunds, KeyReused
from mart_union.kernel.events import Event
from mart_union.ledger.model import Posting, Transfer
from mart_union.ledger.service import post
from mart_union.mediation import service as mediation
from mart_union.orders.model import Line, Order, Return, ReturnedLine, Share, StepTaken
from mart_union.orders.tables import order_item
from mart_union.web.api import Api
from supply.app import lambda_handler as supply
from tests.services.settling import verify_account
from tests.services.test_mediation import link, make_offer, make_store, make_supplier

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})


@pytest.fixture(autouse=True)
def union() -> None:
    food = Classification("food-drink", {"zh-TW": "飲食", "en": "Food"})
    save_union(
        Union(
            "hsinchu",
            {"zh-TW": "新竹", "en": "Hsinchu"},
            {},
            (),
            ("zh-TW", "en"),
            (food,),
            (),
            fees=(CommissionRule("all", "union", rate_basis_points=500),),
            taxes=(TaxRule("goods", "vat", 500),),
        ),
        "operator",
    )


def manage(event: dict[str, Any], context: object) -> dict[str, Any]:
    api = Api("manage")
    manage_mediation.add_routes(api)
    return api.handle(event, context)


def call(
    handler: Any,
    method: str,
    path: str,
    *,
    body: Any = None,
    form: dict[str, str] | None = None,
    role: str = "owner",
    subject: str = "someone",
    **headers: str,
) -> dict[str, Any]:
    path, _, query = path.partition("?")
    text = (
        urlencode(form)
        if form is not None
        else (body if isinstance(body, str) else json.dumps(body) if body is not None else "")
    )
    kind = "application/x-www-form-urlencoded" if form is not None else "application/json"
    all_headers = {
        "Host": "abc.execute-api.ap-northeast-1.amazonaws.com",
        "Content-Type": kind,
        "Idempotency-Key": "key-00001",
    }
    all_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    event = {
        "httpMethod": method,
        "path": path,
        "headers": all_headers,
        "queryStringParameters": dict(part.split("=") for part in query.split("&")) if query else None,
        "body": text,
        "requestContext": {"stage": "union", "requestId": "r", "authorizer": {"subject": subject, "role": role}},
    }
    return handler(event, None)  # type: ignore[no-any-return]


def order_of(supplier: str, store: str, order: str, **changes: Any) -> Order:
    """An order of one line of the store's own and one of the supplier's."""
    at = "2026-11-22T09:00:00.000Z"
    made = Order(
        order,
        "purchase",
        store,
        {"en": store},
        "xu",
        "customer-lin",
        "nobody",
        "en",
        "TWD",
        lines_of(supplier, store),
        total_minor=96000,
        procedure="carrier",
        procedure_version=1,
        carrier="post",
        placed_at=at,
        promised_by="2026-11-25T09:00:00.000Z",
        return_window_days=7,
        settlement_period="weekly",
        payment="account",
        history=(StepTaken("place", "customer", "customer-lin", at, (1, 2)),),
    )
    return replace(made, **changes)


def lines_of(supplier: str, store: str) -> tuple[Line, Line]:
    titles, offer = {"en": "Own tea"}, f"{supplier}/HERB-TEA"
    split = (Share(f"supplier/{supplier}", "supply", 22000), Share(f"store/{store}", "sale", 24000))
    own, theirs = (f"listing/{store}/OB-TOP", f"store/{store}"), (f"offer/{offer}", f"supplier/{supplier}")
    return (
        Line(1, "OB-TOP", titles, 1, 50000, 50000, 0, *own, (), 50000, "placed"),
        Line(2, "GX-HERBTEA", {"en": "Tea bags"}, 2, 23000, 46000, 0, *theirs, split, 46000, "placed", offer=offer),
    )


def placed(order: Order) -> Event:
    return Event("e", "OrderPlaced", f"order/{order.id}", order.sequence, "now", msgspec.to_builtins(order))


def test_a_supplier_makes_an_offer_and_finds_it_with_its_pool(unique: str) -> None:
    supplier = make_supplier(unique)
    terms = {
        "titles": {"en": "Tea bags"},
        "supply_minor": 11000,
        "suggested_minor": 22000,
        "minimum_minor": 16500,
        "granted_to": ["everyone"],
        "quantity": 300,
    }
    made = call(supply, "PUT", f"/api/supply/{supplier}/offers/HERB-TEA", body=terms)
    assert made["statusCode"] == 200
    listed = json.loads(call(supply, "GET", f"/api/supply/{supplier}/offers")["body"])
    assert [(each["offer"]["sku"], each["reserve"]) for each in listed["items"]] == [("HERB-TEA", 300)]
    refused = call(supply, "PUT", f"/api/supply/{supplier}/offers/HERB-TEA", body=terms | {"supply_minor": 11050})
    assert (refused["statusCode"], json.loads(refused["body"])["errors"][0]["field"]) == (422, "supply_minor")
    assert mediation.get_offer(supplier, "HERB-TEA").supply_minor == 11000


def test_a_supplier_saves_an_offer_by_the_form_in_major_units(unique: str) -> None:
    supplier = make_supplier(unique)
    form = {
        "sku": "HERB-TEA",
        "supply_price": "110",
        "suggested_price": "220",
        "minimum_price": "165",
        "quantity": "300",
        "granted_to": "classification:food-drink store:tea-classroom",
        "title.zh-TW": "仙草茶包",
        "title.en": "Tea bags",
    }
    saved = call(supply, "POST", f"/supply/{supplier}/offers", form=form)
    assert (saved["statusCode"], saved["multiValueHeaders"]["Location"]) == (
        303,
        [f"/union/supply/{supplier}/offers/HERB-TEA"],
    )
    offer = mediation.get_offer(supplier, "HERB-TEA")
    assert (offer.supply_minor, offer.granted_to) == (11000, ("classification:food-drink", "store:tea-classroom"))
    assert offer.titles == {"zh-TW": "仙草茶包", "en": "Tea bags"}


@pytest.mark.parametrize(
    "page", ["", "/offers", "/offers/HERB-TEA", "/uploads", "/orders", "/orders?month=2026-11", "/sellers", "/clearing"]
)
def test_every_page_of_a_supplier_is_shown_to_its_members_only(unique: str, page: str) -> None:
    make_offer(make_supplier(unique))
    link(make_store(unique + "s"), mediation.get_offer(unique, "HERB-TEA"))
    mediation.record_supply_order(placed(order_of(unique, unique + "s", f"order-{unique}")))
    shown = call(supply, "GET", f"/supply/{unique}{page}")
    assert shown["statusCode"] == 200, shown["body"][:500]
    assert call(supply, "GET", f"/supply/{unique}{page}", role="")["statusCode"] == 403


def test_a_supplier_sees_its_own_lines_and_what_it_is_owed_and_nothing_else(unique: str) -> None:
    supplier, store = make_supplier(unique), unique + "s"
    order = order_of(supplier, store, f"order-{unique}")
    order_item(order).save()
    shown = json.loads(call(supply, "GET", f"/api/supply/{supplier}/orders/{order.id}")["body"])
    assert [(line["number"], line["quantity"], line["owed_minor"]) for line in shown["lines"]] == [(2, 2, 22000)]
    assert (shown["owed_minor"], "accept" in shown["steps"]) == (22000, True)
    for secret in ("Own tea", "OB-TOP", "23000", "46000", "96000", "customer-lin"):
        assert secret not in json.dumps(shown)
    page = call(supply, "GET", f"/supply/{supplier}/orders/{order.id}")
    assert page["statusCode"] == 200
    assert call(supply, "GET", f"/api/supply/another/orders/{order.id}")["statusCode"] == 404


def test_a_supplier_accepts_its_lines_and_the_sellers_own_stay(unique: str) -> None:
    supplier = make_supplier(unique)
    order = order_of(supplier, unique + "s", f"order-{unique}")
    order_item(order).save()
    moved = call(supply, "POST", f"/api/supply/{supplier}/orders/{order.id}/steps", body={"step": "accept"})
    assert (moved["statusCode"], json.loads(moved["body"])["state"]) == (200, "accepted")
    refused = call(
        supply,
        "POST",
        f"/api/supply/{supplier}/orders/{order.id}/steps",
        body={"step": "accept", "lines": [1]},
        Idempotency_Key="key-00002",
    )
    assert refused["statusCode"] == 409


def test_supply_orders_are_open_until_they_end_whatever_order_the_events_come_in(unique: str) -> None:
    order = order_of(unique, "emei-tea", f"order-{unique}")
    done = replace(order, sequence=3, lines=tuple(replace(line, state="completed") for line in order.lines))
    unpaid = replace(order, lines=tuple(replace(line, state="awaiting_payment") for line in order.lines))
    mediation.record_supply_order(placed(unpaid))
    assert mediation.list_supply_orders(unique).items == ()
    mediation.record_supply_order(placed(order))
    assert [each.lines for each in mediation.list_supply_orders(unique).items] == [(2,)]
    for late in (done, order, done):
        mediation.record_supply_order(placed(late))
    assert mediation.list_supply_orders(unique).items == ()
    assert [each.state for each in mediation.list_supply_orders(unique, "2026-11").items] == ["completed"]


def test_a_supply_order_of_which_something_goes_back_is_open_until_that_is_over(unique: str) -> None:
    order = order_of(unique, "emei-tea", f"order-{unique}")
    done = replace(order, sequence=3, lines=tuple(replace(line, state="completed") for line in order.lines))
    asked = Return("r1", f"supplier/{unique}", (ReturnedLine(2, 1),), "defective", order.placed_at, "request")
    theirs = replace(asked, taker="store/emei-tea")
    for sequence, returns, found in (
        (4, (theirs,), []),
        (5, (theirs, asked), [("completed", True)]),
        (6, (theirs, replace(asked, state="refused")), []),
    ):
        mediation.record_supply_order(placed(replace(done, sequence=sequence, returns=returns)))
        listed = mediation.list_supply_orders(unique).items
        assert [(each.state, each.returning) for each in listed] == found


def test_a_store_finds_an_offer_with_its_margin_and_makes_a_link(unique: str) -> None:
    make_offer(make_supplier(unique))
    store = make_store(unique + "s")
    found = json.loads(call(manage, "GET", f"/api/manage/{store}/offers?supplier={unique}")["body"])
    assert [(each["offer"]["sku"], each["reserve"], each["left_minor"]) for each in found["items"]] == [
        ("HERB-TEA", 100, 8900)
    ]
    body = {"supplier": unique, "offer_sku": "HERB-TEA", "sku": "GX-HERBTEA", "category": "tea", "price_minor": 23000}
    unknown = call(manage, "POST", f"/api/manage/{store}/links", body=body)
    assert (unknown["statusCode"], json.loads(unknown["body"])["errors"][0]["field"]) == (422, "category")
    save_category(store, Category("tea", {"en": "Tea"}), "owner", NOW)
    made = call(manage, "POST", f"/api/manage/{store}/links", body=body)
    assert (made["statusCode"], json.loads(made["body"])["category"]) == (201, "tea")
    refused = call(
        manage, "POST", f"/api/manage/{store}/links", body=body | {"price_minor": 16400}, Idempotency_Key="key-00002"
    )
    assert (refused["statusCode"], json.loads(refused["body"])["minimum_minor"]) == (422, 16500)
    paused = call(manage, "POST", f"/api/manage/{store}/links/GX-HERBTEA/state", body={"state": "paused"})
    assert json.loads(paused["body"])["state"] == "paused"
    assert call(manage, "POST", f"/api/manage/{store}/links", body=body, role="packer")["statusCode"] == 403


@pytest.mark.parametrize(
    "page", ["/offers", "/offers/{supplier}/HERB-TEA", "/links", "/shops", "/shops/{shop}", "/deposit", "/statements"]
)
def test_every_page_of_the_mediation_center_is_shown_to_a_manager(unique: str, page: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer)
    shop = mediation.register_shop(store, "https://shop.example/hook", "owner", "key-00001", NOW)
    path = page.format(supplier=unique, shop=shop.id)
    shown = call(manage, "GET", f"/manage/{store}{path}", role="manager")
    assert shown["statusCode"] == 200, shown["body"][:500]
    assert call(manage, "GET", f"/manage/{store}{path}", role="packer")["statusCode"] == 403


def test_an_offer_that_is_not_granted_to_a_store_is_not_shown_to_it(unique: str) -> None:
    store, supplier = make_store(unique + "s"), make_supplier(unique)
    make_offer(supplier, granted_to=("store:someone-else",))
    assert call(manage, "GET", f"/manage/{store}/offers/{supplier}/HERB-TEA")["statusCode"] == 404


def test_a_shops_secret_is_shown_to_the_owner_and_not_to_a_manager(unique: str) -> None:
    made = json.loads(
        call(manage, "POST", f"/api/manage/{unique}/shops", body={"url": "https://shop.example/"})["body"]
    )
    assert made["secret"] == mediation.secret_of(made["shop"])
    seen = json.loads(call(manage, "GET", f"/api/manage/{unique}/shops", role="manager")["body"])
    assert [shop["secret"] for shop in seen["shops"]] == [""]
    assert (
        call(manage, "POST", f"/api/manage/{unique}/shops", body={"url": "https://a.example/"}, role="manager")[
            "statusCode"
        ]
        == 403
    )
    replayed = call(manage, "POST", f"/api/manage/{unique}/shops/{made['shop']}/replay", role="manager")
    assert json.loads(replayed["body"])["replays"] == 1


def test_a_deposit_is_withdrawn_down_to_nothing_and_no_further(unique: str) -> None:
    postings = (Posting(f"store/{unique}/deposit", 500000), Posting("provider/bank", -500000))
    post(
        Transfer(
            f"top-up-{unique}", "top_up", "TWD", postings, mediation.reference_of(unique), "2026-11-22T09:00:00.000Z"
        )
    )
    verify_account(f"store/{unique}", NOW)
    first = mediation.withdraw_deposit(unique, 200000, "key-00001", NOW)
    assert mediation.withdraw_deposit(unique, 200000, "key-00001", NOW.replace(hour=10)) == first
    with pytest.raises(KeyReused):
        mediation.withdraw_deposit(unique, 100000, "key-00001", NOW)
    with pytest.raises(InsufficientFunds):
        mediation.withdraw_deposit(unique, 300100, "key-00002", NOW)
    assert mediation.get_deposit(unique) == mediation.Deposit(unique, 300000, 300000, 0, "TWD")
    answer = json.loads(call(manage, "GET", f"/api/manage/{unique}/deposit")["body"])
    assert (answer["reference"], answer["deposit"]["available_minor"]) == (f"deposit/{unique}", 300000)
    refused = call(
        manage,
        "POST",
        f"/api/manage/{unique}/deposit/withdrawals",
        body={"amount_minor": 300100},
        Idempotency_Key="key-00003",
    )
    assert (refused["statusCode"], mediation.get_deposit(unique).balance_minor) == (402, 300000)


def test_an_applicant_sees_its_own_application_only(unique: str) -> None:
    body = {"supplier": unique, "names": {"en": "Growers"}, "registration": "HS-1", "settlement_period": "daily"}
    made = call(supply, "POST", "/api/suppliers", body=body, role="", subject="luo")
    assert (made["statusCode"], json.loads(made["body"])["state"]) == (201, "applied")
    assert call(supply, "GET", f"/suppliers/apply?supplier={unique}", role="", subject="luo")["statusCode"] == 200
    assert call(supply, "GET", f"/api/suppliers/{unique}", role="", subject="qiu")["statusCode"] == 404
    assert mediation.get_supplier(unique).settlement_period == "daily"
    assert (
        call(supply, "POST", "/api/suppliers", body=body | {"supplier": "a", "settlement_period": "x"}, role="")[
            "statusCode"
        ]
        == 422
    )
