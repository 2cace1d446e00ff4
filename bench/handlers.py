"""Handlers in process against the identical bare calls: what the project adds to what the database takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from bench.operations import Operation
from bench.profiles import profile
from bench.recording import Replay, recorded
from bench.rows import Row, compared

PAIRS = 160
_WARM = 6


def rows(operations: Iterable[Operation], pairs: int = PAIRS) -> Iterator[Row]:
    """A row for each operation: median times of handler and bare calls, taken in turn."""
    for operation in operations:
        pair = Pair(operation)
        timed = [pair.timed(str(number)) for number in range(pairs)]
        calls = " + ".join(request.operation for request in pair.requests)
        handler, bare = [own for own, _ in timed], [other for _, other in timed]
        row = compared(f"handler: {operation.name}", handler, bare, against=f"bare {calls}", goal=operation.goal)
        yield row if row.met else replace(row, profile=profile(operation))


class Alone:
    """An operation's handler, warm; `operation` is what it does, `requests` what was recorded of it."""

    def __init__(self, operation: Operation, warm: int = _WARM) -> None:
        self.operation = operation
        self._prefix = operation.name.replace(" ", "-").replace(",", "").replace("'", "")
        for number in range(warm):
            self.handled(f"{self._prefix}-warm-{number}")
        key = f"{self._prefix}-recorded"
        self._recorded = operation.subject(key)
        with recorded() as self.requests:
            operation.call(key, self._recorded)

    def handled(self, key: str) -> float:
        """Milliseconds of the handler alone."""
        event = self.operation.event(key, self.operation.subject(key))
        start = time.perf_counter()
        self.operation.answer(event)
        return (time.perf_counter() - start) * 1000

    def timed(self, key: str) -> tuple[float, float]:
        """Milliseconds of the handler, about a subject of its own; nothing to compare with."""
        return self.handled(f"{self._prefix}-alone-{key}"), 0.0


class Pair(Alone):
    """An operation's handler beside the bare calls that it makes, both warm."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self._replay = Replay(self.requests, self._recorded)
        self._bare_is_first = False
        for number in range(_WARM):
            self._bare(f"{self._prefix}-bare-warm-{number}")

    def timed(self, key: str) -> tuple[float, float]:
        """Milliseconds of the handler and of the bare calls, each about a subject of its own; who goes first changes with every call."""
        self._bare_is_first = not self._bare_is_first
        handler_key, bare_key = f"{self._prefix}-handler-{key}", f"{self._prefix}-bare-{key}"
        if self._bare_is_first:
            bare = self._bare(bare_key)
            return self.handled(handler_key), bare
        return self.handled(handler_key), self._bare(bare_key)

    def _bare(self, key: str) -> float:
        calls = self._replay.prepared(self.operation.subject(key))
        start = time.perf_counter()
        for call, params in calls:
            call(**params)
        return (time.perf_counter() - start) * 1000
