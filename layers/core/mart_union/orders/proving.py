"""Proving a procedure before it is used: every step can be taken, every path ends, every ending settles the money, and nothing waits for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mart_union.catalog.model import KINDS
from mart_union.catalog.procedures import Deadline, Procedure, Reminder, ReturnDeadline, ReturnReason, ReturnRules, Step
from mart_union.kernel.money import LARGEST_AMOUNT
from mart_union.orders.bounds import is_laid_on_others, taken_back, takes_back_by_itself
from mart_union.orders.codes import RENEW_CODE
from mart_union.orders.model import ENDED, ON_DELIVERY, REMINDERS, STATES, TOLD
from mart_union.orders.procedures import HANDED_OVER, PAID_FOR
from mart_union.orders.return_waits import ACCEPT, CUSTOMERS_STATE, ENDS, LAPSE, TAKERS_STATES
from mart_union.orders.shipped import FULFILLERS, STARTS, UNPAID

ROLES = frozenset({"customer", "store", "supplier", "system"})
NEEDS = frozenset({"tracking", "pickup_code", "appointment_at", "access"})
EFFECTS = frozenset({"", "payment", "release", "refund", "complete", "collect"})

PARTIES = ("customer", "store", "supplier", "carrier")
"""Who can be at fault for a return, and who can pay for its way back."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_RESERVED = TOLD | {RENEW_CODE}
_LONGEST_TITLE = 80
_MOST_STEPS, _MOST_WAITS = 30, 20
_LONGEST_WAIT = 120 * 24
_MOST_REASONS, _MOST_DAYS = 20, 365
_MOST_RETURN_DAYS = 60
_WAITING = (*TAKERS_STATES, CUSTOMERS_STATE)
_LONGEST_ANSWER = 5 * 24
"""Hours in which an order has to be answered: what a card was authorized for is there for about a week."""

_ENDING_BY_EFFECT = {"complete": {"completed"}, "refund": {"refused", "cancelled"}, "release": {"cancelled", "expired"}}


def stranding_problems(procedure: Procedure) -> list[str]:
    """How a procedure can leave money where nobody gets it, in sentences; nothing when every path ends, each ending settles, and the deadlines alone lead
    from each paid state to an ending, whatever nobody does."""
    reached = _reachable(procedure)
    waiting = reached - ENDED - {"awaiting_payment"}  # an unpaid purchase has a clock of its own
    problems = [problem for step in procedure.steps for problem in _money_problems(procedure, step)]
    problems += [
        f"the deadline of {deadline.state} takes back what has left whoever fulfils it"
        for deadline in procedure.deadlines
        if takes_back_by_itself(procedure, deadline)
    ]
    problems += [f"no ending is reached from {state}" for state in sorted(reached) if not _ends(procedure, state)]
    problems += [
        f"an order can stay {state} for ever" for state in sorted(waiting) if not _ends_by_itself(procedure, state)
    ]
    cancel = procedure.step("cancel")
    cancelled = cancel.from_states if cancel and cancel.effect == "refund" and "system" in cancel.roles else ()
    problems += [
        f"the system cannot cancel from {state}, where a card may turn out not to be charged"
        for state in sorted(waiting - PAID_FOR - set(cancelled))
    ]
    problems += [
        f"an order that is {state} stays so for ever where nobody says who took its cash: the system needs a step that refunds from there"
        for state in sorted(waiting & _silent_on_cash(procedure))
    ]
    answer = next((deadline for deadline in procedure.deadlines if deadline.state == "placed"), None)
    if answer and (answer.hours > _LONGEST_ANSWER or answer.after_promise):
        problems.append(
            f"an order may wait for its answer longer than {_LONGEST_ANSWER} hours, and a card's money be gone"
        )
    return problems


