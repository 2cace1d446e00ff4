"""What is sent: what schemathesis makes of a document, what sample events hold, real ids in both, and what clients never send."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation

from mart_union.web.routing import HasPath, find_route
from tests.fuzz.callers import CENTERS_RIGHT, RIGHT, Caller
from tests.neighbours import SIGNATURES

Draw = Callable[[st.SearchStrategy[Any]], Any]

LONG = (
    "x" * 3_000,
    "茶" * 700,
    "🍵" * 300,
    "a/" * 1_100,
)
STRANGE = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\r\nSet-Cookie: a=b",
    "\u202eoc.live",
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "{{7*7}}",
    "<script>",
    "' OR 1=1 --",
    "#",
    "STORE#",
    "-1",
    "0",
    "1e400",
    "99999999999999999999",
    "٣",
    "²",
    "2024-02-30",
    "0000-00-00",
    "9999-12-31",
    "2024-13",
    "null",
    "é",
    "é",
    "\ufeff",
    "//example.com",
    "eyJwayI6eyJTIjoieCJ9fQ",
    "e30",
    "bnVsbA",
    "W10",
)
NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 10**40, 1.5, -0.0, 1e308)
OTHERS = (None, True, [], {}, [[]], "x", {"": ""})
RAW = (
    (b"", "application/json"),
    (b"{", "application/json"),
    (b"null", "application/json"),
    (b"[]", "application/json"),
    (b'"x"', "application/json"),
    (b"NaN", "application/json"),
    (b'{"a": "\\ud800"}', "application/json"),
    (b'{"a": "\xff"}', "application/json"),
    (b"[" * 5_000, "application/json"),
    (b'{"a":' * 5_000, "application/json"),
    (b'{"a": 1e999}', "application/json"),
    (b'{"a": 1, "a": 2}', "application/json"),
    (b'{"a": "' + b"x" * 600_000 + b'"}', "application/json"),
    (b"{}", "text/plain"),
    (b"<a/>", "application/xml"),
    (b"a=b", "application/x-www-form-urlencoded"),
    (b"%ff=%00&&=;a", "application/x-www-form-urlencoded"),
    (b"a=" + b"x" * 600_000, "application/x-www-form-urlencoded"),
    (b"--x--", "multipart/form-data; boundary=x"),
    (b"{}", "application/json; charset=utf-7"),
    (b"{}", ";;,"),
)
CURSED_HEADERS = (
    {"Accept-Language": "x" * 2_000},
    {"Accept-Language": ",;q=,*,-"},
    {"Cookie": "mu_session=" + "x" * 3_000 + "; mu_consent=yes"},
    {"Cookie": 'mu_session="; mu_consent=yes; mu_language=xx; =; mu_refresh=x'},
    {"Host": "example.com"},
    {"X-Forwarded-Proto": "gopher"},
    {"Authorization": "Bearer"},
    {"Authorization": "Basic eDp5"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Idempotency-Key": "x" * 3_000},
    {"Idempotency-Key": "short"},
    {"Webhook-Timestamp": "x", "Webhook-Id": "", "Webhook-Signature": "v1,"},
)


@dataclass(frozen=True)
class Sample:
    """A sample event's part that a client sends."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Sending:
    """One request: the case, and what stands beside it."""

    case: Case
    caller: Caller
    headers: dict[str, str]
    data: bytes | None = field(repr=False, default=None)


@dataclass(frozen=True)
class Known:
    """What requests are made of beside the document: callers, real ids by the names of parameters and fields, samples by operation."""

    callers: Mapping[str, Caller]
    ids: Mapping[str, Sequence[str]]
    samples: Mapping[tuple[str, str], Sequence[Sample]]


def samples_of(
    folders: Iterable[Path], names: Mapping[str, str], routes: Collection[HasPath]
) -> dict[tuple[str, str], list[Sample]]:
    """The requests of the sample events by method and path of their routes, with the world's ids filled in."""
    found: dict[tuple[str, str], list[Sample]] = {}
    for file in sorted(file for folder in folders for file in folder.glob("*.json")):
        text = file.read_text(encoding="utf-8")
        for name, value in names.items():
            text = text.replace(f"{{{{{name}}}}}", value)
        event = json.loads(text)
        if "httpMethod" in event and "type" not in event:
            at = find_route(routes, event["httpMethod"], event["path"])
            if at:
                found.setdefault((at[0].method, at[0].path), []).append(_sample(event, at[1]))
    return found


