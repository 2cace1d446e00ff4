"""Invariant 12, where one resource of the API stands for many paths: what no code declares there answers nobody, changes nothing and tells nothing."""

from __future__ import annotations

import pytest

from infra.routes import routes_of_code
from mart_union.web.routing import find_route
from tests.access.callers import CALLERS
from tests.access.cells import Scene
from tests.access.gate import door_of
from tests.gateway import gateway_event
from tests.world import OPERATOR

MEMBERS = {
    "manage/emei-tea": {"owner-emei", "manager-emei", "packer-emei"},
    "supply/guanxi-growers": {"owner-guanxi", "member-guanxi"},
    "operate": {OPERATOR},
}
TAILS = (
    "nothing",
    "orders/x/nothing",
    "../jianshi-outdoor/orders",
    "%2e%2e/jianshi-outdoor/orders",
    "{rest+}",
    "a/a/a/a/a/a/a/a/a/a",
)
UNDECLARED = [
    (method, place, f"{api}/{place}/{tail}")
    for api, methods in {"/api": ("GET", "POST", "PUT"), "": ("GET", "POST")}.items()
    for place in MEMBERS
    for method in methods
    for tail in TAILS
]


@pytest.mark.parametrize(("method", "place", "path"), UNDECLARED, ids=str)
def test_a_path_that_no_code_declares_is_denied_or_not_found(scene: Scene, method: str, place: str, path: str) -> None:
    """The API refuses at the authorizer whom it refuses everything there; a page has nothing to show to anybody."""
    assert find_route(routes_of_code(), method, path) is None
    door = door_of(method, path)
    assert door.resource.endswith("/{rest+}")
    for caller in CALLERS:
        scene.sent.clear()
        answer = scene.gate.knock(door, gateway_event(method, path, body=None if method == "GET" else {}), caller)
        known_there = door.is_page or caller.name in MEMBERS[place]
        assert answer.status == (404 if known_there else 403 if caller.is_person else 401), caller.name
        assert [each.text for each in scene.others.secrets if each.text in answer.told and each.text not in path] == []
        assert scene.look(scene.laid) == scene.laid
        assert scene.sent == []
