"""From events in a queue to shelves, on real tables."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from mart_union.catalog import service as catalog
from mart_union.kernel.errors import Busy
from mart_union.stock.counting import count
from shelving import app
from tests.gateway import CONTEXT
from tests.services.test_catalog import NOW, laid_in, listing, opened, union

__all__ = ["union"]


def message(number: int, name: str, entity: str, data: dict[str, Any]) -> dict[str, Any]:
    detail = {"id": f"e{number}", "name": name, "entity": entity, "sequence": number, "at": "", "data": data}
    body = {"version": "0", "id": f"e{number}", "detail-type": name, "source": "mart-union", "detail": detail}
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": json.dumps(body),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-northeast-1:000000000000:shelving",
        "awsRegion": "ap-northeast-1",
    }


def deliver(*messages: dict[str, Any]) -> list[str]:
    answer = app.lambda_handler({"Records": list(messages)}, CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def available(store: str) -> dict[str, bool]:
    shelf = catalog.get_shelf(f"store/{store}")
    return {card.sku: card.available for card in shelf.cards} if shelf else {}


def test_a_sold_out_listing_is_shown_as_such_and_back_again(union: object, unique: str) -> None:
    opened(unique)
    made = laid_in(listing(unique, "A-1"), 1)
    assert deliver(message(1, "ListingChanged", f"listing/{unique}/A-1", {"store": unique})) == []
    assert available(unique) == {"A-1": True}
    count(made.level, 0, actor="x", reference="", now=NOW)
    assert deliver(message(2, "StockOut", f"level/{made.level}", {})) == []
    assert available(unique) == {"A-1": False}
    count(made.level, 3, actor="x", reference="", now=NOW)
    late = message(2, "StockOut", f"level/{made.level}", {})
    assert deliver(message(3, "StockBack", f"level/{made.level}", {}), late) == []
    assert available(unique) == {"A-1": True}


def test_a_burst_builds_each_shelf_once(union: object, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built: Counter[str] = Counter()
    monkeypatch.setattr(app, "rebuild_store", lambda store: built.update([store]))
    monkeypatch.setattr(app, "rebuild_front", lambda: built.update(["front"]))
    burst = [message(n, "ListingChanged", f"listing/{unique}/A-{n}", {"store": unique}) for n in range(300)]
    assert deliver(*burst, message(301, "StoreChanged", f"store/{unique}", {})) == []
    assert built == {unique: 1, "front": 1}


def test_only_messages_whose_shelves_could_not_be_built_come_again(
    union: object, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(store: str) -> None:
        if store == "busy":
            raise Busy("too many builds")

    monkeypatch.setattr(app, "rebuild_store", build)
    first = message(1, "ListingChanged", "listing/busy/A-1", {"store": "busy"})
    second = message(2, "ListingChanged", f"listing/{unique}/A-1", {"store": unique})
    assert deliver(first, second, message(3, "OrderPlaced", "order/o1", {})) == ["m1"]


def test_a_store_that_pauses_leaves_the_front(union: object, unique: str) -> None:
    opened(unique)
    deliver(message(1, "StoreChanged", f"store/{unique}", {}))
    assert unique in on_front()
    catalog.set_store_state(unique, "paused", "staff", NOW)
    deliver(message(2, "StoreChanged", f"store/{unique}", {}))
    assert unique not in on_front()
    assert catalog.get_shelf(f"store/{unique}") is None


def on_front() -> set[str]:
    first = catalog.get_front()
    assert first is not None
    pages = [catalog.get_front(number) for number in range(1, first.pages + 1)]
    return {card.store for page in pages if page for card in page.stores}
