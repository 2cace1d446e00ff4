"""Returns: a customer gives goods back within the return window; who fulfilled the line accepts or refuses, then receives. Pure rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Invalid, KeyReused, NotFound, RuleViolation, StepNotAllowed
from mart_union.kernel.ids import derived_id, input_hash
from mart_union.kernel.money import Currency
from mart_union.orders.model import Line, Order, RefundedLine, Return, ReturnedLine, checked_text
from mart_union.orders.procedures import procedure_of
from mart_union.orders.refunding import Change, give_parts_back
from mart_union.orders.refunds import value_of_units

MOST_RETURNS = 20
LONGEST_TEXT = 500
OPEN = frozenset({"requested", "accepted"})
STOCKS = ("reserve", "written_off")
_RETURNABLE = frozenset({"delivered", "completed"})
_DECISIONS = {
    "accept": (frozenset({"requested"}), "accepted"),
    "refuse": (OPEN, "refused"),
    "receive": (frozenset({"accepted"}), "received"),
}


class Decision(Struct, frozen=True):
    """What becomes of a return: `accept`, `refuse` (with an answer), or `receive` (with where the goods go: reserve or written_off)."""

    decision: str
    answer: str = ""
    stock: str = ""


class ReturnDecision(Decision, frozen=True, kw_only=True):
    """What becomes of the return of an id: `accept`, `refuse` with an answer, or `receive` with the stock that the goods go to (reserve,
    written_off)."""

    id: str


def request_return(order: Order, lines: Sequence[ReturnedLine], *, reason: str, key: str, at: str) -> Order:
    """The order with a return that its customer asks for; the very same order if this key asked for it before.

    Raises:
        KeyReused: the key asked for another return of this order.
        Invalid: a line is unknown or named twice, a quantity is not positive, or there is no reason.
        RuleViolation: nothing of it can be returned: not delivered yet, not goods, the window is over, or more than the customer has.
    """
    identity, request = derived_id("return", order.id, order.customer, key), input_hash([lines, reason])
    before = next((one for one in order.returns if one.id == identity), None)
    if before is not None:
        if before.request != request:
            raise KeyReused("this key was used for another return of this order; nothing was changed")
        return order
    _check_request(order, lines, reason)
    chosen = {line.number: line for line in order.lines}
    for each in lines:
        _check_line(order, chosen[each.number], each.units, at)
    fulfillers = {chosen[each.number].fulfiller for each in lines}
    if len(fulfillers) != 1:
        raise RuleViolation(
            "the lines come from different places: ask for one return each", fulfillers=sorted(fulfillers)
        )
    asked = Return(identity, fulfillers.pop(), tuple(lines), reason, at, request)
    return replace(order, returns=(*order.returns, asked), sequence=order.sequence + 1)


def _check_request(order: Order, lines: Sequence[ReturnedLine], reason: str) -> None:
    numbers = [each.number for each in lines]
    if not numbers or set(numbers) - {line.number for line in order.lines} or len(set(numbers)) != len(numbers):
        raise _invalid("lines", "name at least one line of the order, each once")
    if not 0 < len(reason.strip()) <= len(reason) <= LONGEST_TEXT:
        raise _invalid("reason", f"say why, in at most {LONGEST_TEXT} characters")
    checked_text(order, reason)
    if not procedure_of(order).returns:
        raise RuleViolation("what was ordered cannot be returned; write to the store instead")
    if len(order.returns) >= MOST_RETURNS:
        raise RuleViolation(f"an order has at most {MOST_RETURNS} returns")


def _check_line(order: Order, line: Line, units: int, at: str) -> None:
    if units < 1:
        raise _invalid("lines.units", "at least one unit")
    if line.state not in _RETURNABLE:
        raise RuleViolation(f"line {line.number} has not been delivered: it is {line.state}", state=line.state)
    if at > return_until(order, line):
        raise RuleViolation(f"the return window of line {line.number} is over", until=return_until(order, line))
    left = returnable_units(order, line)
    if units > left:
        raise RuleViolation(f"{left} units of line {line.number} can still be returned", left_units=left)


def return_until(order: Order, line: Line) -> str:
    """When the return window of a line ends (ISO), '' when it has not been delivered."""
    procedure = procedure_of(order)
    for taken in order.history:
        step = procedure.step(taken.step)
        if line.number in taken.lines and step is not None and step.to_state in _RETURNABLE:
            return iso(from_iso(taken.at) + timedelta(days=order.return_window_days))
    return ""


def returnable_units(order: Order, line: Line) -> int:
    """The units of a line that its customer still has and has not asked to return."""
    asked = sum(
        each.units for one in order.returns if one.state in OPEN for each in one.lines if each.number == line.number
    )
    return line.left_units - asked


def can_return(order: Order, line: Line, at: str) -> bool:
    """Whether a customer may ask to return units of a line now."""
    in_window = line.state in _RETURNABLE and at <= return_until(order, line)
    return procedure_of(order).returns and in_window and returnable_units(order, line) > 0


def decide_return(
    order: Order, identity: str, wish: Decision, *, fulfiller: str, actor: str, key: str, at: str, currency: Currency
) -> Change:
    """The order after whoever fulfilled the lines decided on a return; the very same order if that was decided before.

    Receiving gives the goods' price back at the original rates: of each line, the returned units' part of what is left of it.

    Raises:
        NotFound: there is no such return of theirs.
        StepNotAllowed: it is decided otherwise already; `allowed` names what may be done.
        Invalid: no such decision, a refusal without an answer, or no place for the goods.
    """
    asked = next((one for one in order.returns if one.id == identity and one.fulfiller == fulfiller), None)
    if asked is None:
        raise NotFound("there is no such return")
    _check_decision(wish)
    from_states, to_state = _DECISIONS[wish.decision]
    if asked.state == to_state and (asked.answer == wish.answer or wish.decision != "refuse"):
        return Change(order)
    if asked.state not in from_states:
        allowed = allowed_decisions(asked)
        raise StepNotAllowed(
            f"the return is {asked.state}; it cannot be {to_state}", allowed=allowed, state=asked.state
        )
    if wish.decision == "receive":
        return _received(order, asked, wish, actor, key, at, currency)
    decided = replace(asked, state=to_state, answer=checked_text(order, wish.answer), decided_at=at)
    return Change(replace(_with_return(order, decided), sequence=order.sequence + 1))


def allowed_decisions(asked: Return) -> list[str]:
    """What may be decided of a return now."""
    return [name for name, (states, _) in _DECISIONS.items() if asked.state in states]


def _check_decision(wish: Decision) -> None:
    if wish.decision not in _DECISIONS:
        raise _invalid("decision", f"decide one of {', '.join(_DECISIONS)}")
    if len(wish.answer) > LONGEST_TEXT or (wish.decision == "refuse" and not wish.answer.strip()):
        raise _invalid("answer", f"say why, in at most {LONGEST_TEXT} characters")
    if wish.decision == "receive" and wish.stock not in STOCKS:
        raise _invalid("stock", f"say where the goods go: {' or '.join(STOCKS)}")


def _received(order: Order, asked: Return, wish: Decision, actor: str, key: str, at: str, currency: Currency) -> Change:
    lines = {line.number: line for line in order.lines}
    parts = [
        RefundedLine(each.number, each.units, value_of_units(order, lines[each.number], each.units, currency.step))
        for each in asked.lines
    ]
    change = give_parts_back(
        order, parts, reason=asked.reason, actor=actor, key=key, request=asked.id, at=at, step=currency.step
    )
    received = replace(asked, state="received", received_at=at, stock=wish.stock, refund=change.order.refunds[-1].id)
    return replace(change, order=_with_return(change.order, received))


def _with_return(order: Order, decided: Return) -> Order:
    return replace(order, returns=tuple(decided if one.id == decided.id else one for one in order.returns))


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": field, "reason": reason}])
