"""Taking a step: a pure function from an order to the order after it, with every rule checked and no clock, table or chance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.procedures import Step
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Busy, Invalid, KeyReused, PaymentOutstanding, RuleViolation, StepNotAllowed
from mart_union.kernel.ids import input_hash
from mart_union.orders.cash import CASH, collector_of, require_whole
from mart_union.orders.clocks import with_clock
from mart_union.orders.codes import check_code
from mart_union.orders.model import (
    LATE,
    ON_DELIVERY,
    OPERATOR,
    REMINDERS,
    SYSTEM,
    Line,
    Order,
    Shipment,
    StepTaken,
    checked_text,
    fitting_text,
)
from mart_union.orders.procedures import (
    allowed_steps,
    deadline_of,
    estimated_by,
    late_moment,
    may_act_on,
    procedure_of,
    reminder_of,
    waits_for_money,
)
from mart_union.orders.refunds import all_given_back
from mart_union.orders.return_waits import pursue_returns
from mart_union.stock.slotting import slot_moment

_CARRIER = re.compile(r"^[a-z0-9][a-z0-9-]{0,31}$")
_TRACKING_NUMBER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 -]{0,63}$")
_LONGEST_TEXT = 500
_MOST_STEPS = 200
"""What people and carriers may take of an order. Deadlines are not counted against it, so that an order always comes to its end."""

_SETTLING = frozenset({"refund", "complete", "release"})


class Details(Struct, frozen=True):
    """What a step brings along, where its procedure needs it. `new_code` is a fresh pick-up code for a step that gives one; what was
    collected, and by whom (store or carrier), is of an order that is paid on delivery."""

    carrier: str = ""
    tracking_number: str = ""
    pickup_code: str = ""
    appointment_at: str = ""
    access: str = ""
    note: str = ""
    new_code: str = ""
    collected_minor: int = 0
    collected_by: str = ""


NOTHING = Details()


def apply_step(
    order: Order,
    step: str,
    *,
    role: str,
    actor: str,
    at: str,
    key: str,
    lines: Sequence[int] | None = None,
    fulfiller: str = "",
    details: Details = NOTHING,
) -> Order:
    """The order after a step of some of its lines; the very same order if the step was taken before under this key.

    Without `lines`, all that the role may move are moved. Lines that are settled hold no money afterwards: post what `order` held.

    Raises:
        StepNotAllowed: the procedure, the role or the lines' states forbid it; `allowed` names what the role may do.
        KeyReused: the key was used for another step, or with other details.
        PaymentOutstanding: what the card authorized has not been captured yet, or nobody has said that what is paid on delivery was paid.
        Busy: it gives goods back at the moment in which the card's money is being captured.
        Invalid: a line does not exist, or something that the step needs is missing or malformed.
        CodeLocked: the pick-up code was wrong too often.
        RuleViolation: what was collected is not what the order costs, or not all of it is handed over; the pick-up code is wrong (`WrongCode`), the appointment is not ahead, or the order has no room for more steps;
            a deadline's step always has.
    """
    by_somebody = role != SYSTEM or actor.startswith(f"{OPERATOR}/")  # a machine's key says itself what it is of
    request = _request(step, lines, details) if key and by_somebody else ""
    if _was_taken(order, step, role=role, actor=actor, key=key, request=request):
        return order
    rule = procedure_of(order).step(step)
    if rule is None or role not in rule.roles:
        raise _not_allowed(order, step, role, fulfiller)
    numbers = _lines_to_move(order, rule, role, fulfiller, lines)
    _refuse_before_money(order, rule)
    details = _with_slot(order, numbers, details)
    _check_details(order, rule, details, at)
    collector = _collector(order, rule, numbers, details, told_by=actor if role == SYSTEM else "")
    if len(order.history) >= _MOST_STEPS and role != SYSTEM:
        raise RuleViolation(f"an order has at most {_MOST_STEPS} steps")
    kept = fitting_text if role == SYSTEM else checked_text
    note = kept(order, details.note[:_LONGEST_TEXT])
    taken = StepTaken(step, role, actor, at, numbers, key, note, request)
    return _after(order, rule, taken, details, collector)


def _after(order: Order, rule: Step, taken: StepTaken, details: Details, collector: str) -> Order:
    """The order with its lines moved; paid, when a collector took its money."""
    numbers = taken.lines
    after = replace(
        order,
        lines=tuple(_moved(order, line, rule, details) if line.number in numbers else line for line in order.lines),
        shipments=_shipments(order, rule, details, numbers, taken.at),
        facts=_facts(order, rule, details),
        history=(*order.history, taken),
        sequence=order.sequence + 1,
    )
    if collector:
        after = replace(after, payment="paid", facts=after.facts | {CASH: collector})
    return with_clock(after, taken.at)


def _collector(order: Order, rule: Step, numbers: tuple[int, ...], details: Details, *, told_by: str) -> str:
    """Who took the money, at the step that hands over what is paid then; '' at all others."""
    if order.payment != ON_DELIVERY or (rule.effect != "collect" and rule.to_state != "shipped"):
        return ""
    require_whole(order, numbers)
    if rule.effect != "collect":
        return ""
    return collector_of(order, details.collected_minor, details.collected_by, told_by=told_by)


def due_steps(order: Order, now: datetime) -> list[tuple[str, tuple[int, ...]]]:
    """The steps whose deadline has passed, each with its lines."""
    due: dict[str, list[int]] = {}
    for line in order.lines:
        found = deadline_of(order, line)
        if found is not None and from_iso(found[0]) <= now:
            due.setdefault(found[1], []).append(line.number)
    return [(step, tuple(numbers)) for step, numbers in due.items()]


def remind(order: Order, now: datetime) -> Order:
    """The order after those were told of it for whom that is due; the very same order where nobody is. Whoever reads its history tells them."""
    due: dict[str, list[int]] = {}
    for line in order.lines:
        found = reminder_of(order, line)
        if found is not None and from_iso(found[0]) <= now:
            due.setdefault(REMINDERS[found[1]], []).append(line.number)
    if not due:
        return order
    step, lines = next(iter(due.items()))  # an event tells of one; the clock sees to the next
    told = StepTaken(step, SYSTEM, SYSTEM, iso(now), tuple(lines), f"{step}-{order.sequence}")
    return with_clock(replace(order, history=(*order.history, told), sequence=order.sequence + 1), iso(now))


def find_late(order: Order, now: datetime) -> Order:
    """The order after those of its lines were found late that are, each once; the very same order where none is. Whoever reads its history tells of it."""
    late = tuple(
        line.number for line in order.lines if (moment := late_moment(order, line)) and from_iso(moment) <= now
    )
    if not late:
        return order
    found = StepTaken(LATE, SYSTEM, SYSTEM, iso(now), late, f"{LATE}-{order.sequence}")
    return with_clock(replace(order, history=(*order.history, found), sequence=order.sequence + 1), iso(now))


def pursue(order: Order, now: datetime) -> Order:
    """The order after those of its returns were acted on for which whoever takes them does nothing; the very same order where none waits."""
    pursued = pursue_returns(order, now)
    return order if pursued is order else with_clock(pursued, iso(now))


def _request(step: str, lines: Sequence[int] | None, details: Details) -> str:
    """A fingerprint of what somebody asks for: all but the code that is made for them."""
    return input_hash([step, None if lines is None else sorted(lines), replace(details, new_code="")])[:16]


def _was_taken(order: Order, step: str, *, role: str, actor: str, key: str, request: str) -> bool:
    taken = next((one for one in order.history if (one.key, one.role, one.actor) == (key, role, actor)), None)
    if taken is None or not key:
        return False
    if (taken.step, taken.request) != (step, request):
        raise KeyReused(f"this key was used for the step {taken.step}, with other details; nothing was changed")
    return True


def _lines_to_move(
    order: Order, rule: Step, role: str, fulfiller: str, wanted: Sequence[int] | None
) -> tuple[int, ...]:
    movable = tuple(
        line.number for line in order.lines if line.state in rule.from_states and may_act_on(line, role, fulfiller)
    )
    if wanted is None:
        if not movable:
            raise _not_allowed(order, rule.name, role, fulfiller)
        return movable
    unknown = sorted(set(wanted) - {line.number for line in order.lines})
    if unknown or not wanted:
        message = f"the order has no line {unknown[0]}" if unknown else "name at least one line, or leave lines out"
        raise Invalid(message, errors=[{"field": "lines", "reason": message}])
    if not set(wanted) <= set(movable):
        raise _not_allowed(order, rule.name, role, fulfiller)
    return tuple(sorted(set(wanted)))


def _refuse_before_money(order: Order, rule: Step) -> None:
    if waits_for_money(order, rule):
        for_what = (
            "the goods are paid when they are handed over"
            if order.payment == ON_DELIVERY
            else "the card is authorized, and charged when every store has answered"
        )
        raise PaymentOutstanding(f"'{rule.name}' has to wait: {for_what}")
    if order.payment == "capturing" and rule.effect == "refund":
        message = "the card is being charged at this moment: try again in a minute, and it is refunded"
        raise Busy(message, reason="charging")


def _not_allowed(order: Order, step: str, role: str, fulfiller: str) -> StepNotAllowed:
    allowed = allowed_steps(order, role, fulfiller)
    now_allowed = f"allowed now: {', '.join(allowed)}" if allowed else "nothing is allowed now"
    return StepNotAllowed(
        f"'{step}' cannot be taken while the order is {order.state}; {now_allowed}", allowed=allowed, state=order.state
    )


def _check_details(order: Order, rule: Step, details: Details, at: str) -> None:
    if "tracking" in rule.needs:
        check_parcel(details.carrier or order.carrier, details.tracking_number)
    if "access" in rule.needs:
        fits = 0 < len(details.access) <= _LONGEST_TEXT
        _need("access", fits, f"tell the customer how to get it, in at most {_LONGEST_TEXT} characters")
    if "appointment_at" in rule.needs and _moment(details.appointment_at) <= from_iso(at):
        raise RuleViolation("an appointment must be ahead", reason="appointment")
    if "pickup_code" in rule.needs:
        check_code(order, details.pickup_code)


def check_parcel(carrier: str, tracking_number: str) -> None:
    """Nothing, if a parcel goes by a carrier, with its number.

    Raises:
        Invalid: one of them is missing or malformed.
    """
    _need("carrier", _CARRIER.match(carrier), "name the carrier by its id")
    _need("tracking_number", _TRACKING_NUMBER.match(tracking_number), "give the carrier's tracking number")


def _with_slot(order: Order, numbers: tuple[int, ...], details: Details) -> Details:
    """The details with the time for which the first of the lines is booked, where no other appointment is made."""
    booked = sorted(line.slot for line in order.lines if line.number in numbers and line.slot)
    if details.appointment_at or not booked:
        return details
    begins = slot_moment(booked[0])
    return details if begins is None else replace(details, appointment_at=iso(begins))


def _moment(text: str) -> datetime:
    try:
        moment = from_iso(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = "give a moment with its time zone, such as 2026-12-01T10:00:00+08:00"
        raise Invalid(message, errors=[{"field": "appointment_at", "reason": message}])
    return moment


def _need(field: str, is_given: object, message: str) -> None:
    if not is_given:
        raise Invalid(message, errors=[{"field": field, "reason": message}])


def _moved(order: Order, line: Line, rule: Step, details: Details) -> Line:
    if rule.effect == "refund":
        return replace(all_given_back(order, line), state=rule.to_state)
    if rule.effect in _SETTLING:
        return replace(line, state=rule.to_state, escrow_minor=0, held_minor=0)
    if "tracking" in rule.needs and not line.offer:
        line = _carried_by(line, details.carrier or order.carrier)
    return replace(line, state=rule.to_state)


def _carried_by(line: Line, carrier: str) -> Line:
    """A line of the store's own with its delivery charge going to whoever carries it. Of a supplier's line the supplier gets it, and delivers."""
    shares = tuple(
        replace(share, account=f"carrier/{carrier}") if share.kind == "delivery" else share for share in line.split
    )
    return replace(line, split=shares)


def _shipments(order: Order, rule: Step, details: Details, numbers: tuple[int, ...], at: str) -> tuple[Shipment, ...]:
    if "tracking" not in rule.needs:
        return order.shipments
    carrier = details.carrier or order.carrier
    parcel = Shipment(
        f"{len(order.shipments) + 1}",
        numbers,
        carrier,
        details.tracking_number,
        at,
        estimated_by=estimated_by(order, carrier, at),
    )
    return (*order.shipments, parcel)


def _facts(order: Order, rule: Step, details: Details) -> dict[str, str]:
    facts = dict(order.facts)
    if "appointment_at" in rule.needs:
        facts["appointment_at"] = details.appointment_at
    if "access" in rule.needs:
        facts["access"] = details.access
    if rule.gives == "pickup_code":
        facts.setdefault("pickup_code", details.new_code)
    return facts
