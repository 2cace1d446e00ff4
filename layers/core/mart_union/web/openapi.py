"""The OpenAPI 3.1 document of a union, made from the routes that its functions declare.

Run when building, never by a function:

    python -m mart_union.web.openapi > build/openapi.json
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

import msgspec

from mart_union.web.answer import Page, Raw, Redirect
from mart_union.web.api import Api, Route
from mart_union.web.paths import PARAMETER_LENGTH
from mart_union.web.problems import STATUS, TITLES
from mart_union.web.request import QUERY_LENGTH

VERSION = "3.1.0"

ANY_UNION = {
    "UNION_ID": "union",
    "CURRENCY": "EUR",
    "CURRENCY_STEP": "1",
    "TIME_ZONE": "UTC",
    "LANGUAGES": "en",
    "UNION_BUCKET": "bucket",
    "UNION_BUS": "bus",
    "CENTER_URL": "center",
    "POOL_ISSUER": "issuer",
    "POOL_CLIENT_ID": "client",
    "POOL_REGION": "region",
    "UNION_SECRET": "secret",
    "EMAIL_SENDER": "sender",
    "RESERVATION_SECONDS": "900",
    "ALLOW_LOOPBACK_SHOPS": "false",
    "CARD_KEY": "",
    "CARD_SCRIPT": "",
    "CARD_API": "",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
"""Settings of no union: functions read theirs when they are imported, and none of them shows in the document."""

_REFERENCE = "#/components/schemas/{name}"
_DESCRIPTION = """The marketplace of one region. Amounts are integers in minor units of the union's currency; moments are ISO 8601 in UTC.
Lists come in pages: send `next` as `cursor` for what follows. A refusal is problem details (RFC 9457) with a stable `type`.
A POST that creates takes an `Idempotency-Key`: the same key with the same body gives the first answer again."""

_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of the network's user pool.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "mu_token",
        "description": "The same token, as the pages keep it.",
    },
}

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "Problem details (RFC 9457), with facts of the refusal beside them.",
    "properties": {
        "type": {"type": "string", "enum": [f"urn:mart-union:problem:{code}" for code in (*STATUS, "internal")]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "The fields that do not fit, and why.",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
                "required": ["field", "reason"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": True,
}

_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new one for each new thing; the same one to repeat a request whose answer was lost.",
    "schema": {"type": "string", "minLength": 8, "maxLength": 128, "pattern": "^[!-~]+$"},
}

_SUCCESSES = {200: "As it is now", 201: "Made", 202: "Taken on", 204: "Done, and nothing to tell"}

_QUERY_PARAMETERS: dict[str, dict[str, Any]] = {
    "cursor": {"description": "`next` of the page before."},
    "page": {
        "description": "A page of the shelf, from 1.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 9999},
    },
    "lang": {"description": "The language of the page (BCP 47)."},
    "month": {"description": "A month, `2024-02`."},
    "year": {"description": "A year, `2024`."},
    "day": {"description": "A day, `2024-02-29`."},
    "next": {"description": "The path of the union's own page to go on to."},
    "shard": {"description": "The number of a shard of the listing's level, from 1."},
    "token": {"description": "What opens a shop's feed: the shop's page shows it."},
    "words": {"description": "What to look for."},
}

_SIGNATURE_PARAMETERS = [
    {"name": name, "in": "header", "required": True, "description": description, "schema": {"type": "string"}}
    for name, description in (
        ("Webhook-Id", "The id of what is told: the same one when it is told again."),
        ("Webhook-Timestamp", "When it was signed: seconds since 1970, at most five minutes ago."),
        ("Webhook-Signature", "HMAC-SHA256 of id, moment and body (https://www.standardwebhooks.com)."),
    )
]


def find_apis(functions: Path) -> list[Api]:
    """The `api` of every `<name>/app.py` in a folder of functions that declares one, in order of name."""
    if str(functions) not in sys.path:
        sys.path.insert(0, str(functions))
    names = [app.parent.name for app in sorted(functions.glob("*/app.py")) if "api = Api(" in app.read_text()]
    return [importlib.import_module(f"{name}.app").api for name in names]


def describe(apis: Sequence[Api], version: str) -> dict[str, Any]:
    """The OpenAPI document of the routes of some functions."""
    routes = sorted(
        ((api.name, route) for api in apis for route in api.routes), key=lambda named: (named[1].path, named[1].method)
    )
    schemas, components = schemas_of([kind for _, route in routes for kind in (route.body, route.answer) if kind])
    paths: dict[str, Any] = {}
    for function, route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(function, route, schemas)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Mart Union: a union",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The union's own address"}],
        "tags": [{"name": api.name} for api in apis],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": PROBLEM_SCHEMA},
            "responses": problem_responses(),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def schemas_of(kinds: Iterable[Any]) -> tuple[Mapping[Any, dict[str, Any]], dict[str, Any]]:
    """The schema of each type, and those that they refer to by name."""
    known = list(dict.fromkeys(kinds))
    schemas, components = msgspec.json.schema_components(known, ref_template=_REFERENCE)
    return dict(zip(known, map(_plain, schemas), strict=True)), _plain(components)


def _plain(schema: Any) -> Any:
    """The schema with a tuple of equals as an array of so many: makers of clients know no `prefixItems`."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _plain(each) for name, each in schema.items()}
    places = plain.get("prefixItems", [])
    if places and all(place == places[0] for place in places):
        del plain["prefixItems"]
        plain["items"] = places[0]
    return plain


