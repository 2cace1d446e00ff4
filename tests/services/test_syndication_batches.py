"""The syndication function on batches of its queue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mart_union.kernel.errors import Conflict
from mart_union.kernel.events import Event
from syndication import app


class Invocation:
    """A Lambda context with some time left."""

    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def batch(*names: str) -> dict[str, Any]:
    def body(name: str, number: int) -> str:
        detail = {"id": f"e-{number}", "name": name, "entity": "x/y/z", "sequence": 1, "at": "now", "data": {}}
        return json.dumps({"detail-type": name, "detail": detail})

    return {
        "Records": [
            {"messageId": f"m-{number}", "body": body(name, number), "eventSource": "aws:sqs", "attributes": {}}
            for number, name in enumerate(names)
        ]
    }


def failures(answer: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_only_the_message_that_failed_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    handled: list[str] = []

    def conflict(_event: Event) -> None:
        raise Conflict("changed at the same moment")

    monkeypatch.setitem(app.CONSUMERS, "OfferChanged", conflict)
    monkeypatch.setitem(app.CONSUMERS, "StockOut", lambda event: handled.append(event.id))
    answer = app.lambda_handler(batch("StockOut", "OfferChanged", "StockOut"), Invocation(60_000))
    assert (failures(answer), handled) == (["m-1"], ["e-0", "e-2"])


def test_with_little_time_left_messages_are_left_for_the_next_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    handled: list[str] = []
    monkeypatch.setitem(app.CONSUMERS, "StockOut", lambda event: handled.append(event.id))
    answer = app.lambda_handler(batch("StockOut", "StockOut"), Invocation(9_000))
    assert (failures(answer), handled) == (["m-0", "m-1"], [])


def test_an_event_that_nobody_here_follows_is_done_with() -> None:
    assert failures(app.lambda_handler(batch("StatementMade"), Invocation(60_000))) == []
