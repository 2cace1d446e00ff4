"""The template's routes are the code's: the API denies what is not named, and opens what is named by mistake."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from infra.routes import Route, lines_of, resource_of, routes_of_code
from tests.template.reading import UNION, functions, read, resources, text


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


CODE = set(routes_of_code())
CODE_FUNCTIONS = sorted({route.function for route in CODE})


def test_the_template_has_the_routes_of_the_code_and_no_others() -> None:
    template = routes_of_template()
    missing, extra = CODE - template, sorted(template - CODE)
    lines = "".join(lines_of(missing))
    assert not missing, f"run `make routes`; it adds\n{lines}"
    assert not extra, "run `make routes`"


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