def _operation(function: str, route: Route, schemas: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [function],
        "summary": _summary(route),
        "security": [] if route.access.kind == "public" else [{"bearer": []}, {"cookie": []}],
        "parameters": _parameters(route),
        "responses": {**_success(route, schemas), **_problems(route)},
    }
    if route.access.roles:
        operation["x-roles"] = sorted(route.access.roles)
    if route.body is not None:
        media_type = "application/x-www-form-urlencoded" if route.is_page else "application/json"
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": schemas[route.body]}}}
    return operation


def operation_id(route: Route) -> str:
    """A name made from method and path, so that no two routes share one: `get_api_stores_by_store`."""
    words = [f"by_{part[1:-1]}" if part.startswith("{") else part for part in route.path.split("/") if part]
    return "_".join([route.method.lower(), *(re.sub(r"\W", "_", word) for word in words)])


def _summary(route: Route) -> str:
    text = inspect.getdoc(inspect.unwrap(route.handler)) or route.handler.__name__.replace("_", " ")
    return text.splitlines()[0]


def _parameters(route: Route) -> list[dict[str, Any]]:
    text = {"type": "string"}
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {**text, "minLength": 1, "maxLength": PARAMETER_LENGTH},
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    found += [
        {"name": name, "in": "query", "schema": {**text, "maxLength": QUERY_LENGTH}, **_QUERY_PARAMETERS.get(name, {})}
        for name in query_names(route.handler)
    ]
    if is_signed(route):
        return [*found, *_SIGNATURE_PARAMETERS]
    return [*found, _KEY_PARAMETER] if route.idempotent_key and not route.is_page else found


def is_signed(route: Route) -> bool:
    """Whether a machine sends it, whose signature says who it is."""
    return (
        route.access.kind == "public"
        and not route.is_page
        and any(word in inspect.getsource(_module_of(route)) for word in ("standardwebhooks", "sender_of"))
    )


def _module_of(route: Route) -> Any:
    return inspect.getmodule(inspect.unwrap(route.handler))


def query_names(handler: Callable[..., Any]) -> list[str]:
    """The names that a handler reads from the query, itself or through other code of its function, however deep."""
    names: set[str] = set()
    ahead, met = [inspect.unwrap(handler)], set[Callable[..., Any]]()
    while ahead:
        function = ahead.pop()
        met.add(function)
        names |= _query_names_in(function)
        called = (inspect.unwrap(each) for each in _functions_in(function))
        ahead += [each for each in called if each not in met and _package(each) == _package(function)]
    return sorted(names)


def _functions_in(function: Callable[..., Any]) -> Iterable[Callable[..., Any]]:
    """The functions that another one names: by themselves, or as a module's."""
    variables = inspect.getclosurevars(function)
    for named in (*variables.globals.values(), *variables.nonlocals.values()):
        if inspect.isfunction(named):
            yield named
        elif inspect.ismodule(named):
            yield from (vars(named)[each] for each in variables.unbound if inspect.isfunction(vars(named).get(each)))


def _package(function: Callable[..., Any]) -> str:
    return function.__module__.partition(".")[0]


