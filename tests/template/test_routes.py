"""The template's routes are the code's: the API denies what is not named, and opens what is named by mistake."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from infra.routes import FOLDED, Route, count_resources, folded, lines_of, resource_of, routes_of_code
from mart_union.web.access import PREFIXES, kind_of_path
from tests.gateway import find_resource
from tests.template.reading import UNION, functions, read, resources, text
from tests.test_events import EVENTS


def routes_of_template() -> set[Route]:
    paths: dict[str, dict[str, Any]] = read(UNION)["Resources"]["UnionApi"]["Properties"]["DefinitionBody"]["paths"]
    return {
        Route(path, method.upper(), function_of(each), each.get("security") == [{"NONE": []}])
        for path, methods in paths.items()
        for method, each in methods.items()
    }


def function_of(operation: dict[str, Any]) -> str:
    uri = text(operation["x-amazon-apigateway-integration"]["uri"])
    called = uri.partition("functions/${")[2].partition(".Arn}")[0]
    return next(name for name in CODE_FUNCTIONS if resource_of(name) == called)


RESOURCES_OF_AN_API = 300
"""A quota of API Gateway, https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""

CODE = set(routes_of_code())
CODE_FUNCTIONS = sorted({route.function for route in CODE})


def test_the_template_has_the_routes_of_the_code_and_no_others() -> None:
    template, wanted = routes_of_template(), set(folded(CODE))
    missing, extra = wanted - template, sorted(template - wanted)
    lines = "".join(lines_of(missing))
    assert not missing, f"run `make routes`; it adds\n{lines}"
    assert not extra, "run `make routes`"


def test_the_api_has_fewer_resources_than_one_may() -> None:
    assert count_resources(route.path for route in routes_of_template()) < RESOURCES_OF_AN_API
    assert count_resources(["/", "/a", "/a/{b}/c", "/a/{b}/d"]) == 5


def test_each_route_reaches_its_function_as_guarded_as_it_is_declared() -> None:
    entries = sorted(routes_of_template())
    for route in sorted(CODE):
        found = find_resource(entries, route.method, route.path)
        assert found, f"{route.method} {route.path} reaches nothing"
        assert (found[0].function, found[0].public) == (route.function, route.public), route


def test_what_is_folded_is_what_the_authorizer_looks_a_membership_up_for() -> None:
    """Whatever stands below, the authorizer decides by the prefix, and finds the store's or supplier's id in it."""
    for prefix in FOLDED:
        kind = kind_of_path(prefix)
        assert kind in PREFIXES.values()
        assert kind_of_path(f"/api{prefix}/{{rest+}}") == kind_of_path(f"{prefix}/{{rest+}}") == kind
        assert kind == "operator" or prefix.endswith(f"/{{{kind}}}")


def test_routes_of_another_function_or_for_everybody_keep_their_own_path() -> None:
    own = [Route("/operate/fees", "GET", "operate", False), Route("/operate/fees/{fee}", "POST", "operate", False)]
    greedy = [Route("/operate/{rest+}", method, "operate", False) for method in ("GET", "POST")]
    assert folded(own) == greedy
    strangers = [
        Route("/operate", "GET", "operate", False),
        Route("/operate/news", "GET", "operate", True),
        Route("/operate/pay", "GET", "payments", False),
        Route("/orders/{order}/steps", "POST", "tracking", False),
    ]
    assert folded([*own, *strangers]) == sorted([*greedy, *strangers])


def sample_requests() -> list[Path]:
    """Sample events that come through the union's API."""
    return [
        file
        for file in sorted(EVENTS.glob("*/*.json"))
        if file.parent.name != "router" and '"httpMethod"' in file.read_text(encoding="utf-8")
    ]


def test_a_sample_event_names_the_resource_that_the_gateway_would() -> None:
    entries = sorted(routes_of_template())
    for file in sample_requests():
        event = json.loads(file.read_text(encoding="utf-8"))
        found = find_resource(entries, event["httpMethod"], event["path"])
        assert found, f"{file}: nothing is at {event['path']}"
        entry, params = found
        assert event["resource"] == event["requestContext"]["resourcePath"] == entry.path, file
        assert (event["pathParameters"] or {}) == params, file


def test_everything_but_public_routes_passes_the_authorizer() -> None:
    api = read(UNION)["Resources"]["UnionApi"]["Properties"]["Auth"]
    assert api["DefaultAuthorizer"] == "Membership"
    assert api["Authorizers"]["Membership"]["FunctionArn"] == {"GetAtt": "Authorizer.Arn"}


@pytest.mark.parametrize("route", sorted(CODE), ids=lambda route: f"{route.method} {route.path}")
def test_no_route_of_a_membership_is_public(route: Route) -> None:
    segments = [each for each in route.path.split("/") if each and each != "api"]
    assert not (route.public and segments and segments[0] in {"manage", "supply", "operate", "me", "account"}) or (
        # signing in and up is for people who are not signed in
        route.path.startswith(("/account/sign-", "/account/confirm", "/account/password", "/account/language"))
    ), f"{route.method} {route.path} is open to everybody"


@pytest.mark.parametrize("function", CODE_FUNCTIONS)
def test_the_api_may_call_each_function_that_it_routes_to_and_no_other_api_may(function: str) -> None:
    name = resource_of(function)
    permission = resources(UNION, "AWS::Lambda::Permission")[f"{name}Permission"]["Properties"]
    assert permission["FunctionName"] == {"Ref": name}
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert "${UnionApi}/union/*" in text(permission["SourceArn"])
    assert functions(UNION)[name]["Handler"] == f"{function}.app.lambda_handler"


def test_parameters_at_the_same_place_have_the_same_name() -> None:
    """API Gateway has one resource for each path segment, and a resource has one name."""
    names: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for route in CODE:
        segments = route.path.strip("/").split("/")
        for position, segment in enumerate(segments):
            if segment.startswith("{"):
                names[tuple(segments[:position])].add(segment)
    assert not {place: found for place, found in names.items() if len(found) > 1}
