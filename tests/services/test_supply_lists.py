"""Suppliers' lists: what they leave in the audit trail, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from catalog_import import work
from mart_union.catalog import service as catalog
from mart_union.catalog.model import Category, offer_level
from mart_union.kernel import bucket, storage
from mart_union.kernel.clock import utc_now
from mart_union.kernel.settings import settings
from mart_union.mediation import service as mediation
from mart_union.stock.service import get_level
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.buckets import own_bucket
from tests.services.test_catalog import union
from tests.services.test_mediation import make_supplier

__all__ = ["union"]
HEADER = "id,title,union_category,supply_price,suggested_price,quantity,granted_to"


@pytest.fixture(scope="module", autouse=True)
def place(tables: None) -> Iterator[None]:
    with own_bucket():
        yield


def send(supplier: str, upload: str, *rows: str) -> tuple[int, int, int]:
    key = f"supply/{supplier}/{upload}.csv"
    bucket._client().put_object(Bucket=settings().bucket, Key=key, Body="\n".join([HEADER, *rows]).encode())
    done = work.import_file(key)
    assert done is not None
    assert done.state == "DONE"
    return done.applied, done.unchanged, done.refused


def line(number: int, supply: int = 100, quantity: int = 5) -> str:
    return f"O-{number:03},茶,tea,{supply} TWD,200 TWD,{quantity},everyone"


@pytest.fixture
def supplier(union: object, unique: str) -> str:
    catalog.save_category("", Category("tea", {"en": "Tea"}), "operator")
    make_supplier(unique)
    return unique


def test_a_list_makes_one_entry_of_the_audit_trail_and_pools_name_it(supplier: str) -> None:
    assert send(supplier, "u1", *(line(number) for number in range(120))) == (120, 0, 0)
    assert send(supplier, "u2", line(0, supply=90), line(1, quantity=7), line(2)) == (2, 1, 0)
    trail = catalog.list_audit(f"supplier/{supplier}", f"{utc_now():%Y-%m}", limit=100).items
    assert [(each.action, each.subject) for each in trail] == [
        ("upload begun", "upload/u2"),
        ("upload begun", "upload/u1"),
    ]
    named = [get_level(offer_level(supplier, f"O-{number:03}")).reference for number in range(3)]
    assert named == ["upload/u2", "upload/u2", "upload/u1"]
    offer = mediation.get_offer(supplier, "O-000")
    assert (offer.supply_minor, offer.sequence, len(mediation.list_offers(supplier, limit=200).items)) == (9000, 2, 120)


def test_who_announces_a_list_comes_to_its_own_page_which_sends_it_and_tells_how_far_it_is(supplier: str) -> None:
    def ask(method: str, to: str, **more: Any) -> dict[str, Any]:
        event = gateway_event(method, to, subject="lu", role="member", headers={"Accept-Language": "en"}, **more)
        return dict(supply(event, CONTEXT))

    uploads, form = f"/supply/{supplier}/uploads", {"idempotency_key": f"key-{supplier}"}
    told = ask("POST", uploads, form=form)
    assert told["statusCode"] == 303
    one = headers_of(told)["location"].removeprefix("/union")
    assert one.rpartition("/")[0] == uploads
    assert headers_of(ask("POST", uploads, form=form))["location"] == f"/union{one}"  # the same form again
    waiting = ask("GET", one)["body"]
    [back] = re.findall(r'name="success_action_redirect" value="([^"]+)"', waiting)
    assert (back.startswith("https://"), back.endswith(f"/union{one}")) == (True, True)
    assert "http-equiv" not in waiting  # which would lose the file that was chosen
    upload = one.rpartition("/")[2]
    begun = catalog.claim_upload(f"supplier/{supplier}", upload, "etag-1", utc_now())
    assert begun is not None
    working = ask("GET", one)["body"]
    assert ('<meta http-equiv="refresh" content="5">' in working, 'name="file"' in working) == (True, False)
    catalog.release_upload(begun)
    assert send(supplier, upload, line(0), line(1, supply=-1)) == (1, 0, 1)
    ended = ask("GET", one)["body"]
    assert ("What was found" in ended, f"{one}/errors" in ended, "http-equiv" in ended) == (True, True, False)


def test_pools_are_read_only_of_offers_that_are_there(supplier: str) -> None:
    rows = [line(number) for number in range(150)]
    asked = reads_of(lambda: send(supplier, "u1", *rows))
    assert [sum(each.values()) for each in asked] == [100, 50]
    again = reads_of(lambda: send(supplier, "u2", *rows))
    assert sorted(sum(each.values()) for each in again) == [50, 50, 100, 100]


def reads_of(work: Any) -> list[dict[str, int]]:
    """How many keys of each table each batch read asked for."""
    asked: list[dict[str, int]] = []

    def told(params: dict[str, Any], **_: Any) -> None:
        asked.append({table: len(part["Keys"]) for table, part in params["RequestItems"].items()})

    events = storage.client().meta.events
    events.register("provide-client-params.dynamodb.BatchGetItem", told)
    try:
        work()
    finally:
        events.unregister("provide-client-params.dynamodb.BatchGetItem", told)
    return asked
