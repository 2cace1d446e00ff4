"""The run: rehearse every story, try its cells, count."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator

from tests.faults.cells import Cell, Reference, Theater
from tests.faults.commands import Command, all_commands
from tests.faults.deliveries import try_deliveries
from tests.faults.kinds import FAULTS
from tests.faults.load import try_load
from tests.faults.place import Place, open_place
from tests.faults.stories import STORIES, Story
from tests.faults.wire import Wire


def run(options: argparse.Namespace) -> int:
    """Try what the options name; says how many cells passed of those tried, and answers 1 if any failed."""
    wire = Wire()
    wire.install()
    print(f"seed {options.seed}", flush=True)
    begun, passed, tried = time.monotonic(), 0, 0
    with open_place() as place:
        for command, story, share in _program(options):
            theater = Theater(place, wire, command, story)
            good, all_of_it = _play(theater, options, share)
            theater.close()
            passed, tried = passed + good, tried + all_of_it
        for good in _beyond_cells(place, wire, options):
            passed, tried = passed + good, tried + 1
    print(f"{passed} cells passed of {tried} cells tried, in {time.monotonic() - begun:.0f} s; seed {options.seed}")
    return 0 if passed == tried else 1


def _beyond_cells(place: Place, wire: Wire, options: argparse.Namespace) -> Iterator[bool]:
    """Deliveries out of order, and workers killed under load; each counts as a cell."""
    if options.only not in "deliveries and load":
        return
    for name, problems in try_deliveries(place, wire, options.seed, one_in=8 if options.short else 1):
        yield _tell_one(name, problems)
    if not options.short:
        yield _tell_one("workers killed under load", try_load(place, options.seed, options.load_seconds))


def _tell_one(name: str, problems: list[str]) -> bool:
    print(f"   {int(not problems)} of    1  {name}", flush=True)
    for problem in problems:
        print(f"          {problem}", flush=True)
    return not problems


def _program(options: argparse.Namespace) -> list[tuple[Command, Story, random.Random]]:
    stories = [
        (command, story)
        for command in all_commands()
        if options.only in str(command)
        for story in STORIES[str(command)]
    ]
    if options.short:
        options.sample = options.sample or 1
        stories = random.Random(options.seed).sample(stories, len(stories) // 6)
    return [(*each, random.Random(f"{options.seed} {each[0]} {each[1].name}")) for each in stories]


def _play(theater: Theater, options: argparse.Namespace, chance: random.Random) -> tuple[int, int]:
    name = f"{theater.command} ({theater.story.name})"
    begun = time.monotonic()
    try:
        reference = theater.rehearse()
    except Exception as error:  # the other stories are still worth telling
        print(f"   0 of    1  {name}: cannot be rehearsed: {type(error).__name__}: {error}", flush=True)
        return 0, 1
    cells = _cells(reference, options, chance)
    failures = [("unbroken, and repeated", reference.problems)] if reference.problems else []
    for cell in cells:
        if options.verbose:
            print(f"  {cell}", flush=True)
        problems = theater.play(reference, cell)
        if problems:
            failures.append((str(cell), problems))
    tried = len(cells) + 1
    seconds = time.monotonic() - begun
    print(
        f"{tried - len(failures):4} of {tried:4}  {name}: {len(reference.requests)} requests, {seconds:.1f} s",
        flush=True,
    )
    _tell(failures)
    return tried - len(failures), tried


def _tell(failures: list[tuple[str, list[str]]]) -> None:
    """Each way of going wrong once, with the cells that go wrong so."""
    by_problem: dict[str, list[str]] = {}
    for cell, problems in failures:
        by_problem.setdefault("\n          ".join(problems), []).append(cell)
    for problem, cells in by_problem.items():
        print(f"      FAILED {'; '.join(cells)}:\n          {problem}", flush=True)


def _cells(reference: Reference, options: argparse.Namespace, chance: random.Random) -> list[Cell]:
    cells = [
        Cell(fault, request)
        for request in reference.requests
        for fault in FAULTS
        if options.fault in fault.name and fault.can_strike(request)
    ]
    if options.sample:
        return chance.sample(cells, min(options.sample, len(cells)))
    return cells
