"""The fault harness knows every command of the system, and a short run of it passes: `make faults` is the long one."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.faults.breaks import BREAKS
from tests.faults.commands import Command, all_commands, route_fits, started_by
from tests.faults.deliveries import DISORDERS, delivery_scenes
from tests.faults.interrupted import chosen_moments
from tests.faults.kinds import FAULTS, Request
from tests.faults.parts import divided, with_the_rest
from tests.faults.schedules import PERIODS, schedule_scenes, scheduled_stories
from tests.faults.stories import STORIES, Story
from tests.template.reading import UNION, functions
from tests.test_events import FILES

_SCHEDULED = {Command("settlement"), Command("settlement", "reconcile"), Command("settlement", "payouts")}
"""What a function that has a queue, too, is asked by a schedule or an operator."""
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
        assert command.way in _kinds(event)


@pytest.mark.parametrize(("command", "story"), _TOLD)
def test_what_comes_before_a_story_is_there(command: Command, story: Story) -> None:
    for name in story.before:
        assert _read(command.function, name)


def test_every_sample_event_of_a_command_is_told_in_a_story() -> None:
    """But for those that read, those whose name says that they are refused or fail, and those that only repeat another."""
    told = {
        (name.partition(" ")[0], each)
        for name, stories in STORIES.items()
        for story in stories
        for each in (story.name, *story.before)
    }
    left_out = {
        f"{file.parent.name}/{file.stem}"
        for file in FILES
        if (file.parent.name, file.stem) not in told and not _only_reads(file) and not _UNENDED.search(file.stem)
    }
    assert left_out == set(_LEFT_OUT)


_UNENDED = re.compile(r"\.(4\d\d|failed|raises|deny|allow)$")
"""A refusal stores nothing; what fails or raises does so for ever, and has no end to compare with. The authorizer has one story."""

_LEFT_OUT = {
    "catalog_import/store-catalog-with-tabs-and-mark": "the rows of store-catalog in another form: what differs is how the file is read",
    "payments/post-account-reported": "it tells of money that the books do not know; a report that agrees has a story",
    "manage/post-order-step-3-ship-again": "each cell repeats a step",
    "manage/post-stock-in-again": "each cell repeats a movement",
    "payments/post-bank-notice-again": "each cell repeats a notice",
    "supply/post-sales-2-again.201": "each cell repeats a sale",
    "supply/post-suppliers-2-again.201": "each cell repeats an application",
    "supply/put-offer-2-again": "each cell repeats an offer",
    "tracking/post-carrier-event-3-again": "each cell repeats a report",
}
"""Sample events without a story, and why."""


def _only_reads(file: Path) -> bool:
    return '"httpMethod": "GET"' in file.read_text(encoding="utf-8")


def test_every_kind_of_fault_strikes_a_write_and_none_but_its_own_a_read() -> None:
    write, read = Request(0, "dynamodb", "TransactWriteItems"), Request(0, "dynamodb", "GetItem")
    own = {"carried out in part once", "carried out in part", "answer cut short", "server error, though carried out"}
    assert {fault.name for fault in FAULTS if not fault.can_strike(write)} == own
    assert {fault.name for fault in FAULTS if not fault.can_strike(read)} == {
        "conflict once",
        "conflict always",
        "carried out in part once",
        "carried out in part",
        "answer cut short",
        "slow, and carried out late",
        "server error, though carried out",
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
        assert bool(told) == (command.function in consumers and command not in _SCHEDULED), command


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
        told = scheduled_stories(function)
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
    """Under one seed: `make faults` is for what nobody has tried yet."""
    command = [sys.executable, "-m", "tests.faults", "--short", "--seed", "1"]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "layers/core", ROOT / "functions", ROOT)))}
    run = subprocess.run(command, check=False, cwd=ROOT, env=known, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def _read(function: str, name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / function / f"{name}.json").read_text(encoding="utf-8"))
    return event


def _kinds(event: Any) -> list[str]:
    """What ways of their function the records of an event are: their tables, prefixes, kinds of event or of job; or the task that is asked."""
    return [_kind(record) for record in event.get("Records", ())] or [event.get("task", "")]


def _kind(record: Any) -> str:
    if "s3" in record:
        key: str = record["s3"]["object"]["key"]
        return f"{key.partition('/')[0]}/"
    if ":table/" in record.get("eventSourceARN", ""):
        table: str = record["eventSourceARN"].split("/")[1]
        return table.rpartition("-")[2]
    body = json.loads(record["body"])
    return str(body["detail-type"]) if "detail-type" in body else f"{next(iter(body), 'payouts')}-job"


@pytest.mark.parametrize("name", BREAKS)
def test_a_deliberate_break_breaks_what_stands_in_the_tree(name: str) -> None:
    """Once in its file; a break whose place has moved would break nothing, and be caught by nobody."""
    broken = BREAKS[name]
    assert (ROOT / broken.file).read_text(encoding="utf-8").count(broken.text) == 1
    assert set(broken.catchers) == {"harness", "checker", "matrix"}


def test_each_catcher_sees_a_break_each_break_is_seen_twice_and_one_by_all() -> None:
    seen = [{who for who, catcher in broken.catchers.items() if not catcher.blind} for broken in BREAKS.values()]
    assert set().union(*seen) == {"harness", "checker", "matrix"}
    assert (min(map(len, seen)), max(map(len, seen))) == (2, 3)
