"""API Gateway in this process: WSGI requests become proxy events, pass the authorizer, and are answered by the functions."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl

from mart_union.web.routing import find_route
from tests.gateway import CONTEXT, find_resource, gateway_event
from tests.template.reading import UNION, resources

Event = dict[str, Any]
Response = dict[str, Any]
_ARN = "arn:aws:execute-api:ap-northeast-1:000000000000:abc123/union/{method}{path}"


@dataclass(frozen=True)
class Door:
    """A method of a path as the gateway knows it: who answers, and whether the authorizer is asked."""

    method: str
    path: str
    function: str
    public: bool
    authorizer: str = "Membership"


class Guard(Protocol):
    """What the gateway asks before it calls a function: an answer of its own, or None and the event filled in."""

    def __call__(self, door: Door, event: Event) -> Response | None: ...


class Gateway:
    """A WSGI application of a template's API; `event` is the last one that a function was to answer, `door` where the last request came.

    `resources` are the doors as the API has them, where one may stand for many.
    """

    def __init__(
        self, doors: Iterable[Door], guard: Guard, template: Path = UNION, resources: Iterable[Door] = ()
    ) -> None:
        self._template = template
        self._doors = list(doors)
        self._resources = list(resources) or self._doors
        self._guard = guard
        self.event: Event = {}
        self.door: Door | None = None

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        response = self.answer(environ["REQUEST_METHOD"], _path(environ), environ)
        headers = [(name, value) for name, values in _headers(response) for value in values]
        for name, value in headers:
            assert value.isascii(), f"the header {name} cannot be sent: {value!r}"
            assert value.isprintable(), f"the header {name} has a line break: {value!r}"
        start_response(f"{response['statusCode']} Answer", headers)
        return [str(response["body"]).encode()]

    def answer(self, method: str, path: str, environ: Mapping[str, Any]) -> Response:
        """The gateway's own answer, or that of the function behind the door."""
        named = find_route(self._doors, method, path)
        self.door = named and named[0]
        found = find_resource(self._resources, method, path)
        if found is None:
            return refusal("MISSING_AUTHENTICATION_TOKEN", 404, self._template)
        door, params = found
        self.event = event = _event(door, path, params, environ)
        return self._guard(door, event) or dict(_handler(door.function)(event, CONTEXT))


def refusal(kind: str, status: int, template: Path = UNION) -> Response:
    """What the gateway answers itself, as its template words it."""
    [api] = resources(template, "AWS::Serverless::Api").values()
    known = api["Properties"]["GatewayResponses"][kind]
    headers = {name: value.strip("'") for name, value in known.get("ResponseParameters", {}).get("Headers", {}).items()}
    body = known["ResponseTemplates"]["application/json"]
    return {"statusCode": known.get("StatusCode", status), "headers": headers, "body": body}


def ask_authorizer(door: Door, event: Event) -> Response | None:
    """The union's guard: its request authorizer, asked for every door that is not public."""
    event["requestContext"]["authorizer"] = {}
    if door.public:
        return None
    arn = _ARN.format(method=door.method, path=event["path"])
    try:
        verdict = _handler("authorizer")({**event, "type": "REQUEST", "methodArn": arn}, CONTEXT)
    except Exception as error:
        if str(error) != "Unauthorized":
            raise
        return refusal("UNAUTHORIZED", 401)
    if verdict["policyDocument"]["Statement"][0]["Effect"] != "Allow":
        return refusal("ACCESS_DENIED", 403)
    event["requestContext"]["authorizer"] = verdict["context"]
    return None


def _handler(function: str) -> Callable[[Event, Any], Any]:
    module = importlib.import_module(f"{function}.app")
    handler: Callable[[Event, Any], Any] = module.app if function == "router" else module.lambda_handler
    return handler


def _path(environ: Mapping[str, Any]) -> str:
    return str(environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace") or "/"


def _event(door: Door, path: str, params: dict[str, str], environ: Mapping[str, Any]) -> Event:
    headers = {
        name[5:].replace("_", "-").title(): str(value) for name, value in environ.items() if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace")
    event = gateway_event(
        door.method, path, query=dict(query), headers=headers, body=body.decode("utf-8", "replace") if body else None
    )
    event["resource"] = event["requestContext"]["resourcePath"] = door.path
    event["pathParameters"] = params or None
    several = {name: [value for key, value in query if key == name] for name, _ in query}
    event["multiValueQueryStringParameters"] = several or None
    return event


def _headers(response: Response) -> Iterable[tuple[str, list[str]]]:
    several: dict[str, list[str]] = {
        name: list(values) for name, values in (response.get("multiValueHeaders") or {}).items()
    }
    single = {name: [value] for name, value in (response.get("headers") or {}).items()}
    return {**single, **several}.items()
