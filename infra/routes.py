"""Keeps the routes of `infra/union.yaml` equal to the code's: `python -m infra.routes` writes them, `--check` compares.

Every method stands in the template, since the API denies what is not named. They stand in the API's OpenAPI body with one
permission a function, not as SAM events: SAM grants one permission a route, and a function's policy, 20 KB at most, is full at
about fifty. What stands below a membership's prefix is folded into one path, since an API has 300 resources at most.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from mart_union.web.openapi import ANY_UNION, find_apis

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "infra" / "union.yaml"
FUNCTIONS = ROOT / "functions"
FOLDED = {"/manage/{store}": "manage", "/supply/{supplier}": "supply", "/operate": "operate"}
"""What the authorizer decides by alone for whatever stands below it, also behind `/api`, and the function whose place it is."""

_FIRST = "          # Routes: written by `make routes` from the code.\n"
_LAST = "          # End of routes.\n"


@dataclass(frozen=True, order=True)
class Route:
    """One method of one path, the function that answers it, and whether everybody may call it."""

    path: str
    method: str
    function: str
    public: bool


def routes_of_code() -> list[Route]:
    """The routes that the union's functions declare, in the order of their paths."""
    for name, value in ANY_UNION.items():
        os.environ.setdefault(name, value)
    return sorted(
        Route(route.path, route.method, api.name, route.access.kind == "public")
        for api in find_apis(FUNCTIONS)
        for route in api.routes
    )


def folded(routes: Iterable[Route]) -> list[Route]:
    """What the API names for some routes: below a membership's prefix one path that is greedy to the end, with each method that the
    prefix's function has there. A route of another function or for everybody keeps its own path, which goes before that one."""
    return sorted({_named(route) for route in routes})


def _named(route: Route) -> Route:
    for place, function in FOLDED.items():
        for prefix in (place, f"/api{place}"):
            if route.path.startswith(f"{prefix}/") and route.function == function and not route.public:
                return replace(route, path=f"{prefix}/{{rest+}}")
    return route


def count_resources(paths: Iterable[str]) -> int:
    """How many resources of API Gateway some paths make: one for each place in their tree, the root among them."""
    places = {tuple(path.split("/")[:end]) for path in paths for end in range(2, path.count("/") + 2) if path != "/"}
    return 1 + len(places)


def resource_of(function: str) -> str:
    """The logical id of a function in the template."""
    return "".join(part.capitalize() for part in function.split("_"))


def lines_of(routes: Iterable[Route]) -> Iterator[str]:
    """The template's lines for some routes."""
    for path, methods in groupby(sorted(routes), key=lambda route: route.path):
        yield f"          {path}:\n"
        for route in methods:
            uri = (
                "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
                f"${{{resource_of(route.function)}.Arn}}/invocations"
            )
            yield f"            {route.method.lower()}:\n"
            if route.public:
                yield "              security: [{NONE: []}]\n"
            yield "              x-amazon-apigateway-integration:\n"
            yield "                type: aws_proxy\n"
            yield "                httpMethod: POST\n"
            yield f'                uri: !Sub "{uri}"\n'


def with_routes(template: str, routes: Iterable[Route]) -> str:
    """The template's text with these routes between the marks."""
    before, _, rest = template.partition(_FIRST)
    _, _, after = rest.partition(_LAST)
    if not after:
        raise SystemExit(f"{TEMPLATE.name} has lost the marks between which the routes stand")
    return before + _FIRST + "".join(lines_of(routes)) + _LAST + after


def main(arguments: list[str]) -> int:
    """Write or check the template's routes."""
    template = TEMPLATE.read_text()
    wanted = with_routes(template, folded(routes_of_code()))
    if wanted == template:
        return 0
    if "--check" in arguments:
        print("infra/union.yaml does not have the routes of the code; run: make routes", file=sys.stderr)
        return 1
    TEMPLATE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
