"""Events on their way to the bus: in their order, as many a request as it takes."""

from __future__ import annotations

from typing import Any

import pytest

from mart_union.kernel import events
from mart_union.kernel.events import Event, publish


class Bus:
    """Takes what AWS takes: ten entries and 256 KiB a request."""

    def __init__(self) -> None:
        self.requests: list[list[dict[str, str]]] = []

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - botocore's name
        assert 0 < len(Entries) <= 10
        assert sum(len(entry["Detail"].encode()) for entry in Entries) <= 256 * 1024
        self.requests.append(Entries)
        return {"FailedEntryCount": 0}


def event(number: int, text: str = "") -> Event:
    return Event(f"e{number}", "OrderPlaced", f"order/{number:04}", 1, "2026-11-22T00:00:00.000Z", {"text": text})


@pytest.mark.parametrize(
    ("made", "requests"),
    [
        ([], []),
        ([event(number) for number in range(23)], [10, 10, 3]),
        ([event(number, "茶" * 30_000) for number in range(5)], [2, 2, 1]),
    ],
)
def test_a_request_holds_no_more_than_the_bus_takes(
    monkeypatch: pytest.MonkeyPatch, made: list[Event], requests: list[int]
) -> None:
    bus = Bus()
    monkeypatch.setattr(events, "_bus", lambda: bus)
    publish(made)
    assert [len(request) for request in bus.requests] == requests
    sent = [entry["Detail"] for request in bus.requests for entry in request]
    assert [each.entity in detail for each, detail in zip(made, sent, strict=True)] == [True] * len(made)
