"""The demo's story on a network that is interrupted five times: `python -m tests.faults.interrupted SEED PORT EMULATOR_PORT`.

The emulator saves its state only when it is asked to end, and never the streams of its tables: it is ended as `make down` does it.
What SIGKILL hits is the processes in which functions run that no person waits for. To find them it needs Linux.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra import invariants
from infra.local import demo, emulator, processes
from infra.local.__main__ import main as local
from infra.local.network import read
from tests.template.reading import UNION, functions

_ROUNDS = 4
_SECONDS_FOR_ONE = 30
_BEHIND_TRIGGERS = tuple(
    function["Handler"].partition(".")[0]
    for function in functions(UNION).values()
    if {"SQS", "DynamoDB", "S3", "ScheduleV2"} & {event["Type"] for event in function.get("Events", {}).values()}
)
_MOST_STARTS = 4
_repeated: list[str] = []
"""Why a start had to be repeated, each time that one had to be."""


@dataclass(frozen=True)
class Moment:
    """Just after a request of the story was answered, while the network is at what follows from it."""

    name: str
    method: str
    path: str
    number: int
    """Which of the requests like it, from 0."""
    interrupt: Callable[[], list[str]]
    """Answers with what is wrong with how it went."""


def main(seed: int, port: int, emulator_port: int) -> int:
    """Play the story; prints a line of JSON for each interruption, for each union's invariants, and for starts that had to be repeated."""
    try:
        _start("--port", str(port), "--emulator-port", str(emulator_port))
        _play(seed)
        for union in sorted(read("network.json")["unions"]):
            told, agrees = invariants.check_local(read("network.json"), union)
            _tell(f"invariants after the story, of {union}", [] if agrees else told.splitlines())
    finally:
        if _repeated:
            print(
                json.dumps({"note": f"{len(_repeated)} starts had to be repeated: {'; '.join(_repeated)}"}), flush=True
            )
        _run("clean")
    return 0


def _play(seed: int) -> None:
    moments = chosen_moments(random.Random(seed))
    passed: dict[Moment, list[str]] = {}
    problems: list[str] = []
    try:
        with _interrupting(moments, passed), contextlib.redirect_stdout(io.StringIO()):
            demo.play(demo.Story(read("network.json")))
    except Exception:
        problems = traceback.format_exc().splitlines()
    last = list(passed)[-1:]
    for moment in moments:
        if moment not in passed:
            _tell(moment.name, [*problems, "it was not reached"])
        else:
            _tell(moment.name, [*passed[moment], *(problems if [moment] == last else ())])


def chosen_moments(dice: random.Random) -> list[Moment]:
    """Where the story is interrupted and how, as the seed has it."""
    kinds = [(_stop_and_start, "stopped and started"), (_kill_functions, "functions killed")]
    dice.shuffle(kinds)
    (one, one_name), (other, other_name) = kinds

    def moment(what: str, method: str, path: str, most: int, kind: str, interrupt: Callable[[], list[str]]) -> Moment:
        return Moment(f"{kind} after {what}", method, path, dice.randrange(most), interrupt)

    return [
        moment("a store was opened", "POST", "/stores", 1, "stopped and started", _stop_and_start),
        moment("an offer was linked", "POST", "/links", 1, one_name, one),
        moment("a purchase was made", "POST", "/api/purchases", 2, other_name, other),
        moment("a step of an order was taken", "POST", "/steps", 8, one_name, one),
        moment("the settlement was waited for", "GET", "/statements", 3, other_name, other),
    ]


@contextlib.contextmanager
def _interrupting(moments: list[Moment], passed: dict[Moment, list[str]]) -> Iterator[None]:
    send = httpx.Client.send
    seen: dict[int, int] = {}

    def watched(client: httpx.Client, request: httpx.Request, **options: object) -> httpx.Response:
        method, path = request.method, request.url.path
        answer = send(client, request, **options)  # type: ignore[arg-type]
        for index, moment in enumerate(moments):
            if method == moment.method and moment.path in path and moment not in passed and answer.status_code < 400:
                seen[index] = seen.get(index, -1) + 1
                if seen[index] == moment.number:
                    passed[moment] = ["the network did not come back"]
                    passed[moment] = moment.interrupt()
        return answer

    httpx.Client.send = watched  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        httpx.Client.send = send  # type: ignore[method-assign]


def _stop_and_start() -> list[str]:
    _run("down")
    _start()
    return []


def _start(*options: str) -> None:
    """As a person would who is told that it took too long, on a busy machine: again, and it goes on."""
    for _ in range(_MOST_STARTS - 1):
        try:
            return _run("up", *options)
        except RuntimeError as error:
            _repeated.append(str(error))
    return _run("up")


def _kill_functions() -> list[str]:
    """End, at once, whatever function works for a queue, a stream, a schedule or the bucket; a few times, as new ones come."""
    killed, rounds, until = 0, 0, time.monotonic() + _SECONDS_FOR_ONE
    while rounds < _ROUNDS or (not killed and time.monotonic() < until):
        rounds += 1
        for process in _working_functions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
                killed += 1
        time.sleep(0.3)
    return [] if killed else ["no function was there to be killed"]


def _working_functions() -> list[int]:
    """The emulator's processes of such functions. Only Linux tells whose a process is."""
    found, root = [], processes.running(emulator.NAME)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            environment = (folder / "environ").read_bytes()
            name = environment.partition(b"AWS_LAMBDA_FUNCTION_NAME=")[2].partition(b"\0")[0].decode()
            if parent == root and name.endswith(_BEHIND_TRIGGERS):
                found.append(int(folder.name))
    return found


def _run(*arguments: str) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        code = local(list(arguments))
    if code:
        raise RuntimeError(f"{arguments[0]} ended with {code}")


def _tell(cell: str, problems: list[str]) -> None:
    print(json.dumps({"cell": cell, "problems": problems}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4])))
