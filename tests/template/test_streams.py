"""The streams call their functions only for what these treat: what they write themselves calls nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mart_union.catalog import tables as catalog
from mart_union.ledger import tables as ledger
from mart_union.mediation import tables as mediation
from mart_union.orders import tables as orders
from mart_union.stock import tables as stock
from tests.template.reading import ROOT, UNION, functions

TREATED = {
    "Orders": [orders.order_key("o1"), orders.response_key("o1", "r1")],
    "Catalog": [
        ("UNION", "UNION"),
        ("STORE#emei-tea", "STORE"),
        catalog.listing_key("emei-tea", "OB-TOP"),
        ("ENTERPRISE#xu", "ENTERPRISE"),
        catalog.category_key("", "tea"),
    ],
    "Mediation": [
        mediation.supplier_key("guanxi"),
        mediation.offer_key("guanxi", "HERB-TEA"),
        mediation.link_key("guanxi", "HERB-TEA", "emei-tea", "GX-1"),
        mediation.standing_key("emei-tea"),
        mediation.shop_key("s1"),
    ],
    "Ledger": [
        ledger.transfer_key("t1"),
        ledger.resolution_key("t1"),
        ledger.account_key("store/emei-tea/deposit"),
        ledger.statement_key("store/emei-tea", "2026-11-30"),
        ledger.payable_key("p1"),
    ],
    "Stock": [stock.level_key("listing/emei-tea/OB-TOP"), stock.level_key("slot/emei-tea/TASTE/20261201T0200Z")],
}
PASSED_OVER = {
    "Orders": [("ORDER#o1", "FORWARDED#guanxi#r1")],
    "Catalog": [
        catalog.shelf_key("front", 1),
        catalog.store_card_key("emei-tea"),
        catalog.part_key("tea", "emei-tea"),
        catalog.build_key("front"),
        catalog.upload_key("store/emei-tea", "u1"),
        catalog.audit_key("store/emei-tea", "2026-11-22T00:00:00Z", "a1"),
    ],
    "Mediation": [
        mediation.told_key("s1", "HERB-TEA"),
        mediation.silence_key("s1"),
        mediation.shop_places_key("emei-tea"),
        mediation.webhook_places_key("store/emei-tea"),
        mediation.webhook_key("store/emei-tea", "w1"),
        mediation.removed_webhook_key("w1"),
        mediation.delivery_key("s1", "2026-11-22T00:00:00Z", "e1"),
        mediation.supply_order_key("guanxi", "o1"),
        mediation.seller_key("guanxi", "emei-tea"),
    ],
    "Ledger": [
        ledger.account_key("customer/lin"),
        ledger.reversed_key("t1"),
        ledger.postings_key("store/emei-tea", "2026-11-22T00:00:00Z", "t1"),
        ledger.month_total_key("store/emei-tea", "2026-11-22T00:00:00Z"),
        ledger.minute_total_key("store/emei-tea", "2026-11-22T00:00:00Z"),
        ledger.settled_key("2026-11-30", "store/emei-tea", "2026-11-30"),
        ledger.suspended_key("notice-1"),
        ledger.due_key("2026-11-30", "store/emei-tea", "2026-11-29"),
        ledger.statement_page_key("s1", 1),
        ("JOB#settlement", "JOB"),
    ],
    "Stock": [stock.journal_key("listing/emei-tea/OB-TOP", 1), ("LEVEL#listing/emei-tea/OB-TOP", "COMMAND#k1")],
}


def streams() -> dict[str, list[dict[str, Any]]]:
    """The patterns of each table's stream, by the event's name."""
    return {
        name: [json.loads(each["Pattern"]) for each in event["Properties"]["FilterCriteria"]["Filters"]]
        for function in functions(UNION).values()
        for name, event in function.get("Events", {}).items()
        if event["Type"] == "DynamoDB"
    }


def passes(patterns: list[dict[str, Any]], record: dict[str, Any]) -> bool:
    """By the rules of filtering, of which these patterns use equality and prefixes: any pattern, all of its fields, any of a field's values."""
    return any(_fits(pattern, record) for pattern in patterns)


def _fits(pattern: Any, found: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(found, dict) and all(name in found and _fits(pattern[name], found[name]) for name in pattern)
    return any(found.startswith(each["prefix"]) if isinstance(each, dict) else found == each for each in pattern)


def record(key: tuple[str, str], name: str = "MODIFY") -> dict[str, Any]:
    pk, sk = key
    return {"eventName": name, "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}}


@pytest.mark.parametrize("stream", sorted(TREATED))
def test_a_stream_lets_through_what_is_treated_and_nothing_else(stream: str) -> None:
    patterns = streams()[stream]
    assert [key for key in TREATED[stream] if not passes(patterns, record(key, "INSERT"))] == []
    assert [key for key in TREATED[stream] if not passes(patterns, record(key))] == []
    assert [key for key in PASSED_OVER[stream] if passes(patterns, record(key))] == []
    assert [key for key in TREATED[stream] if passes(patterns, record(key, "REMOVE"))] == []
    assert len(patterns) <= 5  # https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html


def test_every_stream_is_filtered() -> None:
    assert sorted(streams()) == sorted(TREATED)


@pytest.mark.parametrize("name", ["orders", "catalog", "mediation", "ledger"])
def test_what_makes_an_event_is_let_through(name: str) -> None:
    from mart_union.kernel.streams import changes_of
    from relay.app import _events

    event = json.loads((ROOT / "events" / "relay" / f"{name}.json").read_text())
    patterns = streams()[name.capitalize()]
    told = [each for each, change in zip(event["Records"], changes_of(event), strict=True) if _events(change)]
    assert told
    assert all(passes(patterns, each) for each in told)
