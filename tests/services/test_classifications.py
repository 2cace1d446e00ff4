"""Which business a store is in: its own choice until it is opened, then the union's operator's."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from manage.app import lambda_handler as manage
from mart_union.catalog import service as catalog
from mart_union.catalog.model import Classification, Union
from mart_union.catalog.stores import classify_store
from mart_union.kernel.errors import ClassificationFixed, Conflict, Invalid, NotFound, RuleViolation
from operate.app import lambda_handler as operate
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.test_catalog import NOW, opened, union
from tests.services.test_manage_catalog import settings_form

__all__ = ["union"]


@pytest.fixture(autouse=True)
def place(tables: None, union: Union) -> None:
    """A union with two classifications: food-drink and craft."""


def as_manager(method: str, path: str, **options: Any) -> dict[str, Any]:
    return manage(gateway_event(method, path, subject="manager-1", role="manager", **options), CONTEXT)


def as_operator(method: str, path: str, **options: Any) -> dict[str, Any]:
    headers = {"Accept-Language": "en"}
    return operate(gateway_event(method, path, subject="op", role="operator", headers=headers, **options), CONTEXT)


def read_terms(store: str) -> dict[str, Any]:
    """What a store's PUT takes, as the store is now."""
    known = json.loads(as_manager("GET", f"/api/manage/{store}/settings")["body"])
    fixed = ("id", "enterprise", "state", "opened_at", "sequence", "procedures", "assigned", "category_parents")
    return {name: value for name, value in known.items() if name not in fixed}


def audited(store: str) -> list[tuple[str, str]]:
    return [(each.actor, each.action) for each in catalog.list_audit(f"store/{store}", "2026-11").items]


def front(store: str) -> str:
    return next(card.classification for card in catalog.list_stores() if card.store == store)


def test_a_store_that_was_never_opened_chooses_its_classification(unique: str) -> None:
    opened(unique, state="draft")
    answer = as_manager("PUT", f"/api/manage/{unique}/settings", body={**read_terms(unique), "classification": "craft"})
    assert (answer["statusCode"], catalog.get_store(unique).classification) == (200, "craft")
    form = settings_form(classification="food-drink")
    assert as_manager("POST", f"/manage/{unique}/settings", form=form)["statusCode"] == 303
    assert catalog.get_store(unique).classification == "food-drink"
    shown = as_manager("GET", f"/manage/{unique}/settings", headers={"Accept-Language": "en"})["body"]
    assert '<select name="classification"' in shown


@pytest.mark.parametrize("state", ["open", "paused", "closed"])
def test_a_store_that_has_been_opened_does_not_change_its_classification(unique: str, state: str) -> None:
    opened(unique)
    before = catalog.set_store_state(unique, state, "owner", NOW)
    entries = audited(unique)
    terms = {**read_terms(unique), "classification": "craft", "lead_days": 5}
    refused = as_manager("PUT", f"/api/manage/{unique}/settings", body=terms)
    problem = json.loads(refused["body"])
    assert (refused["statusCode"], problem["type"], problem["classification"], problem["detail"]) == (
        422,
        "urn:mart-union:problem:classification-fixed",
        "food-drink",
        "the store has been opened, so only the union's operator changes its classification: leave it as it is, and ask the union",
    )
    form = settings_form(classification="craft")
    assert as_manager("POST", f"/manage/{unique}/settings", form=form)["statusCode"] == 422
    assert (catalog.get_store(unique), audited(unique)) == (before, entries)


def test_the_other_terms_change_beside_the_same_classification_or_none(unique: str) -> None:
    opened(unique)
    same = {**read_terms(unique), "lead_days": 5}
    assert as_manager("PUT", f"/api/manage/{unique}/settings", body=same)["statusCode"] == 200
    form = settings_form(lead_days="6", classification="")
    assert "classification" not in form
    assert as_manager("POST", f"/manage/{unique}/settings", form=form)["statusCode"] == 303
    now = catalog.get_store(unique)
    assert (now.lead_days, now.classification, now.sequence) == (6, "food-drink", 3)


