"""A run: every operation of every API, so many requests each; what must not be is a finding, and the run goes on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import GenerationMode, openapi
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.openapi.checks import JsonSchemaError
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.routes import folded, routes_of_code
from mart_union.web.center_openapi import describe_center, load_router
from mart_union.web.openapi import describe, find_apis
from tests.conftest import ROOT
from tests.faults.place import Place, State
from tests.fuzz.callers import callers_of
from tests.fuzz.cases import Known, Sending, samples_of, sendings
from tests.fuzz.center import (
    CenterGuard,
    callers_of_center,
    center_doors,
    ids_of_center,
    lay_center,
)
from tests.fuzz.elsewhere import Written, messages_waiting, people_in_pools, watched
from tests.fuzz.gate import Door, Event, Gateway, Response, ask_authorizer
from tests.fuzz.world import ids_of
from tests.neighbours import _taken, sign
from tests.template.reading import CENTER

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@dataclass
class Tally:
    """What a run did and found: `findings` has each kind once, with the first request that showed it and how many did. `sent` counts what
    answered requests sent to queues, the bus, mailboxes, the user pool and functions; `waiting` and `people` what was there before."""

    operations: int = 0
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    compared: int = 0
    elsewhere: int = 0
    waiting: int = 0
    people: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    findings: dict[str, list[str]] = field(default_factory=dict)

    def note(self, finding: str, event: Event) -> None:
        """Keep a finding with the request that showed it."""
        self.findings.setdefault(finding, []).append(_shown(event))

    def summary(self) -> str:
        """One line of numbers."""
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.operations} operations, {self.requests} requests ({statuses}), "
            f"{self.elsewhere} to other paths, {self.compared} refusals compared, {len(self.findings)} findings"
        )

    def report(self) -> str:
        """The findings, one a paragraph."""
        return "\n\n".join(f"{what} ({len(events)} times)\n  {events[0]}" for what, events in self.findings.items())


class Run:
    """The place where requests are sent, and what came of them."""

    def __init__(self, place: Place, *, seed: int, examples: int) -> None:
        self.place, self.seed, self.examples = place, seed, examples
        self.tally = Tally()
        lay_center()
        routes = [*routes_of_code(), *center_doors(load_router(ROOT / "functions"))]
        self.laid = place.read()
        self.ids = ids_of(place.names)
        self.known = Known(
            callers_of(place.neighbours),
            self.ids,
            samples_of((ROOT / "events").iterdir(), place.names, routes),
        )
        self._state: State = self.laid
        self.written = Written()

    def fuzz(self, document: dict[str, Any], gateway: Gateway, only: str = "") -> None:
        """Send requests for every operation of a document whose name contains `only`."""
        schema = openapi.from_dict(strict(document), config=_config())
        schema.app = gateway
        for result in schema.get_all_operations():
            operation = result.ok()
            if only in operation.label:
                self._fuzz_operation(operation, gateway)
                self._put_back()

    def _fuzz_operation(self, operation: APIOperation[Any, Any, Any, Any], gateway: Gateway) -> None:
        self.tally.operations += 1

        @seeded(f"{self.seed} {operation.label}")
        @settings(
            max_examples=self.examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(sendings(operation, self.known))
        def send_one(sending: Sending) -> None:
            self._send(sending, gateway)

        send_one()

    def _send(self, sending: Sending, gateway: Gateway) -> None:
        label = sending.case.operation.label
        body = {} if sending.data is None else {"data": sending.data}
        try:
            response = sending.case.call(headers=sending.headers, **body)
        except Exception as error:
            self.tally.note(f"{label}: {type(error).__name__} left the function: {str(error)[:200]}", gateway.event)
            return
        self.tally.requests += 1
        self.tally.statuses[response.status_code] += 1
        if response.status_code >= 500:
            self.tally.note(f"{label}: {response.status_code}", gateway.event)
        if gateway.door is None or label != f"{gateway.door.method} {gateway.door.path}":
            self.tally.elsewhere += 1  # a name such as `a/b` makes another path: its answer is that operation's
        else:
            self._validate(sending, response, gateway)
        self._compare(label, response.status_code, gateway.event)

    def _validate(self, sending: Sending, response: Any, gateway: Gateway) -> None:
        try:
            sending.case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                found = f"{sending.case.operation.label}: {response.status_code}: {_told(failure)}"
                self.tally.note(found, gateway.event)

    def _compare(self, label: str, status: int, event: Event) -> None:
        """After a refusal everything has to be what it was, and nothing was sent anywhere; what was not written to need not be read."""
        places, sent = self.written.take()
        if status < 400:
            self.tally.sent.update(sent)
        elif sent:
            self.tally.note(f"{label}: {status}, and yet it sent {sent[0]}", event)
        now = self.place.read(self._state, places) if places else self._state
        if status >= 400:
            self.tally.compared += 1
            if changed := _changed(self._state, now):
                self.tally.note(f"{label}: {status}, and yet it wrote {changed[0].split('#')[0]}", event)
        self._state = now

    def _put_back(self) -> None:
        if self._state is not self.laid:
            self.place.put_back(self.laid, self._state)
            self._state = self.laid
            self.written.take()

    def check_end(self) -> None:
        """What was read piece by piece is compared with the whole: tables, the bucket, the queues, and the user pool's people."""
        nowhere = {"httpMethod": "-", "path": "the end of the run"}
        for key in _changed(self.laid, self.place.read()):
            self.tally.note(f"after all was put back, {key.split('#')[0]} is not as it was", nowhere)
        messages = self.tally.sent["sqs SendMessage"] + self.tally.sent["sqs SendMessageBatch"]
        for what, found, expected in (
            ("messages in queues", messages_waiting(), self.tally.waiting + messages),
            ("people in the user pool", people_in_pools(), self.tally.people + self.tally.sent["cognito-idp SignUp"]),
        ):
            if found != expected:
                self.tally.note(f"{found} {what} at the end, not {expected}", nowhere)


