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


class Procedure(Struct, frozen=True, omit_defaults=True):
    """One version of a way in which a store serves its orders. `payment` is `before` delivery, or also `on_delivery`, as the customer likes;
    `returns` says whether the customer may give back what was delivered, within the store's return window."""

    name: str
    version: int
    title: str
    steps: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    payment: str = "before"
    reminders: tuple[Reminder, ...] = ()
    returns: bool = True

    def step(self, name: str) -> Step | None:
        """The step of a name, None when the procedure has no such step."""
        return next((step for step in self.steps if step.name == name), None)
