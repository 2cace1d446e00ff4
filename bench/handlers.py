"""Handlers in process against the identical bare calls: what the project adds to what the database takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from bench.operations import Operation
from bench.recording import Replay, recorded
from bench.rows import Row, compared

PAIRS = 120
_WARM = 6


def rows(operations: Iterable[Operation], pairs: int = PAIRS) -> Iterator[Row]:
    """A row for each operation: median times of handler and bare calls, taken in turn."""
    for operation in operations:
        yield measure(operation, pairs)


def measure(operation: Operation, pairs: int) -> Row:
    """Handler and bare calls in turn, each about a subject of its own; who goes first changes with every pair."""
    prefix = operation.name.replace(" ", "-").replace(",", "") + "-"
    for number in range(_WARM):
        _timed_handler(operation, f"{prefix}warm-{number}")
    key = f"{prefix}recorded"
    subject = operation.subject(key)
    with recorded() as requests:
        operation.call(key, subject)
    replay = Replay(requests, subject)
    for number in range(_WARM):
        _timed_bare(operation, replay, f"{prefix}bare-warm-{number}")
    handler_ms, bare_ms = [], []
    for number in range(pairs):
        if number % 2:
            bare_ms.append(_timed_bare(operation, replay, f"{prefix}bare-{number}"))
        handler_ms.append(_timed_handler(operation, f"{prefix}handler-{number}"))
        if not number % 2:
            bare_ms.append(_timed_bare(operation, replay, f"{prefix}bare-{number}"))
    calls = " + ".join(request.operation for request in requests)
    return compared(f"handler: {operation.name}", handler_ms, bare_ms, against=f"bare {calls}", goal=operation.goal)


def _timed_handler(operation: Operation, key: str) -> float:
    event = operation.event(key, operation.subject(key))
    start = time.perf_counter()
    operation.answer(event)
    return (time.perf_counter() - start) * 1000


def _timed_bare(operation: Operation, replay: Replay, key: str) -> float:
    calls = replay.prepared(operation.subject(key))
    start = time.perf_counter()
    for call, params in calls:
        call(**params)
    return (time.perf_counter() - start) * 1000
