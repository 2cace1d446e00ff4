"""The procedures that every union ships, as data. A new version is a new entry of `_ALL`; entries never change once orders were placed under them."""

from __future__ import annotations

from msgspec.structs import replace

from mart_union.catalog.procedures import Deadline, Procedure, Reminder, ReturnDeadline, ReturnReason, ReturnRules, Step
from mart_union.kernel.errors import NotFound
from mart_union.orders.model import ON_DELIVERY

STARTS = ("awaiting_payment", "placed")
"""An order starts unpaid or paid."""

FULFILLERS = ("store", "supplier")
"""The roles of whoever fulfils a line. A step that is for the one is for the other."""

UNPAID = (
    Step("pay", "Payment arrived", ("awaiting_payment",), "placed", ("system",), effect="payment"),
    Step("expire", "Not paid in time", ("awaiting_payment",), "expired", ("system",), effect="release"),
    Step("withdraw", "Withdrawn before payment", ("awaiting_payment",), "cancelled", ("system",), effect="release"),
)
"""What becomes of lines before they are paid. The checkout takes these steps, so they stand in every procedure as they are."""


def _ways_out(*states: str) -> tuple[Step, Step]:
    """Either side may step back from lines in these states; the customer gets the money back."""
    return (
        Step("refuse", "Refuse", states, "refused", (*FULFILLERS, "system"), effect="refund"),
        Step("cancel", "Cancel", states, "cancelled", ("customer", "system"), effect="refund"),
    )


COMPLETE = Step("complete", "Return window over", ("delivered",), "completed", ("system",), effect="complete")


def _completion(*received_from: str) -> tuple[Step, Step]:
    """The customer says that the lines arrived, or the return window passes without a word."""
    return Step("receive", "I have received it", received_from, "completed", ("customer",), effect="complete"), COMPLETE


_ANY_REASON = ReturnRules(
    (ReturnReason("other", "Another reason", "supplier", "customer"),), kinds=("goods", "service")
)
"""What version 1 of the procedures meant by returns: for any reason, and whoever fulfilled a line bears it."""

_FAULTS = (
    ReturnReason("defective", "It is defective", "supplier", "supplier"),
    ReturnReason("not_as_described", "It is not what its maker describes", "supplier", "supplier"),
    ReturnReason("wrong_item", "Something else was sent", "supplier", "supplier"),
    ReturnReason("wrong_advice", "The store told me otherwise", "store", "store"),
)
_DAMAGED = ReturnReason("damaged_on_the_way", "It was damaged on the way", "carrier", "carrier")
_CHANGED_MIND = ReturnReason("changed_mind", "I have changed my mind", "customer", "customer")

CLOSING = Deadline("delivered", "complete", return_window=True)
DELIVERING = Deadline("shipped", "deliver", hours=30 * 24)

_CARRIER = Procedure(
    "carrier",
    1,
    "Delivery by carrier",
    (
        *UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", FULFILLERS),
        Step("ship", "Ship", ("accepted",), "shipped", FULFILLERS, needs=("tracking",)),
        Step("deliver", "Mark as delivered", ("shipped",), "delivered", (*FULFILLERS, "system")),
        *_ways_out("placed", "accepted"),
        *_completion("shipped", "delivered"),
    ),
    (
        Deadline("placed", "refuse", hours=48),
        Deadline("accepted", "cancel", hours=7 * 24, after_promise=True),
        DELIVERING,
        CLOSING,
    ),
    returns=_ANY_REASON,
)

AT_THE_DOOR = Step(
    "turn_away", "Refused at the door", ("shipped",), "refused", (*FULFILLERS, "system"), effect="refund"
)

_CARRIER_CASH = Procedure(
    "carrier_cash",
    1,
    "Delivery by carrier, also cash on delivery",
    (
        *UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", FULFILLERS),
        Step("ship", "Ship", ("accepted",), "shipped", FULFILLERS, needs=("tracking",)),
        Step("deliver", "Mark as delivered", ("shipped",), "delivered", (*FULFILLERS, "system"), effect="collect"),
        AT_THE_DOOR,
        *_ways_out("placed", "accepted"),
        *_completion("shipped", "delivered"),
    ),
    _CARRIER.deadlines,
    ON_DELIVERY,
    returns=_ANY_REASON,
)

_PICKUP = Procedure(
    "pickup",
    1,
    "Collect at the store",
    (
        *UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", FULFILLERS),
        Step("prepare", "Ready to collect", ("accepted",), "ready", FULFILLERS, gives="pickup_code"),
        Step("hand_over", "Hand over", ("ready",), "delivered", FULFILLERS, needs=("pickup_code",)),
        *_ways_out("placed", "accepted", "ready"),
        *_completion("delivered"),
    ),
    (
        Deadline("placed", "refuse", hours=24),
        Deadline("accepted", "cancel", hours=3 * 24, after_promise=True),
        Deadline("ready", "cancel", hours=14 * 24),
        CLOSING,
    ),
    returns=_ANY_REASON,
)

