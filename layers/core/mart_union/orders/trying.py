"""Trying a procedure on orders of the past: what would have become of each under it. Pure: nothing is kept, no money moves."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.procedures import Procedure, Step
from mart_union.kernel.clock import from_iso, iso
from mart_union.orders.model import SYSTEM, TOLD, Order, StepTaken
from mart_union.orders.procedures import next_deadline, procedure_of
from mart_union.orders.shipped import UNPAID
from mart_union.orders.steps import due_steps

_MOST_DEADLINES = 50
_BEFORE_PAYMENT = frozenset(step.name for step in UNPAID)


class TriedOrder(Struct, frozen=True):
    """An order of the past, how it `ended` and how it would have. `refused` are the steps that were taken then and could not have been, `missing` what
    some needed that was not brought along then, `overtaken` the steps of deadlines that would have come before what was done."""

    order: str
    procedure: str
    ended: str
    would_end: str
    refused: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    overtaken: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing of it would have gone otherwise."""
        return self.ended == self.would_end and not (self.refused or self.missing or self.overtaken)


def try_on(order: Order, procedure: Procedure) -> TriedOrder:
    """What would have become of an order under a procedure, had everybody done what they did when they did it.

    What deadlines did then is left out: the procedure's own decide. After the last that anybody did, they alone bring it to its end.
    """
    started = "awaiting_payment" if order.history and order.history[0].step in _BEFORE_PAYMENT else "placed"
    lines = tuple(replace(line, state=started) for line in order.lines)
    current = replace(order, own_procedure=procedure, lines=lines, history=(), payment="paid")
    refused, missing, overtaken = list[str](), set[str](), list[str]()
    for taken in order.history:
        if taken.step in TOLD or _was_a_deadline(taken):
            continue
        current = _until(current, taken.at, overtaken)
        rule = procedure.step(taken.step)
        movable = () if rule is None or taken.role not in rule.roles else _movable(current, rule, taken.lines)
        if rule is None or not movable:
            refused.append(taken.step)
            continue
        missing |= {need for need in rule.needs if not _was_given(order, need)}
        current = _moved(current, rule, replace(taken, lines=movable))
    ended = _until(current, "", [])
    return TriedOrder(
        order.id, order.procedure, order.state, ended.state, tuple(refused), tuple(sorted(missing)), tuple(overtaken)
    )


def _was_a_deadline(taken: StepTaken) -> bool:
    """Whether the clock took a step. What carriers report, and the checkout does, is done by somebody."""
    return taken.role == SYSTEM and taken.actor in {SYSTEM, "settlement"}


def _until(order: Order, moment: str, overtaken: list[str]) -> Order:
    """The order as its deadlines alone leave it at a moment (ISO), '' for at the end of all."""
    for _ in range(_MOST_DEADLINES):
        deadline = next_deadline(order)
        if not deadline or (moment and deadline >= moment):
            break
        for name, lines in due_steps(order, from_iso(deadline)):
            rule = procedure_of(order).step(name)
            if rule is not None:
                order = _moved(order, rule, StepTaken(name, SYSTEM, SYSTEM, iso(from_iso(deadline)), lines))
                overtaken.append(name)
    return order


def _movable(order: Order, rule: Step, numbers: Iterable[int]) -> tuple[int, ...]:
    wanted = set(numbers)
    return tuple(line.number for line in order.lines if line.number in wanted and line.state in rule.from_states)


def _moved(order: Order, rule: Step, taken: StepTaken) -> Order:
    lines = tuple(replace(line, state=rule.to_state) if line.number in taken.lines else line for line in order.lines)
    return replace(order, lines=lines, history=(*order.history, taken))


def _was_given(order: Order, need: str) -> bool:
    return bool(order.shipments) if need == "tracking" else need in order.facts


def endings(tried: Iterable[TriedOrder]) -> dict[str, int]:
    """How many of these orders would have ended in which state."""
    counts: dict[str, int] = {}
    for each in tried:
        counts[each.would_end] = counts.get(each.would_end, 0) + 1
    return dict(sorted(counts.items()))