def test_the_settings_page_of_an_opened_store_says_who_changes_its_business(unique: str) -> None:
    opened(unique)
    shown = as_manager("GET", f"/manage/{unique}/settings", headers={"Accept-Language": "en"})["body"]
    assert '<select name="classification"' not in shown
    assert "<strong>Food and drink</strong>" in shown
    assert "only the union&#39;s operator changes its business" in shown


def test_the_operator_says_it_once_and_the_front_and_the_audit_trail_know(unique: str) -> None:
    opened(unique)
    path = f"/api/operate/stores/{unique}/classification"
    answers = [as_operator("PUT", path, body={"classification": "craft"}) for _ in range(2)]
    assert [answer["statusCode"] for answer in answers] == [200, 200]
    now = catalog.get_store(unique)
    assert (now.classification, now.sequence, front(unique)) == ("craft", 2, "craft")
    assert audited(unique)[0] == ("op", "store classified as craft")
    assert len(audited(unique)) == 2
    saved = as_operator("POST", path.removeprefix("/api"), form={"classification": "food-drink"})
    assert (saved["statusCode"], headers_of(saved)["location"]) == (303, f"/union/operate/stores?store={unique}")
    assert (catalog.get_store(unique).classification, front(unique)) == ("food-drink", "food-drink")


def test_what_the_operator_cannot_mean_is_refused_and_changes_nothing(unique: str) -> None:
    before, draft = opened(unique), opened(f"{unique}d", state="draft")
    with pytest.raises(Invalid):
        classify_store(unique, "spaceships", "op", NOW)
    with pytest.raises(RuleViolation) as refusal:
        classify_store(draft.id, "craft", "op", NOW)
    with pytest.raises(NotFound):
        classify_store(f"{unique}x", "craft", "op", NOW)
    assert "never been opened" in refusal.value.detail
    assert (catalog.get_store(unique), catalog.get_store(draft.id)) == (before, draft)


def test_the_operators_page_has_a_form_a_store_and_finds_one_that_is_not_open(unique: str) -> None:
    opened(unique)
    opened(f"{unique}d", state="draft")
    catalog.set_store_state(opened(f"{unique}p").id, "paused", "owner", NOW)
    page = as_operator("GET", "/operate/stores")["body"]
    assert f'action="/union/operate/stores/{unique}/classification"' in page
    assert '<option value="food-drink" selected>Food and drink</option>' in page
    assert f"/operate/stores/{unique}p/classification" not in page
    paused, draft = (
        as_operator("GET", "/operate/stores", query={"store": f"{unique}{each}"})["body"] for each in ("p", "d")
    )
    assert f'action="/union/operate/stores/{unique}p/classification"' in paused
    assert f"<code>{unique}d</code>" in draft
    assert f"/operate/stores/{unique}d/classification" not in draft
    assert as_operator("GET", "/operate/stores", query={"store": f"{unique}x"})["statusCode"] == 404


def test_a_store_keeps_its_other_terms_its_own_when_the_union_drops_its_classification(
    union: Union, unique: str
) -> None:
    opened(unique)
    craft = Classification("craft", {"en": "Craft and wares"})
    catalog.save_union(replace(union, classifications=(craft,)), "op", NOW)
    assert catalog.change_store(unique, {"lead_days": 4}, "manager", NOW).lead_days == 4
    shown = as_operator("GET", "/operate/stores")["body"]
    assert "<option selected>food-drink</option>" in shown
    assert classify_store(unique, "craft", "op", NOW).classification == "craft"
    with pytest.raises(Invalid):
        classify_store(unique, "food-drink", "op", NOW)


def test_a_draft_that_is_opened_meanwhile_keeps_the_classification_it_was_opened_with(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(unique, state="draft")
    draft = catalog.get_store(unique)
    catalog.set_store_state(unique, "open", "owner", NOW)
    monkeypatch.setattr("mart_union.catalog.stores.get_store", lambda _: draft)
    with pytest.raises(Conflict):
        catalog.change_store(unique, {"classification": "craft"}, "manager", NOW + timedelta(seconds=1))
    monkeypatch.undo()
    now = catalog.get_store(unique)
    assert (now.state, now.classification, now.sequence) == ("open", "food-drink", 2)
    with pytest.raises(ClassificationFixed):
        catalog.change_store(unique, {"classification": "craft"}, "manager", NOW)
