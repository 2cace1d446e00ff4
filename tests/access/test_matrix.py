"""Invariant 12: every route, every caller, one's own object and another's. What each row means is in `rows.py`."""

from __future__ import annotations

import pytest

from mart_union.web.openapi import find_apis
from tests.access.bodies import Named
from tests.access.callers import BY_NAME, EVERYBODY
from tests.access.cells import Cell, Scene, cells_of, row_of
from tests.access.fields import FREE, Field, all_fields, plain_names
from tests.access.gate import Door, center_doors, union_doors
from tests.access.machines import SIGNATURES, Signature
from tests.access.naming import NAMED
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


def test_every_field_that_could_name_anothers_object_has_a_row() -> None:
    """Found from the requests' models: a field is plain, free for a reason, of a route for everybody or for the operator, or it is tried."""
    tried = {(named.route, name) for named in NAMED for name in named.fields}
    wanting = [
        str(field)
        for field in all_fields()
        if not (field.is_plain or field.is_operators or str(field) in FREE or _is_for_everybody(field))
        and (field.route, field.name.split(".")[-1]) not in tried
    ]
    assert wanting == []


def test_no_word_about_fields_is_left_over() -> None:
    assert plain_names() <= {field.name.split(".")[-1] for field in all_fields()}
    assert set(FREE) <= {str(field) for field in all_fields()}


def _is_for_everybody(field: Field) -> bool:
    return {**ROWS, **CENTER_ROWS}[field.route].may == EVERYBODY


@pytest.mark.parametrize("named", NAMED, ids=str)
def test_what_a_body_or_query_names_of_anothers_is_refused_or_left_out(scene: Scene, named: Named) -> None:
    cell = Cell(BY_NAME[named.caller], f"a body that names {named}", named.status, named.ids, named=named)
    _play(scene, _door(named.route), cell)


@pytest.mark.parametrize("signature", SIGNATURES, ids=str)
def test_a_machine_is_believed_for_what_it_signed_just_now_with_its_own_key(scene: Scene, signature: Signature) -> None:
    _play(scene, _door(signature.route), signature.cell)


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
