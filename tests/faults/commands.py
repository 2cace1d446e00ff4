"""Every command of the system, found from its code and templates: each route that does not only read, and each function that something
else starts, once for each kind of message, task or object that it is given."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mart_union.settlement.queueing import SettlementJob
from tests.conftest import ROOT
from tests.template.reading import UNION, functions, read

_BRACES = re.compile(r"\{\w+\}")
WRITING_READS = {
    "browse": ("/", "/stores/{store}", "/stores/{store}/{sku}", "/categories/{category}", "/go/{store}"),
    "checkout": ("/cart", "/checkout", "/checkout/{store}/{sku}"),
}
"""The GET routes that write: they record a view of whoever agreed to it. `tests/access/test_reads.py` asks every GET route and compares."""


@dataclass(frozen=True)
class Command:
    """One command: its function, and the route or the kind of message, '' where the function has one way only."""

    function: str
    way: str = ""

    def __str__(self) -> str:
        return f"{self.function} {self.way}".strip()


def all_commands() -> list[Command]:
    """The commands of every function, in order."""
    functions = sorted(app.parent.name for app in (ROOT / "functions").glob("*/app.py"))
    return [Command(function, way) for function in functions for way in ways_of(function)]


def ways_of(function: str) -> list[str]:
    """The ways in which a function is made to do something: `POST /api/purchases`, an event's name, or '' for its only one."""
    app = importlib.import_module(f"{function}.app")
    routes = _routes(app)
    if routes is not None:
        reading = WRITING_READS.get(function, ())
        return [f"{method} {path}" for method, path in routes if method != "GET" or path in reading]
    if function == "relay":
        return list(app._EVENTS_OF)
    if function == "settlement":
        return ["", *app.TASKS, *JOBS]
    if function == "webhooks":
        return [*kinds_routed_to(function), "party-job"]
    return kinds_routed_to(function) or prefixes_told_to(function) or [""]


JOBS = (*(f"{field}-job" for field in SettlementJob.__struct_fields__), "payouts-job")
"""The kinds of message on settlement's own queue: `SettlementJob` with one of its fields, and with none."""


def kinds_routed_to(function: str) -> list[str]:
    """The kinds of event that the template's rules put on a function's queues."""
    queues = [event["Properties"]["Queue"] for event in _triggers(function, "SQS")]
    rules = [each["Properties"] for each in read(UNION)["Resources"].values() if each["Type"] == "AWS::Events::Rule"]
    return [
        kind
        for rule in rules
        if any(target["Arn"] in queues for target in rule["Targets"])
        for kind in rule["EventPattern"]["detail-type"]
    ]


def prefixes_told_to(function: str) -> list[str]:
    """The prefixes of the bucket under which a new object starts a function."""
    return [
        rule["Value"] for event in _triggers(function, "S3") for rule in event["Properties"]["Filter"]["S3Key"]["Rules"]
    ]


def _triggers(function: str, kind: str) -> list[dict[str, Any]]:
    return [
        event
        for each in functions(UNION).values()
        if each["Handler"].partition(".")[0] == function
        for event in each.get("Events", {}).values()
        if event["Type"] == kind
    ]


def _routes(app: ModuleType) -> list[tuple[str, str]] | None:
    if hasattr(app, "api"):
        return [(route.method, route.path) for route in app.api.routes]
    if hasattr(app, "app"):  # Chalice's
        return [(method, path) for path, methods in app.app.routes.items() for method in methods]
    return None


def route_fits(path: str, event: dict[str, Any]) -> bool:
    """Whether an event is a request of a route."""
    pattern = _BRACES.sub("[^/]+", path)
    return re.fullmatch(pattern, event.get("path", "")) is not None


def started_by(trigger: str) -> list[str]:
    """The functions of a union that a kind of trigger starts (`SQS`, `DynamoDB`, `S3`, `ScheduleV2`), found from its template."""
    return sorted(
        function["Handler"].partition(".")[0]
        for function in functions(UNION).values()
        if trigger in {event["Type"] for event in function.get("Events", {}).values()}
    )
