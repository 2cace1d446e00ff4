"""Returns: a customer gives goods back as the order's procedure allows it; whoever takes it back accepts or refuses, then receives. Pure rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.procedures import ReturnReason, ReturnRules
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
GIVEN_BACK = frozenset({"received", "refunded"})
"""The states of a return whose units are no longer the customer's to return."""
STOCKS = ("reserve", "written_off")
_RETURNABLE = frozenset({"delivered", "completed"})
_DECISIONS = {
    "accept": (frozenset({"requested"}), "accepted"),
    "refuse": (OPEN, "refused"),
    "receive": (frozenset({"accepted"}), "received"),
    "refund": (OPEN, "refunded"),
}


class Decision(Struct, frozen=True):
    """What becomes of a return: `accept`, `refuse` (with an answer), `receive` (with where the goods go: reserve or written_off), or `refund` without
    the goods."""

    decision: str
    answer: str = ""
    stock: str = ""


class ReturnDecision(Decision, frozen=True, kw_only=True):
    """What becomes of the return of an id: `accept`, `refuse` with an answer, `receive` with the stock that the goods go to (reserve,
    written_off), or `refund` of what the customer keeps."""

    id: str


def request_return(
    order: Order, lines: Sequence[ReturnedLine], *, reason: str, note: str = "", key: str, at: str
) -> Order:
    """The order with a return that its customer asks for; the very same order if this key asked for it before.

    Raises:
        KeyReused: the key asked for another return of this order.
        Invalid: a line is unknown or named twice, a quantity is not positive, the note is too long, or the reason is none of the procedure's.
        RuleViolation: nothing of it can be returned: not delivered yet, of a kind that is not, the window is over, or more than the customer has.
    """
    identity, request = derived_id("return", order.id, order.customer, key), input_hash([lines, reason, note])
    before = next((one for one in order.returns if one.id == identity), None)
    if before is not None:
        if before.request != request:
            raise KeyReused("this key was used for another return of this order; nothing was changed")
        return order
    rules, fault = _check_request(order, lines, reason, note)
    chosen = {line.number: line for line in order.lines}
    for each in lines:
        _check_line(order, rules, chosen[each.number], each.units, at)
    asked = Return(
        identity,
        _taker(order, [chosen[each.number] for each in lines], fault),
        tuple(lines),
        reason,
        at,
        request,
        note=note,
    )
    return replace(order, returns=(*order.returns, asked), sequence=order.sequence + 1)


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


def _taker(order: Order, lines: Sequence[Line], fault: str) -> str:
    """Who takes these lines back.

    Raises:
        RuleViolation: not all of them go to the same place, or not all come from there.
    """
    places = {(line.fulfiller, taker_of(order, line, fault)) for line in lines}
    if len(places) != 1:
        fulfillers = sorted({fulfiller for fulfiller, _ in places})
        raise RuleViolation("the lines come from different places: ask for one return each", fulfillers=fulfillers)
    return places.pop()[1]


def _check_request(order: Order, lines: Sequence[ReturnedLine], reason: str, note: str) -> tuple[ReturnRules, str]:
    """The rules of the order's returns, and whose fault the reason is."""
    numbers = [each.number for each in lines]
    if not numbers or set(numbers) - {line.number for line in order.lines} or len(set(numbers)) != len(numbers):
        raise _invalid("lines", "name at least one line of the order, each once")
    rules = rules_of(order)
    if rules is None:
        raise RuleViolation("what was ordered cannot be returned; write to the store instead")
    why = rules.reason(reason)
    if why is None:
        raise _invalid("reason", f"one of {', '.join(each.name for each in rules.reasons)}")
    if len(note) > LONGEST_TEXT:
        raise _invalid("note", f"at most {LONGEST_TEXT} characters")
    checked_text(order, note)
    if len(order.returns) >= MOST_RETURNS:
        raise RuleViolation(f"an order has at most {MOST_RETURNS} returns")
    return rules, why.fault


def _check_line(order: Order, rules: ReturnRules, line: Line, units: int, at: str) -> None:
    if units < 1:
        raise _invalid("lines.units", "at least one unit")
    if line.kind not in rules.kinds:
        raise RuleViolation(f"line {line.number} is no {' or '.join(rules.kinds)}: it is {line.kind}", kind=line.kind)
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
    rules = rules_of(order)
    in_window = line.state in _RETURNABLE and at <= return_until(order, line)
    return rules is not None and line.kind in rules.kinds and in_window and returnable_units(order, line) > 0


