"""API Gateway's REST proxy events, made as the gateway makes them, and its responses read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

CONTEXT = SimpleNamespace(
    function_name="test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:ap-northeast-1:000000000000:function:test",
    aws_request_id="00000000-0000-4000-8000-000000000000",
    get_remaining_time_in_millis=lambda: 10_000,
)
"""A Lambda context."""

API_HOST = "abc123.execute-api.ap-northeast-1.amazonaws.com"


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


def headers_of(response: Mapping[str, Any]) -> dict[str, str]:
    """A response's headers by lower-case name, each once (cookies: see `cookies_of`)."""
    several = {name.lower(): ", ".join(values) for name, values in (response.get("multiValueHeaders") or {}).items()}
    return several | {name.lower(): value for name, value in (response.get("headers") or {}).items()}


def cookies_of(response: Mapping[str, Any]) -> list[str]:
    """The Set-Cookie headers of a response."""
    return list((response.get("multiValueHeaders") or {}).get("Set-Cookie", []))
