"""What an order's procedure says of its returns: why, until when, who takes goods back, who bears it, where they go. Pure rules."""

from __future__ import annotations

from datetime import timedelta

from mart_union.catalog.procedures import ReturnReason, ReturnRules
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import RuleViolation
from mart_union.orders.model import Line, Order, Return
from mart_union.orders.procedures import procedure_of, window_days
from mart_union.orders.refunds import value_of_units

OPEN = frozenset({"requested", "accepted", "sent", "received", "replacing"})
"""The states of a return that is not over: its units cannot be asked to go back a second time."""

STOCKS = ("reserve", "written_off")
"""Where goods go that came back: good ones into the reserve, damaged ones out of stock for good."""

RETURNABLE = frozenset({"delivered", "completed"})


def rules_of(order: Order) -> ReturnRules | None:
    """How lines of an order may be given back, None where they are not."""
    return procedure_of(order).returns


def reason_of(order: Order, asked: Return) -> ReturnReason:
    """Why goods are given back, with whose fault that is.

    Raises:
        RuleViolation: the order's procedure knows no such reason; nothing asks for a return with one.
    """
    rules = rules_of(order)
    reason = rules.reason(asked.reason) if rules is not None else None
    if reason is None:
        raise RuleViolation(f"the procedure of order {order.id} has no reason '{asked.reason}'")
    return reason


def taker_of(order: Order, line: Line, fault: str) -> str:
    """Who takes a line back, and decides, for a reason that is somebody's fault: whoever fulfilled it. But the store takes, and bears the cost of, what
    its supplier does not have to: where it is the customer's doing or the store's, and the offer did not accept returns."""
    of_others = fault in {"customer", "store"}
    return f"store/{order.store}" if of_others and not line.accepts_returns else line.fulfiller


def borne_by(line: Line, taker: str) -> str:
    """Who bears what goes back for units of a line that somebody takes: every share at its rate, all but the supplier's where that keeps it."""
    return "all" if taker == line.fulfiller else "but_supplier"


def is_fulfillers(order: Order, asked: Return) -> bool:
    """Whether whoever fulfilled the lines of a return takes them back."""
    numbers = {each.number for each in asked.lines}
    return all(line.fulfiller == asked.taker for line in order.lines if line.number in numbers)


def stocks_for(order: Order, asked: Return) -> tuple[str, ...]:
    """Where the goods of a return may go. What a supplier does not take back is out of its stock for good; its store may lay it in as its own."""
    return STOCKS if is_fulfillers(order, asked) else STOCKS[1:]


def values_of(order: Order, asked: Return, step: int) -> list[int]:
    """What goes back for each line of a return, in steps, if all of it does: its units' part of what is left of the goods."""
    lines = {line.number: line for line in order.lines}
    return [value_of_units(order, lines[each.number], each.units, step) for each in asked.lines]


def may_be_kept(order: Order, asked: Return) -> bool:
    """Whether a return is worth so little that its customer may have the money and keep the goods."""
    rules = rules_of(order)
    return rules is not None and 0 < rules.returnless_minor >= sum(values_of(order, asked, 1))


def has_open_return(order: Order, taker: str = "") -> bool:
    """Whether something of an order is going back and that is not over: to a taker, or to anybody."""
    return any(one.state in OPEN and taker in {"", one.taker} for one in order.returns)


def return_until(order: Order, line: Line) -> str:
    """When the return window of a line ends (ISO), '' when it has not been delivered."""
    procedure = procedure_of(order)
    for taken in order.history:
        step = procedure.step(taken.step)
        if line.number in taken.lines and step is not None and step.to_state in RETURNABLE:
            return iso(from_iso(taken.at) + timedelta(days=window_days(order, line)))
    return ""


def returnable_units(order: Order, line: Line) -> int:
    """The units of a line that its customer still has and has not asked to return."""
    asked = sum(
        each.units for one in order.returns if one.state in OPEN for each in one.lines if each.number == line.number
    )
    return line.left_units - asked


def can_return(order: Order, line: Line, at: str) -> bool:
    """Whether a customer may ask to return units of a line now."""
    rules = rules_of(order)
    in_window = line.state in RETURNABLE and at <= return_until(order, line)
    return rules is not None and line.kind in rules.kinds and in_window and returnable_units(order, line) > 0
