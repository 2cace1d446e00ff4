"""The same operations at 1, 10 and 100 times the data: three sets of tables in one emulator, each behind a process of its own.

The processes are asked in turn, so that a busy moment falls on all of them. Requests and read units are counted as well: the emulator
looks through a whole table for each query of an index, DynamoDB does not, and what it asks for is units.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.rows import Row, compared, counted

if TYPE_CHECKING:
    from bench.operations import Operation

SCALES = {1: "eu-west-1", 10: "eu-central-1", 100: "us-west-2"}
ROUNDS = 32
CALLS = 4
GOAL = 1.1


def rows(endpoint: str, rounds: int = ROUNDS) -> Iterator[Row]:
    """Four rows an operation: time, and what is asked of the database, with ten and a hundred times the data against once."""
    workers = {scale: _Worker(scale, region, endpoint) for scale, region in SCALES.items()}
    try:
        names, *_ = [worker.answer() for worker in workers.values()]
        for name in names:
            times: dict[int, list[float]] = {scale: [] for scale in SCALES}
            for each in range(rounds):
                for scale in list(SCALES) if each % 2 else reversed(SCALES):
                    times[scale] += workers[scale].ask(name)
            for scale in list(SCALES)[1:]:
                row = f"growth: {name}, {scale} times the data"
                yield compared(row, times[scale], times[1], against="once the data", goal=GOAL)
            yield from _asked(name, {scale: worker.ask(f"?{name}") for scale, worker in workers.items()})
    finally:
        for worker in workers.values():
            worker.end()


def _asked(name: str, asked: dict[int, list[float]]) -> Iterator[Row]:
    for scale in list(SCALES)[1:]:
        row = f"growth, asked: {name}, {scale} times the data"
        (requests, units), (once, units_once) = asked[scale], asked[1]
        why = f"once the data: {once:g} requests, {units_once:g} units"
        if units_once or units:
            yield counted(f"{row}, {requests:g} requests", units, "units", units_once, why)
        else:
            yield counted(row, requests, "requests", once, why)


class _Worker:
    def __init__(self, scale: int, region: str, endpoint: str) -> None:
        command = [sys.executable, "-m", "bench.growth", str(scale), region, endpoint]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603

    def ask(self, name: str) -> list[float]:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return [float(each) for each in self.answer()]

    def answer(self) -> list[str]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the growth bench ended; its error stands above")
        found: list[str] = json.loads(line)
        return found

    def end(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.close()
        self._process.wait(30)


def work(scale: int) -> None:
    """Lay the scene and `scale` times the data; then time each operation that the parent names, and answer with milliseconds."""
    from bench.operations import lists, operations
    from bench.scene import fill, lay_scene
    from bench.union import make_tables

    make_tables()
    recipient = lay_scene()
    fill(recipient, scale)
    known = {each.name: each for each in (*lists(recipient), *operations(recipient))}
    known = {name: each for name, each in known.items() if name not in {"front as JSON", "listing as JSON"}}
    print(json.dumps(list(known)), flush=True)
    for number, line in enumerate(sys.stdin):
        if line.startswith("?"):
            print(json.dumps(_count(known[line[1:].strip()], f"asked-{number:04}")), flush=True)
            continue
        operation, times = known[line.strip()], []
        for call in range(CALLS):
            key = f"growth-{number}-{call}"
            event = operation.event(key, operation.subject(key))
            start = time.perf_counter()
            operation.answer(event)
            times.append((time.perf_counter() - start) * 1000)
        print(json.dumps(times), flush=True)


def _count(operation: Operation, key: str) -> tuple[int, float]:
    from bench.budgets import read_units, write_units
    from bench.recording import recorded

    event = operation.event(key, operation.subject(key))
    with recorded() as requests:
        operation.answer(event)
    return len(requests), read_units(requests) + write_units(requests)


if __name__ == "__main__":
    from bench.union import settle

    settle(sys.argv[3], sys.argv[2])
    os.environ.setdefault("PYTHONHASHSEED", "0")
    work(int(sys.argv[1]))
