"""A seller's own shop reports its sales: stock, hold and order come together or not at all."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import Classification, OfferReference, Store, Union, offer_level
from mart_union.catalog.service import save_union
from mart_union.catalog.tables import StoreItem, store_key
from mart_union.customers.model import Recipient, RecipientFields
from mart_union.customers.retention import Retained, retained
from mart_union.customers.service import keep_recipient, recipient_of
from mart_union.customers.tables import CustomersItem, RecipientItem, recipient_key
from mart_union.kernel import secrets
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.ids import derived_id
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.jobs import set_checkpoint
from mart_union.ledger.model import Posting, Transfer
from mart_union.ledger.service import post
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Terms
from mart_union.mediation.shop_model import Shop
from mart_union.orders.returns import Decision
from mart_union.orders.service import get_order, take_step
from mart_union.settlement.erasing import erase_recipients
from mart_union.settlement.refunding import settle_return
from mart_union.stock.counting import count
from mart_union.stock.service import get_level
from supply.app import lambda_handler as supply
from tests.services.test_mediation import make_offer, make_supplier

RECIPIENT = {
    "name": "Lin",
    "address_lines": ["1 Guangfu Rd"],
    "city": "Hsinchu",
    "postcode": "300",
    "phone": "0900-000-001",
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})


@pytest.fixture
def shop(unique: str) -> Shop:
    """A shop of a store that sells one offer of a hundred units, at 110 dollars of supply price, on a deposit of 500 dollars."""
    names = {"zh-TW": "新竹", "en": "Hsinchu"}
    food = Classification("food-drink", names)
    save_union(
        Union(
            "hsinchu",
            names,
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
    store = Store(unique + "s", "xu", names, {}, "food-drink", "open", "2026-11-01T00:00:00.000Z", carrier="post")
    StoreItem(*store_key(store.id), document=store, sequence=1).save()
    offer = make_offer(make_supplier(unique))
    reference = OfferReference(offer.supplier, offer.sku)
    mediation.make_link(store.id, "GX-HERBTEA", reference, Terms("tea", 23000), "owner", utc_now())
    postings = (Posting(f"store/{store.id}/deposit", 50000), Posting("provider/bank", -50000))
    post(Transfer(f"top-up-{unique}", "top_up", "TWD", postings, f"deposit/{store.id}", "2026-11-22T09:00:00.000Z"))
    return mediation.register_shop(store.id, "https://shop.example/hook", "owner", "key-00001", utc_now())


def report(shop: Shop, sale: str, quantity: int, *, secret: str = "", sku: str = "GX-HERBTEA") -> dict[str, Any]:
    told = {"sale": sale, "lines": [{"sku": sku, "quantity": quantity}], "recipient": RECIPIENT}
    return send(shop, "sales", told, secret=secret)


def send(shop: Shop, path: str, told: object, *, secret: str = "") -> dict[str, Any]:
    """What a shop's signed request is answered."""
    body, now = json.dumps(told), utc_now()
    signature = Webhook(secret or mediation.secret_of(shop.id)).sign("msg-1", now, body)
    event = {
        "httpMethod": "POST",
        "path": f"/api/shops/{shop.id}/{path}",
        "headers": {
            "Content-Type": "application/json",
            "webhook-id": "msg-1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        },
        "queryStringParameters": None,
        "body": body,
        "requestContext": {"stage": "union", "requestId": "r", "authorizer": None},
    }
    return supply(event, None)


def recipient_kept(shop: Shop, sale: str) -> Recipient | None:
    item = find(RecipientItem, *recipient_key(derived_id("recipient", "", f"shop/{shop.id}/{sale}")))
    return None if item is None else item.document


def pool(shop: Shop) -> tuple[int, int]:
    (link,) = mediation.list_links(shop.store).items
    level = get_level(offer_level(link.supplier, link.offer_sku))
    return level.reserve, level.sold


def test_a_sale_takes_stock_holds_its_cost_and_reaches_the_supplier(shop: Shop) -> None:
    answer = report(shop, "sale-1", 2)
    assert answer["statusCode"] == 201
    order = get_order(json.loads(answer["body"])["orders"][0])
    assert [(line.fulfiller.startswith("supplier/"), line.quantity, line.held_minor) for line in order.lines] == [
        (True, 2, 22000)
    ]
    deposit = mediation.get_deposit(shop.store)
    assert (deposit.available_minor, deposit.held_minor) == (28000, 22000)
    assert pool(shop) == (98, 2)
    kept = recipient_kept(shop, "sale-1")
    assert kept is not None
    assert (kept.id, kept.customer) == (order.recipient, "")


def test_a_sale_reported_again_gets_the_same_answer_and_takes_nothing_more(shop: Shop) -> None:
    first, again = report(shop, "sale-1", 2), report(shop, "sale-1", 2)
    assert (again["statusCode"], again["body"]) == (201, first["body"])
    other = report(shop, "sale-1", 3)
    assert (other["statusCode"], json.loads(other["body"])["type"]) == (
        409,
        "urn:mart-union:problem:idempotency-key-reused",
    )
    assert pool(shop) == (98, 2)
    elsewhere = json.loads(json.dumps(RECIPIENT)) | {"city": "Taipei"}
    told = {"sale": "sale-1", "lines": [{"sku": "GX-HERBTEA", "quantity": 2}], "recipient": elsewhere}
    assert send(shop, "sales", told)["statusCode"] == 409
    kept = recipient_kept(shop, "sale-1")
    assert kept is not None
    assert kept.city == "Hsinchu"


@pytest.mark.parametrize("refused_by", ["stock", "deposit"])
def test_a_sale_that_is_reported_twice_at_once_and_refused_once_keeps_its_recipient(
    shop: Shop, refused_by: str
) -> None:
    """While reports of it are refused, what stood in the way goes away: whichever gets through has its name and address."""
    post_to_deposit(shop, -40000)
    if refused_by == "stock":
        post_to_deposit(shop, 40000, "back")
        (link,) = mediation.list_links(shop.store).items
        count(offer_level(link.supplier, link.offer_sku), 1, actor="owner", reference="", now=utc_now())

    def act(number: int) -> int:
        if number == 5:
            if refused_by == "stock":
                count(offer_level(link.supplier, link.offer_sku), 9, actor="owner", reference="", now=utc_now())
            else:
                post_to_deposit(shop, 40000, "back")
            return 0
        return int(report(shop, "sale-1", 2)["statusCode"])

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(act, range(16)))
    assert {409 if refused_by == "stock" else 402, 201} >= set(answers) - {0, 503}
    answer = report(shop, "sale-1", 2)
    order = get_order(json.loads(answer["body"])["orders"][0])
    kept = recipient_kept(shop, "sale-1")
    assert kept is not None
    assert (answer["statusCode"], kept.id, kept.fields.name) == (201, order.recipient, "Lin")


