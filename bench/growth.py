"""The same operations at 1, 10 and 100 times the data: three sets of tables in one emulator, each behind a process of its own.

The processes are asked in turn, so that a busy moment falls on all of them. Requests and units are counted as well. The emulator
looks through a whole table for each query of an index, which DynamoDB does not; so pages of lists are timed beside the bare
calls that they make, and it is their growth against the growth of these that has a goal.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.rows import Row, compared, counted, in_blocks, quartiles

if TYPE_CHECKING:
    from bench.handlers import Alone

SCALES = {1: "eu-west-1", 10: "eu-central-1", 100: "us-west-2"}
ROUNDS = 32
CALLS = 4
GOAL = 1.1

HEAVY_ROUNDS, HEAVY_CALLS = 8, 2
"""What is done for many things at once takes its time: fewer rounds, one call in each, and few for a profile."""

Times = dict[int, list[float]]


def rows(endpoint: str, rounds: int = ROUNDS) -> Iterator[Row]:
    """Of each operation, with ten and a hundred times the data against once: time, and what is asked of the database."""
    workers = {scale: _Worker(scale, region, endpoint) for scale, region in SCALES.items()}
    try:
        (names, listed, heavy), *_ = [worker.answer() for worker in workers.values()]
        for name in names:
            times: Times = {scale: [] for scale in SCALES}
            bare: Times = {scale: [] for scale in SCALES}
            for each in range(min(rounds, HEAVY_ROUNDS) if name in heavy else rounds):
                for scale in list(SCALES) if each % 2 else reversed(SCALES):
                    own, others = workers[scale].ask(name)
                    times[scale] += own
                    bare[scale] += others
            for row in _grown(name, times, bare, is_list=name in listed):
                yield row if row.met else replace(row, profile=_profiled(name, workers))
            yield from _asked(name, {scale: worker.ask(f"?{name}") for scale, worker in workers.items()})
    finally:
        for worker in workers.values():
            worker.end()


def _grown(name: str, times: Times, bare: Times, *, is_list: bool) -> Iterator[Row]:
    for scale in list(SCALES)[1:]:
        row = f"{name}, {scale} times the data"
        yield compared(f"growth: {row}", times[scale], times[1], against="once the data", goal=GOAL)
        if is_list:
            yield _against_bare(f"growth against that of the bare calls: {row}", scale, times, bare)


def _against_bare(name: str, scale: int, times: Times, bare: Times) -> Row:
    """How much more the operation has grown than the bare calls that it makes."""
    grown, bare_grown = (statistics.median(each[scale]) / statistics.median(each[1]) for each in (times, bare))
    blocks = [in_blocks(each) for each in (times[scale], times[1], bare[scale], bare[1])]
    spread = quartiles(
        [(own / once) / (other / other_once) for own, once, other, other_once in zip(*blocks, strict=True)]
    )
    ratio = grown / bare_grown
    against = f"the bare calls: {bare_grown:.2f} times"
    return Row(name, round(grown, 2), "times", against, round(ratio, 3), spread, GOAL, ratio <= GOAL)


def _asked(name: str, asked: dict[int, list[float]]) -> Iterator[Row]:
    """Requests and units, each beside those of once the data: no more of either."""
    for scale in list(SCALES)[1:]:
        for what, value, once in zip(("requests", "units"), asked[scale], asked[1], strict=True):
            row = f"growth in {what}: {name}, {scale} times the data"
            yield counted(row, value, what, once, f"once the data: {once:g} {what}")


def _profiled(name: str, workers: dict[int, _Worker]) -> str:
    """Where the operation's time goes with the least and with the most data."""
    least, most = min(workers), max(workers)
    return f"Once the data: {workers[least].profile(name)}. {most} times: {workers[most].profile(name)}"


class _Worker:
    def __init__(self, scale: int, region: str, endpoint: str) -> None:
        command = [sys.executable, "-m", "bench.growth", str(scale), region, endpoint]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        self._profiles: dict[str, str] = {}

    def ask(self, name: str) -> Any:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return self.answer()

    def profile(self, name: str) -> str:
        """The operation's profile; taken once."""
        if name not in self._profiles:
            ((self._profiles[name],),) = self.ask(f"!{name}")
        return self._profiles[name]

    def answer(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the growth bench ended; its error stands above")
        return json.loads(line)

    def end(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.close()
        self._process.wait(30)


def work(scale: int) -> None:
    """Lay the scene and `scale` times the data; then time each operation that the parent names, and answer with milliseconds."""
    from bench.handlers import Alone, Pair
    from bench.operations import lists, operations
    from bench.profiles import CALLS as PROFILED
    from bench.profiles import profile
    from bench.scene import fill, scene
    from bench.union import make_tables
    from bench.work import in_bulk, of_machines

    make_tables()
    fill(scene(), scale)
    pages, bulk = lists(), in_bulk()
    pairs: dict[str, Alone] = {each.name: Pair(each) for each in pages}
    pairs |= {each.name: Alone(each) for each in (*operations(), *of_machines())}
    pairs |= {each.name: Alone(each, warm=1) for each in bulk}
    heavy = [each.name for each in bulk]
    print(json.dumps([list(pairs), [each.name for each in pages], heavy]), flush=True)
    for number, line in enumerate(sys.stdin):
        name = line.strip()
        if name.startswith("?"):
            print(json.dumps(_count(pairs[name[1:]])), flush=True)
            continue
        if name.startswith("!"):
            calls = HEAVY_CALLS if name[1:] in heavy else PROFILED
            print(json.dumps([[profile(pairs[name[1:]].operation, calls)]]), flush=True)
            continue
        calls = 1 if name in heavy else CALLS
        timed = [pairs[name].timed(f"growth-{number}-{call}") for call in range(calls)]
        print(json.dumps([[own for own, _ in timed], [bare for _, bare in timed]]), flush=True)


def _count(pair: Alone) -> tuple[int, float]:
    from bench.budgets import read_units, write_units

    return len(pair.requests), read_units(pair.requests) + write_units(pair.requests)


if __name__ == "__main__":
    from bench.union import settle

    settle(sys.argv[3], sys.argv[2])
    os.environ.setdefault("PYTHONHASHSEED", "0")
    work(int(sys.argv[1]))
