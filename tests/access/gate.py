"""API Gateway before the functions, as the templates describe it: which function answers a route, and whether the authorizer is asked
first. The authorizer and the functions are the real ones; what is made here is only what the gateway itself does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jwt

from infra.routes import routes_of_code
from tests.access.callers import PERSON_SCOPE, UNION_SCOPE, Caller, Pool
from tests.conftest import UNION as SETTINGS
from tests.gateway import CONTEXT, find_resource, headers_of
from tests.template.reading import CENTER, UNION, functions, read
from tests.test_events import handler_of

_SCOPES = {"NetworkOperator": PERSON_SCOPE, "Union": UNION_SCOPE}


@dataclass(frozen=True)
class Door:
    """One method of one path: the function behind it, the authorizer before it ('' when everybody may pass), and the path by which the
    gateway knows it, where that stands for more than this one."""

    method: str
    path: str
    function: str
    authorizer: str
    resource: str = ""

    @property
    def name(self) -> str:
        """The route's name in the matrix."""
        return f"{self.method} {self.path}"

    @property
    def is_page(self) -> bool:
        """Pages explain their refusals themselves."""
        return not self.path.startswith("/api/")


@dataclass(frozen=True)
class Answer:
    """What the caller sees."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        """Where it sends the caller."""
        return self.headers.get("location", "")

    @property
    def told(self) -> str:
        """Everything that is said: headers and body."""
        return f"{json.dumps(dict(self.headers), ensure_ascii=False)}\n{self.text}"


@cache
def union_doors() -> tuple[Door, ...]:
    """The routes of the union's functions, each as its API's resources let it be reached."""
    return tuple(door_of(route.method, route.path) for route in routes_of_code())


def door_of(method: str, path: str) -> Door:
    """Where the API's resources lead with a path, whether or not any code declares it.

    Raises:
        LookupError: nowhere.
    """
    found = find_resource(_resources(), method, path)
    if found is None:
        raise LookupError(f"the template has no {method} {path}")
    return replace(found[0], path=path, resource=found[0].path)


@cache
def _resources() -> tuple[Door, ...]:
    return tuple(_resources_of(read(UNION)["Resources"]["UnionApi"]["Properties"]))


def _resources_of(api: Mapping[str, Any]) -> Iterator[Door]:
    folders = {name: each["Handler"].partition(".")[0] for name, each in functions(UNION).items()}
    by_default = api["Auth"]["DefaultAuthorizer"]
    for path, methods in api["DefinitionBody"]["paths"].items():
        for method, said in methods.items():
            [function] = re.findall(
                r"\$\{(\w+)\.Arn\}/invocations", said["x-amazon-apigateway-integration"]["uri"]["Sub"]
            )
            authorizer = "" if said.get("security") == [{"NONE": []}] else by_default
            yield Door(method.upper(), path, folders[function], authorizer)


@cache
def center_doors() -> tuple[Door, ...]:
    """The routes of the service center's API."""
    events = functions(CENTER)["Router"]["Events"].values()
    asked = [(each["Properties"], each["Properties"]["Auth"]["Authorizer"]) for each in events]
    return tuple(Door(said["Method"], said["Path"], "router", "" if who == "NONE" else who) for said, who in asked)


class Gate:
    """Lets requests pass, with a caller's token, as far as authorizer and function let them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def knock(self, door: Door, event: dict[str, Any], caller: Caller) -> Answer:
        """Answer a request that a caller sends."""
        event["resource"] = event["requestContext"]["resourcePath"] = door.resource or door.path
        if door.resource:
            found = find_resource([replace(door, path=door.resource)], door.method, event["path"])
            event["pathParameters"] = found[1] if found else None
        event["requestContext"]["authorizer"] = {}
        _send_token(event, self._pool.token(caller), as_cookie=door.is_page and door.function != "router")
        if door.function == "router":
            return self._answer_of_center(door, event, caller)
        if door.authorizer:
            policy = _asked(event)
            if policy is None:
                return _refusal(401)
            if policy["policyDocument"]["Statement"][0]["Effect"] != "Allow":
                return _refusal(403)
            event["requestContext"]["authorizer"] = policy["context"]
        return _answer(handler_of(door.function)(event, CONTEXT))

    def _answer_of_center(self, door: Door, event: dict[str, Any], caller: Caller) -> Answer:
        """A Cognito authorizer verifies the token, asks for one of its scopes, and hands its claims on as texts."""
        if door.authorizer:
            claims = self._claims(caller)
            if claims is None or _SCOPES[door.authorizer] not in claims["scope"].split():
                return _refusal(401)
            groups = " ".join(claims.get("cognito:groups", []))
            event["requestContext"]["authorizer"] = {"claims": {**claims, "cognito:groups": f"[{groups}]"}}
        return _answer(handler_of("router")(event, CONTEXT))

    def _claims(self, caller: Caller) -> dict[str, Any] | None:
        try:
            return dict(
                jwt.decode(self._pool.token(caller), self._pool.public, ["RS256"], issuer=SETTINGS["POOL_ISSUER"])
            )
        except jwt.PyJWTError:
            return None


def _send_token(event: dict[str, Any], token: str, *, as_cookie: bool) -> None:
    """A browser sends the session cookie, a program the header."""
    headers = event["headers"]
    if token and as_cookie:
        headers["Cookie"] = "; ".join(filter(None, (headers.get("Cookie", ""), f"mu_token={token}")))
    elif token:
        headers["Authorization"] = f"Bearer {token}"
    event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}


def _asked(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """The authorizer's policy; None when it says `Unauthorized`."""
    question = {name: event[name] for name in ("resource", "path", "httpMethod", "headers", "multiValueHeaders")}
    question |= {"type": "REQUEST", "pathParameters": event["pathParameters"] or {}}
    question |= {
        "methodArn": f"arn:aws:execute-api:ap-northeast-1:000000000000:abc123/union/{event['httpMethod']}{event['path']}"
    }
    try:
        return dict(handler_of("authorizer")(question, CONTEXT))
    except Exception as error:
        if str(error) == "Unauthorized":
            return None
        raise


def _refusal(status: int) -> Answer:
    """The gateway's own answer: the template's text, with nothing of the request."""
    responses = read(UNION)["Resources"]["UnionApi"]["Properties"]["GatewayResponses"]
    said = responses["UNAUTHORIZED" if status == 401 else "ACCESS_DENIED"]["ResponseTemplates"]["application/json"]
    return Answer(status, {"content-type": "application/problem+json"}, said)


def _answer(raw: Mapping[str, Any]) -> Answer:
    return Answer(int(raw["statusCode"]), headers_of(raw), str(raw.get("body") or ""))
