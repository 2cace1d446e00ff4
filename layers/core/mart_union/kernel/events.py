"""Domain events: whole snapshots with an id and a per-entity sequence, without personal data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
from botocore.config import Config
from botocore.session import get_session
from msgspec import Struct

from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings

SOURCE = "mart-union"
_MOST_ENTRIES = 10  # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
_MOST_BYTES = 250_000  # of 256 KiB, which all entries of a request share


class Event(Struct, frozen=True):
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
    """Put events on the union's bus. Those that it refuses of a request are put again, with jitter, and no others.

    Raises:
        Busy: the bus kept refusing some; the caller's trigger delivers all of them again.
    """
    for entries in _requests([_entry(event) for event in events]):
        _put(entries)


def _put(entries: list[dict[str, str]]) -> None:
    left = entries

    def put_the_rest() -> None:
        nonlocal left
        answer = _bus().put_events(Entries=left)
        if answer["FailedEntryCount"]:
            left = [entry for entry, told in zip(left, answer["Entries"], strict=True) if told.get("ErrorCode")]
            raise _Refused

    retried(put_the_rest, on=_Refused, what="the event bus")


class _Refused(Exception):
    """The bus took some of the entries only."""


def _entry(event: Event) -> dict[str, str]:
    return {
        "EventBusName": settings().bus,
        "Source": SOURCE,
        "DetailType": event.name,
        "Detail": msgspec.json.encode(event).decode(),
    }


def _requests(entries: Sequence[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """The entries in their order, as many a request as the bus takes: by number, and by size, since orders can be large."""
    request: list[dict[str, str]] = []
    size = 0
    for entry in entries:
        own = sum(len(value.encode()) for value in entry.values())
        if request and (len(request) == _MOST_ENTRIES or size + own > _MOST_BYTES):
            yield request
            request, size = [], 0
        request.append(entry)
        size += own
    if request:
        yield request


def read_event(body: str) -> Event:
    """The event inside an EventBridge envelope, as a queue delivers it."""
    return msgspec.convert(msgspec.json.decode(body)["detail"], Event)
