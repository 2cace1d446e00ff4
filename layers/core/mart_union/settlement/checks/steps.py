"""Invariant 6: lines stand where the steps of their order took them, along the procedure that it was placed under."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.checkout.payers import is_awaited
from mart_union.kernel.errors import NotFound
from mart_union.orders.model import TOLD, Order
from mart_union.orders.procedures import procedure_of
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference


def check_steps(books: Books) -> Iterator[Difference]:
    """Each line is in the state to which the order's history leads, by moves that its procedure has."""
    purchases = books.purchases_by_id()
    for order in books.orders:
        purchase = purchases.get(order.purchase)
        if purchase is not None:
            start = "awaiting_payment" if is_awaited(purchase.method) else "placed"
            yield from (Difference(6, f"order/{order.id}", problem) for problem in _problems(order, start))


def _problems(order: Order, start: str) -> Iterator[str]:
    try:
        procedure = procedure_of(order)
    except NotFound as error:
        yield str(error)
        return
    states = {line.number: start for line in order.lines}
    for taken in order.history:
        if taken.step in TOLD:
            continue  # it moved nothing
        rule = procedure.step(taken.step)
        if rule is None:
            yield f"its procedure has no step {taken.step}"
            return
        for number in taken.lines:
            if states.get(number) not in rule.from_states or taken.role not in rule.roles:
                yield f"line {number} was {states.get(number)}: {taken.role} could not {taken.step} it"
            states[number] = rule.to_state
    for line in order.lines:
        if line.state != states[line.number]:
            yield f"line {line.number} is {line.state}, its steps led to {states[line.number]}"
