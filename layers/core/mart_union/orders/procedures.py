"""Procedures: the steps that the lines of an order go through, as data. An order keeps the version it was placed under.

A new version is a new entry of `_ALL`; entries never change once orders were placed under them.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from mart_union.catalog.model import Store
from mart_union.kernel.clock import from_iso, iso, local_date
from mart_union.kernel.errors import NotFound
from mart_union.kernel.settings import settings
from mart_union.orders.model import ENDED, ON_DELIVERY, Line, Order
from mart_union.stock.slotting import slot_moment

STARTS = ("awaiting_payment", "placed")
"""An order starts unpaid or paid."""

_FULFILLERS = ("store", "supplier")
_HANDED_OVER = frozenset({"shipped", "delivered", "completed"})
_GIVEN_UP = ENDED - {"completed"}


class Step(Struct, frozen=True):
    """A move of lines from one of some states to another, by one of some roles.

    `needs` is what whoever takes it must bring along, `gives` what it makes for the customer. `effect` is what happens to the money in
    the same transaction: nothing, `payment` (the pending transfer is posted), `release` (nothing was paid: the reservation ends),
    `refund` (what the order holds of the lines goes back, and so does their stock), `complete` (it goes to those who earned it), `collect`
    (an order that is paid on delivery is paid: whoever took the money owes it).
    """

    name: str
    title: str
    from_states: tuple[str, ...]
    to_state: str
    roles: tuple[str, ...]
    needs: tuple[str, ...] = ()
    gives: str = ""
    effect: str = ""


class Deadline(Struct, frozen=True):
    """How long a line may wait in a state, and the step that the system takes then.

    The `hours` run from when the line entered the state, from the promised day if that is later (`after_promise`), or are the
    order's return window (`return_window`).
    """

    state: str
    step: str
    hours: int = 0
    after_promise: bool = False
    return_window: bool = False


class Procedure(Struct, frozen=True, omit_defaults=True):
    """One version of a way in which a store serves its orders. `payment` is `before` delivery, or also `on_delivery`, as the customer likes."""

    name: str
    version: int
    title: str
    steps: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    payment: str = "before"

    def step(self, name: str) -> Step | None:
        """The step of a name, None when the procedure has no such step."""
        return next((step for step in self.steps if step.name == name), None)


_UNPAID = (
    Step("pay", "Payment arrived", ("awaiting_payment",), "placed", ("system",), effect="payment"),
    Step("expire", "Not paid in time", ("awaiting_payment",), "expired", ("system",), effect="release"),
    Step("withdraw", "Withdrawn before payment", ("awaiting_payment",), "cancelled", ("system",), effect="release"),
)


def _ways_out(*states: str) -> tuple[Step, Step]:
    """Either side may step back from lines in these states; the customer gets the money back."""
    return (
        Step("refuse", "Refuse", states, "refused", (*_FULFILLERS, "system"), effect="refund"),
        Step("cancel", "Cancel", states, "cancelled", ("customer", "system"), effect="refund"),
    )


def _completion(*received_from: str) -> tuple[Step, Step]:
    """The customer says that the lines arrived, or the return window passes without a word."""
    return (
        Step("receive", "I have received it", received_from, "completed", ("customer",), effect="complete"),
        Step("complete", "Return window over", ("delivered",), "completed", ("system",), effect="complete"),
    )


_CLOSING = Deadline("delivered", "complete", return_window=True)

_CARRIER = Procedure(
    "carrier",
    1,
    "Delivery by carrier",
    (
        *_UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", _FULFILLERS),
        Step("ship", "Ship", ("accepted",), "shipped", _FULFILLERS, needs=("tracking",)),
        Step("deliver", "Mark as delivered", ("shipped",), "delivered", (*_FULFILLERS, "system")),
        *_ways_out("placed", "accepted"),
        *_completion("shipped", "delivered"),
    ),
    (
        Deadline("placed", "refuse", hours=48),
        Deadline("accepted", "cancel", hours=7 * 24, after_promise=True),
        Deadline("shipped", "deliver", hours=30 * 24),
        _CLOSING,
    ),
)

_AT_THE_DOOR = Step(
    "turn_away", "Refused at the door", ("shipped",), "refused", (*_FULFILLERS, "system"), effect="refund"
)

_CARRIER_CASH = Procedure(
    "carrier_cash",
    1,
    "Delivery by carrier, also cash on delivery",
    (
        *_UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", _FULFILLERS),
        Step("ship", "Ship", ("accepted",), "shipped", _FULFILLERS, needs=("tracking",)),
        Step("deliver", "Mark as delivered", ("shipped",), "delivered", (*_FULFILLERS, "system"), effect="collect"),
        _AT_THE_DOOR,
        *_ways_out("placed", "accepted"),
        *_completion("shipped", "delivered"),
    ),
    _CARRIER.deadlines,
    ON_DELIVERY,
)

_PICKUP = Procedure(
    "pickup",
    1,
    "Collect at the store",
    (
        *_UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", _FULFILLERS),
        Step("prepare", "Ready to collect", ("accepted",), "ready", _FULFILLERS, gives="pickup_code"),
        Step("hand_over", "Hand over", ("ready",), "delivered", _FULFILLERS, needs=("pickup_code",)),
        *_ways_out("placed", "accepted", "ready"),
        *_completion("delivered"),
    ),
    (
        Deadline("placed", "refuse", hours=24),
        Deadline("accepted", "cancel", hours=3 * 24, after_promise=True),
        Deadline("ready", "cancel", hours=14 * 24),
        _CLOSING,
    ),
)

_PICKUP_CASH = Procedure(
    "pickup_cash",
    1,
    "Collect at the store, also paid there",
    (
        *_UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", _FULFILLERS),
        Step("prepare", "Ready to collect", ("accepted",), "ready", _FULFILLERS, gives="pickup_code"),
        Step("hand_over", "Hand over", ("ready",), "delivered", _FULFILLERS, needs=("pickup_code",), effect="collect"),
        *_ways_out("placed", "accepted", "ready"),
        *_completion("delivered"),
    ),
    _PICKUP.deadlines,
    ON_DELIVERY,
)

_APPOINTMENT = Procedure(
    "appointment",
    1,
    "Service by appointment",
    (
        *_UNPAID,
        Step(
            "schedule",
            "Set the appointment",
            ("placed", "scheduled"),
            "scheduled",
            _FULFILLERS,
            needs=("appointment_at",),
        ),
        Step("perform", "Service done", ("scheduled",), "delivered", _FULFILLERS),
        *_ways_out("placed", "scheduled"),
        *_completion("delivered"),
    ),
    (Deadline("placed", "refuse", hours=72), Deadline("scheduled", "cancel", hours=90 * 24), _CLOSING),
)

_DIGITAL = Procedure(
    "digital",
    1,
    "Delivered online",
    (
        *_UNPAID,
        Step("provide", "Give access", ("placed",), "delivered", _FULFILLERS, needs=("access",)),
        *_ways_out("placed"),
        *_completion("delivered"),
    ),
    (Deadline("placed", "refuse", hours=24), _CLOSING),
)

_ALL = (_CARRIER, _PICKUP, _APPOINTMENT, _DIGITAL, _CARRIER_CASH, _PICKUP_CASH)
_VERSIONS = {(procedure.name, procedure.version): procedure for procedure in _ALL}
PROCEDURES = {procedure.name: procedure for procedure in sorted(_ALL, key=lambda one: one.version)}
"""The newest version of each procedure, under which new orders are placed."""


def get_procedure(name: str, version: int) -> Procedure:
    """A procedure as it was in a version.

    Raises:
        NotFound: there is no such procedure or version.
    """
    if (name, version) not in _VERSIONS:
        raise NotFound(f"there is no procedure '{name}' in version {version}", procedures=sorted(PROCEDURES))
    return _VERSIONS[name, version]


def gives_money_back(step: str) -> bool:
    """Whether a step of this name refunds, in any procedure: such a step is for a store's managers."""
    return any(rule.name == step and rule.effect == "refund" for one in _ALL for rule in one.steps)


