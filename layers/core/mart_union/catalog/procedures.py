"""A procedure as data: the steps that the lines of an order go through. The union ships some, and a store may describe its own.

What the data mean is the orders' to say (`orders.procedures`), and whether they may be used (`orders.proving`).
"""

from __future__ import annotations

from msgspec import Struct


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


class Reminder(Struct, frozen=True):
    """Who is told that a line still waits in a state, once, so many `hours` after it entered it (or after the promised day, if that is later): the
    `fulfiller` who has to act, the `customer`, or the union's `operator`, to whom it is escalated. It moves nothing."""

    state: str
    to: str
    hours: int
    after_promise: bool = False


class ReturnReason(Struct, frozen=True):
    """Why a customer may give goods back: the reason's name, its words, whose `fault` that is, and who pays for the `way_back` (each `customer`,
    `store`, `supplier` or `carrier`). What a store fulfils itself it is the supplier of, too."""

    name: str
    title: str
    fault: str
    way_back: str


class ReturnDeadline(Struct, frozen=True, omit_defaults=True):
    """How many `days` a return may wait in a state for whoever takes it back, or, once it is accepted, for its customer to send it. They are reminded then,
    once. `grace_days` after that the system acts: the union's operator hears of it (`escalate`), what was asked for is accepted without them
    (`accept`), what was not sent is over (`lapse`)."""

    state: str
    days: int
    then: str = "escalate"
    grace_days: int = 2


class ReturnRules(Struct, frozen=True, omit_defaults=True):
    """What of an order may be given back: for which reasons, within how many `days` (None: as many as the store gives), and lines of which `kinds`.

    Up to `returnless_minor` minor units whoever takes a return may give its money back and let the customer keep the goods. `deadlines` say what
    happens when whoever takes it does nothing; in a state without one, the union's do.
    """

    reasons: tuple[ReturnReason, ...]
    days: int | None = None
    kinds: tuple[str, ...] = ("goods",)
    returnless_minor: int = 0
    deadlines: tuple[ReturnDeadline, ...] = ()

    def reason(self, name: str) -> ReturnReason | None:
        """The reason of a name, None when there is no such reason."""
        return next((reason for reason in self.reasons if reason.name == name), None)

    def deadline(self, state: str) -> ReturnDeadline | None:
        """The deadline of returns in a state, None where the union's holds."""
        return next((deadline for deadline in self.deadlines if deadline.state == state), None)


class Procedure(Struct, frozen=True, omit_defaults=True):
    """One version of a way in which a store serves its orders. `payment` is `before` delivery, or also `on_delivery`, as the customer likes;
    `returns` says how the customer may give back what was delivered; without it nothing is given back."""

    name: str
    version: int
    title: str
    steps: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    payment: str = "before"
    reminders: tuple[Reminder, ...] = ()
    returns: ReturnRules | None = None

    def step(self, name: str) -> Step | None:
        """The step of a name, None when the procedure has no such step."""
        return next((step for step in self.steps if step.name == name), None)
