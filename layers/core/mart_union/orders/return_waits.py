"""What happens when nobody decides on a return: whoever takes it back is reminded, and then the union's operator hears of it, or it is accepted; and when
its customer does not send what was accepted: they are reminded, and then it is over. Pure rules."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.catalog.procedures import ReturnDeadline
from mart_union.kernel.clock import from_iso, iso
from mart_union.orders.model import REMINDERS, SYSTEM, TOLD, Order, Return, StepTaken
from mart_union.orders.return_rules import rules_of
from mart_union.orders.shipped import RETURN_DEADLINES

ACCEPT, ESCALATE, REMIND = "accept", REMINDERS["operator"], REMINDERS["fulfiller"]
LAPSE = "lapse"

ENDS = (ACCEPT, ESCALATE)
"""What may happen to a return for which its taker does nothing though reminded: `ReturnDeadline.then`."""

TAKERS_STATES = ("requested", "sent", "received", "replacing")
"""The states in which a return waits for whoever takes it back."""

CUSTOMERS_STATE = "accepted"
"""The state in which it waits for its customer, who sends the goods."""

SENDING = ReturnDeadline(CUSTOMERS_STATE, 14, LAPSE, grace_days=7)
"""How long what was accepted waits for its customer where a procedure does not say: they are reminded after two weeks, and a week later it is over."""

_UNNAMED = {deadline.state: deadline for deadline in (*RETURN_DEADLINES, SENDING)}
"""What holds in each state for which a procedure names no deadline, whatever its version: no return waits for ever."""


def act_by(order: Order, asked: Return) -> str:
    """The moment (ISO) until which whoever takes a return back should take its next step, '' where that is not theirs."""
    deadline = _deadline(order, asked)
    theirs = deadline is not None and asked.state in TAKERS_STATES
    return _later(_waits_since(asked), deadline.days) if deadline is not None and theirs else ""


def send_by(order: Order, asked: Return) -> str:
    """The moment (ISO) until which its customer may send the goods of an accepted return; '' in another state."""
    deadline = _deadline(order, asked)
    if deadline is None or asked.state != CUSTOMERS_STATE:
        return ""
    reminded = next((taken.at for taken in _told(asked)), _later(_waits_since(asked), deadline.days))
    return _later(reminded, deadline.grace_days)


def comes_next(order: Order, asked: Return) -> tuple[str, str] | None:
    """What the system does of a return next if nobody does anything: the moment (ISO), and `remind`, `escalate` or `accept`, of an accepted one
    `remind_customer` or `lapse`; None where it is over, or the union's operator was told."""
    deadline, told = _deadline(order, asked), _told(asked)
    if deadline is None or len(told) > 1:
        return None
    if told:
        return _later(told[0].at, deadline.grace_days), deadline.then
    remind = REMINDERS["customer"] if asked.state == CUSTOMERS_STATE else REMIND
    return _later(_waits_since(asked), deadline.days), remind


def _deadline(order: Order, asked: Return) -> ReturnDeadline | None:
    rules = rules_of(order)
    named = rules.deadline(asked.state) if rules is not None else None
    return named or _UNNAMED.get(asked.state)


def is_escalated(asked: Return) -> bool:
    """Whether a return waits, and the union's operator was told of it: then it is theirs to decide, too."""
    return any(taken.step == ESCALATE for taken in _told(asked))


def was_escalated(asked: Return) -> bool:
    """Whether the union's operator was ever told of a return."""
    return any(taken.step == ESCALATE for taken in asked.history)


def next_return_look(order: Order) -> str:
    """The first moment at which the system acts on a return of an order (ISO), '' when it waits for none."""
    return min((found[0] for asked in order.returns if (found := comes_next(order, asked)) is not None), default="")


def pursue_returns(order: Order, now: datetime) -> Order:
    """The order after those of its returns were acted on that waited too long: their takers or its customer reminded, or the union's operator told, or
    accepted, or over. The very same order where none waits. Whoever reads a return's history tells of it.

    One thing is done at a time, for all returns for which it is due: an event tells of one, and the clock sees to the next.
    """
    coming = {asked.id: found for asked in order.returns if (found := comes_next(order, asked)) is not None}
    due = {identity: step for identity, (moment, step) in coming.items() if moment <= iso(now)}
    if not due:
        return order
    step = next(iter(due.values()))
    named = {identity for identity, each in due.items() if each == step}
    taken = StepTaken(step, SYSTEM, SYSTEM, iso(now), (), f"{step}-{order.sequence}")
    returns = tuple(_after(asked, taken) if asked.id in named else asked for asked in order.returns)
    return replace(order, returns=returns, sequence=order.sequence + 1)


def _after(asked: Return, taken: StepTaken) -> Return:
    state = {ACCEPT: "accepted", LAPSE: "refused"}.get(taken.step, asked.state)
    return replace(asked, state=state, history=(*asked.history, taken))


def _told(asked: Return) -> list[StepTaken]:
    """Those of its steps that told of it since it is in its state."""
    moved = max((number for number, taken in enumerate(asked.history, 1) if taken.step not in TOLD), default=0)
    return list(asked.history[moved:])


def _waits_since(asked: Return) -> str:
    return max((taken.at for taken in asked.history if taken.step not in TOLD), default=asked.at)


def _later(moment: str, days: int) -> str:
    return iso(from_iso(moment) + timedelta(days=days))
