"""Scenes: what the harness plays one after the other, each with a line to tell. Most are a story with its cells."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mart_union.web.access import kind_of_path
from tests.faults.cells import Cell, Reference, Theater
from tests.faults.commands import Command, all_commands
from tests.faults.kinds import FAULTS
from tests.faults.place import Place
from tests.faults.stories import STORIES, Story
from tests.faults.wire import Wire


@dataclass(frozen=True)
class Tale:
    """What a scene came to: its lines, and how many of its cells passed."""

    lines: tuple[str, ...]
    passed: int
    tried: int


@dataclass(frozen=True)
class Scene:
    """Something to play, under a name by which a shorter run chooses it."""

    name: str
    play: Callable[[Place, Wire], Tale]


def tale(title: str, failures: list[tuple[str, list[str]]], tried: int, remark: str = "") -> Tale:
    """The line of a scene, and below it each way of going wrong once, with the cells that go wrong so."""
    by_problem: dict[str, list[str]] = {}
    for cell, problems in failures:
        by_problem.setdefault("\n          ".join(problems), []).append(cell)
    passed = tried - len(failures)
    lines = [f"{passed:4} of {tried:4}  {title}{remark}"]
    for problem, cells in by_problem.items():
        lines += [f"      FAILED {'; '.join(cells)}:", f"          {problem}"]
    return Tale(tuple(lines), passed, tried)


def one_cell(name: str, problems: list[str], remark: str = "") -> Tale:
    """The tale of a scene that is one cell."""
    return tale(name, [(name, problems)] if problems else [], 1, remark)


def together(tales: Iterable[Tale]) -> Tale:
    """Several tales as one."""
    told = list(tales)
    lines = tuple(line for each in told for line in each.lines)
    return Tale(lines, sum(each.passed for each in told), sum(each.tried for each in told))


def story_scenes(options: argparse.Namespace) -> list[Scene]:
    """A scene for each story of each command; of a short run, a sixth of them, chosen by the seed."""
    told = [(command, story) for command in all_commands() for story in STORIES.get(str(command), ())]
    if options.short:
        told = random.Random(options.seed).sample(told, len(told) // 6)
    scenes = [_story_scene(command, story, options) for command, story in told]
    return scenes + [_missing(str(command)) for command in all_commands() if str(command) not in STORIES]


def _missing(name: str) -> Scene:
    return Scene(name, lambda _place, _wire: one_cell(name, ["nobody tells its story: tests/faults/stories/"]))


def _story_scene(command: Command, story: Story, options: argparse.Namespace) -> Scene:
    name = f"{command} ({story.name})"
    chance = random.Random(f"{options.seed} {command} {story.name}")

    def play(place: Place, wire: Wire) -> Tale:
        begun = time.monotonic()
        theater = Theater(place, wire, command, story)
        try:
            reference = theater.rehearse()
            cells = _cells(reference, options, chance)
            failures = [("unbroken, and repeated", reference.problems)] if reference.problems else []
            failures += play_cells(theater, reference, cells, verbose=options.verbose)
            stranger = is_somebodys(command) and not options.fault
            denied = theater.play_stranger(reference) if stranger else []
            failures += [("asked by a stranger", denied)] if denied else []
        except Exception as error:
            return one_cell(name, [f"it cannot be played: {type(error).__name__}: {error}"])
        finally:
            theater.close()
        remark = f": {len(reference.requests)} requests, {time.monotonic() - begun:.1f} s"
        return tale(name, failures, len(cells) + 1 + stranger, remark)

    return Scene(name, play)


def is_somebodys(command: Command) -> bool:
    """Whether a command is about a store, a supplier, the union, an order or a purchase, and so not for everybody who is signed in."""
    _, _, path = command.way.partition(" ")
    if not path.startswith("/") or command.function == "router":
        return False
    return kind_of_path(path) != "customer" or "{order}" in path or "{purchase}" in path


def play_cells(
    theater: Theater, reference: Reference, cells: Iterable[Cell], *, verbose: bool = False
) -> list[tuple[str, list[str]]]:
    """The cells that fail, with what is wrong with each."""
    failures = []
    for cell in cells:
        if verbose:
            print(f"  {cell}", flush=True)
        problems = theater.play(reference, cell)
        if problems:
            failures.append((str(cell), problems))
            theater.look_anew()
    return failures


def _cells(reference: Reference, options: argparse.Namespace, chance: random.Random) -> list[Cell]:
    cells = [
        Cell(fault, request)
        for request in reference.requests
        for fault in FAULTS
        if options.fault in fault.name and fault.can_strike(request) and not (fault.act == "meet" and reference.adds)
    ]
    if options.sample or options.short:
        return chance.sample(cells, min(options.sample or 1, len(cells)))
    return cells
