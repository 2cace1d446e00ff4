"""Workers: processes that play scenes side by side, each in an emulated account of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.emulated import emulators
from tests.faults.place import Place, place_at
from tests.faults.scenes import Scene, Tale, one_cell
from tests.faults.wire import Wire
from tests.neighbours import listening

_scenes: Sequence[Scene] = ()
_stage: tuple[Place, Wire] | None = None
_open = ExitStack()


def play_all(scenes: Sequence[Scene], workers: int, *, verbose: bool = False) -> Iterator[Tale]:
    """The scenes' tales in the scenes' order. Whichever worker is free plays the next one, so who plays what differs from run to run."""
    global _scenes  # noqa: PLW0603 - workers are forked, and find the scenes here
    _scenes = scenes
    forked = multiprocessing.get_context("fork")
    with emulators(min(workers, len(scenes))) as addresses:
        waiting: Any = forked.SimpleQueue()
        for address in addresses:
            waiting.put(address)
        crew = ProcessPoolExecutor(
            len(addresses), mp_context=forked, initializer=_set_stage, initargs=(waiting, verbose)
        )
        try:
            yield from crew.map(_play, range(len(scenes)))
        finally:  # also when the run is broken off: nobody goes on with what is left
            crew.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
                worker.join()


def _set_stage(addresses: Any, verbose: bool) -> None:
    global _stage  # noqa: PLW0603 - each worker has one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not verbose:  # functions print their metrics
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - it stays open as long as the worker lives
        warnings.simplefilter("ignore")
    os.environ["AWS_ENDPOINT_URL"] = addresses.get()
    wire = Wire()
    wire.install()
    _stage = _open.enter_context(place_at(_open.enter_context(listening()))), wire


def _play(number: int) -> Tale:
    if _stage is None:
        raise RuntimeError("a worker without a stage")
    try:
        return _scenes[number].play(*_stage)
    except Exception as error:  # the other scenes are still worth telling
        name = _scenes[number].name
        return one_cell(name, [f"it cannot be played: {type(error).__name__}: {error}"])
