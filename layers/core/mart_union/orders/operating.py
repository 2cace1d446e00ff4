"""What the union's operator decides of an order that was escalated, in place of whoever does nothing."""

from __future__ import annotations

from datetime import datetime

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, NotFound, StepNotAllowed
from mart_union.orders.model import OPERATOR, REMINDERS, SYSTEM, Order
from mart_union.orders.procedures import escalated_lines, operators_steps, procedure_of
from mart_union.orders.service import change_order
from mart_union.orders.steps import Details, apply_step


def decide_order(
    order: str,
    step: str,
    *,
    note: str,
    actor: str,
    key: str,
    now: datetime,
    collected_minor: int = 0,
    collected_by: str = "",
) -> Order:
    """Take a step with the lines of an order that were escalated: one that the system takes of itself, as a refusal with its refund, or the delivery of what was
    paid at the door, with what was collected and by whom (store, carrier). `note` says why, for the customer. The same key again changes nothing.

    One read and one write, as any step. The history has it as the system's, by `operator/<actor>`.

    Raises:
        NotFound: no such order was escalated.
        StepNotAllowed: `allowed` names the steps that the operator may take now.
        Invalid: it says not why, or nobody of that kind hands goods over.
        KeyReused, RuleViolation: as for `apply_step`.
        Busy: other changes kept winning.
    """
    if not note.strip():
        raise Invalid("say why", errors=[{"field": "note", "reason": "say why"}])
    who = f"{OPERATOR}/{actor}"
    details = Details(note=note, collected_minor=collected_minor, collected_by=collected_by)

    def change(before: Order) -> Order:
        lines = next((each.lines for each in before.history if (each.key, each.actor) == (key, who)), None)
        if lines is None:
            lines = _lines_to_decide(before, step)
        return apply_step(
            before, step, role=SYSTEM, actor=who, at=iso(now), key=key, lines=lines, fulfiller="", details=details
        )

    return change_order(order, SYSTEM, "", change, now)


def _lines_to_decide(order: Order, step: str) -> tuple[int, ...]:
    if not any(taken.step == REMINDERS[OPERATOR] for taken in order.history):
        raise NotFound("no such order was escalated")
    allowed, rule = operators_steps(order), procedure_of(order).step(step)
    if rule is None or step not in allowed:
        raise StepNotAllowed(f"the operator cannot take '{step}' now", allowed=allowed, state=order.state)
    states = {line.number: line.state for line in order.lines}
    return tuple(number for number in escalated_lines(order) if states[number] in rule.from_states)
