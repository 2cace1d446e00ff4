"""Procedures as pictures: as a chart for pages, and as Mermaid's text for documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from mart_union.catalog.procedures import Deadline, Procedure, Reminder, Step
from mart_union.orders.model import ENDED, PROGRESS
from mart_union.orders.shipped import STARTS


class Arrow(Struct, frozen=True):
    """A step from one state to another, by their places among the chart's; `deadline` is the one by which the system takes it from there."""

    step: Step
    begin: int
    end: int
    deadline: Deadline | None


class Chart(Struct, frozen=True):
    """The states that a procedure uses, each a column: those of a line that goes well, then the other endings; and its arrows, each a row, by where
    they begin. `starts` and `endings` are the places of states in which an order begins, and in which it may end."""

    states: tuple[str, ...]
    starts: tuple[int, ...]
    endings: tuple[int, ...]
    arrows: tuple[Arrow, ...]


def chart_of(steps: Iterable[Step], deadlines: Iterable[Deadline]) -> Chart:
    """The chart of a procedure's steps, with every arrow on a row of its own, so that none crosses another's words."""
    steps, waits = tuple(steps), {(each.state, each.step): each for each in deadlines}
    used = {state for step in steps for state in (*step.from_states, step.to_state)}
    order = (*PROGRESS, *sorted(ENDED.difference(PROGRESS)))
    states = tuple(state for state in order if state in used)
    places = {state: place for place, state in enumerate(states)}

    def arrows() -> Iterator[Arrow]:
        for state in states:
            for step in (step for step in steps if state in step.from_states):
                yield Arrow(step, places[state], places[step.to_state], waits.get((state, step.name)))

    starts, endings = (tuple(places[state] for state in states if state in some) for some in (STARTS, ENDED))
    return Chart(states, starts, endings, tuple(arrows()))


def mermaid_of(procedure: Procedure) -> str:
    """The procedure as a Mermaid state diagram: who takes which step, and what the system does when a deadline passes."""
    lines = ["stateDiagram-v2", *(f"    [*] --> {state}" for state in STARTS)]
    for step in procedure.steps:
        by = ", ".join(step.roles)
        lines += [f"    {state} --> {step.to_state}: {step.name} ({by})" for state in step.from_states]
    endings = sorted({step.to_state for step in procedure.steps if step.to_state in ENDED})
    lines += [f"    {state} --> [*]" for state in endings]
    for reminder in procedure.reminders:
        lines.append(f"    note left of {reminder.state}: {_wait_of(reminder)}, the {reminder.to} is told")
    for deadline in procedure.deadlines:
        lines.append(f"    note right of {deadline.state}: {_wait_of(deadline)}, then {deadline.step}")
    return "\n".join(lines) + "\n"


def _wait_of(deadline: Deadline | Reminder) -> str:
    if isinstance(deadline, Deadline) and deadline.return_window:
        return "return window"
    hours = f"{deadline.hours} h"
    return f"{hours} after the promised day" if deadline.after_promise else hours
