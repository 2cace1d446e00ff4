"""What an order's procedure means for it: who may do what now, and what happens when nobody does. An order keeps the procedure it was placed under."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mart_union.catalog.carriers import Carrier
from mart_union.catalog.model import Listing, Store
from mart_union.catalog.procedures import Procedure, Reminder, Step
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import NotFound
from mart_union.kernel.settings import settings
from mart_union.orders.bounds import within_bounds
from mart_union.orders.model import ENDED, LATE, ON_DELIVERY, OPERATOR, REMINDERS, SYSTEM, TOLD, Line, Order
from mart_union.orders.shipped import FULFILLERS, PROCEDURES, get_procedure
from mart_union.stock.slotting import slot_moment

HANDED_OVER = frozenset({"shipped", "delivered", "completed"})
"""The states of a line that has left whoever fulfils it."""

PAID_FOR = HANDED_OVER | {"making"}
"""The states that a line enters only when its money is there, or is to be paid at the door."""

_ON_THE_WAY = frozenset({"placed", "accepted", "making", "shipped"})
"""The states of a line for which something is still to be done before it arrives."""

_GIVEN_UP = ENDED - {"completed"}

SUPPLIED_DAYS = 60
"""The longest that a supplier of goods waits for its money once they are delivered, whatever their seller lets its customers have."""

CASH_GRACE_DAYS = 7
"""How long the union waits for a word on cash once whoever handed the goods over was told that its time is over."""


def find_procedure(store: Store, name: str) -> Procedure:
    """The procedure that a name means in a store: the newest version of its own, within the bounds that hold now, or of one that is shipped.

    Raises:
        NotFound: there is no such procedure; `procedures` names those that there are.
    """
    found = {**PROCEDURES, **{own.name: own for own in store.procedures}}
    if name not in found:
        raise NotFound(f"there is no procedure '{name}'", procedures=sorted(found))
    return found[name] if name in PROCEDURES else within_bounds(found[name])


def procedure_for(store: Store, listing: Listing) -> Procedure:
    """The procedure under which a listing is sold now: what is assigned to itself, else to the nearest of its category and those above, else the
    store's."""
    return find_procedure(store, store.assigned.get(store.assignment_of(listing), store.procedure))


def return_days(store: Store, procedure: Procedure) -> int:
    """For how many days what is ordered now can be given back once it is delivered: as the procedure says, else as the store does."""
    rules = procedure.returns
    return store.return_window_days if rules is None or rules.days is None else rules.days


def window_days(order: Order, line: Line) -> int:
    """For how many days a line can be given back once it is delivered: as many as its order was placed with, of a supplier's goods no more than SUPPLIED_DAYS."""
    return min(order.return_window_days, SUPPLIED_DAYS) if line.offer else order.return_window_days


def gives_money_back(order: Order, step: str) -> bool:
    """Whether a step of the order's procedure refunds: such a step is for a store's managers."""
    rule = procedure_of(order).step(step)
    return rule is not None and rule.effect == "refund"


def takes_cash(procedure: Procedure) -> bool:
    """Whether orders under a procedure can be paid on delivery."""
    return procedure.payment == ON_DELIVERY


def procedure_of(order: Order) -> Procedure:
    """The procedure that an order is pinned to: one of its store's own making, which it carries, within the bounds that hold now, or one that is shipped."""
    if order.own_procedure is not None:
        return within_bounds(order.own_procedure)
    return get_procedure(order.procedure, order.procedure_version)


def is_carried(procedure: Procedure) -> bool:
    """Whether orders under a procedure go by a provider of delivery."""
    return any("tracking" in step.needs for step in procedure.steps)


def promised_by(lead_days: int, now: datetime, carrier: Carrier | None = None, postcode: str | None = None) -> str:
    """The end of the day, in the union's time zone, by which what is bought now is promised (ISO): after the days until it leaves and, where a
    carrier brings it, once that has collected it and been on its way."""
    bought = now.astimezone(ZoneInfo(settings().time_zone))
    day = carrier.arrival(bought, lead_days, postcode) if carrier else bought.date() + timedelta(days=lead_days)
    return _end_of(day)