def current_version(name: str) -> int:
    """The version of a procedure under which new orders are placed.

    Raises:
        NotFound: there is no such procedure.
    """
    if name not in PROCEDURES:
        raise NotFound(f"there is no procedure '{name}'", procedures=sorted(PROCEDURES))
    return PROCEDURES[name].version


def takes_cash(name: str) -> bool:
    """Whether the orders of a store with this procedure can be paid on delivery."""
    return name in PROCEDURES and PROCEDURES[name].payment == ON_DELIVERY


def procedure_of(order: Order) -> Procedure:
    """The procedure that an order is pinned to."""
    return get_procedure(order.procedure, order.procedure_version)


def promised_by(store: Store, now: datetime) -> str:
    """The end of the day, in the union's time zone, by which a store promises what is bought now (ISO)."""
    time_zone = settings().time_zone
    day = local_date(now, time_zone) + timedelta(days=store.lead_days)
    return iso(datetime.combine(day, time(23, 59, 59), ZoneInfo(time_zone)))


def may_act_on(line: Line, role: str, fulfiller: str) -> bool:
    """Whether a role's steps reach a line: a store or supplier (`fulfiller`) acts on the lines that it fulfils, the others on all."""
    return role not in _FULFILLERS or line.fulfiller == fulfiller


def waits_for_money(order: Order, step: Step) -> bool:
    """Whether a step must wait for money: with a card that is only authorized what hands goods over or completes, with cash what completes.

    Source: settlement before delivery (mart union system, claims 7 and 20).
    """
    if order.payment == ON_DELIVERY:
        return step.to_state == "completed"
    return order.payment in {"authorized", "capturing"} and step.to_state in _HANDED_OVER


