"""A store's stock through its API and pages: what is left, every movement, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from mart_union.catalog.urgent import SaleTerms, end_urgent_sale, start_urgent_sale
from mart_union.kernel.clock import iso
from mart_union.stock.journal import record_movements
from mart_union.stock.service import get_level
from tests.services.market import NOW, fill_pool, save_listing, save_mediated, save_store, save_union
from tests.services.test_manage_catalog import api, ask

KEY = {"Idempotency-Key": "stock-command-1"}


@pytest.fixture
def store(unique: str) -> str:
    """A store with sixty of one listing."""
    save_union()
    save_store(unique)
    save_listing(unique, "OB", price_minor=30_000, reserve=60)
    return unique


def test_stock_in_and_stock_out_answer_with_what_is_left(store: str) -> None:
    path = f"/manage/{store}/stock/OB"
    assert api("POST", f"{path}/in", "packer", body={"quantity": 5, "reason": "received"}, headers=KEY) == (
        200,
        {"store": store, "sku": "OB", "reserve": 65},
    )
    other = {"Idempotency-Key": "stock-command-2"}
    status, left = api("POST", f"{path}/out", "packer", body={"quantity": 60, "reason": "damaged"}, headers=other)
    assert (status, left["reserve"]) == (200, 5)
    assert api("POST", f"{path}/in", "packer", body={"quantity": 5, "reason": "received"}, headers=KEY)[1] == {
        "store": store,
        "sku": "OB",
        "reserve": 65,
    }
    assert get_level(f"listing/{store}/OB").reserve == 5


BAD: list[tuple[str, dict[str, Any], int, str]] = [
    ("out", {"quantity": 61, "reason": "damaged"}, 409, "out-of-stock"),
    ("out", {"quantity": -1, "reason": "damaged"}, 422, "invalid"),
    ("out", {"quantity": 0, "reason": "damaged"}, 422, "invalid"),
    ("out", {"quantity": 1.5, "reason": "damaged"}, 422, "invalid"),
    ("out", {"quantity": "1", "reason": "damaged"}, 422, "invalid"),
    ("out", {"quantity": 10**10, "reason": "damaged"}, 422, "invalid"),
    ("out", {"quantity": 1, "reason": "because"}, 422, "rule-violation"),
    ("out", {"quantity": 1, "reason": "received"}, 422, "rule-violation"),
    ("out", {"quantity": 1}, 422, "invalid"),
    ("in", {"quantity": -1, "reason": "received"}, 422, "invalid"),
    ("in", {"quantity": 0.5, "reason": "received"}, 422, "invalid"),
    ("in", {"quantity": 10**10, "reason": "received"}, 422, "invalid"),
    ("in", {"quantity": 1, "reason": "damaged"}, 422, "rule-violation"),
    ("in", {"reason": "received"}, 422, "invalid"),
    ("in", {"quantity": 1, "reason": "received", "reference": "x" * 120_000}, 422, "invalid"),
    ("out", {"quantity": 1, "reason": "damaged", "reference": "茶" * 201}, 422, "invalid"),
]


@pytest.mark.parametrize(("way", "body", "status", "problem"), BAD)
def test_what_cannot_be_moved_is_refused_by_name_and_changes_nothing(
    store: str, way: str, body: dict[str, Any], status: int, problem: str
) -> None:
    before = get_level(f"listing/{store}/OB")
    told, answer = api("POST", f"/manage/{store}/stock/OB/{way}", "packer", body=body, headers=KEY)
    assert (told, answer["type"]) == (status, f"urn:mart-union:problem:{problem}")
    assert get_level(before.id) == before
    good = {"quantity": 1, "reason": "damaged" if way == "out" else "received"}
    assert api("POST", f"/manage/{store}/stock/OB/{way}", "packer", body=good, headers=KEY)[0] == 200


@pytest.mark.parametrize("quantity", ["-1", "1.5", "", "three", "61"])
def test_the_form_refuses_the_same(store: str, quantity: str) -> None:
    before = get_level(f"listing/{store}/OB")
    form = {"quantity": quantity, "reason": "damaged", "idempotency_key": "stock-form-1"}
    assert ask("POST", f"/manage/{store}/stock/OB/out", "packer", form=form)["statusCode"] in {409, 422}
    assert get_level(before.id) == before


def test_a_command_without_a_key_or_with_a_used_one_is_refused(store: str) -> None:
    path, body = f"/manage/{store}/stock/OB/out", {"quantity": 1, "reason": "damaged"}
    before = get_level(f"listing/{store}/OB")
    assert api("POST", path, "packer", body=body)[0] == 422
    assert get_level(before.id) == before
    assert api("POST", path, "packer", body=body, headers=KEY)[1]["reserve"] == 59
    status, problem = api("POST", path, "packer", body=body | {"quantity": 2}, headers=KEY)
    assert (status, problem["type"]) == (409, "urn:mart-union:problem:idempotency-key-reused")
    assert get_level(before.id).reserve == 59


def test_a_suppliers_pool_is_not_the_stores_to_move(store: str) -> None:
    level = fill_pool(store, 10, 15_000)
    save_mediated(store, "HERB", store, price_minor=23_000, supply_minor=15_000)
    status, problem = api(
        "POST", f"/manage/{store}/stock/HERB/out", "packer", body={"quantity": 1, "reason": "lost"}, headers=KEY
    )
    assert (status, problem["type"]) == (422, "urn:mart-union:problem:rule-violation")
    assert get_level(level).reserve == 10


def test_the_journals_of_shards_are_shown_beside_the_listings_own(store: str) -> None:
    ends = NOW.replace(year=NOW.year + 10)
    terms = SaleTerms(20_000, iso(ends.replace(day=1)), iso(ends), 50, rate=500)
    sale = start_urgent_sale(store, "OB", terms, actor="lin", key="sale-00001", now=NOW).urgent
    kept = {number: get_level(f"listing/{store}/OB#{number}") for number in (1, 2)}
    assert sale is not None
    end_urgent_sale(store, "OB", sale.id, actor="lin", now=NOW)
    for number, before in kept.items():
        record_movements([(None, before), (before, get_level(f"listing/{store}/OB#{number}"))])
    path = f"/manage/{store}/stock/OB"
    status, page = api("GET", f"{path}/journal", "packer", query={"shard": "2"})
    assert (status, [(entry["reason"], entry["moved"]) for entry in page["items"]]) == (
        200,
        [("set-aside", {"reserve": -25, "moved": -25}), ("brought", {"reserve": 25, "moved": 25})],
    )
    for shard in ("3", "0", "x", "1#1"):
        assert api("GET", f"{path}/journal", "packer", query={"shard": shard})[0] == 404
    assert api("GET", path, "packer")[1]["shards"] == 2
    body = ask("GET", path, "packer", query={"shard": "1"}, headers={"Accept-Language": "en"})["body"]
    assert f'href="/union/manage/{store}/stock/OB?shard=2"' in body
    assert "Set aside" in body
