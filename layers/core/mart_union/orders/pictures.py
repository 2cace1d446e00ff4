"""Procedures as pictures."""

from __future__ import annotations

from mart_union.catalog.procedures import Deadline, Procedure, Reminder
from mart_union.orders.model import ENDED
from mart_union.orders.shipped import STARTS


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
