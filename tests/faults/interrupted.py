"""The demo's story on a network that is interrupted five times: `python -m tests.faults.interrupted SEED PORT EMULATOR_PORT`.

The emulator saves its state only when it is asked to end, and never the streams of its tables: it is ended as `make down` does it.
What SIGKILL hits is the processes in which functions run that no person waits for.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra import invariants
from infra.local import demo, emulator, processes
from infra.local.__main__ import main as local
from infra.local.network import read

_BEHIND_QUEUES = ("relay", "stock_adjustment", "shelving", "syndication", "notifications", "settlement", "sweeper")
_ROUNDS = 4
_MOST_STARTS = 4


@dataclass(frozen=True)
class Moment:
    """Just after a request of the story was answered, while the network is at what follows from it."""

    name: str
    method: str
    path: str
    number: int
    """Which of the requests like it, from 0."""
    interrupt: Callable[[], None]


def main(seed: int, port: int, emulator_port: int) -> int:
    """Play the story; prints a line of JSON for each interruption and each union's invariants."""
    try:
        _start("--port", str(port), "--emulator-port", str(emulator_port))
        _play(seed)
        for union in sorted(read("network.json")["unions"]):
            told, agrees = invariants.check_local(read("network.json"), union)
            _tell(f"invariants after the story, of {union}", [] if agrees else told.splitlines())
    finally:
        _run("clean")
    return 0


def _play(seed: int) -> None:
    moments = chosen_moments(random.Random(seed))
    passed: list[Moment] = []
    problems: list[str] = []
    try:
        with _interrupting(moments, passed), contextlib.redirect_stdout(io.StringIO()):
            demo.play(demo.Story(read("network.json")))
    except Exception:
        problems = traceback.format_exc().splitlines()
    for moment in moments:
        wrong = (
            [] if moment in passed[:-1] or (moment in passed and not problems) else [*problems, "it was not reached"]
        )
        _tell(moment.name, wrong)


def chosen_moments(dice: random.Random) -> list[Moment]:
    """Where the story is interrupted and how, as the seed has it."""
    kinds = [(_stop_and_start, "stopped and started"), (_kill_functions, "functions killed")]
    dice.shuffle(kinds)
    (one, one_name), (other, other_name) = kinds

    def moment(what: str, method: str, path: str, most: int, kind: str, interrupt: Callable[[], None]) -> Moment:
        return Moment(f"{kind} after {what}", method, path, dice.randrange(most), interrupt)

    return [
        moment("an upload was announced", "POST", "/mart-union-", 2, "stopped and started", _stop_and_start),
        moment("an offer was linked", "POST", "/links", 1, one_name, one),
        moment("a purchase was made", "POST", "/api/purchases", 2, other_name, other),
        moment("a step of an order was taken", "POST", "/steps", 8, one_name, one),
        moment("the settlement was waited for", "GET", "/statements", 3, other_name, other),
    ]


@contextlib.contextmanager
def _interrupting(moments: list[Moment], passed: list[Moment]):  # type: ignore[no-untyped-def]
    send = httpx.Client.send
    seen: dict[int, int] = {}

    def watched(client: httpx.Client, request: httpx.Request, **options: object) -> httpx.Response:
        method, path = request.method, request.url.path
        answer = send(client, request, **options)  # type: ignore[arg-type]
        for index, moment in enumerate(moments):
            if method == moment.method and moment.path in path and moment not in passed and answer.status_code < 400:
                seen[index] = seen.get(index, -1) + 1
                if seen[index] == moment.number:
                    passed.append(moment)
                    moment.interrupt()
        return answer

    httpx.Client.send = watched  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        httpx.Client.send = send  # type: ignore[method-assign]


def _stop_and_start() -> None:
    _run("down")
    _start()


def _start(*options: str) -> None:
    """As a person would who is told that it took too long, on a busy machine: again, and it goes on."""
    for _ in range(_MOST_STARTS - 1):
        with contextlib.suppress(RuntimeError):
            return _run("up", *options)
    return _run("up")


def _kill_functions() -> None:
    """End, at once, whatever function works for a queue, a stream or a schedule; a few times, as new ones come."""
    for _ in range(_ROUNDS):
        for process in _working_functions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.3)


def _working_functions() -> list[int]:
    """The emulator's processes of such functions. Only Linux tells whose a process is."""
    found, root = [], processes.running(emulator.NAME)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            environment = (folder / "environ").read_bytes()
            name = environment.partition(b"AWS_LAMBDA_FUNCTION_NAME=")[2].partition(b"\0")[0].decode()
            if parent == root and name.endswith(_BEHIND_QUEUES):
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
