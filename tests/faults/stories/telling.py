"""What a story is, and the two ways to write one down: a sample event of `events/`, or a request that is written out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.conftest import ROOT
from tests.faults.place import Place
from tests.gateway import gateway_event
from tests.test_events import filled
from tests.world import CUSTOMER

Prepare = Callable[[Place], datetime | None]
"""Brings the world to where a story begins; answers with the moment of it, if that is not the usual one."""


@dataclass(frozen=True)
class Story:
    """One way in which a command is run: a sample event (or a written one), after other events and preparations.

    `adds` says what its repeat does once more, since nothing tells it from a second wish; then only repeats that the SDK makes must
    count once. `reports` says what it tells its caller that it could not do, and does not try again by itself.
    """

    name: str
    event: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    prepare: Prepare | None = None
    adds: str = ""
    reports: str = ""

    def event_in(self, function: str, names: Mapping[str, str]) -> dict[str, Any]:
        """The event as it is fed in."""
        if self.event:
            return filled(json.dumps(self.event), dict(names))
        return sample_event(function, self.name, names)

    def is_delivered(self, function: str) -> bool:
        """Whether a queue, a stream or the bucket brings the event, in records, rather than a schedule or a person."""
        text = (ROOT / "events" / function / f"{self.name}.json").read_text(encoding="utf-8") if not self.event else ""
        return "Records" in self.event or '"Records"' in text


def sample_event(function: str, name: str, names: Mapping[str, str]) -> dict[str, Any]:
    """One of a function's sample events, with the names of the world filled in."""
    return filled((ROOT / "events" / function / f"{name}.json").read_text(encoding="utf-8"), dict(names))


def sample(
    name: str, *before: str, prepare: Prepare | None = None, adds: str = "", reports: str = ""
) -> tuple[Story, ...]:
    """The story of one sample event, after others."""
    return (Story(name, before=before, prepare=prepare, adds=adds, reports=reports),)


def request(
    method: str,
    path: str,
    /,
    *,
    subject: str = CUSTOMER,
    role: str = "",
    prepare: Prepare | None = None,
    adds: str = "",
    body: Any = None,
    cookie: str = "",
    key: str = "",
    **form: str,
) -> tuple[Story, ...]:
    """The story of a request that is written out here: with a JSON body, or a form."""
    headers = {"Cookie": cookie} if cookie else {}
    if key:
        headers["Idempotency-Key"] = key
    if body is None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    event = gateway_event(method, path, body=body, headers=headers, subject=subject, role=role)
    if body is None:  # written by hand, so that names in braces stay readable until they are filled in
        event["body"] = "&".join(f"{name.replace('__', '-')}={value}" for name, value in form.items())
    return (Story(f"{method} {path}", event, prepare=prepare, adds=adds),)
