"""Invariant 12: every route, every caller, one's own object and another's. What each row means is in `rows.py`."""

from __future__ import annotations

import pytest

from mart_union.web.openapi import find_apis
from tests.access.bodies import BODIES, Named
from tests.access.callers import BY_NAME
from tests.access.cells import Cell, Scene, cells_of, row_of
from tests.access.gate import Door, center_doors, union_doors
from tests.access.machines import SIGNATURES, Signature
from tests.access.rows import CENTER_ROWS, ROWS
from tests.conftest import ROOT

DOORS = (*union_doors(), *center_doors())


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    from router.app import app

    of_code = {f"{route.method} {route.path}" for api in find_apis(ROOT / "functions") for route in api.routes}
    of_center = {f"{method} {path}" for path, methods in app.routes.items() for method in methods}
    assert of_code == set(ROWS) == {door.name for door in union_doors()}
    assert of_center == set(CENTER_ROWS) == {door.name for door in center_doors()}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.function} {door.name}")
def test_a_route_answers_whom_it_may_and_denies_all_others(scene: Scene, door: Door) -> None:
    """A denial changes nothing and tells nothing."""
    _play(scene, door, *cells_of(door))


@pytest.mark.parametrize("named", BODIES, ids=str)
def test_what_a_body_or_query_names_of_anothers_is_refused_or_left_out(scene: Scene, named: Named) -> None:
    _play(
        scene, _door(named.route), Cell(BY_NAME[named.caller], f"a body that names {named}", named.status, named=named)
    )


@pytest.mark.parametrize("signature", SIGNATURES, ids=str)
def test_a_machine_is_believed_for_what_it_signed_just_now_with_its_own_key(scene: Scene, signature: Signature) -> None:
    cell = Cell(BY_NAME[signature.signer], f"a signature {signature.flaw}", signature.status, flaw=signature.flaw)
    _play(scene, _door(signature.route), cell)


def _door(route: str) -> Door:
    return next(door for door in union_doors() if door.name == route)


def _play(scene: Scene, door: Door, *cells: Cell) -> None:
    row = row_of(door)
    begin = scene.set_for(door, row)
    try:
        problems = [problem for cell in cells for problem in scene.play(door, row, cell, begin)]
    finally:
        scene.put_back(scene.laid, begin)
    assert not problems, "\n".join(problems)


def test_after_every_cell_everything_is_as_it_was(scene: Scene) -> None:
    assert scene.place.read() == scene.laid
