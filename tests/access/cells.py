"""The cells of a route: each caller on one's own and on another's object, what is expected, and what came of it."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import botocore.handlers
import pytest

from tests.access.bodies import Named
from tests.access.callers import BY_NAME, CALLERS, PERSONS, Caller, Pool, mirrored
from tests.access.gate import Answer, Door, Gate
from tests.access.others import Others, lay_others
from tests.access.rows import CENTER_ROWS, ROWS, Row
from tests.access.signing import sign
from tests.faults.kinds import Request
from tests.faults.place import Place, State, drop_clients
from tests.faults.stories import STORIES, Story, sample_event
from tests.faults.wire import Written, written_by
from tests.gateway import gateway_event
from tests.test_events import handler_of

_PARAMETER = re.compile(r"{(\w+)}")
_DONE = (200, 201, 202, 204, 303)
_SHOWN = 200
_OUTSIDE = frozenset({"events", "sesv2", "sqs", "lambda"})


@dataclass(frozen=True)
class Cell:
    """One caller at one door. `ids` are the ids of the path that are another's; `status` is what is expected, 0 for any answer that is none
    of a refusal."""

    caller: Caller
    what: str
    status: int
    ids: tuple[str, ...] = ()
    flaw: str = ""
    named: Named | None = None

    @property
    def is_allowed(self) -> bool:
        """Whether it is to be answered."""
        return not self.status

    def __str__(self) -> str:
        return f"{self.caller.name} on {self.what}"


def row_of(door: Door) -> Row:
    """The row of a route.

    Raises:
        KeyError: it has none.
    """
    return (CENTER_ROWS if door.function == "router" else ROWS)[door.name]


def ids_of(door: Door, row: Row) -> tuple[str, ...]:
    """The parameters of the path that could name another's object, where the path begins with one's own."""
    if row.signed or len(row.may) > len(PERSONS) // 2:
        return ()
    names = _PARAMETER.findall(door.path)[_is_under_owner(door) :]
    return tuple(name for name in names if row.another.get(name, 1))


def _is_under_owner(door: Door) -> bool:
    """Whether the path begins with the store or supplier whose staff may take it."""
    return any(f"/{where}" in door.path for where in ("manage/{store}", "supply/{supplier}"))


def cells_of(door: Door) -> Iterator[Cell]:
    """All of a route's cells."""
    row = row_of(door)
    for caller in CALLERS:
        yield Cell(caller, "one's own", _expected(door, row, caller, row.may))
    ids = ids_of(door, row)
    passing = [BY_NAME[name] for name in sorted(row.may | (mirrored(row.may) if _is_under_owner(door) else set()))]
    for count in range(1, len(ids) + 1):
        for chosen in itertools.combinations(ids, count):
            for caller in passing:
                yield Cell(caller, f"another's {' and '.join(chosen)}", _of_another(door, row, caller, chosen), chosen)
    if door.method == "GET" and row.doubled:
        for caller in CALLERS:
            yield Cell(caller, "the other side's", _expected(door, row, caller, mirrored(row.may)), ("*",))


def _expected(door: Door, row: Row, caller: Caller, may: frozenset[str]) -> int:
    """0 where the caller is answered; else its refusal."""
    if caller.name in may:
        return 0
    if row.signed:
        return 401
    if door.function == "router":
        person_wanted = door.authorizer == "NetworkOperator"
        return 403 if not caller.flaw and caller.has_token and caller.is_person == person_wanted else 401
    if not caller.is_person:
        return 303 if door.is_page and door.method == "GET" else 401
    return row.refused or 403


def _of_another(door: Door, row: Row, caller: Caller, ids: tuple[str, ...]) -> int:
    if caller.name not in row.may:
        return _expected(door, row, caller, row.may)
    return max(row.another.get(name, 404) for name in ids)


