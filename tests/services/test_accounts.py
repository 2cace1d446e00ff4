"""Customers' own API and pages, through the function's handler."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from account.app import lambda_handler
from mart_union.catalog.carriers import Carrier
from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import Classification, Place, Union
from mart_union.catalog.service import decide_enterprise, get_store, save_union
from mart_union.customers import service as customers
from mart_union.customers.model import Person
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import NotFound
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.postings import record_postings
from mart_union.ledger.service import post
from tests.gateway import CONTEXT, gateway_event, headers_of

RECIPIENT = {"name": "林", "address_lines": ["中正路 1 號"], "city": "新竹市", "postcode": "300", "phone": "0912"}


@pytest.fixture(autouse=True)
def union() -> None:
    described = Union(
        id="hsinchu",
        names={"zh-TW": "新竹", "en": "Hsinchu"},
        texts={},
        places=(Place({"en": "Hsinchu City"}),),
        languages=("zh-TW", "en"),
        classifications=(Classification("food", {"en": "Food"}),),
        carriers=(Carrier("hct", {"en": "HCT"}),),
        fees=(CommissionRule("everything", "union", rate_basis_points=600),),
        taxes=(TaxRule("goods", "vat", 500),),
    )
    save_union(described, "operator")


def ask(method: str, path: str, subject: str, body: Any = None, key: str = "", **query: str) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    event = gateway_event(method, path, body=body, subject=subject, headers=headers, query=query)
    answer = lambda_handler(event, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def page(method: str, path: str, subject: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    answer = lambda_handler(gateway_event(method, path, form=form, subject=subject), CONTEXT)
    return answer["statusCode"], headers_of(answer).get("location", "") or answer["body"]


def test_a_profile_keeps_its_address_when_name_and_language_change(unique: str) -> None:
    customers.save_profile(unique, name="Lin", email="lin@example.com", language="en")
    status, profile = ask("PUT", "/api/me", unique, {"name": "林小安", "language": "zh-TW"})
    assert (status, profile["name"], profile["email"], profile["language"]) == (
        200,
        "林小安",
        "lin@example.com",
        "zh-TW",
    )
    assert ask("GET", "/api/me", unique) == (200, profile)
    assert ask("PUT", "/api/me", unique, {"name": "Lin", "language": "tlh"})[0] == 422
    assert ask("GET", "/api/me", unique) == (200, profile)


def test_a_customer_says_which_mails_they_do_not_want_and_nothing_else_forgets_it(unique: str) -> None:
    person = Person(unique, "Lin", "lin@example.com")
    customers.keep_person(person, "en")
    assert ask("GET", "/api/me", unique)[1]["unwanted_mails"] == []
    wanted = {"name": "Lin", "language": "en", "unwanted_mails": ["stock", "progress"]}
    assert ask("PUT", "/api/me", unique, wanted)[1]["unwanted_mails"] == ["progress", "stock"]
    customers.keep_person(replace(person, email="an@example.com"), "en")
    kept = ask("PUT", "/api/me", unique, {"name": "An", "language": "en"})[1]
    assert (kept["email"], kept["unwanted_mails"]) == ("an@example.com", ["progress", "stock"])
    refused, problem = ask("PUT", "/api/me", unique, wanted | {"unwanted_mails": ["order_shipped"]})
    assert (refused, problem["errors"][0]["field"]) == (422, "unwanted_mails")
    assert ask("GET", "/api/me", unique) == (200, kept)
    assert 'name="no_stock" value="true" checked' in page("GET", "/account", unique)[1]
    form = {"name": "An", "language": "en", "no_answers": "true"}
    assert page("POST", "/account/profile", unique, form)[0] == 303
    assert ask("GET", "/api/me", unique)[1]["unwanted_mails"] == ["answers"]


def test_an_account_shows_its_balance_its_reference_and_the_months_postings(unique: str) -> None:
    name, now = f"customer/{unique}", iso(utc_now())
    transfer = Transfer(f"t-{unique}", "top-up", "TWD", postings_of({"provider/bank": -500, name: 500}), name, now)
    record_postings([post(transfer)])
    status, account = ask("GET", "/api/me/account", unique)
    assert (status, account["balance_minor"], account["available_minor"], account["reference"]) == (200, 500, 500, name)
    assert [(each["kind"], each["amount_minor"]) for each in account["postings"]] == [("top-up", 500)]
    assert ask("GET", "/api/me/account", unique, month="2001-01")[1]["postings"] == []
    assert ask("GET", "/api/me/account", unique, month="2026-13")[0] == 422


def test_recipients_are_the_callers_own(unique: str) -> None:
    status, made = ask("POST", "/api/me/recipients", unique, RECIPIENT, "recipient-1")
    assert (status, made["customer"]) == (201, unique)
    assert ask("POST", "/api/me/recipients", unique, RECIPIENT, "recipient-1") == (201, made)
    assert ask("POST", "/api/me/recipients", unique, RECIPIENT | {"city": "竹北市"}, "recipient-1")[0] == 409
    assert ask("GET", "/api/me/recipients", unique) == (200, {"recipients": [made]})
    assert ask("GET", f"/api/me/recipients/{made['id']}", "someone-else")[0] == 404
    assert ask("DELETE", f"/api/me/recipients/{made['id']}", "someone-else")[0] == 404
    assert ask("DELETE", f"/api/me/recipients/{made['id']}", unique)[0] == 200
    assert ask("GET", "/api/me/recipients", unique) == (200, {"recipients": []})


def test_the_browsing_sequence_can_be_read_and_erased(unique: str) -> None:
    session = customers.join_session(customers.start_session(True).id, unique)
    for path in ("/", "/stores/tea"):
        customers.record_view(session.id, "store", path)
    assert [view["path"] for view in ask("GET", "/api/me/views", unique)[1]["views"]] == ["/", "/stores/tea"]
    assert ask("DELETE", "/api/me/views", unique)[0] == 200
    assert ask("GET", "/api/me/views", unique) == (200, {"views": []})


def test_an_enterprise_applies_is_approved_and_opens_a_store_that_its_applicant_owns(unique: str) -> None:
    application = {"enterprise": f"e{unique}", "names": {"zh-TW": "徐家"}, "registration": "12345678"}
    status, enterprise = ask("POST", "/api/enterprises", unique, application)
    assert (status, enterprise["state"]) == (201, "applied")
    assert ask("POST", "/api/enterprises", unique, application) == (201, enterprise)
    assert ask("GET", f"/api/enterprises/e{unique}", "someone-else")[0] == 404
    store = {"store": f"s{unique}", "names": {"zh-TW": "茶行"}, "classification": "food", "carrier": "hct"}
    path = f"/api/enterprises/e{unique}/stores"
    assert ask("POST", path, unique, store)[0] == 422
    decide_enterprise(f"e{unique}", True, "operator")
    assert ask("POST", path, "someone-else", store)[0] == 403
    status, opened = ask("POST", path, unique, store)
    assert (status, opened["state"], opened["enterprise"]) == (201, "draft", f"e{unique}")
    assert ask("POST", path, unique, store) == (201, opened)
    assert customers.find_role(unique, "store", f"s{unique}") == "owner"
    memberships = ask("GET", "/api/me/memberships", unique)[1]["memberships"]
    assert [(each["kind"], each["id"], each["role"]) for each in memberships] == [
        ("enterprise", f"e{unique}", "owner"),
        ("store", f"s{unique}", "owner"),
    ]


def test_a_refused_application_opens_no_store(unique: str) -> None:
    ask("POST", "/api/enterprises", unique, {"enterprise": f"e{unique}", "names": {"en": "E"}, "registration": "1"})
    decide_enterprise(f"e{unique}", False, "operator")
    store = {"store": f"s{unique}", "names": {"en": "S"}, "classification": "food"}
    assert ask("POST", f"/api/enterprises/e{unique}/stores", unique, store)[0] == 422
    with pytest.raises(NotFound):
        get_store(f"s{unique}")


def test_an_invitation_is_taken_up_by_one_person(unique: str) -> None:
    code = customers.invite("store", unique, "packer", "owner", names={"en": "Tea house"}).code
    status, membership = ask("POST", f"/api/invitations/{code}", f"pia-{unique}")
    assert (status, membership["kind"], membership["id"], membership["role"]) == (200, "store", unique, "packer")
    assert ask("POST", f"/api/invitations/{code}", f"pim-{unique}")[0] == 404
    assert ask("POST", "/api/invitations/never-made", unique)[0] == 404


def test_nobody_is_sent_to_the_sign_in_page_and_programs_get_401() -> None:
    assert page("GET", "/account/views", "") == (303, "/union/account/sign-in?next=%2Faccount%2Fviews")
    assert ask("GET", "/api/me", "")[0] == 401


def test_the_account_page_shows_money_memberships_and_profile(unique: str) -> None:
    customers.save_profile(unique, name="林<小安>", email="lin@example.com", language="zh-TW")
    customers.grant_membership(unique, "store", f"s{unique}", "packer")
    status, body = page("GET", "/account", unique)
    assert status == 200
    for text in ("NT$0", f"customer/{unique}", f"/union/manage/s{unique}", "林&lt;小安&gt;", "lin@example.com"):
        assert text in body


def test_pages_keep_recipients_and_erase_views(unique: str) -> None:
    form = {"name": "林", "address": "中正路 1 號", "city": "新竹市", "postcode": "300", "phone": "0912"}
    form["idempotency_key"] = f"key-{unique}"
    assert page("POST", "/account/recipients", unique, form) == (303, "/union/account/recipients")
    [recipient] = customers.list_recipients(unique)
    assert "中正路 1 號" in page("GET", "/account/recipients", unique)[1]
    assert page("POST", f"/account/recipients/{recipient.id}/remove", unique)[0] == 303
    session = customers.join_session(customers.start_session(True).id, unique)
    customers.record_view(session.id, "store", "/stores/tea")
    assert "/union/stores/tea" in page("GET", "/account/views", unique)[1]
    assert page("POST", "/account/views/erase", unique)[0] == 303
    assert customers.list_views(unique) == []


def test_pages_take_an_enterprise_from_its_application_to_its_store(unique: str) -> None:
    assert page("GET", "/account/enterprises", unique)[0] == 200
    form = {"enterprise": f"e{unique}", "registration": "1", "name-zh-TW": "徐家", "name-en": "Xu"}
    assert page("POST", "/account/enterprises", unique, form) == (303, f"/union/account/enterprises/e{unique}")
    assert page("GET", f"/account/enterprises/e{unique}", unique)[0] == 200
    decide_enterprise(f"e{unique}", True, "operator")
    assert 'name="store"' in page("GET", f"/account/enterprises/e{unique}", unique)[1]
    form = {
        "store": f"s{unique}",
        "name-zh-TW": "茶行",
        "classification": "food",
        "carrier": "hct",
        "procedure": "carrier",
    }
    path = f"/account/enterprises/e{unique}/stores"
    assert page("POST", path, unique, form) == (303, f"/union/manage/s{unique}/settings")
    assert get_store(f"s{unique}").names == {"zh-TW": "茶行"}
    code = customers.invite("store", f"s{unique}", "packer", unique, names={"zh-TW": "茶行"}).code
    assert "茶行" in page("GET", f"/invitations/{code}", "pia")[1]
    assert page("POST", f"/invitations/{code}", f"pia-{unique}") == (303, f"/union/manage/s{unique}")


def test_a_form_from_another_site_is_refused(unique: str) -> None:
    event = gateway_event("POST", "/account/views/erase", form={"x": "y"}, subject=unique)
    event["headers"]["Sec-Fetch-Site"] = "cross-site"
    assert lambda_handler(event, CONTEXT)["statusCode"] == 403