def shape_problems(procedure: Procedure) -> list[str]:
    """What else keeps a procedure from being used, in sentences: steps that cannot be taken or are not known, deadlines that do nothing."""
    reached = _reachable(procedure)
    problems = [problem for step in procedure.steps for problem in _step_problems(step)]
    problems += [f"{state} is left by a step and never reached" for state in sorted(_left(procedure) - reached)]
    names = [step.name for step in procedure.steps]
    problems += [f"two steps are called {name}" for name in sorted({name for name in names if names.count(name) > 1})]
    waits = [deadline.state for deadline in procedure.deadlines]
    problems += [f"{state} has two deadlines" for state in sorted({state for state in waits if waits.count(state) > 1})]
    for deadline in procedure.deadlines:
        problems += _deadline_problems(procedure, deadline)
    for reminder in procedure.reminders:
        problems += _reminder_problems(procedure, reminder, reached)
    if procedure.returns is not None:
        problems += return_problems(procedure.returns)
    return [*problems, *_whole_problems(procedure, reached)]


def return_problems(rules: ReturnRules) -> list[str]:
    """What keeps rules of returns from being used, in sentences: no reason, or one that nobody could name or that lays its cost on a stranger."""
    names = [reason.name for reason in rules.reasons]
    wrong = {
        f"returns need 1 to {_MOST_REASONS} reasons": not 1 <= len(names) <= _MOST_REASONS,
        f"a return window is 0 to {_MOST_DAYS} days": rules.days is not None and not 0 <= rules.days <= _MOST_DAYS,
        f"what may be given back is of {' or '.join(KINDS)}": not rules.kinds or not set(rules.kinds) <= set(KINDS),
        "what is given back without the goods is no amount": not 0 <= rules.returnless_minor <= LARGEST_AMOUNT,
    }
    problems = [problem for problem, is_so in wrong.items() if is_so]
    problems += [f"two reasons are called {name}" for name in sorted({name for name in names if names.count(name) > 1})]
    problems += [problem for reason in rules.reasons for problem in _reason_problems(reason)]
    waits = [deadline.state for deadline in rules.deadlines]
    problems += [
        f"returns that are {state} have two deadlines" for state in sorted({s for s in waits if waits.count(s) > 1})
    ]
    return problems + [problem for deadline in rules.deadlines for problem in _return_deadline_problems(deadline)]


def _return_deadline_problems(deadline: ReturnDeadline) -> list[str]:
    wrong = {
        f"does not wait for anybody, as {', '.join(_WAITING)} do": deadline.state not in _WAITING,
        f"has 1 to {_MOST_RETURN_DAYS} days": not 1 <= deadline.days <= _MOST_RETURN_DAYS,
        f"has 1 to {_MOST_RETURN_DAYS} days from the reminder on": not 1 <= deadline.grace_days <= _MOST_RETURN_DAYS,
        f"ends in one of {', '.join(ENDS)}": deadline.state in TAKERS_STATES and deadline.then not in ENDS,
        f"waits for its customer, and ends in {LAPSE}": deadline.state == CUSTOMERS_STATE and deadline.then != LAPSE,
        "cannot be accepted by itself": deadline.then == ACCEPT and deadline.state != "requested",
    }
    return [f"a return that is {deadline.state} {problem}" for problem, is_so in wrong.items() if is_so]


def _reason_problems(reason: ReturnReason) -> list[str]:
    wrong = {
        "is no name of a reason": not _NAME.fullmatch(reason.name),
        f"needs a title of 1 to {_LONGEST_TITLE} characters": not 0 < len(reason.title.strip()) <= _LONGEST_TITLE,
        "is the fault of somebody unknown": reason.fault not in PARTIES,
        "has its way back paid by somebody unknown": reason.way_back not in PARTIES,
        "lets somebody pay the way back for what is the customer's doing": reason.fault == "customer"
        and reason.way_back in {"supplier", "carrier"},
        "is laid on a supplier or a carrier: of those take the shipped ones, word for word": reason.fault != "customer"
        and is_laid_on_others(reason),
    }
    return [f"the reason {reason.name} {problem}" for problem, is_so in wrong.items() if is_so]