@cache
def _query_names_in(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(_names_read(function))


def _names_read(function: Callable[..., Any]) -> Iterable[str]:
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="query"), attr="get"), args=[ast.Constant(str(name)), *_]
            ):
                yield name
            case ast.Subscript(value=ast.Attribute(attr="query"), slice=ast.Constant(str(name))):
                yield name
            case ast.Call(func=ast.Attribute(attr="page_number")):
                yield "page"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="request"), attr="month")):
                yield "month"


def _success(route: Route, schemas: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    """What the handler gives back, as its annotation says."""
    found: dict[str, Any] = {}
    for kind in _kinds_of_answer(route):
        if kind is Page:
            found["200"] = {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}
        elif kind is Redirect:
            found["303"] = _REDIRECT
        elif kind is Raw:
            content = {media_type: {"schema": {"type": "string"}} for media_type in _media_types(route.handler)}
            found["200"] = {"description": "The file", "content": content}
            if "etag" in inspect.getsource(inspect.unwrap(route.handler)):
                found["304"] = {"description": "As it was under the ETag that was sent"}
        elif not route.is_page:
            success: dict[str, Any] = {"description": _SUCCESSES.get(route.status, "Done")}
            if route.answer is not None:
                success["content"] = {"application/json": {"schema": schemas[route.answer]}}
            found[str(route.status)] = success
    if route.is_page and route.method == "GET" and route.access.kind != "public":
        found["303"] = _REDIRECT
    return found


_REDIRECT = {
    "description": "See the page that it leads to; the sign-in page, when nobody has signed in",
    "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
}


def _kinds_of_answer(route: Route) -> Sequence[Any]:
    returned = get_type_hints(inspect.unwrap(route.handler)).get("return", Any)
    if returned is Any and route.is_page:
        return [Page if route.method == "GET" else Redirect]
    return get_args(returned) if isinstance(returned, UnionType) else [returned]


def _media_types(handler: Callable[..., Any]) -> list[str]:
    """The media types of a `Raw` that are written where it is made; any, where they are worked out."""
    found = []
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(handler))))):
        match node:
            case ast.Call(func=ast.Name(id="Raw"), args=[_, ast.Constant(value=str(media_type)), *_]):
                found.append(media_type.partition(";")[0])
    return found or ["*/*"]


def _problems(route: Route) -> dict[str, Any]:
    statuses = {500, 503}
    queried = bool(query_names(route.handler))
    if route.access.kind != "public":
        statuses |= {404, 422}  # what is the caller's own may not be there, or not be in a state to be shown
        statuses |= {403} if route.is_page and route.method == "GET" else {401, 403}
    if "{" in route.path or queried:
        statuses |= {404, 422}
    if route.method != "GET":
        statuses |= {403, 404, 409, 422}
    if route.method != "GET" and route.access.kind != "public":
        statuses.add(402)
    if route.body is not None or route.idempotent_key:
        statuses |= {413, 415}
    if is_signed(route) or "sign-in" in route.path or "token" in query_names(route.handler):
        statuses.add(401)
    suffix = "-page" if route.is_page else ""
    return {str(status): {"$ref": f"#/components/responses/{status}{suffix}"} for status in sorted(statuses)}


def problem_responses() -> dict[str, Any]:
    """A refusal of each status with the codes that it may have; pages tell it in HTML."""
    codes: dict[int, list[str]] = {500: ["internal"]}
    for code, status in STATUS.items():
        codes.setdefault(status, []).append(code)
    found: dict[str, Any] = {}
    for status, named in sorted(codes.items()):
        facts = {"type": {"enum": [f"urn:mart-union:problem:{code}" for code in named]}, "status": {"const": status}}
        schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"type": "object", "properties": facts}]}
        content = {"application/problem+json": {"schema": schema}}
        described = {"description": "; ".join(TITLES.get(code, "Internal error") for code in named)}
        found[str(status)] = {**described, "content": content}
        found[f"{status}-page"] = {
            **described,
            "content": {"text/html": {"schema": {"type": "string"}}, **content},
        }
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the document of the functions in a folder."""
    parser = argparse.ArgumentParser(description="Write a union's OpenAPI document.")
    parser.add_argument("--functions", type=Path, default=Path("functions"), help="the folder of the functions")
    parser.add_argument("--version", default="0.1.0", help="the version that the document states")
    known = parser.parse_args(arguments)
    for name, value in ANY_UNION.items():
        os.environ.setdefault(name, value)
    document = describe(find_apis(known.functions), known.version)
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


if __name__ == "__main__":
    main()
