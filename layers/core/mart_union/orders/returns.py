"""Returns: a customer asks to give goods back and sends them; whoever takes them accepts or refuses, receives them, looks at them, and refunds or
replaces them. Pure rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from mart_union.catalog.procedures import ReturnRules
from mart_union.kernel.errors import Invalid, KeyReused, NotFound, RuleViolation, StepNotAllowed
from mart_union.kernel.ids import derived_id, input_hash
from mart_union.kernel.money import Currency, amount_text, checked_price, split_within
from mart_union.orders.clocks import with_clock
from mart_union.orders.draws import units_given_back
from mart_union.orders.model import (
    OPERATOR,
    Line,
    Order,
    RefundedLine,
    Return,
    ReturnedLine,
    Shipment,
    StepTaken,
    check_room,
    checked_text,
    fitting_text,
)
from mart_union.orders.refunding import Change, give_parts_back
from mart_union.orders.return_decisions import (
    LONGEST_TEXT,
    OUTCOMES,
    Decision,
    allowed_decisions,
    check_decision,
    check_look,
)
from mart_union.orders.return_rules import (
    RETURNABLE,
    borne_by,
    is_fulfillers,
    reason_of,
    return_until,
    returnable_units,
    rules_of,
    taker_of,
    values_of,
)
from mart_union.orders.return_waits import was_escalated
from mart_union.orders.steps import check_parcel
from mart_union.stock.model import home_of

MOST_RETURNS = 20
WANTS = ("refund", "replacement")


def request_return(
    order: Order,
    lines: Sequence[ReturnedLine],
    *,
    reason: str,
    note: str = "",
    wants: str = "refund",
    key: str,
    at: str,
) -> Order:
    """The order with a return that its customer asks for; the very same order if this key asked for it before.

    Raises:
        KeyReused: the key asked for another return of this order.
        Invalid: a line is unknown or named twice, a quantity is not positive, the note is too long, the reason is none of the procedure's, or it is
            neither a refund nor a replacement that is wanted.
        RuleViolation: nothing of it can be returned: not delivered yet, of a kind that is not, the window is over, or more than the customer has.
    """
    request = input_hash([lines, reason, note, wants])
    identity = return_id(order, key)
    before = next((one for one in order.returns if one.id == identity), None)
    if before is not None:
        if before.request != request:
            raise KeyReused("this key was used for another return of this order; nothing was changed")
        return order
    rules, fault = _check_request(order, lines, reason, note, wants)
    chosen = {line.number: line for line in order.lines}
    for each in lines:
        _check_line(order, rules, chosen[each.number], each.units, at)
    taker = _taker(order, [chosen[each.number] for each in lines], fault)
    asked = Return(identity, taker, tuple(lines), reason, at, request, note=note, wants=wants)
    return with_clock(replace(order, returns=(*order.returns, asked), sequence=order.sequence + 1), at)


def return_id(order: Order, key: str) -> str:
    """The id of the return of an order that is asked for under a key."""
    return derived_id("return", order.id, order.buyer, key)


def send_return(order: Order, identity: str, carrier: str, tracking_number: str, *, key: str, at: str) -> Order:
    """The order after its customer gave the goods of an accepted return to a carrier, or said it again otherwise, since it was written wrongly; the very same
    order if that was said before.

    Raises:
        NotFound: there is no such return.
        KeyReused: the key told of another parcel.
        StepNotAllowed: it is not accepted, or the goods have come.
        Invalid: the carrier or its number is missing.
    """
    asked = next((one for one in order.returns if one.id == identity), None)
    if asked is None:
        raise NotFound("there is no such return")
    check_parcel(carrier, tracking_number)
    request = input_hash([carrier, tracking_number])
    told = next((one for one in asked.history if (one.step, one.key) == ("send", key)), None)
    if told is not None and told.request != request:
        raise KeyReused("this key was used for another parcel of the return; nothing was changed")
    if told is not None or (asked.carrier, asked.tracking_number) == (carrier, tracking_number):
        return order
    if asked.state not in {"accepted", "sent"}:
        raise StepNotAllowed(f"the return is {asked.state}; it cannot be sent", allowed=[], state=asked.state)
    taken = StepTaken("send", "customer", order.buyer, at, (), key, request=request)
    sent = replace(
        asked, state="sent", carrier=carrier, tracking_number=tracking_number, history=(*asked.history, taken)
    )
    return with_clock(replace(_with_return(order, sent), sequence=order.sequence + 1), at)


def _taker(order: Order, lines: Sequence[Line], fault: str) -> str:
    """Who takes these lines back.

    Raises:
        RuleViolation: not all of them go to the same place, or not all come from there.
    """
    places = {(line.fulfiller, taker_of(order, line, fault)) for line in lines}
    if len(places) != 1:
        fulfillers = sorted({fulfiller for fulfiller, _ in places})
        raise RuleViolation(
            "the lines come from different places: ask for one return each", reason="places", fulfillers=fulfillers
        )
    return places.pop()[1]


def _check_request(
    order: Order, lines: Sequence[ReturnedLine], reason: str, note: str, wants: str
) -> tuple[ReturnRules, str]:
    """The rules of the order's returns, and whose fault the reason is."""
    numbers = [each.number for each in lines]
    if not numbers or set(numbers) - {line.number for line in order.lines} or len(set(numbers)) != len(numbers):
        raise _invalid("lines", "name at least one line of the order, each once")
    rules = rules_of(order)
    if rules is None:
        raise RuleViolation("what was ordered cannot be returned; write to the store instead", reason="no-returns")
    why = rules.reason(reason)
    if why is None:
        raise _invalid("reason", f"one of {', '.join(each.name for each in rules.reasons)}")
    if wants not in WANTS:
        raise _invalid("wants", f"one of {', '.join(WANTS)}")
    if len(note) > LONGEST_TEXT:
        raise _invalid("note", f"at most {LONGEST_TEXT} characters")
    checked_text(order, note)
    check_room(order)
    if len(order.returns) >= MOST_RETURNS:
        raise RuleViolation(f"an order has at most {MOST_RETURNS} returns", reason="returns", most=MOST_RETURNS)
    return rules, why.fault


