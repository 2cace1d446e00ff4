"""Proving a procedure: every state is reached, every path ends, every ending settles the money, and nothing waits for ever."""

from __future__ import annotations

from mart_union.orders.model import ENDED, STATES
from mart_union.orders.procedures import STARTS, Deadline, Procedure, Step

ROLES = frozenset({"customer", "store", "supplier", "system"})
NEEDS = frozenset({"tracking", "pickup_code", "appointment_at", "access"})
EFFECTS = frozenset({"", "payment", "release", "refund", "complete", "collect"})

_ENDING_BY_EFFECT = {"complete": {"completed"}, "refund": {"refused", "cancelled"}, "release": {"cancelled", "expired"}}


def check_procedure(procedure: Procedure) -> list[str]:
    """What is wrong with a procedure, in sentences; nothing when every state is reached, every path ends, and every ending settles.

    Every path must end even if nobody acts: the deadlines alone lead from each paid state to an ending.
    """
    reached = _reachable(procedure)
    problems = [problem for step in procedure.steps for problem in _step_problems(step)]
    problems += [f"{state} is left by a step and never reached" for state in sorted(_left(procedure) - reached)]
    problems += [f"no ending is reached from {state}" for state in sorted(reached) if not _ends(procedure, state)]
    waiting = reached - ENDED - {"awaiting_payment"}  # an unpaid purchase has a clock of its own
    problems += [
        f"an order can stay {state} for ever" for state in sorted(waiting) if not _ends_by_itself(procedure, state)
    ]
    names = [step.name for step in procedure.steps]
    problems += [f"two steps are called {name}" for name in sorted({name for name in names if names.count(name) > 1})]
    return problems + [
        problem for deadline in procedure.deadlines for problem in _deadline_problems(procedure, deadline)
    ]


def _step_problems(step: Step) -> list[str]:
    wrong = {
        "has an unknown state": not {*step.from_states, step.to_state} <= STATES,
        "has an unknown role": not step.roles or not set(step.roles) <= ROLES,
        "has an unknown need": not set(step.needs) <= NEEDS,
        "has an unknown effect": step.effect not in EFFECTS,
        "leaves an ending": not ENDED.isdisjoint(step.from_states),
        "does not settle the money as its ending calls for": (
            step.to_state in ENDED or step.effect in _ENDING_BY_EFFECT
        )
        and step.to_state not in _ENDING_BY_EFFECT.get(step.effect, ()),
        "refunds or completes what was never paid": step.effect in {"refund", "complete"}
        and "awaiting_payment" in step.from_states,
        "collects where nothing is handed over": step.effect == "collect" and step.to_state != "delivered",
        "releases what was paid": step.effect == "release" and step.from_states != ("awaiting_payment",),
        "leaves awaiting_payment without payment": "awaiting_payment" in step.from_states
        and step.effect not in {"payment", "release"},
    }
    return [f"{step.name} {problem}" for problem, is_so in wrong.items() if is_so]


def _deadline_problems(procedure: Procedure, deadline: Deadline) -> list[str]:
    step = procedure.step(deadline.step)
    if step is None:
        return [f"the deadline of {deadline.state} takes an unknown step {deadline.step}"]
    if deadline.state not in step.from_states or "system" not in step.roles or step.needs:
        return [f"the system cannot take {step.name} from {deadline.state}"]
    return []


def _left(procedure: Procedure) -> set[str]:
    return {state for step in procedure.steps for state in step.from_states}


def _reachable(procedure: Procedure) -> set[str]:
    reached = set(STARTS)
    for _ in procedure.steps:
        reached |= {step.to_state for step in procedure.steps if not reached.isdisjoint(step.from_states)}
    return reached


def _ends(procedure: Procedure, state: str) -> bool:
    seen: set[str] = set()
    open_states = {state}
    while open_states and ENDED.isdisjoint(open_states):
        seen |= open_states
        open_states = {s.to_state for s in procedure.steps if not open_states.isdisjoint(s.from_states)} - seen
    return bool(open_states)


def _ends_by_itself(procedure: Procedure, state: str) -> bool:
    seen = set()
    while state not in ENDED and state not in seen:
        seen.add(state)
        found = next((deadline for deadline in procedure.deadlines if deadline.state == state), None)
        step = procedure.step(found.step) if found else None
        state = step.to_state if step else state
    return state in ENDED
