"""Invariant 12: what is not granted is denied, on every route of every function, for every kind of caller."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mart_union.web.access import kind_of_path
from mart_union.web.api import Api, Route
from mart_union.web.openapi import find_apis
from tests.conftest import ROOT
from tests.gateway import CONTEXT, gateway_event, headers_of

APIS = find_apis(ROOT / "functions")
ROUTES = [pytest.param(api, route, id=f"{route.method} {route.path}") for api in APIS for route in api.routes]
NEEDED = {"store": {"packer", "manager", "owner"}, "supplier": {"owner", "member"}, "operator": {"operator"}}
EVERY_ROLE = {"", "packer", "manager", "owner", "member", "operator"}


def call(api: Api, route: Route, *, subject: str, role: str) -> dict[str, Any]:
    path = re.sub(r"{\w+}", "x1", route.path)
    return api.handle(gateway_event(route.method, path, subject=subject, role=role), CONTEXT)


@pytest.mark.parametrize(("api", "route"), ROUTES)
def test_a_caller_without_the_role_is_refused_on_every_route_of_every_function(api: Api, route: Route) -> None:
    if route.access.kind == "public":
        pytest.skip("everybody may")
    nobody = call(api, route, subject="", role="")
    if route.is_page and route.method == "GET":
        assert nobody["statusCode"] == 303
        assert "/account/sign-in?next=" in headers_of(nobody)["location"]
    else:
        assert nobody["statusCode"] == 401
    for role in sorted(EVERY_ROLE - route.access.roles) if route.access.roles else ():
        assert call(api, route, subject="somebody", role=role)["statusCode"] == 403


@pytest.mark.parametrize(("api", "route"), ROUTES)
def test_a_route_under_a_membership_asks_for_that_membership(api: Api, route: Route) -> None:
    kind = kind_of_path(route.path)
    if kind == "customer":
        assert route.access.kind in {"public", "customer"}
    else:
        assert route.access.kind == kind
        assert route.access.roles
        assert route.access.roles <= NEEDED[kind]


@pytest.mark.parametrize(("api", "route"), ROUTES)
def test_a_route_of_a_store_or_supplier_names_it_in_its_path(api: Api, route: Route) -> None:
    kind = kind_of_path(route.path)
    if kind in {"store", "supplier"}:
        assert f"{{{kind}}}" in route.path


WITHOUT_KEY = {
    "/api/enterprises": "its id is the applicant's",
    "/api/enterprises/{enterprise}/stores": "its id is the owner's",
    "/api/manage/{store}/staff/invitations": "a second code only lapses, unused",
    "/api/supply/{supplier}/staff/invitations": "a second code only lapses, unused",
    "/api/admissions": "a customer has one place in a line; who asks again gets the same",
}


@pytest.mark.parametrize(("api", "route"), ROUTES)
def test_a_post_of_the_api_that_makes_something_takes_an_idempotency_key(api: Api, route: Route) -> None:
    signed_by_a_machine = route.access.kind == "public"  # what it reports has an id of its own
    if route.method == "POST" and route.status == 201 and not signed_by_a_machine and route.path not in WITHOUT_KEY:
        assert route.idempotent_key
