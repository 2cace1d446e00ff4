"""The fault harness knows every command of the system, and a short run of it passes: `make faults` is the long one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.faults.commands import Command, all_commands, route_fits
from tests.faults.kinds import FAULTS, Request
from tests.faults.stories import STORIES, Story

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
    assert all(fault.can_strike(write) for fault in FAULTS)
    assert {fault.name for fault in FAULTS if not fault.can_strike(read)} == {
        "conflict once",
        "conflict always",
        "slow, and carried out late",
    }


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
