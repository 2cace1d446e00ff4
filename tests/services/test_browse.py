"""The public pages and their JSON, on real tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from browse.app import lambda_handler
from mart_union.catalog import service as catalog
from mart_union.catalog.model import Category
from mart_union.customers.service import list_session_views, start_session
from mart_union.kernel import storage
from mart_union.stock.counting import count
from tests.gateway import CONTEXT, cookies_of, gateway_event, headers_of
from tests.services.test_catalog import NOW, laid_in, listing, opened, union

__all__ = ["union"]


def ask(method: str, path: str, **options: Any) -> dict[str, Any]:
    return lambda_handler(gateway_event(method, path, **options), CONTEXT)


@pytest.fixture
def store(union: object, unique: str) -> str:
    catalog.save_category("", Category("tea", {"zh-TW": "茶葉", "en": "Tea"}), "operator", NOW)
    opened(unique, names={"zh-TW": "峨眉湖畔茶行", "en": "Emei Lakeside Tea"})
    tea = catalog.category_of_path(unique, "Tea > Oolong")
    laid_in(
        listing(
            unique,
            "OB-TOP",
            titles={"zh-TW": "東方美人茶", "en": "Oriental Beauty </script>"},
            category=tea,
            union_category="tea",
        ),
        12,
    )
    catalog.rebuild_store(unique)
    catalog.rebuild_front()
    return unique


def test_the_front_shows_open_stores_and_leads_to_them_by_a_redirect(store: str) -> None:
    shelf = catalog.get_front()
    assert shelf is not None
    pages = [ask("GET", "/", query={"page": str(number)})["body"] for number in range(1, shelf.pages + 1)]
    assert any(f'href="/union/go/{store}"' in page for page in pages)
    assert "新竹市集聯盟" in pages[0]
    answer = ask("GET", f"/go/{store}")
    assert (answer["statusCode"], headers_of(answer)["location"]) == (303, f"/union/stores/{store}")


def test_a_redirect_to_a_store_that_is_not_there_is_not_found(union: object) -> None:
    assert ask("GET", "/go/nowhere")["statusCode"] == 404


def test_a_store_page_lists_its_cards_in_the_language_of_the_browser(store: str) -> None:
    answer = ask("GET", f"/stores/{store}", headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert answer["statusCode"] == 200
    assert "Emei Lakeside Tea" in answer["body"]
    assert f'href="/union/stores/{store}/OB-TOP"' in answer["body"]
    assert f'href="/union/stores/{store}?category=tea.oolong"' in answer["body"]
    assert headers_of(answer)["cache-control"] == "public, max-age=30"
    assert "峨眉湖畔茶行" in ask("GET", f"/stores/{store}")["body"]


def test_a_category_of_a_store_shows_what_is_in_it(store: str) -> None:
    answer = ask("GET", f"/stores/{store}", query={"category": "tea"})
    assert (answer["statusCode"], "OB-TOP" in answer["body"]) == (200, True)
    assert ask("GET", f"/stores/{store}", query={"category": "coffee"})["statusCode"] == 404


def test_a_paused_store_says_that_it_rests(store: str) -> None:
    catalog.set_store_state(store, "paused", "staff", NOW)
    catalog.rebuild_store(store)
    answer = ask("GET", f"/stores/{store}", headers={"Accept-Language": "en"})
    assert (answer["statusCode"], "This store is taking a break." in answer["body"]) == (200, True)


def test_a_listing_page_tells_what_is_left_and_has_safe_markup(store: str) -> None:
    answer = ask("GET", f"/stores/{store}/OB-TOP", headers={"Accept-Language": "en"})
    body = answer["body"]
    assert "12 left" in body
    assert 'action="/union/cart/lines"' in body
    markup = body.split('<script type="application/ld+json">')[1].split("</script>")[0]
    assert json.loads(markup)["offers"]["price"] == "380.00"
    assert json.loads(markup)["name"] == "Oriental Beauty </script>"


def test_a_sold_out_listing_has_no_buy_form(store: str) -> None:
    count(f"listing/{store}/OB-TOP", 0, actor="staff", reference="", now=NOW)
    body = ask("GET", f"/stores/{store}/OB-TOP", headers={"Accept-Language": "en"})["body"]
    assert ("Sold out" in body, "/cart/lines" in body) == (True, False)


def test_a_union_category_gathers_all_stores(store: str) -> None:
    answer = ask("GET", "/categories/tea")
    assert (answer["statusCode"], f"/stores/{store}/OB-TOP" in answer["body"]) == (200, True)


def test_unknown_things_are_problem_details(union: object) -> None:
    for path in ("/api/stores/nowhere", "/api/listings/nowhere/A-1", "/api/stores/nowhere/listings"):
        answer = ask("GET", path)
        assert (answer["statusCode"], json.loads(answer["body"])["type"]) == (404, "urn:mart-union:problem:not-found")
        assert headers_of(answer)["content-type"] == "application/problem+json"


def test_the_json_of_a_listing_has_its_reserve(store: str) -> None:
    answer = json.loads(ask("GET", f"/api/listings/{store}/OB-TOP")["body"])
    assert (answer["reserve"], answer["available"], answer["price_minor"], answer["currency"]) == (
        12,
        True,
        38000,
        "TWD",
    )


def test_the_json_of_stores_and_listings_come_from_the_shelves(store: str) -> None:
    listings = json.loads(ask("GET", f"/api/stores/{store}/listings")["body"])
    assert ([each["sku"] for each in listings["listings"]], listings["total"]) == (["OB-TOP"], 1)
    assert json.loads(ask("GET", f"/api/stores/{store}")["body"])["delivery_minor"] == 8000
    assert json.loads(ask("GET", "/api/stores")["body"])["pages"] >= 1
    assert "tea" in {each["id"] for each in json.loads(ask("GET", "/api/categories")["body"])["categories"]}


def requests_of(path: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests to the tables that one page makes."""
    made: list[str] = []
    events = storage.client().meta.events
    handler = lambda request, operation_name, **_: made.append(operation_name)  # noqa: E731
    events.register("request-created.dynamodb", handler)
    try:
        ask("GET", path)
    finally:
        events.unregister("request-created.dynamodb", handler)
    return made


