"""The fault harness knows every command of the system, and a short run of it passes: `make faults` is the long one."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.faults.breaks import BREAKS
from tests.faults.commands import Command, all_commands, route_fits, started_by
from tests.faults.deliveries import DISORDERS, delivery_scenes
from tests.faults.interrupted import chosen_moments
from tests.faults.kinds import FAULTS, Request
from tests.faults.parts import divided, with_the_rest
from tests.faults.schedules import PERIODS, schedule_scenes
from tests.faults.stories import STORIES, Story
from tests.template.reading import UNION, functions

_TOLD = [
    pytest.param(command, story, id=f"{command}: {story.name}")
    for command in all_commands()
    for story in STORIES.get(str(command), ())
]


def test_every_command_has_a_story_and_every_story_a_command() -> None:
    assert sorted(STORIES) == sorted(map(str, all_commands()))
    assert all(STORIES.values())


@pytest.mark.parametrize(("command", "story"), _TOLD)
def test_a_story_is_about_its_command(command: Command, story: Story) -> None:
    event = story.event or _read(command.function, story.name)
    method, _, path = command.way.partition(" ")
    if path:
        assert event["httpMethod"] == method
        assert route_fits(path, dict(event))
    elif command.way:
        assert set(_kinds(event)) & {command.way} or command.way == "Order*"


@pytest.mark.parametrize(("command", "story"), _TOLD)
def test_what_comes_before_a_story_is_there(command: Command, story: Story) -> None:
    for name in story.before:
        assert _read(command.function, name)


def test_every_kind_of_fault_strikes_a_write_and_none_but_its_own_a_read() -> None:
    write, read = Request(0, "dynamodb", "TransactWriteItems"), Request(0, "dynamodb", "GetItem")
    own = {"carried out in part once", "carried out in part", "answer cut short"}
    assert {fault.name for fault in FAULTS if not fault.can_strike(write)} == own
    assert {fault.name for fault in FAULTS if not fault.can_strike(read)} == {
        "conflict once",
        "conflict always",
        "carried out in part once",
        "carried out in part",
        "answer cut short",
        "slow, and carried out late",
    }


def test_every_consumer_gets_its_events_out_of_order() -> None:
    """The functions that queues, streams and the bucket start are read off the template, and each tells every kind it consumes."""
    consumers = {function for trigger in DISORDERS for function in started_by(trigger)}
    assert consumers >= {"relay", "stock_adjustment", "shelving", "syndication", "notifications", "catalog_import"}
    scenes = [scene.name for scene in delivery_scenes(1)]
    for command in all_commands():
        told = [name for name in scenes if name.startswith(f"deliveries of {command} (")]
        delivered = [story for story in STORIES[str(command)] if story.is_delivered(command.function)]
        assert len(told) == len(delivered), command
        assert bool(told) == (command.function in consumers), command


def test_no_trigger_of_the_template_is_left_out() -> None:
    triggers = {
        event["Type"] for function in functions(UNION).values() for event in function.get("Events", {}).values()
    }
    assert triggers == {*DISORDERS, "ScheduleV2"}


def test_every_schedule_fires_twice_is_killed_and_late() -> None:
    scheduled = started_by("ScheduleV2")
    assert set(scheduled) == set(PERIODS)
    scenes = [scene.name for scene in schedule_scenes(1)]
    for function in scheduled:
        assert f"schedule of {function}, late for several periods" in scenes
        told = [story for story in STORIES[function] if not story.is_delivered(function)]
        assert sum(name.startswith(f"schedule of {function} (") for name in scenes) == len(told) > 0


def test_a_seed_interrupts_the_network_at_the_same_moments_again() -> None:
    chosen = [
        [(moment.name, moment.number) for moment in chosen_moments(random.Random(seed))] for seed in (1, 1, 2, 3, 4)
    ]
    assert chosen[0] == chosen[1]
    assert len({tuple(names) for names in chosen}) > 1
    assert all(any("functions killed" in name for name, _ in names) for names in chosen)


@pytest.mark.parametrize(
    ("operation", "asked", "taken", "left"),
    [
        ("PutEvents", {"Entries": [1, 2, 3]}, {"Entries": [2]}, [("", 1), ("", 3)]),
        ("PutEvents", {"Entries": [1]}, None, [("", 1)]),
        (
            "BatchGetItem",
            {"RequestItems": {"a": {"Keys": [1, 2], "ConsistentRead": True}, "b": {"Keys": [3]}}},
            {"RequestItems": {"a": {"ConsistentRead": True, "Keys": [2]}}},
            [("a", 1), ("b", 3)],
        ),
        ("BatchWriteItem", {"RequestItems": {"a": [1, 2]}}, {"RequestItems": {"a": [2]}}, [("a", 1)]),
    ],
)
def test_a_batch_is_divided_and_nothing_of_it_lost(operation: str, asked: Any, taken: Any, left: Any) -> None:
    body, rest = divided(operation, json.dumps(asked).encode())
    assert (json.loads(body) if body else None, rest) == (taken, left)


def test_what_a_service_gives_back_stands_in_its_answer() -> None:
    events = json.loads(with_the_rest("PutEvents", {"Entries": [{"EventId": "2"}]}, [("", 1), ("", 3)]))
    assert events["FailedEntryCount"] == 2
    assert [entry.get("EventId", "") for entry in events["Entries"]] == ["", "2", ""]
    queued = json.loads(with_the_rest("SendMessageBatch", {"Successful": [{"Id": "1"}]}, [("", {"Id": "0"})]))
    assert (queued["Successful"], [each["Id"] for each in queued["Failed"]]) == ([{"Id": "1"}], ["0"])
    read = json.loads(with_the_rest("BatchGetItem", {"Responses": {"a": [2]}}, [("a", 1)]))
    assert read == {"Responses": {"a": [2]}, "UnprocessedKeys": {"a": {"Keys": [1]}}}


def test_a_short_run_passes() -> None:
    """A seed of its own each time: what fails is told with the seed that fails again."""
    command = [sys.executable, "-m", "tests.faults", "--short"]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "layers/core", ROOT / "functions", ROOT)))}
    run = subprocess.run(command, check=False, cwd=ROOT, env=known, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def _read(function: str, name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / function / f"{name}.json").read_text(encoding="utf-8"))
    return event


def _kinds(event: Any) -> list[str]:
    """The tables of a stream's records, or the names of a queue's events."""
    kinds = []
    for record in event["Records"]:
        if "eventSourceARN" in record and ":table/" in record["eventSourceARN"]:
            kinds.append(record["eventSourceARN"].split("/")[1].rpartition("-")[2])
        else:
            kinds.append(json.loads(record["body"])["detail-type"])
    return kinds


@pytest.mark.parametrize("name", BREAKS)
def test_a_deliberate_break_breaks_what_stands_in_the_tree(name: str) -> None:
    """Once in its file; a break whose place has moved would break nothing, and be caught by nobody."""
    broken = BREAKS[name]
    assert (ROOT / broken.file).read_text(encoding="utf-8").count(broken.text) == 1
    assert len(broken.catchers) >= 2