def _check_line(order: Order, rules: ReturnRules, line: Line, units: int, at: str) -> None:
    if units < 1:
        raise _invalid("lines.units", "at least one unit")
    if line.kind not in rules.kinds:
        raise RuleViolation(f"line {line.number} is no {' or '.join(rules.kinds)}: it is {line.kind}", kind=line.kind)
    if line.state not in RETURNABLE:
        facts = {"reason": "return-early", "line": line.number, "state": line.state}
        raise RuleViolation(f"line {line.number} has not been delivered: it is {line.state}", **facts)
    if at > return_until(order, line):
        facts = {"reason": "return-window", "line": line.number, "until": return_until(order, line)}
        raise RuleViolation(f"the return window of line {line.number} is over", **facts)
    left = returnable_units(order, line)
    if units > left:
        facts = {"reason": "returnable", "line": line.number, "left_units": left}
        raise RuleViolation(f"{left} units of line {line.number} can still be returned", **facts)


def decide_return(
    order: Order, identity: str, wish: Decision, *, taker: str, actor: str, key: str, at: str, currency: Currency
) -> Change:
    """The order after whoever takes the lines back (`taker`), or of an escalated one the union's OPERATOR, decided on a return; the very same order if
    that was decided before.

    A refund gives the goods' price back at the original rates: of each line, the returned units' part of what is left of it. What a supplier does not
    take back, the store bears. A replacement takes as many units out of stock as are written off, and moves no money.

    Raises:
        NotFound: there is no such return of theirs.
        KeyReused: the key decided otherwise.
        StepNotAllowed: it is decided otherwise already, or too much to be kept; `allowed` names what may be done.
        Invalid: no such decision, an answer, a place for the goods or a parcel is missing, or an amount is none.
    """
    asked = _to_decide(order, identity, taker)
    check_decision(order, wish, taker)
    to_state = OUTCOMES[wish.decision]
    request = input_hash([getattr(wish, name) for name in Decision.__struct_fields__])
    if _was_decided(asked, wish, request, actor=actor, key=key):
        return Change(order)
    allowed = allowed_decisions(order, asked, taker)
    if wish.decision not in allowed:
        message = f"the return is {asked.state}; it cannot be {to_state}"
        raise StepNotAllowed(message, allowed=allowed, state=asked.state)
    check_look(order, asked, wish)
    kept = checked_text if wish.decision == "refuse" and taker != OPERATOR else fitting_text
    answer = kept(order, wish.answer)
    taken = StepTaken(wish.decision, taker.partition("/")[0], actor, at, (), key, answer, request)
    decided = replace(asked, state=to_state, answer=answer or asked.answer, history=(*asked.history, taken))
    change = _after(order, asked, decided, wish, taken, currency)
    return replace(change, order=with_clock(change.order, at))


def _to_decide(order: Order, identity: str, by: str) -> Return:
    """The return that somebody decides on: its taker, or of what was ever escalated the union's operator, who finds it decided then.

    Raises:
        NotFound: there is none.
    """
    asked = next((one for one in order.returns if one.id == identity), None)
    if asked is None or not (asked.taker == by or (by == OPERATOR and was_escalated(asked))):
        raise NotFound("there is no such return")
    return asked


