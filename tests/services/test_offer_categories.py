"""An offer's category is one of the union's by whatever way it comes: rates of commission and rules of links go by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mart_union.catalog.model import Category
from mart_union.catalog.service import merge_category, save_category
from mart_union.mediation import service as mediation
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import save_union
from tests.services.test_mediation import make_offer, make_supplier

TERMS = {"titles": {"en": "Tea"}, "supply_minor": 10000, "suggested_minor": 20000, "minimum_minor": 0}
FORM = {"sku": "TEA", "title.en": "Tea", "supply_price": "100", "suggested_price": "200", "minimum_price": "0"}


@pytest.fixture
def supplier(unique: str) -> str:
    save_union()
    save_category("", Category(f"{unique}-leaf", {"en": "Leaves"}), "operator")
    return make_supplier(unique)


def ask(method: str, path: str, **more: Any) -> dict[str, Any]:
    return dict(supply(gateway_event(method, path, subject="owner", role="owner", **more), CONTEXT))


def test_an_unknown_category_is_refused_by_api_and_page_and_nothing_is_made(supplier: str) -> None:
    body = TERMS | {"granted_to": ["everyone"], "union_category": "none-such", "quantity": 1}
    answer = ask("PUT", f"/api/supply/{supplier}/offers/TEA", body=body)
    assert (answer["statusCode"], json.loads(answer["body"])["errors"][0]["field"]) == (422, "union_category")
    form = FORM | {"granted_to": "everyone", "union_category": "none-such", "quantity": "1"}
    assert ask("POST", f"/supply/{supplier}/offers", form=form)["statusCode"] == 422
    assert mediation.list_offers(supplier).items == ()


def test_a_category_that_was_merged_is_the_one_it_stands_in_now(supplier: str) -> None:
    save_category("", Category(f"{supplier}-old", {"en": "Old"}), "operator")
    merge_category("", f"{supplier}-old", f"{supplier}-leaf", "operator")
    body = TERMS | {"granted_to": ["everyone"], "union_category": f"{supplier}-old", "quantity": 1}
    assert ask("PUT", f"/api/supply/{supplier}/offers/TEA", body=body)["statusCode"] == 200
    assert mediation.get_offer(supplier, "TEA").union_category == f"{supplier}-leaf"


def test_the_form_offers_the_unions_categories_and_chooses_the_one_in_which_the_offer_stands_now(supplier: str) -> None:
    old = f"{supplier}-old"
    save_category("", Category(old, {"en": "Old"}), "operator")
    make_offer(supplier, union_category=old)
    merge_category("", old, f"{supplier}-leaf", "operator")
    page = ask("GET", f"/supply/{supplier}/offers/HERB-TEA", headers={"Accept-Language": "en"})["body"]
    assert f'<option value="{supplier}-leaf" selected>Leaves</option>' in page
    assert f'value="{old}"' not in page