def _whole_problems(procedure: Procedure, reached: set[str]) -> Iterator[str]:
    if not 0 < len(procedure.title.strip()) <= _LONGEST_TITLE:
        yield f"its title has 1 to {_LONGEST_TITLE} characters"
    if len(procedure.steps) > _MOST_STEPS or max(len(procedure.deadlines), len(procedure.reminders)) > _MOST_WAITS:
        yield f"a procedure has at most {_MOST_STEPS} steps, and {_MOST_WAITS} deadlines and reminders each"
    if procedure.payment not in {"before", ON_DELIVERY}:
        yield f"payment is before or {ON_DELIVERY}"
    for own in UNPAID:
        step = procedure.step(own.name)
        if step is None or (step.from_states, step.to_state, step.roles, step.needs, step.effect) != (
            own.from_states,
            own.to_state,
            own.roles,
            own.needs,
            own.effect,
        ):
            yield f"{own.name} is the checkout's: leave it as it is in the shipped ones"
    deliver = procedure.step("deliver")
    if "shipped" in reached and not (
        deliver
        and deliver.to_state == "delivered"
        and "shipped" in deliver.from_states
        and "system" in deliver.roles
        and not deliver.needs
    ):
        yield "what is shipped needs a step deliver, which carriers' reports take as the system"
    if coded := _without_code(procedure):
        yield f"{coded} asks for a pick-up code that no step before it gave"


def _money_problems(procedure: Procedure, step: Step) -> list[str]:
    cash = procedure.payment == ON_DELIVERY
    hands_over = step.to_state == "delivered" and "delivered" not in step.from_states
    wrong = {
        "takes back what has left whoever fulfils it: that goes back as a return": bool(taken_back(procedure, step)),
        "leaves an ending": not ENDED.isdisjoint(step.from_states),
        "does not settle the money as its ending calls for": (
            step.to_state in ENDED or step.effect in _ENDING_BY_EFFECT
        )
        and step.to_state not in _ENDING_BY_EFFECT.get(step.effect, ()),
        "refunds or completes what was never paid": step.effect in {"refund", "complete"}
        and "awaiting_payment" in step.from_states,
        "completes what was not handed over": step.effect == "complete" and not set(step.from_states) <= HANDED_OVER,
        "collects where nothing is handed over": step.effect == "collect" and not hands_over,
        "collects what was paid before": step.effect == "collect" and not cash,
        "hands over without collecting": cash and hands_over and step.effect != "collect",
        "releases what was paid": step.effect == "release" and step.from_states != ("awaiting_payment",),
        "leaves awaiting_payment without payment": "awaiting_payment" in step.from_states
        and step.effect not in {"payment", "release"},
        "posts a payment where none is awaited": step.effect == "payment" and step.from_states != ("awaiting_payment",),
    }
    return [f"{step.name} {problem}" for problem, is_so in wrong.items() if is_so]


def _step_problems(step: Step) -> list[str]:
    completes = {"receive": ("customer",), "complete": ("system",)}
    wrong = {
        "is no name of a step": not _NAME.fullmatch(step.name) or step.name in _RESERVED,
        f"needs a title of 1 to {_LONGEST_TITLE} characters": not 0 < len(step.title.strip()) <= _LONGEST_TITLE,
        "has an unknown state": not step.from_states or not {*step.from_states, step.to_state} <= STATES,
        "has an unknown role": not step.roles or not set(step.roles) <= ROLES,
        "has an unknown need": not set(step.needs) <= NEEDS,
        "has an unknown effect": step.effect not in EFFECTS,
        "gives what nobody knows": step.gives not in {"", "pickup_code"},
        "is for the store or for suppliers alone, and a line is fulfilled by either": len(
            set(step.roles) & set(FULFILLERS)
        )
        == 1,
        "asks for tracking and ships nothing": "tracking" in step.needs and step.to_state != "shipped",
        "completes under another name or role than receive by the customer, or complete by the system": (
            step.effect == "complete" or step.name in completes
        )
        and (step.effect != "complete" or completes.get(step.name) != step.roles),
    }
    return [f"{step.name} {problem}" for problem, is_so in wrong.items() if is_so]


