"""Deliveries as queues and streams make them: twice, out of order, late. The end is that of once, in order (invariant 15)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.faults.cells import Theater, differences
from tests.faults.commands import Command
from tests.faults.place import Place, broken_invariants, told
from tests.faults.stories import STORIES
from tests.faults.wire import Wire

Records = list[dict[str, Any]]
Disorder = Callable[[Records, random.Random], Records]

_QUEUES = ("notifications", "shelving", "syndication")
_STREAMS = ("relay", "stock_adjustment")


def _twice(records: Records, chance: random.Random) -> Records:
    return [record for record in records for _ in range(2)]


def _backwards(records: Records, chance: random.Random) -> Records:
    return records[::-1]


def _shuffled(records: Records, chance: random.Random) -> Records:
    return chance.sample(records * 2, len(records) * 2)


def _oldest_late(records: Records, chance: random.Random) -> Records:
    return [*records, records[0]]


def _from_the_middle(records: Records, chance: random.Random) -> Records:
    """A stream keeps its order, and begins a batch again wherever it was."""
    return [*records, *records[chance.randrange(len(records)) :]]


_OF_QUEUES: dict[str, Disorder] = {
    "each twice": _twice,
    "newest first": _backwards,
    "shuffled, each twice": _shuffled,
    "the oldest late": _oldest_late,
}
_OF_STREAMS: dict[str, Disorder] = {"each twice": _twice, "again from the middle": _from_the_middle}


def try_deliveries(place: Place, wire: Wire, seed: int, *, one_in: int = 1) -> Iterator[tuple[str, list[str]]]:
    """Each disorder of each consumer's stories (of one in so many), with what is wrong at its end."""
    chosen = random.Random(seed)
    for name, stories in STORIES.items():
        function, _, way = name.partition(" ")
        disorders = _OF_QUEUES if function in _QUEUES else _OF_STREAMS if function in _STREAMS else {}
        for story in stories if disorders else ():
            if chosen.randrange(one_in):
                continue
            theater = Theater(place, wire, Command(function, way), story)
            chance = random.Random(f"{seed} {name} {story.name}")
            reference = theater.rehearse()
            for disorder, reorder in disorders.items():

                def reordered(
                    event: dict[str, Any], reorder: Disorder = reorder, chance: random.Random = chance
                ) -> dict[str, Any]:
                    return {**event, "Records": _numbered(reorder(event["Records"], chance))}

                end, answer = theater.play_changed(reference, reordered)
                problems = differences(reference.end, told(end), "the end") + broken_invariants(end)
                if answer.word != "handled":
                    problems.append(f"it is {answer.word}")
                yield f"{name} ({story.name}) {disorder}", problems
            theater.close()


def _numbered(records: Records) -> Records:
    """Each delivery of a message has an id of its own."""
    return [
        {**record, "messageId": f"{record['messageId']}-{number}"} if "messageId" in record else record
        for number, record in enumerate(records)
    ]
