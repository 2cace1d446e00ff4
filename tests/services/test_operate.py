"""The operator's pages and API on real tables."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mart_union.catalog.service import apply_enterprise
from mart_union.catalog.tables import UnionItem, union_key
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import place_purchase
from mart_union.customers.service import find_role
from mart_union.kernel import queues, secrets
from mart_union.kernel.clock import iso
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Payable
from mart_union.ledger.service import add_payable
from mart_union.mediation.service import apply_supplier
from mart_union.settlement import service as settlement
from operate.app import api, lambda_handler
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.buckets import own_bucket
from tests.services.market import NOW, open_market, save_union
from tests.services.settling import mark_all, settle_day, verify_account


@pytest.fixture(autouse=True)
def neighbours(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    queues._client.cache_clear()
    made = queues._client().create_queue(QueueName="operate-failures")["QueueUrl"]
    monkeypatch.setenv("DEAD_LETTER_QUEUES", made)
    with own_bucket():
        yield
    queues._client().delete_queue(QueueUrl=made)
    queues._client.cache_clear()


def ask(method: str, path: str, *, role: str = "operator", **options: Any) -> dict[str, Any]:
    event = gateway_event(method, path, subject="operator-1" if role else "", role=role, **options)
    return lambda_handler(event, CONTEXT)


def read(path: str, **query: str) -> Any:
    answer = ask("GET", path, query=query)
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def page(path: str, **query: str) -> str:
    answer = ask("GET", path, query=query, headers={"Accept-Language": "en"})
    assert answer["statusCode"] == 200, answer
    return str(answer["body"])


@pytest.mark.parametrize("route", api.routes, ids=lambda route: f"{route.method} {route.path}")
def test_nobody_but_the_operator_gets_in(route: Any) -> None:
    path = route.path.replace("{", "").replace("}", "")
    assert ask(route.method, path, role="owner", body="{}")["statusCode"] == 403
    anonymous = ask(route.method, path, role="")
    assert anonymous["statusCode"] == (303 if route.is_page and route.method == "GET" else 401)


def test_an_enterprise_is_approved_once_and_the_trail_says_by_whom(unique: str) -> None:
    apply_enterprise(unique, {"en": "Xu Family Tea"}, "12345675", "xu", NOW)
    assert unique in page("/operate/enterprises")
    decided = ask("POST", f"/api/operate/enterprises/{unique}/decision", body={"approve": True})
    assert json.loads(decided["body"])["state"] == "approved"
    again = ask("POST", f"/operate/enterprises/{unique}/decision", form={"approve": "true"})
    assert (again["statusCode"], headers_of(again)["location"]) == (303, "/union/operate/enterprises")
    month = iso(datetime.now(UTC))[:7]
    trail = read("/api/operate/audit", owner="union", month=month)["items"]
    mine = [(each["actor"], each["action"]) for each in trail if each["subject"] == f"enterprise/{unique}"]
    assert mine == [("operator-1", "enterprise approved")]
    assert f"enterprise/{unique}" in page("/operate/audit", month=month)


def test_an_approved_supplier_has_an_owner(unique: str) -> None:
    apply_supplier(unique, names={"en": "Growers"}, texts={}, registration="1", applicant="growers", now=NOW)
    assert find_role("growers", "supplier", unique) == ""
    assert ask("POST", f"/operate/suppliers/{unique}/decision", form={"approve": "true"})["statusCode"] == 303
    assert find_role("growers", "supplier", unique) == "owner"


def test_the_register_shows_money_titles_and_quantities_of_a_day(unique: str) -> None:
    market = open_market(unique)
    purchase = place_purchase(
        market.customer,
        [Wanted(market.store, "TEA", 2)],
        recipient=market.recipient,
        total_seen=66_000,
        method="account",
        key="key-00000001",
        session="a-secret-of-the-browser",
        now=datetime(2028, 2, 29, 4, tzinfo=UTC),  # a day on which no other test buys: a register's page has fifty
    )
    listed = {each["id"]: each for each in read("/api/operate/purchases", day="2028-02-29")["items"]}
    assert (listed[purchase.id]["total_minor"], listed[purchase.id]["session"]) == (66_000, "")
    shown = page("/operate/purchases", day="2028-02-29")
    assert f"TEA of {market.store} × 2" in shown
    assert "NT$660" in shown
    assert market.recipient not in shown


def test_settlements_of_a_day_are_listed_with_their_lines_and_the_last_reconciliation(unique: str) -> None:
    day, party = "2031-03-03", f"store/{unique}"
    transaction = WriteTransaction()
    add_payable(transaction, Payable(f"y{unique}", party, "o1", 27_000, day, "completion", "t1", {"en": "Oolong"}))
    transaction.commit()
    mark_all(NOW)
    verify_account(party, NOW)
    [statement] = settle_day(day, NOW, party)
    settlement.reconcile(NOW)
    listed = read("/api/operate/settlements", day=day)["items"]
    assert [(each["party"], each["total_minor"], each["state"]) for each in listed if each["party"] == party] == [
        (party, 27_000, "paid")
    ]
    shown = page("/operate/settlements", day=day)
    assert statement.payout in shown
    assert "The books of" in shown
    with_lines = read(f"/api/operate/settlements/store/{unique}/{day}")
    assert [line["amount_minor"] for line in with_lines["lines"]] == [27_000]
    assert "Oolong" in page(f"/operate/settlements/store/{unique}/{day}")
    assert read("/api/operate/reconciliation")["at"] == iso(NOW)


@pytest.fixture
def undescribed() -> Iterator[None]:
    """A union that its operator has not described yet; afterwards the union of the other tests."""
    UnionItem(*union_key()).delete()
    yield
    save_union()


DESCRIPTION = {
    "id": "hsinchu",
    "names": {"zh-TW": "新竹", "en": "Hsinchu"},
    "texts": {},
    "places": [],
    "languages": ["zh-TW", "en"],
    "classifications": [],
    "carriers": [],
}


def test_an_operator_begins_with_a_union_that_nobody_has_described(undescribed: None) -> None:
    assert ask("GET", "/api/operate/union")["statusCode"] == 404
    assert "has not been described yet" in page("/operate")
    described = ask("PUT", "/api/operate/union", body=DESCRIPTION)
    without = {"fees": [], "taxes": [], "deposit": {"level_minor": 0, "grace_hours": 72}}
    assert read("/api/operate/union") == json.loads(described["body"])
    assert json.loads(described["body"]).items() >= {**DESCRIPTION, **without, "sequence": 1}.items()
    assert "has not been described yet" not in page("/operate")


RULES = {
    "fees": [
        {"id": "all", "scope": "union", "rate_basis_points": 700},
        {"id": "tea", "scope": "category", "subject": "tea", "rate_basis_points": 450, "fixed_minor": 100},
    ],
    "taxes": [{"id": "goods", "code": "vat", "basis_points": 500}],
    "deposit": {"level_minor": 500_000, "grace_hours": 48},
}


def told(rule: dict[str, Any]) -> dict[str, Any]:
    """A commission rule as the API answers with it."""
    plain = {"subject": "", "rate_basis_points": 0, "fixed_minor": 0, "floor_minor": 0, "cap_minor": None}
    return {**plain, **rule}


def test_rules_are_set_all_at_once_and_leave_the_description_as_it_is(undescribed: None) -> None:
    ask("PUT", "/api/operate/union", body=DESCRIPTION)
    ask("PUT", "/api/operate/categories", body=[{"id": "tea", "names": {"en": "Tea"}}])
    assert ask("PUT", "/api/operate/fees", body=RULES)["statusCode"] == 200
    rules = read("/api/operate/fees")
    assert rules["fees"] == [told(each) for each in RULES["fees"]]
    assert rules["taxes"] == [
        {"id": "goods", "code": "vat", "basis_points": 500, "on": "goods", "category": "", "included": True}
    ]
    assert rules["deposit"] == RULES["deposit"]
    before = read("/api/operate/union")
    ask("PUT", "/api/operate/fees", body=RULES)
    ask("PUT", "/api/operate/union", body=DESCRIPTION)
    assert read("/api/operate/union") == before
    month = iso(datetime.now(UTC))[:7]
    actions = [entry["action"] for entry in read("/api/operate/audit", month=month)["items"]]
    assert "rules changed" in actions


@pytest.mark.parametrize(
    ("fee", "named"),
    [
        ({"rate_basis_points": -1}, "fees.odd: a rate is 0 to 10000 basis points"),
        ({"rate_basis_points": 10_001}, "fees.odd: a rate is 0 to 10000 basis points"),
        ({"fixed_minor": -100}, "fees.odd.fixed_minor"),
        ({"fixed_minor": 150}, "fees.odd.fixed_minor"),
        ({"floor_minor": 500, "cap_minor": 400}, "fees.odd: its cap is below its floor"),
        ({"scope": "store", "subject": "no-such-store"}, "fees.odd: there is no store 'no-such-store'"),
        ({"scope": "category", "subject": "no-such"}, "fees.odd: there is no category 'no-such'"),
        ({"scope": "classification", "subject": "no-such"}, "fees.odd: there is no classification 'no-such'"),
        ({"scope": "union", "subject": "tea"}, "fees.odd: the union's rule names nothing"),
        ({"scope": "planet"}, "fees.odd: a rule holds for a"),
        ({"id": "all"}, "fees.all: two rules have this id"),
        ({}, "fees.union: two rules hold for it"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_by_name_and_changes_nothing(fee: dict[str, Any], named: str) -> None:
    save_union()
    before = read("/api/operate/fees")
    odd = {"id": "odd", "scope": "union", "rate_basis_points": 500, **fee}
    refused = ask("PUT", "/api/operate/fees", body={**RULES, "fees": [RULES["fees"][0], odd]})
    assert refused["statusCode"] == 422
    assert named in json.loads(refused["body"])["detail"]
    assert read("/api/operate/fees") == before


@pytest.mark.parametrize(
    ("tax", "named"),
    [
        ({"basis_points": 10_001}, "taxes.odd: a rate is 0 to 10000"),
        ({"code": "V A T"}, "taxes.odd: a code is"),
        ({"on": "air"}, "taxes.odd: a tax is on goods or fee"),
        ({"category": "no-such"}, "taxes.odd: there is no category 'no-such'"),
        ({"code": "vat"}, "taxes.goods vat: two rules hold for it"),
    ],
)
def test_a_tax_that_cannot_be_meant_is_refused_by_name_and_changes_nothing(tax: dict[str, Any], named: str) -> None:
    save_union()
    before = read("/api/operate/fees")
    odd = {"id": "odd", "code": "city", "basis_points": 100, **tax}
    refused = ask(
        "PUT", "/api/operate/fees", body={"taxes": [{"id": "goods", "code": "vat", "basis_points": 500}, odd]}
    )
    assert refused["statusCode"] == 422
    assert named in json.loads(refused["body"])["detail"]
    assert read("/api/operate/fees") == before


def test_one_rule_at_a_time_is_added_changed_and_removed_by_the_pages_forms(undescribed: None) -> None:
    ask("PUT", "/api/operate/union", body=DESCRIPTION)
    rule = {
        "what": "commission",
        "id": "all",
        "scope": "union",
        "rate": "6.5 %",
        "fixed": "3",
        "floor": "10",
        "cap": "",
    }
    assert ask("POST", "/operate/fees", form=rule)["statusCode"] == 303
    assert read("/api/operate/fees")["fees"] == [
        told({"id": "all", "scope": "union", "rate_basis_points": 650, "fixed_minor": 300, "floor_minor": 1000})
    ]
    assert ask("POST", "/operate/fees", form={**rule, "rate": "6", "cap": "500"})["statusCode"] == 303
    tax = {"what": "tax", "id": "city", "code": "city", "rate": "2.25", "on": "goods", "how": "added"}
    assert ask("POST", "/operate/fees", form=tax)["statusCode"] == 303
    assert (
        ask("POST", "/operate/fees", form={"what": "deposit", "floor": "5000", "grace_hours": "24"})["statusCode"]
        == 303
    )
    shown = page("/operate/fees")
    assert all(each in shown for each in ("6 %", "NT$500", "2.25 %", "Added to the price", 'value="5000"'))
    assert ask("POST", "/operate/fees", form={**rule, "rate": "six"})["statusCode"] == 422
    assert ask("POST", "/operate/fees", form={"what": "remove-commission", "id": "all"})["statusCode"] == 303
    assert ask("POST", "/operate/fees", form={"what": "remove-tax", "id": "city"})["statusCode"] == 303
    rules = read("/api/operate/fees")
    assert (rules["fees"], rules["taxes"]) == ([], [])
    assert rules["deposit"] == {"level_minor": 500_000, "grace_hours": 24}


def test_the_union_is_described_by_its_forms_field_by_field(undescribed: None) -> None:
    form = {"name-zh-TW": "新竹", "name-en": "Hsinchu", "text-en": "Windy"}
    assert ask("POST", "/operate/union", form=form)["statusCode"] == 303
    named = {"name-zh-TW": "茶", "name-en": "Tea"}
    assert ask("POST", "/operate/union/classifications", form={"id": "tea", **named})["statusCode"] == 303
    carrier = {"id": "hct", "tracking_url": "https://track.example/{number}", **named}
    assert ask("POST", "/operate/union/carriers", form=carrier)["statusCode"] == 303
    union = read("/api/operate/union")
    assert (union["names"]["en"], union["texts"]) == ("Hsinchu", {"en": "Windy"})
    assert union["classifications"] == [{"id": "tea", "names": {"zh-TW": "茶", "en": "Tea"}}]
    assert union["carriers"][0]["tracking_url"] == "https://track.example/{number}"
    shown = page("/operate/union")
    assert "https://track.example/{number}" in shown
    assert "Write {number} where the tracking number goes." in shown


def test_each_carrier_has_a_key_of_its_own_which_the_operator_is_shown(
    undescribed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"carrier_key": "the-unions"})
    carriers = [{"id": name, "names": {"en": name.upper()}, "tracking_url": ""} for name in ("hct", "post")]
    assert ask("PUT", "/api/operate/union", body={**DESCRIPTION, "carriers": carriers})["statusCode"] == 200
    assert read("/api/operate/union/carriers") == [
        {
            "id": name,
            "names": {"en": name.upper()},
            "path": f"/api/carriers/{name}/events",
            "key": secrets.derived_webhook_key("carrier_key", f"carrier/{name}"),
        }
        for name in ("hct", "post")
    ]
    keys = {each["key"] for each in read("/api/operate/union/carriers")}
    shown = page("/operate/union/carriers")
    assert len(keys) == 2
    assert all(html.escape(key) in shown for key in keys)


def test_the_unions_tree_is_written_parents_first_and_a_child_of_nobody_is_refused(unique: str) -> None:
    root, leaf = f"r{unique}", f"r{unique}.leaf"
    tree = [{"id": root, "names": {"en": "Food"}}, {"id": leaf, "names": {"en": "Tea"}, "parent": root}]
    assert ask("PUT", "/api/operate/categories", body=tree)["statusCode"] == 200
    assert {root, leaf} <= {each["id"] for each in read("/api/operate/categories")}
    orphan = [{"id": f"o{unique}", "names": {"en": "Lost"}, "parent": "nobody"}]
    assert ask("PUT", "/api/operate/categories", body=orphan)["statusCode"] == 422
    assert f"o{unique}" not in {each["id"] for each in read("/api/operate/categories")}


def test_of_categories_sent_together_none_is_written_when_one_is_refused(unique: str) -> None:
    before = read("/api/operate/categories")
    good = {"id": f"g{unique}", "names": {"en": "Good"}}
    orphan = {"id": f"o{unique}", "names": {"en": "Orphan"}, "parent": f"nothing{unique}"}
    assert ask("PUT", "/api/operate/categories", body=[good, orphan])["statusCode"] == 422
    assert read("/api/operate/categories") == before


def test_a_day_that_is_no_day_is_refused_by_field() -> None:
    answer = ask("GET", "/api/operate/purchases", query={"day": "2026-02-30"})
    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["errors"] == [{"field": "day", "reason": "write a day as yyyy-mm-dd"}]


def test_dead_letters_are_counted_by_queue() -> None:
    client, [queue] = queues._client(), [*queues._client().list_queues(QueueNamePrefix="operate-")["QueueUrls"]]
    assert read("/api/operate/dead-letters") == [{"queue": "operate-failures", "messages": 0}]
    client.send_message(QueueUrl=queue, MessageBody="{}")
    assert read("/api/operate/dead-letters") == [{"queue": "operate-failures", "messages": 1}]
    assert "operate-failures" in page("/operate/dead-letters")
