"""The catalog part of a store's management, on real tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from manage.app import lambda_handler
from mart_union.catalog import service as catalog
from mart_union.catalog.model import OfferReference
from mart_union.catalog.upload_model import report_key
from mart_union.customers.service import accept_invitation, find_role, grant_membership
from mart_union.kernel import bucket
from mart_union.kernel.settings import settings
from mart_union.stock.service import get_level
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.buckets import own_bucket
from tests.services.test_catalog import NOW, laid_in, listing, opened, union

__all__ = ["union"]


@pytest.fixture(scope="module", autouse=True)
def place(tables: None) -> Iterator[None]:
    bucket._signing_client.cache_clear()
    with own_bucket():
        yield
    bucket._signing_client.cache_clear()


def ask(method: str, path: str, role: str = "manager", **options: Any) -> dict[str, Any]:
    return lambda_handler(gateway_event(method, path, subject=f"{role}-1", role=role, **options), CONTEXT)


def api(method: str, path: str, role: str = "manager", **options: Any) -> tuple[int, Any]:
    answer = ask(method, f"/api{path}", role, **options)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def store(union: object, unique: str) -> str:
    opened(unique)
    laid_in(listing(unique, "A-1", low_stock=3), 2)
    return unique


def test_the_overview_counts_what_waits(store: str) -> None:
    answer = ask("GET", f"/manage/{store}", "packer", headers={"Accept-Language": "en"})
    assert answer["statusCode"] == 200
    assert "<strong>1</strong><span>listings low in stock</span>" in answer["body"]
    assert "<strong>0</strong><span>open orders</span>" in answer["body"]


@pytest.mark.parametrize("page", ["", "/listings", "/listings/A-1", "/categories", "/uploads", "/staff", "/settings"])
def test_every_page_renders_in_every_language_for_a_manager(store: str, page: str) -> None:
    for language in settings().languages:
        answer = ask("GET", f"/manage/{store}{page}", headers={"Accept-Language": language})
        assert (answer["statusCode"], "<h1>" in answer["body"]) == (200, True)


def test_a_packer_sees_listings_but_does_not_change_them(store: str) -> None:
    before = catalog.get_listing(store, "A-1")
    assert api("GET", f"/manage/{store}/listings", "packer")[0] == 200
    body = {"titles": {"en": "Cheap"}, "price_minor": 100}
    assert api("PUT", f"/manage/{store}/listings/A-1", "packer", body=body)[0] == 403
    assert ask("POST", f"/manage/{store}/listings/A-1/state", "packer", form={"state": "paused"})["statusCode"] == 403
    assert api("GET", f"/manage/{store}/uploads", "packer")[0] == 403
    assert catalog.get_listing(store, "A-1") == before


def test_nobody_and_strangers_are_sent_away(store: str) -> None:
    anonymous = lambda_handler(gateway_event("GET", f"/manage/{store}"), CONTEXT)
    assert (anonymous["statusCode"], headers_of(anonymous)["location"]) == (
        303,
        f"/union/account/sign-in?next=%2Fmanage%2F{store}",
    )
    stranger = lambda_handler(gateway_event("GET", f"/manage/{store}", subject="x"), CONTEXT)
    assert stranger["statusCode"] == 403


def test_a_listing_is_made_and_changed_through_the_api(store: str) -> None:
    body = {"titles": {"en": "Oriental Beauty"}, "price_minor": 180000, "glyph": "🍵"}
    status, made = api("PUT", f"/manage/{store}/listings/OB-1", body=body)
    assert (status, made["price_minor"], made["state"], made["sequence"]) == (200, 180000, "on_sale", 1)
    assert get_level(f"listing/{store}/OB-1").reserve == 0
    assert api("PUT", f"/manage/{store}/listings/OB-1", body=body)[1]["sequence"] == 1
    assert api("PUT", f"/manage/{store}/listings/OB-1", body=body | {"price_minor": 150})[0] == 422
    assert api("PUT", f"/manage/{store}/listings/OB-1", body=body | {"union_category": "spaceships"})[0] == 422
    assert catalog.get_listing(store, "OB-1").price_minor == 180000


def test_a_form_changes_price_and_category_and_goes_back(store: str) -> None:
    form = {"title-en": "Tea", "price": "420", "new_category": "Tea > Oolong", "kind": "goods"}
    answer = ask("POST", f"/manage/{store}/listings/A-1", form=form)
    assert (answer["statusCode"], headers_of(answer)["location"]) == (303, f"/union/manage/{store}/listings/A-1")
    changed = catalog.get_listing(store, "A-1")
    assert (changed.titles, changed.price_minor, changed.category, changed.low_stock) == (
        {"en": "Tea"},
        42000,
        "tea.oolong",
        3,
    )


def test_pausing_stops_sales_at_once(store: str) -> None:
    assert api("POST", f"/manage/{store}/listings/A-1/state", body={"state": "paused"})[1]["state"] == "paused"
    assert get_level(f"listing/{store}/A-1").on_sale is False
    assert api("POST", f"/manage/{store}/listings/A-1/state", body={"state": "gone"})[0] == 422


def test_a_linked_listing_is_refused_here(store: str) -> None:
    made = catalog.save_listing(
        listing(store, "GX-1", level="offer/guanxi/HERB", offer=OfferReference("guanxi", "HERB")), "staff", NOW
    )
    status, problem = api("PUT", f"/manage/{store}/listings/GX-1", body={"titles": {"en": "x"}, "price_minor": 100})
    assert (status, problem["type"]) == (422, "urn:mart-union:problem:rule-violation")
    assert catalog.get_listing(store, "GX-1") == made


def test_categories_get_other_names(store: str) -> None:
    tea = catalog.category_of_path(store, "Tea")
    answer = ask(
        "POST", f"/manage/{store}/categories/{tea}", form={"name-zh-TW": "茶", "name-en": "Tea", "position": "2"}
    )
    assert answer["statusCode"] == 303
    saved = catalog.get_category(store, tea)
    assert (saved.names, saved.position) == ({"zh-TW": "茶", "en": "Tea"}, 2)
    status, _ = api("PUT", f"/manage/{store}/categories/{tea}", body={"names": {"en": "Tea"}, "parent": tea})
    assert (status, catalog.get_category(store, tea)) == (422, saved)


def test_an_announced_upload_is_one_for_one_key_and_its_form_pins_key_and_size(store: str) -> None:
    key = {"Idempotency-Key": "0123456789abcdef"}
    status, first = api("POST", f"/manage/{store}/uploads", headers=key)
    again = api("POST", f"/manage/{store}/uploads", headers=key)[1]
    assert (status, again["upload"], first["fields"]["key"]) == (
        201,
        first["upload"],
        f"uploads/{store}/{first['upload']}.csv",
    )
    assert first["largest_bytes"] == 50_000_000
    listed = api("GET", f"/manage/{store}/uploads")[1]["items"]
    assert [(each["id"], each["state"], each["actor"]) for each in listed] == [
        (first["upload"], "IN_QUEUE", "manager-1")
    ]
    assert api("POST", f"/manage/{store}/uploads")[0] == 422


def test_an_awaited_upload_shows_the_form_and_an_ended_one_its_report(store: str) -> None:
    upload = catalog.announce_upload(f"store/{store}", "manager-1", "0123456789abcdef", NOW)
    path = f"/manage/{store}/uploads/{upload.id}"
    page = ask("GET", path)["body"]
    assert f'name="key" value="uploads/{store}/{upload.id}.csv"' in page
    assert 'name="success_action_redirect"' in page
    claimed = catalog.claim_upload(f"store/{store}", upload.id, "etag", NOW)
    assert claimed is not None
    finding = {
        "line": 3,
        "code": "bad-price",
        "severity": "error",
        "message": "price: '3' is not a price",
        "field": "price",
    }
    bucket.put_object(report_key(f"store/{store}", upload.id), json.dumps({"findings": [finding]}), "application/json")
    catalog.finish_upload(claimed, "DONE", "", NOW)
    assert "bad-price" in ask("GET", path)["body"]
    assert api("GET", path)[1]["findings"] == [finding]


def test_an_upload_of_another_store_is_not_found(store: str) -> None:
    upload = catalog.announce_upload("store/another", "someone", "0123456789abcdef", NOW)
    assert api("GET", f"/manage/{store}/uploads/{upload.id}")[0] == 404


def test_an_owner_invites_and_lets_go(store: str) -> None:
    assert api("POST", f"/manage/{store}/staff/invitations", body={"role": "packer"})[0] == 403
    status, invitation = api("POST", f"/manage/{store}/staff/invitations", "owner", body={"role": "packer"})
    accept_invitation(invitation["code"], f"{store}-newcomer")
    assert (status, find_role(f"{store}-newcomer", "store", store)) == (201, "packer")
    left = api("DELETE", f"/manage/{store}/staff/{store}-newcomer", "owner")[1]
    assert ([each["role"] for each in left["staff"]], find_role(f"{store}-newcomer", "store", store)) == (["owner"], "")
    assert api("DELETE", f"/manage/{store}/staff/{store}-owner", "owner")[0] == 422


def test_an_invitation_is_shown_once_on_the_page(store: str) -> None:
    page = ask("POST", f"/manage/{store}/staff", "owner", form={"role": "manager"})["body"]
    assert "/union/invitations/" in page
    assert "/union/invitations/" not in ask("GET", f"/manage/{store}/staff", "owner")["body"]


def settings_form(**changes: str) -> dict[str, str]:
    form = {
        "name-en": "Emei Lakeside Tea",
        "text-en": "Growers.",
        "classification": "food-drink",
        "place": "Hsinchu City",
        "glyph": "🍵",
        "procedure": "carrier",
        "carrier": "windcity-express",
        "lead_days": "3",
        "return_window_days": "7",
        "delivery_amount": "80",
        "free_delivery_from": "",
        "settlement_period": "weekly",
        "mon-opens": "09:00",
        "mon-closes": "18:00",
    }
    return {name: value for name, value in (form | changes).items() if value}


def test_the_settings_form_changes_the_terms(store: str) -> None:
    assert ask("POST", f"/manage/{store}/settings", form=settings_form())["statusCode"] == 303
    changed = catalog.get_store(store)
    assert (changed.lead_days, changed.delivery_amount, changed.free_delivery_from) == (3, 8000, None)
    assert (changed.hours["mon"], changed.hours["tue"], changed.sequence) == (("09:00", "18:00"), None, 2)
    ask("POST", f"/manage/{store}/settings", form=settings_form())
    assert catalog.get_store(store).sequence == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"lead_days": "-1"},
        {"delivery_amount": "8.123"},
        {"procedure": "magic"},
        {"carrier": "pigeon"},
        {"mon-opens": "9"},
    ],
)
def test_settings_that_are_wrong_change_nothing(store: str, wrong: dict[str, str]) -> None:
    before = catalog.get_store(store)
    assert ask("POST", f"/manage/{store}/settings", form=settings_form(**wrong))["statusCode"] == 422
    assert catalog.get_store(store) == before


def test_only_an_owner_pauses_the_store(store: str) -> None:
    assert api("POST", f"/manage/{store}/settings/state", body={"state": "paused"})[0] == 403
    assert catalog.get_store(store).state == "open"
    assert api("POST", f"/manage/{store}/settings/state", "owner", body={"state": "paused"})[1]["state"] == "paused"


def test_staff_names_come_from_their_profiles(store: str) -> None:
    grant_membership(f"{store}-packer", "store", store, "packer")
    body = ask("GET", f"/manage/{store}/staff", headers={"Accept-Language": "en"})["body"]
    assert ("A person without a name" in body, f"{store}-packer" in body.split("<table")[1].split("</table>")[0]) == (
        True,
        False,
    )