@dataclass
class Scene:
    """The account with both sides of its world, and the gate before it."""

    place: Place
    patches: pytest.MonkeyPatch
    pool: Pool = field(default_factory=Pool)
    changed: set[Written] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate = Gate(self.pool)
        self.patches.setattr("authorizer.tokens.pool_signing_key", lambda issuer: lambda token: self.pool.public)
        handlers = [("before-call", self._note), *botocore.handlers.BUILTIN_HANDLERS]
        self.patches.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
        drop_clients()  # those that are there already would not be watched
        self.mine, self.others = lay_others(self.place.names, [person.name for person in PERSONS])
        _admit_unions(self.others)
        self.laid = self.place.laid = self.place.read()

    def _note(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        service, operation = model.service_model.service_name, model.name
        if Request(0, service, operation).reads:
            return
        self.changed.update(written_by(service, params))
        if service in _OUTSIDE:
            self.sent.append(f"{service} {operation}")

    def set_for(self, door: Door, row: Row) -> State:
        """Bring about what a route's story begins with; answers with how things stand then."""
        story = _story_of(door, row)
        for name in story.before if story else ():
            event = sample_event(door.function, name, self.place.names)
            self._prepare(door, name, event)
            handler_of(door.function)(event, None)
        if story and story.prepare:
            story.prepare(self.place)
        self._prepare(door, "request", {})
        return self.look(self.laid)

    def _prepare(self, door: Door, name: str, event: dict[str, Any]) -> None:
        self.place.neighbours.prepare(Path("events") / door.function / f"{name}.json", event, self.patches)

    def look(self, known: State) -> State:
        """How things stand now."""
        changed, self.changed = self.changed, set()
        return self.place.read(known, changed) if changed else known

    def put_back(self, wanted: State, now: State) -> None:
        """Undo what was done."""
        self.place.put_back(wanted, now)
        self.changed.clear()

    def play(self, door: Door, row: Row, cell: Cell, begin: State) -> list[str]:
        """What is wrong with a cell; everything is put back afterwards."""
        event = self._event(door, row, cell)
        self.sent.clear()
        answer = self.gate.knock(door, event, cell.caller)
        now = self.look(begin)
        problems = _wrong(door, row, cell, answer)
        if not cell.is_allowed and (now != begin or self.sent):
            problems.append(f"it was refused, and yet changed {_difference(begin, now)} {self.sent}")
        if told := list(self._told(cell, event, answer)):
            problems.append(f"it was told {told}")
        if now is not begin:
            self.put_back(begin, now)
        return [f"{door.name}: {cell}: {problem}" for problem in problems]

    def _told(self, cell: Cell, event: Mapping[str, Any], answer: Answer) -> Iterator[str]:
        """Secrets in an answer that are not this caller's to know, and that it did not bring itself."""
        brought = unquote_plus(json.dumps(event, ensure_ascii=False))
        for secret in self.others.secrets:
            may_know = cell.is_allowed and (cell.caller.knows_all or secret.known_to & cell.caller.parties)
            if not may_know and secret.text in answer.told and secret.text not in brought:
                yield secret.text

    def _event(self, door: Door, row: Row, cell: Cell) -> dict[str, Any]:
        names = self.place.names
        names["timestamp"] = str(int(time.time()))
        story = _story_of(door, row)
        if story:
            event = story.event_in(door.function, names)
            ids = _ids_in(door.path, event["path"])
        else:
            event, ids = {}, {}
        ids = {name: ids.get(name) or _known(self.mine, door, name) for name in _PARAMETER.findall(door.path)}
        wanted = _PARAMETER.findall(door.path) if cell.ids == ("*",) else cell.ids
        ids |= {name: _known(self.others.names, door, name, ids[name]) for name in wanted}
        path = _PARAMETER.sub(lambda match: ids[match[1]], door.path)
        if not story:
            query = {name: value.replace("{{today}}", names["today"]) for name, value in row.query.items()}
            event = gateway_event(door.method, path, query=query)
        event |= {"path": path, "pathParameters": ids}
        event["headers"].pop("Authorization", None)
        if cell.named:
            self._name_others(event, cell.named)
        if row.signed or cell.caller.machine:
            sign(event, cell.caller, self.mine["shop"], self.others.names["shop"], flaw=cell.flaw)
        return event

    def _name_others(self, event: dict[str, Any], named: Named) -> None:
        """Put what is another's into the body, the form or the query."""

        def filled(value: Any) -> Any:
            text = re.sub(r"{{(\w+)}}", lambda match: self.others.names[match[1]], json.dumps(value))
            return json.loads(text)

        if named.body:
            event["body"] = json.dumps(json.loads(event["body"]) | filled(named.body))
        if named.form:
            event["body"] = urlencode(dict(parse_qsl(event["body"])) | filled(named.form))
        if named.query:
            event["queryStringParameters"] = filled(named.query)


def _story_of(door: Door, row: Row) -> Story | None:
    if row.story:
        return row.story
    return None if door.method == "GET" else STORIES[f"{door.function} {door.name}"][0]


def _ids_in(pattern: str, path: str) -> dict[str, str]:
    found = re.fullmatch(_PARAMETER.sub(r"(?P<\1>[^/]+)", pattern), path)
    assert found, f"{path} is no request of {pattern}"
    return found.groupdict()


_FIXED = {"name": "style.css", "kind": "store", "provider": "bank", "carrier": "windcity-express", "union": "hsinchu"}


def _known(names: Mapping[str, str], door: Door, name: str, otherwise: str = "") -> str:
    """The id that stands for a parameter of a path, on one side of the world."""
    special = {"sku": "sku"}
    if door.function == "supply":
        special = {each: f"{each}_supplied" for each in ("order", "upload", "period", "response", "webhook")} | {
            "sku": "offer"
        }
    elif "/slots" in door.path:
        special = {"sku": "bookable"}
    elif "/links/" in door.path:
        special = {"sku": "link"}
    elif "/offers/" in door.path:
        special = {"sku": "offer"}
    elif "/carriers/" in door.path:
        special = {"upload": "upload_carried"}
    found = names.get(special.get(name, name)) or otherwise or _FIXED.get(name)
    assert found, f"{door.name} names a {name}: lay one in tests/access/others.py, on both sides"
    return found


def _wrong(door: Door, row: Row, cell: Cell, answer: Answer) -> list[str]:
    to_sign_in = answer.status == 303 and "/account/sign-in?next=" in answer.location
    if cell.is_allowed:
        wanted = row.answers or ((200,) if door.method == "GET" else _DONE)
        return (
            [] if answer.status in wanted and not to_sign_in else [f"answered {answer.status} {answer.text[:_SHOWN]}"]
        )
    if answer.status != cell.status or (answer.status == 303) != to_sign_in:
        return [f"expected {cell.status}, answered {answer.status} {answer.location} {answer.text[:_SHOWN]}"]
    return []


def _difference(before: State, after: State) -> list[str]:
    keys = before.items.keys() | after.items.keys()
    return sorted(str(key) for key in keys if before.items.get(key) != after.items.get(key)) + sorted(
        set(before.objects) ^ set(after.objects)
    )


def _admit_unions(others: Others) -> None:
    """Two unions in the directory; the app client that speaks for a union is nobody's to know."""
    from mart_union.directory.model import Heartbeat
    from mart_union.directory.service import admit_union, take_heartbeat

    for union in ("hsinchu", "gangwon"):
        admit_union(union, f"client-{union}", {"en": union.title()})
        take_heartbeat(union, f"client-{union}", Heartbeat(f"https://{union}.example", "r", "TWD", ("zh-TW",)))
        others.keep(f"client-{union}", among=())
    others.names["union"] = "gangwon"
