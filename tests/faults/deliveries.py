"""Deliveries as queues and streams make them: twice, out of order, late. The end is that of once, in order (invariant 15)."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.faults.cells import Reference, Theater, differences
from tests.faults.commands import Command, all_commands, started_by
from tests.faults.place import Place, State, broken_invariants, told
from tests.faults.scenes import Scene, Tale, one_cell, together
from tests.faults.schedules import standing
from tests.faults.stories import STORIES, Story
from tests.faults.wire import Wire

Records = list[dict[str, Any]]
Disorder = Callable[[Records, random.Random], Records]


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
DISORDERS: dict[str, dict[str, Disorder]] = {"SQS": _OF_QUEUES, "DynamoDB": _OF_STREAMS, "S3": _OF_QUEUES}
"""What each kind of trigger does to the events of its functions."""


def delivery_scenes(seed: int, *, one_in: int = 1) -> list[Scene]:
    """Each consumer's stories (of a short run, one in so many), each in every disorder that its trigger makes."""
    disorders = {function: made for trigger, made in DISORDERS.items() for function in started_by(trigger)}
    scenes = []
    chosen = random.Random(seed)
    for command in all_commands():
        for story in STORIES.get(str(command), ()) if command.function in disorders else ():
            if story.is_delivered(command.function) and not chosen.randrange(one_in):
                play = partial(_play, command, story, disorders[command.function], seed)
                scenes.append(Scene(f"deliveries of {command} ({story.name})", play))
    return scenes


def _play(command: Command, story: Story, disorders: dict[str, Disorder], seed: int, place: Place, wire: Wire) -> Tale:
    theater = Theater(place, wire, command, story)
    chance = random.Random(f"{seed} {command} {story.name}")
    reference = theater.rehearse()
    tales = [
        one_cell(f"{command} ({story.name}) {name}", _problems(theater, reference, reorder, chance))
        for name, reorder in disorders.items()
    ]
    theater.close()
    return together(tales)


def _problems(theater: Theater, reference: Reference, reorder: Disorder, chance: random.Random) -> list[str]:
    def reordered(event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "Records": _numbered(reorder(event["Records"], chance))}

    end, answer = theater.play_changed(reference, reordered)
    if theater.command.function in started_by("ScheduleV2"):  # what came too early for it is done in its next period
        late = _after_the_next_period(theater)
        theater.play_changed(reference, dict)
        problems = differences(standing(_after_the_next_period(theater)), standing(late), "how things stand")
    else:
        problems = differences(_without_mailed(reference.end), _without_mailed(told(end)), "the end")
    problems += broken_invariants(end)
    return problems if answer.word == "handled" else [*problems, f"it is {answer.word}"]


def _without_mailed(lines: list[str]) -> list[str]:
    """A state without the events that are kept of mails: news that newer ones have overtaken are not told, and so their event is not kept."""
    return [line for line in lines if not line.startswith("mailed ")]


def _after_the_next_period(theater: Theater) -> State:
    theater.wait()
    theater.run()
    return theater.look()


def _numbered(records: Records) -> Records:
    """Each delivery of a message has an id of its own."""
    return [
        {**record, "messageId": f"{record['messageId']}-{number}"} if "messageId" in record else record
        for number, record in enumerate(records)
    ]