def _changed(before: State, after: State) -> list[str]:
    """The keys of items and objects that differ."""
    items = [
        f"{table.rpartition('-')[2]} {pk} {sk}"
        for table, pk, sk in before.items.keys() | after.items.keys()
        if before.items.get((table, pk, sk)) != after.items.get((table, pk, sk))
    ]
    keys = before.objects.keys() | after.objects.keys()
    return sorted(items) + sorted(f"bucket {key}" for key in keys if before.objects.get(key) != after.objects.get(key))


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The document with closed objects: a field that it does not name is outside the schema."""
    copied: dict[str, Any] = json.loads(json.dumps(document))
    for schema in copied["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return copied


def _config() -> SchemathesisConfig:
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    project = ProjectConfig(generation=GenerationConfig(modes=modes, with_security_parameters=False))
    return SchemathesisConfig(projects=ProjectsConfig(default=project))


def _told(failure: Failure) -> str:
    if isinstance(failure, JsonSchemaError):
        return f"{failure.title}: {failure.validation_message} at {'/'.join(map(str, failure.instance_path))}"[:300]
    return f"{failure.title}: {failure.message}"[:300]


def _shown(event: Event) -> str:
    headers = {
        name: "…" if name == "Authorization" else value
        for name, value in event.get("headers", {}).items()
        if name not in {"Host", "X-Forwarded-Proto", "User-Agent", "X-Schemathesis-Testcaseid"}
    }
    caller = event.get("requestContext", {}).get("authorizer")
    facts = {
        "query": event.get("queryStringParameters"),
        "headers": headers,
        "caller": caller,
        "body": event.get("body"),
    }
    told = json.dumps({name: value for name, value in facts.items() if value}, ensure_ascii=True)
    return f"{event.get('httpMethod')} {event.get('path')!a} {told}"[:900]


def union_gateway() -> Gateway:
    """The union's API: the routes of its functions, and the resources that its template has for them."""
    doors, resources = (
        [Door(route.method, route.path, route.function, route.public) for route in routes]
        for routes in (routes_of_code(), folded(routes_of_code()))
    )
    return Gateway(doors, guard, resources=resources)


def guard(door: Door, event: Event) -> Response | None:
    """The authorizer; and machines' signatures are made here, when all of the request is known."""
    with suppress(ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        sign(event)
    return ask_authorizer(door, event)


@contextmanager
def neighbours_of(place: Place, written: Written) -> Iterator[None]:
    """The pool's key, a user pool to sign in at, and functions to be invoked, which the emulated account lacks."""
    place.open_pool()

    def invoke(**_: Any) -> dict[str, int]:
        written.sent.append("lambda Invoke")
        return _taken()

    key = place.neighbours._key.public_key()
    with ExitStack() as stack:
        for target, stand_in in (
            ("authorizer.tokens.pool_signing_key", lambda issuer: lambda token: key),
            ("mart_union.kernel.functions._client", lambda: SimpleNamespace(invoke=invoke)),
        ):
            stack.enter_context(mock.patch(target, stand_in))
        yield


def fuzz_union(run: Run, only: str = "") -> None:
    """The union's API, through its authorizer."""
    with neighbours_of(run.place, run.written), watched(run.written):
        run.tally.waiting, run.tally.people = messages_waiting(), people_in_pools()
        run.fuzz(describe(find_apis(ROOT / "functions"), "0"), union_gateway(), only)


def fuzz_center(run: Run, only: str = "") -> None:
    """The service center's API, through what its template says of its authorizers."""
    router = load_router(ROOT / "functions")
    run.known = replace(run.known, callers=callers_of_center(run.place.neighbours), ids=ids_of_center())
    gateway = Gateway(center_doors(router), CenterGuard(run.place.neighbours), CENTER)
    with watched(run.written):
        run.fuzz(describe_center(router, "0"), gateway, only)


def fuzz_all(run: Run, only: str = "") -> Tally:
    """Every API; what came of it."""
    fuzz_union(run, only)
    fuzz_center(run, only)
    run.check_end()
    return run.tally
