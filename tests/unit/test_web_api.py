"""From an API Gateway event to a response: routes, refusals, cookies, and nothing that leaks."""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from mart_union.kernel.errors import MartUnionError, NotFound, OutOfStock
from mart_union.web import words
from mart_union.web.access import CUSTOMER, MANAGER, PUBLIC
from mart_union.web.answer import Json, Page, Raw, Redirect, SetCookie
from mart_union.web.api import Api
from mart_union.web.request import Request
from tests.gateway import CONTEXT, cookies_of, gateway_event, headers_of


@dataclass(frozen=True)
class Wish:
    """What the test's routes take."""

    sku: str
    quantity: int


class Shop:
    """A function with a route of each sort; it remembers what its handlers were called with."""

    def __init__(self) -> None:
        self.api = Api("shop")
        self.seen: list[Request] = []
        self.answer: Any = None
        get, post = self.api.get, self.api.post
        for path, access in [
            ("/api/things/{thing}", PUBLIC),
            ("/things/{thing}", PUBLIC),
            ("/api/mine", CUSTOMER),
            ("/mine", CUSTOMER),
            ("/api/manage/{store}/things", MANAGER),
            ("/manage/{store}/things", MANAGER),
        ]:
            get(path, access)(self._handle)
        for path in ("/api/wishes", "/wishes"):
            post(path, CUSTOMER, body=Wish, answer=Wish, status=201, key=True)(self._handle)

    def _handle(self, request: Request) -> Any:
        self.seen.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        return self.api.handle(gateway_event(method, path, **options), CONTEXT)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def problem(response: dict[str, Any]) -> dict[str, Any]:
    assert headers_of(response)["content-type"] == "application/problem+json"
    content: dict[str, Any] = json.loads(response["body"])
    assert content["status"] == response["statusCode"]
    return content


WISH = {"sku": "OB-TOP", "quantity": 2}
KEY = {"Idempotency-Key": "a-key-of-mine"}


# Answers


def test_a_value_is_answered_as_json_that_nobody_keeps(shop: Shop) -> None:
    shop.answer = Wish("茶", 2)
    response = shop.call("GET", "/api/things/OB-TOP")
    assert (response["statusCode"], json.loads(response["body"])) == (200, {"sku": "茶", "quantity": 2})
    headers = headers_of(response)
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_handler_sees_parameters_query_caller_and_language(shop: Shop) -> None:
    shop.call(
        "GET",
        "/api/manage/emei-tea/things",
        query={"lang": "en", "cursor": "x"},
        headers={"COOKIE": "mu_session=s1"},
        subject="s-1",
        role="owner",
    )
    [request] = shop.seen
    assert request.params == {"store": "emei-tea"}
    assert request.query == {"lang": "en", "cursor": "x"}
    assert (request.caller.subject, request.caller.role) == ("s-1", "owner")
    assert (request.language, request.session, request.base) == ("en", "s1", "/union")


def test_a_created_thing_has_the_status_of_its_route_unless_the_answer_says_otherwise(shop: Shop) -> None:
    shop.answer = Wish("A", 1)
    assert shop.call("POST", "/api/wishes", body=WISH, headers=KEY, subject="s")["statusCode"] == 201
    shop.answer = Json(Wish("A", 1), 202, headers={"Location": "/api/wishes/1"})
    response = shop.call("POST", "/api/wishes", body=WISH, headers=KEY, subject="s")
    assert (response["statusCode"], headers_of(response)["location"]) == (202, "/api/wishes/1")


def test_a_redirect_stays_under_the_unions_base_and_is_always_a_get(shop: Shop) -> None:
    shop.answer = Redirect("/cart?next=https://elsewhere.example/")
    response = shop.call("GET", "/things/1")
    assert (response["statusCode"], headers_of(response)["location"]) == (
        303,
        "/union/cart?next=https://elsewhere.example/",
    )
    shop.answer = Redirect("https://shop.example/tea")
    assert headers_of(shop.call("GET", "/things/1"))["location"] == "https://shop.example/tea"


