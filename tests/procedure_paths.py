"""Every path through a procedure's graph, made from its data and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.catalog.procedures import Procedure, Step
from mart_union.orders.model import ENDED

Path = tuple[Step, ...]


def edges(procedure: Procedure) -> list[tuple[str, Step]]:
    """Every move that the data allow: from a state, by a step."""
    return [(state, step) for step in procedure.steps for state in step.from_states]


def paths(procedure: Procedure, start: str) -> Iterator[Path]:
    """Every way from a state to an ending on which no move is made twice."""
    yield from _onward(procedure, start, (), frozenset())


def _onward(procedure: Procedure, state: str, so_far: Path, made: frozenset[tuple[str, str]]) -> Iterator[Path]:
    if state in ENDED:
        yield so_far
        return
    for step in procedure.steps:
        move = (state, step.name)
        if state in step.from_states and move not in made:
            yield from _onward(procedure, step.to_state, (*so_far, step), made | {move})


def covered(procedure: Procedure, start: str) -> set[tuple[str, str]]:
    """The moves that these paths make."""
    found = set()
    for path in paths(procedure, start):
        state = start
        for step in path:
            found.add((state, step.name))
            state = step.to_state
    return found