_SENT = ("Idempotency-Key", "Content-Type", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Cookie", "Accept")


def _sample(event: Mapping[str, Any], params: Mapping[str, str]) -> Sample:
    headers = {name.title(): value for name, value in (event.get("headers") or {}).items()}
    body = event.get("body")
    if body is not None:
        form = headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        try:
            body = dict(parse_qsl(body)) if form else json.loads(body)
        except ValueError:
            body = None
    return Sample(
        params,
        event.get("queryStringParameters") or {},
        {name: headers[name] for name in _SENT if name in headers},
        body,
    )


def sendings(operation: APIOperation[Any, Any, Any, Any], known: Known) -> st.SearchStrategy[Sending]:
    """Requests for an operation: half of them as documented, the others not; some are a sample's, with a thing or two changed."""
    positive = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bases = [positive]
    if operation.body or any(operation.iter_parameters()):
        bases.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    raw = operation.definition.raw
    samples = known.samples.get((operation.method.upper(), operation.path), ())

    @st.composite
    def one(draw: Draw) -> Sending:
        case: Case = draw(bases[0] if draw(_chance(60)) else bases[-1])
        headers: dict[str, str] = {}
        if samples and draw(_chance(50)):
            _take(case, draw(st.sampled_from(samples)), headers)
        elif draw(_chance(90)):
            _name_real_things(draw, case, known.ids)
        if draw(_chance(45)):
            _spoil(draw, case)
        if draw(_chance(10)):
            headers |= draw(st.sampled_from(CURSED_HEADERS))
        elif headers.get("Webhook-Signature") not in SIGNATURES and "Idempotency-Key" not in headers:
            headers["Idempotency-Key"] = draw(st.uuids()).hex
        caller = draw(_callers(raw, operation.path, known.callers))
        data = None
        if operation.body and draw(_chance(10)):
            data, headers["Content-Type"] = draw(st.sampled_from(RAW))
        cookie = "; ".join(each["Cookie"] for each in (caller.headers, headers) if "Cookie" in each)
        return Sending(case, caller, {**caller.headers, **headers} | ({"Cookie": cookie} if cookie else {}), data)

    return one()


def _chance(percent: int) -> st.SearchStrategy[bool]:
    return st.integers(0, 99).map(lambda drawn: drawn < percent)


def _callers(raw: Mapping[str, Any], path: str, callers: Mapping[str, Caller]) -> st.SearchStrategy[Caller]:
    """The one who may, in three of four requests; anybody else in the rest."""
    anybody = st.sampled_from([callers[name] for name in sorted(callers)])
    if not raw.get("security"):
        return anybody
    first = next((part for part in path.split("/") if part not in {"", "api"}), "")
    membership = {"manage": "store", "supply": "supplier", "operate": "operator"}.get(first, "customer")
    wanted = next(iter(raw["security"][0]))  # the service center's document names who may
    right = callers[RIGHT[membership] if wanted == "bearer" else CENTERS_RIGHT[wanted]]
    return _chance(75).flatmap(lambda may: st.just(right) if may else anybody)


def _take(case: Case, sample: Sample, headers: dict[str, str]) -> None:
    case.path_parameters = dict(sample.params)
    case.query = dict(sample.query)
    headers |= sample.headers
    if sample.body is not None:
        case.body = json.loads(json.dumps(sample.body))


def _name_real_things(draw: Draw, case: Case, ids: Mapping[str, Sequence[str]]) -> None:
    """Ids of the world in the place of made-up ones, in most places that hold ids."""
    for container in (case.path_parameters, case.query, case.body):
        for holder, name in list(_places(container)):
            if name in ids and draw(_chance(90)):
                holder[name] = draw(st.sampled_from(ids[name]))


def _spoil(draw: Draw, case: Case) -> None:
    """Something that no client sends, in one place of the request."""
    places = [place for part in (case.path_parameters, case.query, case.body) for place in _places(part)]
    if draw(_chance(85)):  # what is behind a membership is seen by members only
        members = case.path_parameters
        places = [
            (holder, name) for holder, name in places if holder is not members or name not in {"store", "supplier"}
        ]
    if not places:
        return
    holder, name = draw(st.sampled_from(places))
    strange: list[Any] = [*STRANGE, *LONG]
    if holder is not case.path_parameters and holder is not case.query:
        strange += [*NUMBERS, *OTHERS]
    holder[name] = draw(st.sampled_from(strange))
    if holder is case.path_parameters and not str(holder[name]).strip("/."):
        holder[name] = "x"  # with nothing there, the path would be another one


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    """Every place in a value that can hold something else."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield value, name
            yield from _places(each)
    elif isinstance(value, list):
        for place, each in enumerate(value[:5]):
            yield value, place
            yield from _places(each)