_PICKUP_CASH = Procedure(
    "pickup_cash",
    1,
    "Collect at the store, also paid there",
    (
        *UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", FULFILLERS),
        Step("prepare", "Ready to collect", ("accepted",), "ready", FULFILLERS, gives="pickup_code"),
        Step("hand_over", "Hand over", ("ready",), "delivered", FULFILLERS, needs=("pickup_code",), effect="collect"),
        *_ways_out("placed", "accepted", "ready"),
        *_completion("delivered"),
    ),
    _PICKUP.deadlines,
    ON_DELIVERY,
    returns=_ANY_REASON,
)

_APPOINTMENT = Procedure(
    "appointment",
    1,
    "Service by appointment",
    (
        *UNPAID,
        Step(
            "schedule",
            "Set the appointment",
            ("placed", "scheduled"),
            "scheduled",
            FULFILLERS,
            needs=("appointment_at",),
        ),
        Step("perform", "Service done", ("scheduled",), "delivered", FULFILLERS),
        *_ways_out("placed", "scheduled"),
        *_completion("delivered"),
    ),
    (Deadline("placed", "refuse", hours=72), Deadline("scheduled", "cancel", hours=90 * 24), CLOSING),
)

_DIGITAL = Procedure(
    "digital",
    1,
    "Delivered online",
    (
        *UNPAID,
        Step("provide", "Give access", ("placed",), "delivered", FULFILLERS, needs=("access",)),
        *_ways_out("placed"),
        *_completion("delivered"),
    ),
    (Deadline("placed", "refuse", hours=24), CLOSING),
)

_MADE_TO_ORDER = Procedure(
    "made_to_order",
    1,
    "Made to order",
    (
        *UNPAID,
        Step("accept", "Accept", ("placed",), "accepted", FULFILLERS),
        Step("begin", "Begin the work", ("accepted",), "making", FULFILLERS),
        Step("ship", "Ship", ("making",), "shipped", FULFILLERS, needs=("tracking",)),
        Step("deliver", "Mark as delivered", ("shipped",), "delivered", (*FULFILLERS, "system")),
        Step("refuse", "Refuse", ("placed", "accepted", "making"), "refused", (*FULFILLERS, "system"), effect="refund"),
        Step("cancel", "Cancel", ("placed", "accepted"), "cancelled", ("customer", "system"), effect="refund"),
        *_completion("shipped", "delivered"),
    ),
    (
        Deadline("placed", "refuse", hours=72),
        Deadline("accepted", "cancel", hours=14 * 24),
        Deadline("making", "refuse", hours=30 * 24, after_promise=True),
        DELIVERING,
        CLOSING,
    ),
    reminders=(
        Reminder("placed", "fulfiller", 48),
        Reminder("accepted", "fulfiller", 7 * 24),
        Reminder("making", "fulfiller", 1, after_promise=True),
        Reminder("making", "operator", 7 * 24, after_promise=True),
    ),
)

_CARRIED, _COLLECTED = ReturnRules((*_FAULTS, _DAMAGED, _CHANGED_MIND)), ReturnRules((*_FAULTS, _CHANGED_MIND))
_SECOND = (
    *(replace(one, version=2, returns=_CARRIED) for one in (_CARRIER, _CARRIER_CASH)),
    *(replace(one, version=2, returns=_COLLECTED) for one in (_PICKUP, _PICKUP_CASH)),
    replace(_MADE_TO_ORDER, version=2, returns=ReturnRules((*_FAULTS, _DAMAGED))),
)
"""With the reasons for which goods are given back. What is made for somebody goes back for others' faults only."""

RETURN_DEADLINES = (
    ReturnDeadline("requested", 3, "accept"),
    ReturnDeadline("sent", 14, grace_days=3),
    ReturnDeadline("received", 3),
    ReturnDeadline("replacing", 7),
)


def _with_deadlines(second: Procedure) -> Procedure:
    rules = replace(second.returns, deadlines=RETURN_DEADLINES) if second.returns is not None else None
    return replace(second, version=3, returns=rules)


_THIRD = tuple(_with_deadlines(one) for one in _SECOND)
"""With what happens when nobody decides on a return (decision 0051)."""

_ALL = (_CARRIER, _PICKUP, _APPOINTMENT, _DIGITAL, _CARRIER_CASH, _PICKUP_CASH, _MADE_TO_ORDER, *_SECOND, *_THIRD)
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
