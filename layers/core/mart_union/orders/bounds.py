"""What no procedure of a store's own may do to others: take back what has left its fulfiller, or lay on a supplier or a carrier what is not its fault. Pure
rules, for the check of a procedure and for those that were kept before it was as strict."""

from __future__ import annotations

from msgspec.structs import replace

from mart_union.catalog.procedures import Deadline, Procedure, ReturnReason, ReturnRules, Step
from mart_union.orders.model import ON_DELIVERY
from mart_union.orders.shipped import AT_THE_DOOR, CLOSING, COMPLETE, DELIVERING, FULFILLERS, PROCEDURES

_ONWARD = {"shipped": {"shipped", "delivered", "completed"}, "delivered": {"delivered", "completed"}}
"""Where lines go that have left whoever fulfils them: on, and never back."""

_BY_THE_UNION = {"shipped": DELIVERING, "delivered": CLOSING}
_OTHERS = ("supplier", "carrier")

UNION_REASONS = frozenset(
    reason for each in PROCEDURES.values() if each.returns is not None for reason in each.returns.reasons
)
"""The reasons of returns that every union ships, in their newest versions."""


def taken_back(procedure: Procedure, step: Step) -> list[str]:
    """The states from which a step takes back what has left its fulfiller. Only what may be paid at the door is refused there, and not by its customer's
    word."""
    return [
        state
        for state in step.from_states
        if not _goes_on(state, step) and not (state == "shipped" and _is_at_the_door(procedure, step))
    ]


def takes_back_by_itself(procedure: Procedure, deadline: Deadline) -> bool:
    """Whether the clock alone would take back what has left its fulfiller."""
    step = procedure.step(deadline.step)
    return step is not None and not _goes_on(deadline.state, step)


def is_laid_on_others(reason: ReturnReason) -> bool:
    """Whether a store lays a return on a supplier or a carrier, for a reason that is not the union's."""
    return reason not in UNION_REASONS and not {reason.fault, reason.way_back}.isdisjoint(_OTHERS)


def within_bounds(procedure: Procedure) -> Procedure:
    """A store's own procedure as far as it may go: the very same one, unless it was kept before these bounds were. What it would take back goes on as in
    the procedures that are shipped, and what it lays on others its store bears."""
    steps = {step.name: kept for step in procedure.steps if (kept := _going_on(procedure, step)).from_states}
    returns = None if procedure.returns is None else _on_its_store(procedure.returns)
    if tuple(steps.values()) == procedure.steps and returns == procedure.returns and not _is_taken_back(procedure):
        return procedure
    if procedure.payment == ON_DELIVERY and any(step.to_state == "shipped" for step in steps.values()):
        steps[AT_THE_DOOR.name] = AT_THE_DOOR
    deadlines = tuple(_kept_deadline(steps, deadline) for deadline in procedure.deadlines)
    if CLOSING in deadlines:
        steps[COMPLETE.name] = COMPLETE
    return replace(procedure, steps=tuple(steps.values()), deadlines=deadlines, returns=returns)


def _goes_on(state: str, step: Step) -> bool:
    return state not in _ONWARD or step.to_state in _ONWARD[state]


def _is_at_the_door(procedure: Procedure, step: Step) -> bool:
    by_others = set(step.roles) <= {*FULFILLERS, "system"}
    return procedure.payment == ON_DELIVERY and step.effect == "refund" and by_others


def _going_on(procedure: Procedure, step: Step) -> Step:
    back = taken_back(procedure, step)
    if not back:
        return step
    return replace(step, from_states=tuple(state for state in step.from_states if state not in back))


def _is_taken_back(procedure: Procedure) -> bool:
    return any(takes_back_by_itself(procedure, deadline) for deadline in procedure.deadlines)


def _kept_deadline(steps: dict[str, Step], deadline: Deadline) -> Deadline:
    step = steps.get(deadline.step)
    if deadline.state not in _ONWARD:
        return deadline
    is_kept = step is not None and deadline.state in step.from_states and _goes_on(deadline.state, step)
    return deadline if is_kept else _BY_THE_UNION[deadline.state]


def _on_its_store(rules: ReturnRules) -> ReturnRules:
    return replace(rules, reasons=tuple(_borne_by_its_store(reason) for reason in rules.reasons))


def _borne_by_its_store(reason: ReturnReason) -> ReturnReason:
    if not is_laid_on_others(reason):
        return reason
    fault, way_back = ("store" if who in _OTHERS else who for who in (reason.fault, reason.way_back))
    return replace(reason, fault=fault, way_back=way_back)