def estimated_by(order: Order, carrier: str, shipped_at: str) -> str:
    """The end of the day (ISO) by which a parcel is expected, by the days of transit of the carrier that the order was placed under; '' of another."""
    if order.transit_days is None or carrier != order.carrier:
        return ""
    shipped = from_iso(shipped_at).astimezone(ZoneInfo(settings().time_zone))
    return _end_of(shipped.date() + timedelta(days=order.transit_days))


def _end_of(day: date) -> str:
    """The end of a day in the union's time zone (ISO)."""
    return iso(datetime.combine(day, time(23, 59, 59), ZoneInfo(settings().time_zone)))


def may_act_on(line: Line, role: str, fulfiller: str) -> bool:
    """Whether a role's steps reach a line: a store or supplier (`fulfiller`) acts on the lines that it fulfils, the others on all."""
    return role not in FULFILLERS or line.fulfiller == fulfiller


def waits_for_money(order: Order, step: Step) -> bool:
    """Whether a step must wait for money: with a card that is only authorized what begins to make goods, hands them over or completes, with
    cash what completes.

    Source: settlement before delivery (mart union system, claims 7 and 20).
    """
    if order.payment == ON_DELIVERY:
        return step.to_state == "completed"
    return order.payment in {"authorized", "capturing"} and step.to_state in PAID_FOR


def is_answered(order: Order) -> bool:
    """Whether nobody has to accept or refuse a line of it any more. Where a procedure hands over at once, there is nothing to answer."""
    return not any(line.state == "placed" for line in order.lines) or not _asks_for_an_answer(procedure_of(order))


def _asks_for_an_answer(procedure: Procedure) -> bool:
    return any("placed" in step.from_states and step.to_state not in ENDED | PAID_FOR for step in procedure.steps)


def allowed_steps(order: Order, role: str, fulfiller: str = "") -> list[str]:
    """The names of the steps that a role may take now, with at least one line each."""
    states = {line.state for line in order.lines if may_act_on(line, role, fulfiller)}
    steps = procedure_of(order).steps
    return [
        step.name
        for step in steps
        if role in step.roles and not states.isdisjoint(step.from_states) and not waits_for_money(order, step)
    ]


def _needs_money(order: Order, line: Line) -> bool:
    """Whether every step that brings a line on has to wait for the money of a card."""
    steps = [
        step
        for step in procedure_of(order).steps
        if line.state in step.from_states and step.to_state not in _GIVEN_UP | {line.state}
    ]
    return bool(steps) and all(step.to_state in PAID_FOR for step in steps)


def _collects(order: Order, step: str) -> bool:
    rule = procedure_of(order).step(step)
    return rule is not None and rule.effect == "collect"


def deadline_of(order: Order, line: Line) -> tuple[str, str] | None:
    """When a line's waiting ends (ISO) and the step that is taken then, None when it waits for nothing, for the card's money, or for somebody
    to say who took the cash: of that `reminder_of` tells when its time is over."""
    found = _time_of(order, line)
    return None if found is None or _waits_for_cash(order, found[1]) else found


def _waits_for_cash(order: Order, step: str) -> bool:
    """Whether nobody but those who hand an order over can say what became of it: nobody's silence takes the place of cash."""
    return order.payment == ON_DELIVERY and _collects(order, step)


def _time_of(order: Order, line: Line) -> tuple[str, str] | None:
    """When a line's time in its state is over (ISO), and the step of its deadline.

    The time of a line that had to wait for the card's money begins when that was there (the fact `charged_at`). A line that is booked for a slot
    has to be answered before that begins; what comes after the answer has its time from the slot on.
    """
    deadline = next((one for one in procedure_of(order).deadlines if one.state == line.state), None)
    if deadline is None or (order.payment in {"authorized", "capturing"} and _needs_money(order, line)):
        return None
    since = _waits_since(order, line, after_promise=deadline.after_promise)
    wait = timedelta(days=window_days(order, line)) if deadline.return_window else timedelta(hours=deadline.hours)
    begins = slot_moment(line.slot)
    if begins is None:
        return iso(from_iso(since) + wait), deadline.step
    until = min(from_iso(since) + wait, begins) if line.state == "placed" else max(from_iso(since), begins) + wait
    return iso(until), deadline.step


def _waits_since(order: Order, line: Line, *, after_promise: bool) -> str:
    """When a line's waiting in its state began (ISO): with the step that brought it there, with the money that it had to wait for, or, where that
    is later, with the promised day."""
    entered = _entered(order, line)
    since = order.history[entered - 1].at if entered else order.placed_at
    charged_at = order.facts.get("charged_at", "")
    if charged_at > since and _needs_money(order, line):
        since = charged_at
    return max(since, order.promise_of(line)) if after_promise else since