def test_each_public_page_costs_one_request(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("GET", f"/stores/{store}/OB-TOP")
    for path in ("/", f"/stores/{store}", "/categories/tea"):
        assert requests_of(path, monkeypatch) == ["GetItem"]
    assert requests_of(f"/stores/{store}/OB-TOP", monkeypatch) == ["BatchGetItem"]


def test_a_view_is_recorded_only_with_consent_and_a_session(store: str) -> None:
    session = start_session(True, datetime.now(UTC)).id
    ask("GET", f"/stores/{store}", headers={"Cookie": f"mu_session={session}"})
    ask("GET", f"/stores/{store}", headers={"Cookie": f"mu_session={session}; mu_consent=no"})
    assert seen(session) == []
    agreed = {"Cookie": f"mu_session={session}; mu_consent=yes"}
    ask("GET", f"/go/{store}", headers=agreed)
    answer = ask("GET", f"/stores/{store}/OB-TOP", headers=agreed)
    assert headers_of(answer)["cache-control"] == "private, no-cache"
    assert seen(session) == [("redirect", store, ""), ("listing", store, "OB-TOP")]


def seen(session: str) -> list[tuple[str, str, str]]:
    page = list_session_views(session)
    views = sorted(getattr(page, "items", page), key=lambda view: view.at)
    return [(view.kind, view.store, view.sku) for view in views]


def test_consent_starts_a_session_and_goes_back_to_the_page(union: object) -> None:
    answer = ask("POST", "/consent", form={"consent": "yes", "next": "/stores/a"})
    assert (answer["statusCode"], headers_of(answer)["location"]) == (303, "/union/stores/a")
    names = sorted(cookie.split("=")[0] for cookie in cookies_of(answer))
    assert names == ["mu_consent", "mu_session"]
    elsewhere = ask("POST", "/consent", form={"consent": "no", "next": "//evil.example"})
    assert headers_of(elsewhere)["location"] == "/union/"


def test_a_language_that_the_union_does_not_speak_is_refused(union: object) -> None:
    answer = ask("POST", "/language", form={"language": "en", "next": "/"})
    assert "mu_language=en" in cookies_of(answer)[0]
    refused = ask("POST", "/language", form={"language": "tlh", "next": "/"})
    assert (refused["statusCode"], cookies_of(refused)) == (422, [])


def test_an_asset_may_be_kept_for_ever(union: object) -> None:
    page = ask("GET", "/")["body"]
    link = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert link.startswith("/union/assets/style.css?v=")
    answer = ask("GET", "/assets/style.css")
    assert headers_of(answer)["cache-control"] == "public, max-age=31536000, immutable"
    assert headers_of(answer)["content-type"] == "text/css; charset=utf-8"
    assert ask("GET", "/assets/..%2Fsecret")["statusCode"] == 404


@pytest.mark.parametrize("trouble", ["nobody answers", "the service is in trouble"])
@pytest.mark.parametrize("path", ["/", "/stores/{}", "/stores/{}/OB-TOP", "/categories/tea", "/go/{}"])
def test_a_page_is_shown_though_its_view_cannot_be_kept_which_a_metric_tells_without_saying_whose(
    store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str, trouble: str
) -> None:
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    session = start_session(True, datetime.now(UTC)).id
    storage.client().meta.events.register_first("before-call.dynamodb.TransactWriteItems", _TROUBLES[trouble])
    try:
        answer = ask(
            "GET", path.format(store), headers={"Cookie": f"mu_session={session}; mu_consent=yes"}, query={"page": "1"}
        )
    finally:
        storage.client().meta.events.unregister("before-call.dynamodb.TransactWriteItems", _TROUBLES[trouble])
    assert answer["statusCode"] == (303 if path.startswith("/go") else 200)
    told = [line for line in capsys.readouterr().out.splitlines() if "ViewsNotKept" in line]
    assert [json.loads(line)["ViewsNotKept"] for line in told] == [[1.0]]
    assert session not in told[0]
    assert seen(session) == []


def _unanswered(**_: Any) -> None:
    raise EndpointConnectionError(endpoint_url="https://dynamodb")


def _in_trouble(**_: Any) -> tuple[Any, dict[str, Any]]:
    error = {"Code": "InternalServerError", "Message": "by the test"}
    return SimpleNamespace(status_code=500, headers={}), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 500}}


_TROUBLES = {"nobody answers": _unanswered, "the service is in trouble": _in_trouble}


def test_the_address_of_a_category_that_is_gone_leads_to_where_it_stands_now(store: str) -> None:
    old = f"old-{store}"
    catalog.save_category("", Category(old, {"en": "Old"}), "operator", NOW)
    assert ask("GET", f"/categories/{old}")["statusCode"] == 404
    catalog.merge_category("", old, "tea", "operator", NOW)
    moved = ask("GET", f"/categories/{old}")
    assert (moved["statusCode"], headers_of(moved)["location"]) == (303, "/union/categories/tea")
    catalog.category_of_path(store, "Teas")
    catalog.merge_category(store, "teas", "tea.oolong", "staff", NOW)
    moved = ask("GET", f"/stores/{store}", query={"category": "teas"})
    assert (moved["statusCode"], headers_of(moved)["location"]) == (303, f"/union/stores/{store}?category=tea.oolong")
