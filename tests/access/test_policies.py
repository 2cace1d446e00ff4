"""Invariant 12, for functions: each does all that its sample events make it do under its own deployed role, is granted nothing that none
of them needs, and is denied everything that is not granted. The account enforces the policies; see `deployed.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import botocore.handlers
import pytest
from botocore.session import get_session

from infra.routes import resource_of
from tests.access.account import all_clients_at
from tests.access.deployed import ROOT_KEYS, Account
from tests.access.grants import Grant, Need, grants_of, needs_of
from tests.faults.place import Place, drop_clients, forget_what_processes_keep, place_at
from tests.faults.stories import STORIES, Story
from tests.gateway import CONTEXT
from tests.neighbours import Neighbours, listening
from tests.test_events import EVENTS, expected, filled, handler_of, outcome_of

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
BEYOND_EVENTS = {
    "browse": ("ChangeCustomers: dynamodb:BatchWriteItem",),  # erases views, when consent is taken back
    "cards": ("ChangeOrders", "ChangeStock", "ReadTheUnionsKeys"),  # the processor's answers
    "catalog_import": ("ChangeCatalog: dynamodb:DeleteItem", "KnowWhatIsMissing"),  # a shelf that became shorter
    "checkout": ("ReadTheUnionsKeys",),  # cards
    "manage": ("TakeUploads", "ReadReports", "KnowWhatIsMissing", "ChangePurchases"),  # presigned; cards
    "operate": ("AskForReconciliation", "CountWhatWaits", "ReadReports", "KnowWhatIsMissing"),
    "payments": ("ReadTheUnionsKeys",),
    "presence": ("ReadTheUnionsKeys",),  # its events come with credentials
    "settlement": ("WriteReports", "KnowWhatIsMissing", "HandOutJobs", "ReadTheUnionsKeys"),
    "shelving": ("ChangeCatalog: dynamodb:DeleteItem",),
    "supply": ("TakeUploads", "ReadReports", "KnowWhatIsMissing", "ReadTheUnionsKeys"),
    "sweeper": (
        "ReadTheUnionsKeys",
        "EndUrgentSales",
        "ReviewDeposits",
        "EraseRecipients",
    ),  # what has its time much later
    "tracking": ("ReadTheUnionsKeys",),
}
"""By function, what no sample event needs and why it is granted all the same: requests that others send with its presigned addresses,
the listing without which S3 calls a missing object forbidden, and what needs a longer story than one event."""

FUNCTIONS = sorted(folder.name for folder in EVENTS.iterdir())


@dataclass
class Stage:
    """The account, and functions playing in it under their roles."""

    account: Account
    made: dict[str, str]
    patches: pytest.MonkeyPatch
    place: Place
    needed: dict[str, set[Need]] = field(default_factory=dict)
    grants: dict[str, list[Grant]] = field(default_factory=dict)
    playing: str = ""

    @property
    def neighbours(self) -> Neighbours:
        """The account's bus, bucket and keys, and who is called from it."""
        return self.place.neighbours

    def note(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        """Remember what a request of the function that plays needs."""
        if self.playing:
            needs = needs_of(model.service_model.service_name, model.name, params)
            self.needed.setdefault(self.playing, set()).update(needs)

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
        self.act_as(ROOT_KEYS)
        names = self.neighbours.lay(function)
        self.place.laid = self.place.read()
        self.act_as(self.account.keys_of(self.role_of(function)))
        self.needed[function] = set()
        self.grants[function] = grants_of(self.account, self.role_of(function))
        files = sorted((EVENTS / function).glob("*.json"))
        problems = [problem for file in files for problem in self._feed(function, file, names)]
        problems += [problem for story in _beyond_samples(function) for problem in self._tell(function, story, names)]
        return problems + [
            f"not granted: {need}" for need in sorted(self.needed[function]) if not self._grants(function, need)
        ]

    def _grants(self, function: str, need: Need) -> bool:
        return any(grant.covers(need) for grant in self.grants[function])

    def _tell(self, function: str, story: Story, names: dict[str, str]) -> Iterator[str]:
        """Play a story that is no sample event; how it ends in this world is not its point, but that nothing fails."""
        if story.prepare is not None:
            self.place.names = names
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
        self.playing = function
        try:
            outcome = outcome_of(handler_of(function)(event, CONTEXT))
        except Exception as error:
            outcome = "401" if str(error) == "Unauthorized" else "raises"
            if outcome != expected(file, event):
                yield f"{file.name}: {error!r}"
        finally:
            self.playing = ""
        if outcome != expected(file, event):
            yield f"{file.name}: expected {expected(file, event)}, ended as {outcome}"


def _beyond_samples(function: str) -> list[Story]:
    """Stories that are written out, or begin with more than a sample event."""
    told = [story for name, stories in STORIES.items() if name.split(" ")[0] == function for story in stories]
    return [story for story in told if story.event or story.prepare]


@pytest.fixture(scope="module")
def stage(deployed: tuple[Account, dict[str, str]]) -> Iterator[Stage]:
    """Both stacks, and the functions of this process in their account."""
    account, made = deployed
    with (
        pytest.MonkeyPatch.context() as patches,
        listening() as address,
        all_clients_at(account.address),
        ExitStack() as stack,
    ):
        patches.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
        patches.setenv("POWERTOOLS_METRICS_DISABLED", "true")

        def of_root(service: str) -> Any:
            access, secret = ROOT_KEYS.values()
            return get_session().create_client(service, aws_access_key_id=access, aws_secret_access_key=secret)

        patches.setattr("tests.neighbours._client", of_root)
        for name, value in ROOT_KEYS.items():
            patches.setenv(name, value)
        stage = Stage(account, made, patches, stack.enter_context(place_at(address)))
        handlers = [("before-call", stage.note), *botocore.handlers.BUILTIN_HANDLERS]
        patches.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
        yield stage


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_does_all_that_its_events_ask_under_its_own_role(stage: Stage, function: str) -> None:
    problems = stage.play(function)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_granted_nothing_that_it_does_not_need(stage: Stage, function: str) -> None:
    """No table, index, bucket prefix, queue, key or function that none of its events touches; and no deletion and no scan but where one
    is made. Within a table that it uses, the plain reads come together, and so do the plain writes."""
    if function not in stage.needed:
        stage.play(function)
    own = [grant for grant in stage.grants[function] if not grant.is_of_aws]
    spare = [f"{grant.statement}: {grant}" for grant in own if not _is_needed(grant, stage.needed[function])]
    spare = [each for each in spare if not any(each.startswith(known) for known in BEYOND_EVENTS.get(function, ()))]
    assert not spare, "\n".join(spare)


def _is_needed(grant: Grant, needs: set[Need]) -> bool:
    if grant.is_of_index:
        return ("dynamodb:Query", grant.resource) in needs
    if grant.is_plain:
        return any(fnmatchcase(resource, grant.resource) for _, resource in needs)
    return any(grant.covers(need) for need in needs)