def _entered(order: Order, line: Line) -> int:
    """How much of the history there was when a line had taken its last step; to be reminded of, or late, is none."""
    taken = enumerate(order.history, 1)
    return max((n for n, one in taken if line.number in one.lines and one.step not in TOLD), default=0)


def reminder_of(order: Order, line: Line) -> tuple[str, str] | None:
    """When somebody is told next that a line still waits (ISO), and who (`Reminder.to`); None when nobody is, or its deadline comes first.

    Those of a state are told one after another, each once for each time that the line is in it. Of an order whose time is over and of whose cash nobody
    has said a word, whoever handed it over is told then, and the union's operator a week later.
    """
    time = _time_of(order, line)
    if time is None:
        return None
    since = order.history[_entered(order, line) :]
    given = sum(line.number in taken.lines for taken in since if taken.step in REMINDERS.values())
    reminders = [reminder for reminder in procedure_of(order).reminders if reminder.state == line.state]
    told = sorted((_moment_of(order, line, reminder), number) for number, reminder in enumerate(reminders))
    coming = [(moment, reminders[number].to) for moment, number in told if moment < time[0]]
    if _waits_for_cash(order, time[1]):
        coming += [(time[0], "fulfiller"), (iso(from_iso(time[0]) + timedelta(days=CASH_GRACE_DAYS)), "operator")]
    return coming[given] if given < len(coming) else None


def escalated_lines(order: Order) -> tuple[int, ...]:
    """The lines that still wait where they were when the union's operator was told of it."""

    def was_told(line: Line) -> bool:
        since = order.history[_entered(order, line) :]
        return any(taken.step == REMINDERS[OPERATOR] and line.number in taken.lines for taken in since)

    return tuple(line.number for line in order.lines if line.state not in ENDED and was_told(line))


def operators_steps(order: Order) -> list[str]:
    """The names of the steps that the union's operator may take with lines that were escalated: those by which the system, too, brings lines on or to an end."""
    lines = escalated_lines(order)
    states = {line.state for line in order.lines if line.number in lines}
    return [
        step.name
        for step in procedure_of(order).steps
        if SYSTEM in step.roles
        and step.effect in {"", "refund", "collect"}
        and not states.isdisjoint(step.from_states)
        and not waits_for_money(order, step)
    ]


def _moment_of(order: Order, line: Line, reminder: Reminder) -> str:
    since = _waits_since(order, line, after_promise=reminder.after_promise)
    return iso(from_iso(since) + timedelta(hours=reminder.hours))


def late_moment(order: Order, line: Line) -> str:
    """When a line that a carrier brings is late unless it arrives before (ISO): by when it was promised is over, or by when its parcel was expected.

    '' where it cannot be late any more, was found so, or may not leave yet, since the card's money is awaited.
    """
    waits = order.payment in {"authorized", "capturing"}
    if waits or line.state not in _ON_THE_WAY or not is_carried(procedure_of(order)):
        return ""
    if any(taken.step == LATE and line.number in taken.lines for taken in order.history):
        return ""
    parcels = [parcel for parcel in order.shipments if line.number in parcel.lines]
    expected = parcels[-1].estimated_by if parcels else ""
    return min(filter(None, (order.promise_of(line), expected)), default="")


def next_deadline(order: Order) -> str:
    """The first moment at which the system acts on an order (ISO), '' when it waits for nothing."""
    return min((found[0] for line in order.lines if (found := deadline_of(order, line)) is not None), default="")


def next_look(order: Order) -> str:
    """The first moment at which the system acts on an order, reminds somebody of it or finds it late (ISO), '' when it waits for nothing."""
    return min((moment for moment, _ in looks(order)), default="")


def looks(order: Order) -> Iterator[tuple[str, str]]:
    """The moments (ISO) at which the system looks at the lines of an order, each with what its history says then: a step, who is told, or that it is late."""
    for line in order.lines:
        if (due := deadline_of(order, line)) is not None:
            yield due
        if (reminder := reminder_of(order, line)) is not None:
            yield reminder[0], REMINDERS[reminder[1]]
        if moment := late_moment(order, line):
            yield moment, LATE