def test_a_raw_body_keeps_its_media_type(shop: Shop) -> None:
    shop.answer = Raw("a,b\r\n", "text/csv", {"Cache-Control": "max-age=60"})
    response = shop.call("GET", "/things/1")
    assert (response["body"], headers_of(response)["content-type"]) == ("a,b\r\n", "text/csv")
    assert headers_of(response)["cache-control"] == "max-age=60"


def test_cookies_are_http_only_lax_and_under_the_base(shop: Shop) -> None:
    shop.answer = Redirect(
        "/", (SetCookie("mu_token", "t", 3600), SetCookie("mu_refresh", "r", 86400, path="/account"))
    )
    first, second = cookies_of(shop.call("GET", "/things/1"))
    assert first.startswith("mu_token=t; ")
    assert {"Path=/union/", "Max-Age=3600", "Secure", "HttpOnly", "SameSite=Lax"} <= set(first.split("; "))
    assert "Path=/union/account" in second


def test_a_cookie_is_not_marked_secure_where_the_network_has_no_tls(shop: Shop) -> None:
    shop.answer = Redirect("/", (SetCookie("mu_token", "t", 3600),))
    [cookie] = cookies_of(shop.call("GET", "/things/1", headers={"X-Forwarded-Proto": "http"}))
    assert "Secure" not in cookie


# Access


def test_an_api_route_without_a_token_answers_401(shop: Shop) -> None:
    response = shop.call("GET", "/api/mine")
    assert problem(response)["type"] == "urn:mart-union:problem:unauthenticated"
    assert (response["statusCode"], headers_of(response)["www-authenticate"]) == (401, "Bearer")
    assert shop.seen == []


def test_a_page_without_a_token_leads_to_the_sign_in_page_and_back(shop: Shop) -> None:
    response = shop.call("GET", "/manage/emei-tea/things")
    assert response["statusCode"] == 303
    assert headers_of(response)["location"] == "/union/account/sign-in?next=%2Fmanage%2Femei-tea%2Fthings"
    assert shop.seen == []


def test_what_a_page_was_asked_for_comes_along_to_the_sign_in_page_where_it_has_room(shop: Shop) -> None:
    def led_to(**query: str) -> str:
        answer = shop.call("GET", "/manage/emei-tea/things", query=query)
        return str(headers_of(answer)["location"])

    there = "/union/account/sign-in?next=%2Fmanage%2Femei-tea%2Fthings"
    assert led_to(day="2026-11-22", q="茶 a&b") == f"{there}%3Fday%3D2026-11-22%26q%3D%25E8%258C%25B6%2Ba%2526b"
    assert led_to(q="x" * 1_025) == there


def test_a_form_without_a_token_is_refused_not_redirected(shop: Shop) -> None:
    response = shop.call("POST", "/wishes", form={"sku": "A", "quantity": "1"}, headers=KEY)
    assert response["statusCode"] == 401
    assert shop.seen == []


@pytest.mark.parametrize("path", ["/api/manage/emei-tea/things", "/manage/emei-tea/things"])
@pytest.mark.parametrize("role", ["", "packer", "member", "operator"])
def test_a_role_that_is_too_low_is_refused(shop: Shop, path: str, role: str) -> None:
    assert shop.call("GET", path, subject="s-1", role=role)["statusCode"] == 403
    assert shop.seen == []


def test_access_is_checked_before_the_body_is_read(shop: Shop) -> None:
    assert shop.call("POST", "/api/wishes", body="not JSON")["statusCode"] == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_post_from_another_sites_page_is_refused(shop: Shop, site: str) -> None:
    headers = {**KEY, "Sec-Fetch-Site": site}
    assert shop.call("POST", "/api/wishes", body=WISH, headers=headers, subject="s")["statusCode"] == 403
    assert shop.call("POST", "/wishes", form={}, headers=headers, subject="s")["statusCode"] == 403
    assert shop.seen == []


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_post_from_our_own_pages_or_no_page_is_taken(shop: Shop, site: str) -> None:
    headers = {**KEY, "Sec-Fetch-Site": site}
    assert shop.call("POST", "/api/wishes", body=WISH, headers=headers, subject="s")["statusCode"] == 201