def _deadline_problems(procedure: Procedure, deadline: Deadline) -> list[str]:
    step = procedure.step(deadline.step)
    if step is None:
        return [f"the deadline of {deadline.state} takes an unknown step {deadline.step}"]
    if deadline.state not in step.from_states or "system" not in step.roles or step.needs:
        return [f"the system cannot take {step.name} from {deadline.state}"]
    if deadline.return_window != (step.name == "complete") or (
        deadline.return_window and deadline.state != "delivered"
    ):
        return [
            f"the deadline of {deadline.state}: delivered lines complete when the return window is over, and only then"
        ]
    if not deadline.return_window and not 1 <= deadline.hours <= _LONGEST_WAIT:
        return [f"the deadline of {deadline.state} is 1 to {_LONGEST_WAIT} hours"]
    return []


def _reminder_problems(procedure: Procedure, reminder: Reminder, reached: set[str]) -> list[str]:
    of = f"the reminder of {reminder.state}"
    if reminder.to not in REMINDERS:
        return [f"{of} is for one of {', '.join(REMINDERS)}"]
    deadline = next((each for each in procedure.deadlines if each.state == reminder.state), None)
    if reminder.state not in reached or deadline is None:
        return [f"{of} is for a state in which nothing waits"]
    if not 1 <= reminder.hours <= _LONGEST_WAIT:
        return [f"{of} is 1 to {_LONGEST_WAIT} hours"]
    comparable = not deadline.return_window and deadline.after_promise == reminder.after_promise
    if comparable and reminder.hours >= deadline.hours:
        return [f"{of} comes after its deadline"]
    return []


def _without_code(procedure: Procedure) -> str:
    """A step that asks for a pick-up code and can be reached without one, '' if there is none."""
    silent = _reachable(procedure, without_code=True)
    asking = (step for step in procedure.steps if "pickup_code" in step.needs)
    return next((step.name for step in asking if not silent.isdisjoint(step.from_states)), "")


def _left(procedure: Procedure) -> set[str]:
    return {state for step in procedure.steps for state in step.from_states}


def _reachable(procedure: Procedure, *, without_code: bool = False) -> set[str]:
    steps = [step for step in procedure.steps if not (without_code and step.gives == "pickup_code")]
    reached = set(STARTS)
    for _ in steps:
        reached |= {step.to_state for step in steps if not reached.isdisjoint(step.from_states)}
    return reached


def _ends(procedure: Procedure, state: str) -> bool:
    seen: set[str] = set()
    open_states = {state}
    while open_states and ENDED.isdisjoint(open_states):
        seen |= open_states
        open_states = {s.to_state for s in procedure.steps if not open_states.isdisjoint(s.from_states)} - seen
    return bool(open_states)


def _silent_on_cash(procedure: Procedure) -> set[str]:
    """The states whose deadline would collect, which no silence does, and from which nothing else that the union's operator could decide leads out."""
    ways_out = [step for step in procedure.steps if step.effect == "refund" and "system" in step.roles]
    open_to = {state for step in ways_out for state in step.from_states}
    steps = {deadline.state: procedure.step(deadline.step) for deadline in procedure.deadlines}
    collecting = {state for state, step in steps.items() if step is not None and step.effect == "collect"}
    return collecting - open_to


def _ends_by_itself(procedure: Procedure, state: str) -> bool:
    seen = set()
    while state not in ENDED and state not in seen:
        seen.add(state)
        found = next((deadline for deadline in procedure.deadlines if deadline.state == state), None)
        step = procedure.step(found.step) if found else None
        state = step.to_state if step else state
    return state in ENDED
