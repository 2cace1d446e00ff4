"""Domain events: whole snapshots with an id and a per-entity sequence, without personal data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from botocore.config import Config
from botocore.session import get_session

from mart_union.kernel.settings import settings

SOURCE = "mart-union"
_MOST_ENTRIES = 10  # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html


@dataclass(frozen=True)
class Event:
    """Something that has happened. The newest `sequence` of an `entity` wins; an `id` seen before changes nothing."""

    id: str
    name: str
    entity: str
    sequence: int
    at: str
    data: dict[str, Any]


@cache
def _bus() -> Any:
    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})
    return get_session().create_client("events", config=config)


def publish(events: Sequence[Event]) -> None:
    """Put events on the union's bus.

    Raises:
        RuntimeError: the bus refused some; the caller's trigger delivers them again.
    """
    for start in range(0, len(events), _MOST_ENTRIES):
        entries = [
            {
                "EventBusName": settings().bus,
                "Source": SOURCE,
                "DetailType": event.name,
                "Detail": msgspec.json.encode(event).decode(),
            }
            for event in events[start : start + _MOST_ENTRIES]
        ]
        answer = _bus().put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"the bus refused {answer['FailedEntryCount']} of {len(entries)} events")


def read_event(body: str) -> Event:
    """The event inside an EventBridge envelope, as a queue delivers it."""
    return msgspec.convert(msgspec.json.decode(body)["detail"], Event)