def test_a_link_on_another_sites_page_may_be_followed(shop: Shop) -> None:
    assert shop.call("GET", "/api/things/1", headers={"Sec-Fetch-Site": "cross-site"})["statusCode"] == 200


# What comes in


def test_a_body_reaches_the_handler_as_what_the_route_names(shop: Shop) -> None:
    shop.call("POST", "/api/wishes", body=WISH, headers=KEY, subject="s")
    shop.call("POST", "/wishes", form={"sku": "OB-TOP", "quantity": "2"}, headers=KEY, subject="s")
    assert [request.content for request in shop.seen] == [Wish("OB-TOP", 2)] * 2


def test_a_compressed_or_binary_body_comes_in_base_64(shop: Shop) -> None:
    event = gateway_event("POST", "/api/wishes", headers=KEY, subject="s")
    event |= {"body": base64.b64encode(json.dumps(WISH).encode()).decode(), "isBase64Encoded": True}
    assert shop.api.handle(event, CONTEXT)["statusCode"] == 201
    event["body"] = base64.b64encode(b"\xff\xfe").decode()
    assert shop.api.handle(event, CONTEXT)["statusCode"] == 422


def test_a_body_that_does_not_fit_is_a_422_that_names_the_field(shop: Shop) -> None:
    response = shop.call("POST", "/api/wishes", body={"sku": "A", "quantity": "x"}, headers=KEY, subject="s")
    assert response["statusCode"] == 422
    assert problem(response)["errors"] == [{"field": "quantity", "reason": "a whole number is needed here"}]
    assert shop.seen == []


def test_a_route_that_creates_refuses_a_request_without_an_idempotency_key(shop: Shop) -> None:
    response = shop.call("POST", "/api/wishes", body=WISH, subject="s")
    assert response["statusCode"] == 422
    assert problem(response)["errors"][0]["field"] == "Idempotency-Key"
    assert shop.seen == []


def test_a_form_carries_its_key_in_a_hidden_field(shop: Shop) -> None:
    form = {"sku": "A", "quantity": "1", "idempotency_key": "key-of-the-form"}
    shop.call("POST", "/wishes", form=form, subject="s")
    assert shop.seen[0].idempotency_key == "key-of-the-form"


# Refusals and mistakes


def test_a_refusal_is_a_problem_with_its_facts(shop: Shop) -> None:
    shop.answer = OutOfStock("only 3 left", left=3)
    content = problem(shop.call("GET", "/api/things/1"))
    assert (content["status"], content["type"], content["detail"], content["left"]) == (
        409,
        "urn:mart-union:problem:out-of-stock",
        "only 3 left",
        3,
    )


def test_a_refusal_on_a_page_is_a_page(shop: Shop) -> None:
    shop.answer = NotFound("there is no <b>such</b> store")
    response = shop.call("GET", "/things/1", query={"lang": "en"})
    assert response["statusCode"] == 404
    assert headers_of(response)["content-type"] == "text/html; charset=utf-8"
    assert "there is no &lt;b&gt;such&lt;/b&gt; store" in response["body"]
    assert ">Back</a>" not in response["body"]
    came_from = {
        "Host": "hsinchu.example",
        "X-Forwarded-Proto": "https",
        "Referer": "https://hsinchu.example/things?page=2",
    }
    response = shop.call("GET", "/things/1", query={"lang": "en"}, headers=came_from)
    assert '<a class="button" href="/things?page=2" data-back>Back</a>' in response["body"]
    assert '<html lang="en">' in response["body"]
    assert "frame-ancestors 'none'" in headers_of(response)["content-security-policy"]