def post_to_deposit(shop: Shop, amount_minor: int, name: str = "") -> None:
    postings = (Posting(f"store/{shop.store}/deposit", amount_minor), Posting("provider/bank", -amount_minor))
    post(Transfer(f"moved-{name}-{shop.id}", "top_up", "TWD", postings, f"deposit/{shop.store}", iso(utc_now())))


@pytest.mark.parametrize(
    ("quantity", "sku", "status"),
    [(101, "GX-HERBTEA", 409), (5, "GX-HERBTEA", 402), (1, "NOT-THERE", 404)],
)
def test_a_refused_sale_leaves_nothing_behind(shop: Shop, quantity: int, sku: str, status: int) -> None:
    assert report(shop, "sale-1", quantity, sku=sku)["statusCode"] == status
    deposit = mediation.get_deposit(shop.store)
    assert (deposit.available_minor, deposit.held_minor, pool(shop)) == (50000, 0, (100, 0))
    assert recipient_kept(shop, "sale-1") is None


def test_a_sales_recipient_is_erased_once_its_order_has_been_over_for_thirty_days(shop: Shop) -> None:
    placed = utc_now()
    order = get_order(json.loads(report(shop, "sale-1", 2)["body"])["orders"][0])

    def swept(days: float) -> tuple[bool, int]:
        for _ in range(2):  # a run that is repeated changes nothing more
            erase_recipients(placed + timedelta(days=days))
        kept = [line for line in register() if line.recipient == order.recipient]
        return recipient_kept(shop, "sale-1") is not None, len(kept)

    assert swept(29) == (True, 1)
    assert swept(30.1) == (True, 1)  # still open: looked at again in a week
    at = placed + timedelta(days=31)
    fulfiller = order.lines[0].fulfiller
    take_step(order.id, "refuse", "owner", "supplier", "key-refuse", at, fulfiller=fulfiller)
    assert swept(60.9) == (True, 1)
    assert swept(95) == (False, 0)  # weeks late
    assert get_order(order.id).recipient == order.recipient


