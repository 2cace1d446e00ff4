"""Every command of the system, found from its code: each route that does not only read, and each function that something else starts."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tests.conftest import ROOT
from tests.template.reading import UNION, functions

_BRACES = re.compile(r"\{\w+\}")


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
    """The ways in which a function is made to do something: `POST /api/purchases`, an event's name, or '' for its only one.

    A queue's function is one command for each kind of event that it treats apart.
    """
    app = importlib.import_module(f"{function}.app")
    routes = _routes(app)
    if routes is not None:
        return [f"{method} {path}" for method, path in routes if method != "GET"]
    if function == "syndication":
        return [*app.CONSUMERS, "Order*"]
    if function == "relay":
        return list(app._EVENTS_OF)
    return [""]


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