def is_answered(order: Order) -> bool:
    """Whether nobody has to accept or refuse a line of it any more. Where a procedure hands over at once, there is nothing to answer."""
    return not any(line.state == "placed" for line in order.lines) or not _asks_for_an_answer(procedure_of(order))


def _asks_for_an_answer(procedure: Procedure) -> bool:
    return any("placed" in step.from_states and step.to_state not in ENDED | _HANDED_OVER for step in procedure.steps)


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
    """Whether every step that brings a line on hands goods over, and so has to wait for the money of a card."""
    steps = [
        step
        for step in procedure_of(order).steps
        if line.state in step.from_states and step.to_state not in _GIVEN_UP | {line.state}
    ]
    return bool(steps) and all(step.to_state in _HANDED_OVER for step in steps)


def _collects(order: Order, step: str) -> bool:
    rule = procedure_of(order).step(step)
    return rule is not None and rule.effect == "collect"


def deadline_of(order: Order, line: Line) -> tuple[str, str] | None:
    """When a line's waiting ends (ISO) and the step that is taken then, None when it waits for nothing, for the card's money, or for somebody
    to say who took the cash.

    The time of a line that had to wait for the card's money begins when that was there (the fact `charged_at`). A line that is booked for a slot
    has to be answered before that begins; what comes after the answer has its time from the slot on.
    """
    deadline = next((one for one in procedure_of(order).deadlines if one.state == line.state), None)
    needs_money = _needs_money(order, line)
    if deadline is None or (needs_money and order.payment in {"authorized", "capturing"}):
        return None
    if order.payment == ON_DELIVERY and _collects(order, deadline.step):
        return None
    since = next((taken.at for taken in reversed(order.history) if line.number in taken.lines), order.placed_at)
    if needs_money:
        since = max(since, order.facts.get("charged_at", ""))
    if deadline.after_promise:
        since = max(since, order.promised_by)
    wait = timedelta(days=order.return_window_days) if deadline.return_window else timedelta(hours=deadline.hours)
    begins = slot_moment(line.slot)
    if begins is None:
        return iso(from_iso(since) + wait), deadline.step
    until = min(from_iso(since) + wait, begins) if line.state == "placed" else max(from_iso(since), begins) + wait
    return iso(until), deadline.step


def next_deadline(order: Order) -> str:
    """The first moment at which the system acts on an order (ISO), '' when it waits for nothing."""
    return min((found[0] for line in order.lines if (found := deadline_of(order, line)) is not None), default="")


def mermaid_of(procedure: Procedure) -> str:
    """The procedure as a Mermaid state diagram: who takes which step, and what the system does when a deadline passes."""
    lines = ["stateDiagram-v2", *(f"    [*] --> {state}" for state in STARTS)]
    for step in procedure.steps:
        by = ", ".join(step.roles)
        lines += [f"    {state} --> {step.to_state}: {step.name} ({by})" for state in step.from_states]
    endings = sorted({step.to_state for step in procedure.steps if step.to_state in ENDED})
    lines += [f"    {state} --> [*]" for state in endings]
    for deadline in procedure.deadlines:
        lines.append(f"    note right of {deadline.state}: {_wait_of(deadline)}, then {deadline.step}")
    return "\n".join(lines) + "\n"


def _wait_of(deadline: Deadline) -> str:
    if deadline.return_window:
        return "return window"
    hours = f"{deadline.hours} h"
    return f"{hours} after the promised day" if deadline.after_promise else hours