@pytest.mark.parametrize("path", ["/api/things/1", "/things/1"])
def test_an_unknown_error_is_a_plain_500_that_leaks_nothing(
    shop: Shop, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop.answer = KeyError("password of the till")
    with caplog.at_level(logging.ERROR):
        response = shop.call("GET", path)
    assert response["statusCode"] == 500
    assert "password" not in json.dumps(response)
    assert "KeyError" not in json.dumps(response)
    assert "Traceback" not in json.dumps(response)


def test_a_refusal_outside_the_family_of_codes_is_a_plain_500(shop: Shop) -> None:
    shop.answer = MartUnionError("a detail that nobody reviewed")
    response = shop.call("GET", "/api/things/1")
    assert response["statusCode"] == 500
    assert "reviewed" not in response["body"]


def test_an_answer_that_cannot_be_written_is_a_plain_500(shop: Shop) -> None:
    shop.answer = {"thing": object()}
    assert problem(shop.call("GET", "/api/things/1"))["title"] == "Internal error"
    shop.answer = Page("no-such-page.html", {})
    assert shop.call("GET", "/things/1")["statusCode"] == 500


def test_a_problem_is_told_even_when_no_page_can_be_made(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_names() -> dict[str, str]:
        raise OSError("the database is away")

    monkeypatch.setattr(words, "_names_of_union", [no_names])
    shop.answer = NotFound("there is no such store")
    response = shop.call("GET", "/things/1")
    assert (response["statusCode"], problem(response)["detail"]) == (404, "there is no such store")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/nothing"), ("POST", "/api/things/1"), ("GET", "/api/wishes")]
)
def test_what_is_not_a_route_is_not_found(shop: Shop, method: str, path: str) -> None:
    assert problem(shop.call(method, path, subject="s", headers=KEY))["status"] == 404


def test_a_page_that_does_not_exist_is_told_on_a_page(shop: Shop) -> None:
    response = shop.call("GET", "/nothing")
    assert (response["statusCode"], headers_of(response)["content-type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("thing", ["x" * 129, "茶" * 700, "a\x00b", "a\r\nb", "a\u202eb"])
def test_what_no_id_could_be_is_not_found(shop: Shop, thing: str) -> None:
    refused = shop.call("GET", f"/api/things/{thing}")
    assert (refused["statusCode"], problem(refused)["type"]) == (404, "urn:mart-union:problem:not-found")
    assert shop.seen == []


def test_an_id_of_the_longest_length_reaches_its_handler(shop: Shop) -> None:
    assert shop.call("GET", f"/api/things/{'茶' * 128}")["statusCode"] == 200


def test_a_value_in_the_query_is_refused_when_it_is_too_long(shop: Shop) -> None:
    refused = shop.call("GET", "/api/things/a", query={"category": "茶" * 342})
    assert refused["statusCode"] == 422
    assert problem(refused)["errors"] == [{"field": "category", "reason": "at most 1024 bytes"}]
    assert shop.seen == []


def test_a_body_that_no_item_could_hold_is_refused(shop: Shop) -> None:
    refused = shop.call("POST", "/api/wishes", subject="lin", headers=KEY, body={"sku": "x" * 256_000, "quantity": 1})
    assert (refused["statusCode"], problem(refused)["type"]) == (413, "urn:mart-union:problem:too-large")
    assert shop.seen == []


@pytest.mark.parametrize("said", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ";;,", "json"])
def test_a_body_that_says_that_it_is_no_json_is_refused_by_the_api(shop: Shop, said: str) -> None:
    headers = {**KEY, "Content-Type": said}
    refused = shop.call("POST", "/api/wishes", subject="lin", headers=headers, body={"sku": "A", "quantity": 1})
    if said.startswith(";"):  # it says nothing before its parameters
        assert refused["statusCode"] == 201
        return
    assert (refused["statusCode"], problem(refused)["type"]) == (415, "urn:mart-union:problem:unsupported-media-type")
    assert shop.seen == []


@pytest.mark.parametrize("said", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.a+json"])
def test_a_body_that_says_that_it_is_json_is_read(shop: Shop, said: str) -> None:
    headers = {**KEY, "Content-Type": said}
    made = shop.call("POST", "/api/wishes", subject="lin", headers=headers, body={"sku": "A", "quantity": 1})
    assert made["statusCode"] == 201


def test_a_page_reads_forms_only(shop: Shop) -> None:
    headers = {**KEY, "Content-Type": "application/json"}
    refused = shop.call("POST", "/wishes", subject="lin", headers=headers, body={"sku": "A", "quantity": 1})
    assert refused["statusCode"] == 415
    assert shop.seen == []