def _after(
    order: Order, asked: Return, decided: Return, wish: Decision, taken: StepTaken, currency: Currency
) -> Change:
    """The order with the return as it was decided, and what moves with that."""
    if wish.decision == "refund":
        return _refunded(order, decided, wish, taken, currency, before=asked.state)
    if wish.decision == "replace":
        return _replaced(order, replace(decided, stock=wish.stock))
    if wish.decision == "ship":
        return Change(_shipped(order, decided, wish, taken.at))
    return Change(replace(_with_return(order, decided), sequence=order.sequence + 1))


def _was_decided(asked: Return, wish: Decision, request: str, *, actor: str, key: str) -> bool:
    """Whether this decision was taken before: under this key, or, where it moves nothing, by anybody.

    Raises:
        KeyReused: the key decided otherwise.
    """
    taken = next((one for one in asked.history if (one.key, one.actor) == (key, actor)), None)
    if taken is None:
        moves = wish.decision in {"refund", "replace", "ship"}
        return not moves and asked.state == OUTCOMES[wish.decision] and wish.answer == asked.answer
    if taken.request != request:
        raise KeyReused(f"this key was used to {taken.step} the return, or otherwise; nothing was changed")
    return True


def _refunded(
    order: Order, decided: Return, wish: Decision, taken: StepTaken, currency: Currency, *, before: str
) -> Change:
    """The order after the money of a return went back, whole or in part. Goods that had come go where the decision says; in place of those that were to be
    replaced, and are gone their way already, what was to be sent is left; all others are out of stock for good."""
    values = values_of(order, decided, currency.step)
    given = _given(order, decided, values, wish, currency)
    lines = {line.number: line for line in order.lines}
    parts = [
        RefundedLine(each.number, each.units, amount, borne_by(lines[each.number], decided.taker), value - amount)
        for each, value, amount in zip(decided.lines, values, given, strict=True)
    ]
    change = give_parts_back(
        order,
        parts,
        reason=reason_of(order, decided).title,
        actor=taken.actor,
        key=taken.key,
        request=decided.id,
        at=taken.at,
        step=currency.step,
    )
    went = {"received": wish.stock, "replacing": decided.stock}.get(before, "written_off")
    done = replace(decided, stock=went, refund=change.order.refunds[-1].id)
    to_reserve = went == "reserve" or before == "replacing"
    return replace(change, order=_with_return(change.order, done), to_reserve=to_reserve)


def _given(order: Order, decided: Return, values: Sequence[int], wish: Decision, currency: Currency) -> Sequence[int]:
    """What of the values of a return's lines goes back: all, or a part. Where a shop took the money and the supplier keeps its price, nothing: what the shop
    gives its buyer is between them.

    Raises:
        Invalid: the part is none, as much as all of it, or of nothing.
    """
    if order.is_seller_collected and not is_fulfillers(order, decided):
        if wish.amount_minor:
            raise _invalid("amount_minor", "the shop took the money and gives it back itself: leave it out")
        return [0] * len(values)
    return _in_part(values, wish.amount_minor, currency) if wish.amount_minor else values


def _in_part(values: Sequence[int], amount_minor: int, currency: Currency) -> list[int]:
    """An amount over the lines of a return, by their values.

    Raises:
        Invalid: it is none, or as much as all of it.
    """
    checked_price(amount_minor, currency)
    if amount_minor >= sum(values):
        raise _invalid("amount_minor", f"less than {amount_text(sum(values), currency)}, or leave it out")
    return split_within(amount_minor, values, currency.step)


def _replaced(order: Order, decided: Return) -> Change:
    """The order after a replacement was decided: its line has as many units as before. Of damaged goods another one leaves the reserve for each."""
    lines = {line.number: line for line in order.lines}
    units: Counter[str] = Counter()
    for each in decided.lines if decided.stock == "written_off" else ():
        for level, count in units_given_back(lines[each.number], each.units).items():
            units[home_of(level)] += count
    after = replace(_with_return(order, decided), sequence=order.sequence + 1)
    return Change(after, replaced=units)


def _shipped(order: Order, decided: Return, wish: Decision, at: str) -> Order:
    """The order with the replacement as one of its shipments, which its carrier reports of like of any other."""
    numbers = tuple(each.number for each in decided.lines)
    parcel = Shipment(f"{len(order.shipments) + 1}", numbers, wish.carrier or order.carrier, wish.tracking_number, at)
    sent = replace(decided, replacement=parcel.id)
    after = replace(_with_return(order, sent), shipments=(*order.shipments, parcel))
    return replace(after, sequence=order.sequence + 1)


def _with_return(order: Order, decided: Return) -> Order:
    return replace(order, returns=tuple(decided if one.id == decided.id else one for one in order.returns))


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": field, "reason": reason}])
