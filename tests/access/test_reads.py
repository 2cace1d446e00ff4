"""Which GET routes write: each is asked once by somebody who may, with a session and its consent to be recorded. Those that do are
commands, and have their stories in the fault harness."""

from __future__ import annotations

import pytest

from tests.access.callers import BY_NAME, Caller
from tests.access.cells import Cell, Scene, row_of
from tests.access.gate import Door, union_doors
from tests.faults.commands import all_commands
from tests.world import CUSTOMER

_READS = [door for door in union_doors() if door.method == "GET"]
_COMMANDS = {str(command) for command in all_commands()}


@pytest.mark.parametrize("door", _READS, ids=lambda door: f"{door.function} {door.name}")
def test_a_get_route_that_writes_is_a_command_of_the_fault_harness_and_no_other_is(scene: Scene, door: Door) -> None:
    row = row_of(door)
    begin = scene.set_for(door, row)
    cell = Cell(_asker(row.may), "one's own", 0)
    event = scene._event(door, row, cell)
    event["headers"]["Cookie"] = f"mu_session={scene.place.names['session']}; mu_consent=yes"
    scene.sent.clear()
    answer = scene.gate.knock(door, event, cell.caller)
    now = scene.look(begin)
    scene.put_back(scene.laid, now)
    assert answer.status in (row.answers or (200,))
    assert (now != begin or bool(scene.sent)) == (f"{door.function} {door.name}" in _COMMANDS)


def _asker(may: frozenset[str]) -> Caller:
    """Somebody who may ask: the customer whose session it is, where that one may."""
    return BY_NAME[CUSTOMER if CUSTOMER in may else sorted(may)[0]]