def test_the_recipient_of_a_sale_that_was_never_placed_is_erased_too(shop: Shop) -> None:
    now = utc_now()
    long_ago = now - timedelta(days=31)
    made = recipient_of("", RecipientFields(**RECIPIENT), f"cut-off/{shop.id}", long_ago)
    transaction = WriteTransaction()
    keep_recipient(transaction, made, "never-placed")
    transaction.commit()
    set_checkpoint("erase_recipients", iso(now - timedelta(days=2))[:13])
    assert erase_recipients(now).failed == 0
    assert find(RecipientItem, *recipient_key(made.id)) is None
    assert made.id not in {line.recipient for line in register()}


def register() -> list[Retained]:
    lines = [item.sk for item in CustomersItem.scan(CustomersItem.pk.startswith("RETENTION#"))]
    return [retained(line) for line in lines]


def test_a_shop_cancels_its_sale_by_a_signed_request_and_is_told_how_it_stands(shop: Shop) -> None:
    [order] = json.loads(report(shop, "sale-1", 2)["body"])["orders"]
    for _ in range(2):
        answer = send(shop, "sales/cancel", {"sale": "sale-1"})
        line = {"order": order, "sku": "GX-HERBTEA", "quantity": 2, "state": "cancelled", "returned": 0}
        assert (answer["statusCode"], json.loads(answer["body"])) == (
            200,
            {"sale": "sale-1", "lines": [line | {"given_back_minor": 22000}]},
        )
        assert (mediation.get_deposit(shop.store).available_minor, pool(shop)) == (50000, (100, 0))
    unknown = send(shop, "sales/cancel", {"sale": "sale-2"})
    assert (unknown["statusCode"], json.loads(unknown["body"])["detail"]) == (
        404,
        "this shop has reported no sale sale-2",
    )
    assert send(shop, "sales/cancel", {"sale": "sale-1"}, secret=mediation.secret_of("another"))["statusCode"] == 401


def test_a_shop_asks_for_a_return_by_a_signed_request_and_asks_again_how_it_stands(shop: Shop) -> None:
    order = get_order(json.loads(report(shop, "sale-1", 2)["body"])["orders"][0])
    supplier = order.lines[0].fulfiller
    wish = {"sale": "sale-1", "id": "R-7", "lines": [{"sku": "GX-HERBTEA", "quantity": 1}], "reason": "defective"}
    early = send(shop, "sales/returns", wish)
    assert (early["statusCode"], "not been delivered" in json.loads(early["body"])["detail"]) == (422, True)
    facts = {"fulfiller": supplier}
    take_step(order.id, "accept", "owner", "supplier", "key-a", utc_now(), **facts)  # type: ignore[arg-type]
    parcel = ("post", "P-1")
    take_step(order.id, "ship", "owner", "supplier", "key-s", utc_now(), **facts, tracking=parcel)  # type: ignore[arg-type]
    take_step(order.id, "deliver", "owner", "supplier", "key-d", utc_now(), **facts)  # type: ignore[arg-type]
    made = send(shop, "sales/returns", wish)
    told = json.loads(made["body"])
    assert (made["statusCode"], told["state"], told["taker"], told["given_back_minor"]) == (
        201,
        "requested",
        supplier,
        0,
    )
    [asked] = get_order(order.id).returns
    for decision in (Decision("accept"), Decision("receive"), Decision("refund", stock="reserve")):
        key = f"key-{decision.decision}"
        settle_return(order.id, asked.id, decision, taker=supplier, actor="owner", key=key, now=utc_now())
    again = json.loads(send(shop, "sales/returns", wish)["body"])
    assert (again["state"], again["given_back_minor"], again["lines"][0]["returned"]) == ("refunded", 11000, 1)
    other = send(shop, "sales/returns", wish | {"reason": "changed_mind"})
    assert (other["statusCode"], mediation.get_deposit(shop.store).available_minor) == (409, 39000)


def test_a_sale_that_another_secret_signed_is_refused(shop: Shop) -> None:
    assert report(shop, "sale-1", 1, secret=mediation.secret_of("another"))["statusCode"] == 401
    assert (pool(shop), recipient_kept(shop, "sale-1")) == ((100, 0), None)


def test_a_paused_shops_sales_are_refused(shop: Shop) -> None:
    mediation.set_shop_state(shop.store, shop.id, "paused", "owner", utc_now())
    assert report(shop, "sale-1", 1)["statusCode"] == 422
    assert pool(shop) == (100, 0)
