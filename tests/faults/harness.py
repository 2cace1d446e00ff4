"""The run: every scene, shared out among workers, and what they come to."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import partial

from tests.faults.crew import play_all
from tests.faults.deliveries import delivery_scenes
from tests.faults.load import load_scene
from tests.faults.restarts import NAME as RESTARTS
from tests.faults.restarts import try_restarts
from tests.faults.scenes import Scene, Tale, story_scenes
from tests.faults.schedules import schedule_scenes


def run(options: argparse.Namespace) -> int:
    """Try what the options name; says how many cells passed of those tried, and answers 1 if any failed."""
    print(f"seed {options.seed}", flush=True)
    begun, passed, tried = time.monotonic(), 0, 0
    for tale in _tales(options):
        print("\n".join(tale.lines), flush=True)
        passed, tried = passed + tale.passed, tried + tale.tried
    print(f"{passed} cells passed of {tried} cells tried, in {time.monotonic() - begun:.0f} s; seed {options.seed}")
    return 0 if passed == tried > 0 else 1


def _tales(options: argparse.Namespace) -> Iterator[Tale]:
    scenes = [scene for scene in _program(options) if options.only in scene.name]
    if scenes:
        yield from play_all(scenes, options.workers, verbose=options.verbose)
    with_network = not (options.no_network or options.short or options.fault or options.sample)
    if with_network and options.only in RESTARTS:
        yield from try_restarts(options.seed)


def _program(options: argparse.Namespace) -> list[Scene]:
    """Stories, then what goes beyond a single command's cells; where single faults are asked for, stories only."""
    scenes = story_scenes(options)
    if options.fault:
        return scenes
    scenes += delivery_scenes(options.seed, one_in=8 if options.short else 1)
    scenes += schedule_scenes(options.seed, short=options.short)
    if not options.short:
        scenes.append(Scene("workers killed under load", partial(load_scene, options)))
    return scenes