def decide_return(
    order: Order, identity: str, wish: Decision, *, taker: str, actor: str, key: str, at: str, currency: Currency
) -> Change:
    """The order after whoever takes the lines back decided on a return; the very same order if that was decided before.

    Receiving gives the goods' price back at the original rates: of each line, the returned units' part of what is left of it. So does a refund
    without the goods, up to what the procedure allows. What a supplier does not take back, the store bears.

    Raises:
        NotFound: there is no such return of theirs.
        StepNotAllowed: it is decided otherwise already, or too much to be kept; `allowed` names what may be done.
        Invalid: no such decision, a refusal without an answer, or no place for the goods.
    """
    asked = next((one for one in order.returns if one.id == identity and one.taker == taker), None)
    if asked is None:
        raise NotFound("there is no such return")
    _check_decision(wish, stocks_for(order, asked))
    to_state = _DECISIONS[wish.decision][1]
    if asked.state == to_state and (asked.answer == wish.answer or wish.decision != "refuse"):
        return Change(order)
    allowed = allowed_decisions(order, asked)
    if wish.decision not in allowed:
        raise StepNotAllowed(
            f"the return is {asked.state}; it cannot be {to_state}", allowed=allowed, state=asked.state
        )
    if to_state in GIVEN_BACK:
        return _given_back(order, asked, wish, actor, key, at, currency)
    decided = replace(asked, state=to_state, answer=checked_text(order, wish.answer), decided_at=at)
    return Change(replace(_with_return(order, decided), sequence=order.sequence + 1))


def allowed_decisions(order: Order, asked: Return) -> list[str]:
    """What may be decided of a return now."""
    possible = [name for name, (states, _) in _DECISIONS.items() if asked.state in states]
    return [name for name in possible if name != "refund" or _may_keep(order, asked)]


def _may_keep(order: Order, asked: Return) -> bool:
    """Whether a return is worth so little that its customer may have the money and keep the goods."""
    rules, lines = rules_of(order), {line.number: line for line in order.lines}
    worth = sum(value_of_units(order, lines[each.number], each.units, 1) for each in asked.lines)
    return rules is not None and 0 < rules.returnless_minor >= worth


def stocks_for(order: Order, asked: Return) -> tuple[str, ...]:
    """Where the goods of a return may go. What a supplier does not take back is out of its stock for good; its store may lay it in as its own."""
    numbers = {each.number for each in asked.lines}
    theirs = all(line.fulfiller == asked.taker for line in order.lines if line.number in numbers)
    return STOCKS if theirs else STOCKS[1:]


def _check_decision(wish: Decision, stocks: Sequence[str]) -> None:
    if wish.decision not in _DECISIONS:
        raise _invalid("decision", f"decide one of {', '.join(_DECISIONS)}")
    if len(wish.answer) > LONGEST_TEXT or (wish.decision == "refuse" and not wish.answer.strip()):
        raise _invalid("answer", f"say why, in at most {LONGEST_TEXT} characters")
    if wish.decision == "receive" and wish.stock not in stocks:
        raise _invalid("stock", f"say where the goods go: {' or '.join(stocks)}")


def _given_back(
    order: Order, asked: Return, wish: Decision, actor: str, key: str, at: str, currency: Currency
) -> Change:
    """The order after the money of a return went back; what the customer keeps is out of stock for good."""
    lines = {line.number: line for line in order.lines}
    parts = [
        RefundedLine(
            each.number,
            each.units,
            value_of_units(order, lines[each.number], each.units, currency.step),
            borne_by(lines[each.number], asked.taker),
        )
        for each in asked.lines
    ]
    change = give_parts_back(
        order,
        parts,
        reason=reason_of(order, asked).title,
        actor=actor,
        key=key,
        request=asked.id,
        at=at,
        step=currency.step,
    )
    goods = {"state": "received", "received_at": at, "stock": wish.stock}
    if wish.decision == "refund":
        goods = {"state": "refunded", "decided_at": at, "stock": "written_off"}
    done = replace(asked, **goods, refund=change.order.refunds[-1].id)
    return replace(change, order=_with_return(change.order, done))


def _with_return(order: Order, decided: Return) -> Order:
    return replace(order, returns=tuple(decided if one.id == decided.id else one for one in order.returns))


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": field, "reason": reason}])
