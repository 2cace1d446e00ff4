"""API Gateway's REST proxy events, made as the gateway makes them, and its responses read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from mart_union.web.routing import HasPath, find_route

CONTEXT = SimpleNamespace(
    function_name="test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:ap-northeast-1:000000000000:function:test",
    aws_request_id="00000000-0000-4000-8000-000000000000",
    get_remaining_time_in_millis=lambda: 10_000,
)
"""A Lambda context."""

R = TypeVar("R", bound=HasPath)
_REST = "/{rest+}"

API_HOST = "abc123.execute-api.ap-northeast-1.amazonaws.com"


class _Prefix(NamedTuple):
    method: str
    path: str


def gateway_event(
    method: str,
    path: str,
    *,
    body: Any = None,
    form: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    subject: str = "",
    role: str = "",
) -> dict[str, Any]:
    """A request as a function gets it: `body` is sent as JSON (a text as it is), `form` as an HTML form."""
    known = {"Host": API_HOST, "X-Forwarded-Proto": "https"}
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    if form is not None:
        text = urlencode(form)
        known["Content-Type"] = "application/x-www-form-urlencoded"
    known |= headers or {}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": known,
        "multiValueHeaders": {name: [value] for name, value in known.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "stage": "union",
            "requestId": "11111111-1111-4111-8111-111111111111",
            "httpMethod": method,
            "path": f"/union{path}",
            "resourcePath": path,
            "authorizer": {"subject": subject, "role": role},
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
        },
        "body": text,
        "isBase64Encoded": False,
    }


def find_resource(resources: Iterable[R], method: str, path: str) -> tuple[R, dict[str, str]] | None:
    """The resource that takes a request and the parameters in its path: one that names the whole path goes before one that is greedy."""
    whole: list[R] = []
    greedy: list[R] = []
    for each in resources:
        (greedy if each.path.endswith(_REST) else whole).append(each)
    return find_route(whole, method, path) or next(
        ((each, params) for each in greedy if (params := _below(each, method, path)) is not None), None
    )


def _below(resource: HasPath, method: str, path: str) -> dict[str, str] | None:
    prefix = _Prefix(resource.method, resource.path.removesuffix(_REST))
    segments = path.rstrip("/").split("/")
    depth = len(prefix.path.split("/"))
    found = find_route([prefix], method, "/".join(segments[:depth]))
    return {**found[1], "rest": "/".join(segments[depth:])} if found and len(segments) > depth else None


def headers_of(response: Mapping[str, Any]) -> dict[str, str]:
    """A response's headers by lower-case name, each once (cookies: see `cookies_of`)."""
    several = {name.lower(): ", ".join(values) for name, values in (response.get("multiValueHeaders") or {}).items()}
    return several | {name.lower(): value for name, value in (response.get("headers") or {}).items()}


def cookies_of(response: Mapping[str, Any]) -> list[str]:
    """The Set-Cookie headers of a response."""
    return list((response.get("multiValueHeaders") or {}).get("Set-Cookie", []))
