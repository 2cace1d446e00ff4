"""Every sample event is handled by its function as its name says: `events/<function>/<what>[.<outcome>].json`.

The outcome of an HTTP request is its status (200 where none is named), of the authorizer `allow`, `deny` or `401`, of a queue's batch
`failed` when one message is to come again, of anything else `raises` when it is to come again as a whole. Where a name has no
outcome, the event is handled. `{{name}}` in a file stands for an id that the world was laid with.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.gateway import CONTEXT, headers_of
from tests.neighbours import Neighbours, listening

EVENTS = ROOT / "events"
FILES = sorted(EVENTS.glob("*/*.json"))
FUNCTIONS = {app.parent.name for app in (ROOT / "functions").glob("*/app.py")}
Handler = Callable[[dict[str, Any], Any], Any]


def test_every_function_has_a_sample_event_and_every_event_a_function() -> None:
    assert {file.parent.name for file in FILES} == FUNCTIONS


@pytest.fixture(scope="module")
def neighbours(tables: None) -> Iterator[Neighbours]:
    """The account, and a server that takes every request."""
    with listening() as address:
        neighbours = Neighbours(address)
        neighbours.make_account()
        yield neighbours


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, neighbours: Neighbours) -> dict[str, str]:
    """The names that the events of one function may use, in a world laid anew for it."""
    return neighbours.lay(request.param)


@pytest.mark.parametrize(
    ("world", "file"),
    [pytest.param(file.parent.name, file, id=f"{file.parent.name}/{file.stem}") for file in FILES],
    indirect=["world"],
    scope="module",
)
def test_a_sample_event_is_handled_as_its_name_says(
    world: dict[str, str], file: Path, neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = filled(file.read_text(encoding="utf-8"), world)
    neighbours.prepare(file, event, monkeypatch)
    handler = handler_of(file.parent.name)
    answer: Any = None
    try:
        answer = handler(event, CONTEXT)
        outcome = outcome_of(answer)
    except Exception as error:
        if expected(file, event) not in {"raises", "401"}:
            raise
        outcome = "401" if str(error) == "Unauthorized" else "raises"
    assert outcome == expected(file, event), answer
    if isinstance(answer, dict) and "statusCode" in answer:
        check_http(event, answer)


def filled(text: str, names: dict[str, str]) -> dict[str, Any]:
    """The event with its `{{name}}`s filled in."""
    unknown = set(re.findall(r"{{(\w+)}}", text)) - set(names)
    assert not unknown, f"the world knows no {sorted(unknown)}; it knows {sorted(names)}"
    event: dict[str, Any] = json.loads(re.sub(r"{{(\w+)}}", lambda match: names[match.group(1)], text))
    return event


def handler_of(function: str) -> Handler:
    """What Lambda calls: the router is Chalice's."""
    module = importlib.import_module(f"{function}.app")
    handler: Handler = module.app if function == "router" else module.lambda_handler
    return handler


def expected(file: Path, event: dict[str, Any]) -> str:
    """What the file's name says, or that all is well."""
    _, _, named = file.stem.partition(".")
    return named or ("200" if "httpMethod" in event else "handled")


def outcome_of(answer: Any) -> str:
    """What became of an event, in the words of the file names."""
    if isinstance(answer, dict) and "statusCode" in answer:
        return str(answer["statusCode"])
    if isinstance(answer, dict) and "policyDocument" in answer:
        [statement] = answer["policyDocument"]["Statement"]
        return str(statement["Effect"]).lower()
    if isinstance(answer, dict) and "batchItemFailures" in answer:
        return {0: "handled", 1: "failed"}.get(len(answer["batchItemFailures"]), str(answer))
    return "handled"


def check_http(event: dict[str, Any], answer: dict[str, Any]) -> None:
    """An answer says what it is: JSON on the API, a page beside it, problem details or an error page for a refusal."""
    status, media_type = answer["statusCode"], headers_of(answer).get("content-type", "").partition(";")[0]
    if status in {204, 301, 302, 303}:
        return
    if media_type == "application/problem+json":
        assert json.loads(answer["body"])["status"] == status
    elif media_type == "application/json":
        assert status < 400
        json.loads(answer["body"])
    elif media_type == "text/html":
        assert not event["path"].startswith("/api/")
        assert answer["body"].lstrip().lower().startswith("<!doctype html>")
    else:
        assert media_type, "an answer names its media type"
        assert status < 400
