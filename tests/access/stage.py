"""Where functions play under deployed roles: an account that enforces policies, the world in it, and what each request of a function needs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.routes import resource_of
from tests.access.deployed import ROOT_KEYS, Account
from tests.access.grants import Grant, Need, grants_of, needs_of
from tests.faults.kinds import Request
from tests.faults.place import Place, drop_clients, forget_what_processes_keep
from tests.faults.stories import STORIES, Story
from tests.gateway import CONTEXT
from tests.neighbours import Neighbours
from tests.test_events import EVENTS, expected, filled, handler_of, outcome_of

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
FUNCTIONS = sorted(folder.name for folder in EVENTS.iterdir())


@dataclass(frozen=True)
class Asked:
    """A request that a function sent: what it needed, and whether it could change anything."""

    needs: frozenset[Need]
    writes: bool


@dataclass
class Trial:
    """What came of one event under another function's role: requests that were denied, and those that changed something."""

    denied: int = 0
    changed: list[str] = field(default_factory=list)
    outcome: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether whoever sent the event sees that it was not done: the gateway a 5xx, a queue or stream that it is to come again."""
        return self.outcome in {"raises", "failed"} or self.outcome.startswith(("5", "{'batchItemFailures'"))


@dataclass
class Stage:
    """The account, and functions playing in it under their roles."""

    account: Account
    made: dict[str, str]
    patches: pytest.MonkeyPatch
    place: Place
    needed: dict[str, set[Need]] = field(default_factory=dict)
    grants: dict[str, list[Grant]] = field(default_factory=dict)
    ready: dict[Path, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, dict[str, list[Asked]]] = field(default_factory=dict)
    tried: dict[str, dict[str, str]] = field(default_factory=dict)
    playing: str = ""
    feeding: str = ""
    trial: Trial | None = None

    @property
    def neighbours(self) -> Neighbours:
        """The account's bus, bucket and keys, and who is called from it."""
        return self.place.neighbours

    def note(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        """Remember what a request of the function that plays needs."""
        if self.playing:
            service, operation = model.service_model.service_name, model.name
            needs = frozenset(needs_of(service, operation, params))
            self.needed.setdefault(self.playing, set()).update(needs)
            if self.feeding:
                asked = self.asked.setdefault(self.playing, {}).setdefault(self.feeding, [])
                asked.append(Asked(needs, not Request(0, service, operation).reads))

    def see(self, model: Any, parsed: dict[str, Any], http_response: Any, **_: Any) -> None:
        """Note the answer to a request of a trial."""
        if self.trial is None:
            return
        if http_response.status_code >= 300:
            code = parsed.get("Error", {}).get("Code", "")
            self.trial.denied += "AccessDenied" in code or "NotAuthorized" in code or http_response.status_code == 403
        elif not Request(0, "", model.name).reads:
            self.trial.changed.append(f"{model.service_model.service_name} {model.name}")

    def role_of(self, function: str) -> str:
        """The name of a function's role."""
        return self.made[f"{resource_of(function)}Role"]

    def act_as(self, keys: dict[str, str]) -> None:
        """Let every client made from now on have these keys."""
        for name in _KEYS:
            self.patches.delenv(name, raising=False)
        for name, value in keys.items():
            self.patches.setenv(name, value)
        drop_clients()
        forget_what_processes_keep()

    def play(self, function: str) -> list[str]:
        """Feed a function all its sample events under its role; what did not end as its name says."""
        names = self.begin_anew()
        self.act_as(self.account.keys_of(self.role_of(function)))
        self.needed[function] = set()
        self.grants[function] = grants_of(self.account, self.role_of(function))
        files = sorted((EVENTS / function).glob("*.json"))
        problems = [problem for file in files for problem in self._feed(function, file, names)]
        problems += [problem for story in _beyond_samples(function) for problem in self._tell(function, story, names)]
        return problems + [
            f"not granted: {need}" for need in sorted(self.needed[function]) if not self._grants(function, need)
        ]

    def begin_anew(self) -> dict[str, str]:
        """The world as it was laid, and its names; this process is the account's root."""
        self.act_as(ROOT_KEYS)
        self.place.put_back(self.place.laid, self.place.read())
        return self.place.names

    def _grants(self, function: str, need: Need) -> bool:
        return any(grant.covers(need) for grant in self.grants[function])

    def _tell(self, function: str, story: Story, names: dict[str, str]) -> Iterator[str]:
        """Play a story that is no sample event; how it ends in this world is not its point, but that nothing fails."""
        if story.prepare is not None:
            role = {name: os.environ[name] for name in _KEYS}
            self.act_as(ROOT_KEYS)
            self.place.put_back(self.place.laid, self.place.read())
            moment = story.prepare(self.place)
            self.act_as(role)
            if moment is not None:
                self.patches.setattr(f"{function}.app.utc_now", lambda: moment)
        event = story.event_in(function, names)
        self.neighbours.prepare(EVENTS / function / "a-story.json", event, self.patches)
        self.playing = function
        try:
            outcome = outcome_of(handler_of(function)(event, CONTEXT))
        finally:
            self.playing = ""
        if outcome.startswith("5") or outcome == "failed":
            yield f"{story.name}: ended as {outcome}"

    def _feed(self, function: str, file: Path, names: dict[str, str]) -> Iterator[str]:
        event = filled(file.read_text(encoding="utf-8"), names)
        self.neighbours.prepare(file, event, self.patches)
        self.playing, self.feeding = function, file.name
        try:
            outcome = outcome_of(handler_of(function)(event, CONTEXT))
        except Exception as error:
            outcome = "401" if str(error) == "Unauthorized" else "raises"
            if outcome != expected(file, event):
                yield f"{file.name}: {error!r}"
        finally:
            self.playing = self.feeding = ""
        if outcome != expected(file, event):
            yield f"{file.name}: expected {expected(file, event)}, ended as {outcome}"

    def learn(self) -> None:
        """Let each function that has not yet played do so, under its own role, so that its needs are known; then make its events ready
        for trials, in the world as it was laid. Machines' events are signed here: a role may lack the keys."""
        for function in FUNCTIONS:
            if function not in self.asked:
                self.play(function)
        names = self.begin_anew()
        for file in EVENTS.glob("*/*.json"):
            self.ready[file] = filled(file.read_text(encoding="utf-8"), names)
            self.neighbours.prepare(file, self.ready[file], self.patches)
        self.place.laid = self.place.read()

    def events_denied_to(self, function: str, role: str) -> list[tuple[Path, bool]]:
        """A function's sample events of which another's role lacks something, and whether that is so before anything is written: those
        first, and of them what is denied first."""
        found = []
        for name, asked in self.asked[function].items():
            lacking = [place for place, each in enumerate(asked) if not self._all_granted(role, each.needs)]
            if lacking:
                found.append((any(each.writes for each in asked[: lacking[0]]), lacking[0], name))
        return [(EVENTS / function / name, not written) for written, _, name in sorted(found)]

    def lacks(self, function: str, role: str) -> bool:
        """Whether another's role lacks anything that the function's sample events need."""
        return not self._all_granted(
            role, {need for each in self.asked[function].values() for one in each for need in one.needs}
        )

    def _all_granted(self, role: str, needs: Collection[Need]) -> bool:
        return all(any(grant.covers(need) for grant in self.grants[role]) for need in needs)

    def try_under(self, function: str, role: str) -> str:
        """Try a function's events under another's role, which this process has taken on, until one is denied; how.

        `wholly` when nothing was changed; `halfway` when the role, which may write where the function writes first, was denied what comes
        then: that is put back. Else what came of each event.
        """
        ends = []
        for file, is_first in self.events_denied_to(function, role):
            trial = self.try_event(file)
            if trial.denied and trial.has_failed and not (trial.changed and is_first):
                if trial.changed:
                    self.place.put_back(self.place.laid, self.place.read())
                return "halfway" if trial.changed else "wholly"
            ends.append(
                f"{file.name}: ended as {trial.outcome}, {trial.denied} requests denied, {trial.changed} let through"
            )
        return "; ".join(ends)

    def try_event(self, file: Path) -> Trial:
        """Feed a function one of its sample events, under the role that this process has taken on."""
        forget_what_processes_keep()
        self.trial = trial = Trial()
        try:
            trial.outcome = outcome_of(handler_of(file.parent.name)(deepcopy(self.ready[file]), CONTEXT))
        except Exception:
            trial.outcome = "raises"
        finally:
            self.trial = None
        return trial


def _beyond_samples(function: str) -> list[Story]:
    """Stories that are written out, or begin with more than a sample event."""
    told = [story for name, stories in STORIES.items() if name.split(" ")[0] == function for story in stories]
    return [story for story in told if story.event or story.prepare]
