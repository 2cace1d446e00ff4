"""API Gateway before the functions, as the templates describe it: which function answers a route, and whether the authorizer is asked
first. The authorizer and the functions are the real ones; what is made here is only what the gateway itself does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt

from tests.access.callers import PERSON_SCOPE, UNION_SCOPE, Caller, Pool
from tests.conftest import UNION as SETTINGS
from tests.gateway import CONTEXT, headers_of
from tests.template.reading import CENTER, UNION, functions, read
from tests.test_events import handler_of

_SCOPES = {"NetworkOperator": PERSON_SCOPE, "Union": UNION_SCOPE}


@dataclass(frozen=True)
class Door:
    """One method of one path: the function behind it, and the authorizer before it ('' when everybody may pass)."""

    method: str
    path: str
    function: str
    authorizer: str

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
    """The routes of a union's API."""
    return tuple(_doors_of(read(UNION)["Resources"]["UnionApi"]["Properties"]))


def _doors_of(api: Mapping[str, Any]) -> Iterator[Door]:
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
        event["resource"] = door.path
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
