"""What may be decided of a return: by whoever takes it back, and, once it was escalated, by the union's operator. Pure rules."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import Currency, parse_amount
from mart_union.orders.model import OPERATOR, TOLD, Order, Return
from mart_union.orders.return_rules import is_fulfillers, may_be_kept, stocks_for
from mart_union.orders.return_waits import LAPSE, is_escalated
from mart_union.orders.steps import check_parcel

LONGEST_TEXT = 500
OUTCOMES = {
    "accept": "accepted",
    "refuse": "refused",
    "receive": "received",
    "refund": "refunded",
    "replace": "replacing",
    "ship": "replaced",
}
"""Each decision with the state that it leads to."""
_BY_TAKER = {
    "accept": frozenset({"requested"}),
    "refuse": frozenset({"requested", "accepted", "received", "replacing"}),
    "receive": frozenset({"accepted", "sent"}),
    "refund": frozenset({"requested", "accepted", "received", "replacing"}),
    "replace": frozenset({"received"}),
    "ship": frozenset({"replacing"}),
}
"""The states in which whoever takes a return decides so."""
_BY_THE_UNION = {
    "accept": frozenset({"requested"}),
    "refuse": frozenset({"requested", "sent", "received", "replacing"}),
    "refund": frozenset({"requested", "sent", "received", "replacing"}),
}
"""Those in which the union's operator does, of what was escalated: also of goods that were sent, and of which nobody says that they have come."""
_BY_OTHERS = {**_BY_TAKER, "send": frozenset({"accepted", "sent"}), LAPSE: frozenset({"accepted"})}
_OUTCOMES = {**OUTCOMES, "send": "sent", LAPSE: "refused"}


class Decision(Struct, frozen=True):
    """What becomes of a return.

    `accept`; `refuse`, with an answer, also of goods that have come; `receive`, when they have come. Then, when they were looked at, with the `stock` that
    they go to (`reserve`: good, `written_off`: damaged): `refund`, of damaged ones also a part only (`amount_minor`, with an answer), or `replace`. `ship`
    sends the other one, by a carrier with its number. `refund` of what has not come: the customer keeps it.
    """

    decision: str
    answer: str = ""
    stock: str = ""
    amount_minor: int = 0
    carrier: str = ""
    tracking_number: str = ""


class ReturnDecision(Decision, frozen=True, kw_only=True):
    """What becomes of the return of an id: `accept`; `refuse`, with an answer; `receive`; when the goods that came were looked at, `refund` or
    `replace` with the stock that they go to (reserve, written_off), of damaged ones also an amount in minor units less than their price, with an answer; `ship`
    of the replacement by a carrier with its number, or `refund` in its place; `refund` of what the customer keeps."""

    id: str


class ReturnForm(Struct, frozen=True):
    """A decision on a return as a page's form has it: an amount as people write it, such as 1280."""

    id: str
    decision: str
    answer: str = ""
    stock: str = ""
    amount: str = ""
    carrier: str = ""
    tracking_number: str = ""

    def decided(self, currency: Currency) -> ReturnDecision:
        """What it decides.

        Raises:
            Invalid: the amount is none.
        """
        amount = parse_amount(self.amount, currency) if self.amount.strip() else 0
        return ReturnDecision(
            decision=self.decision,
            answer=self.answer,
            stock=self.stock,
            amount_minor=amount,
            carrier=self.carrier,
            tracking_number=self.tracking_number,
            id=self.id,
        )


def allowed_decisions(order: Order, asked: Return, by: str = "") -> list[str]:
    """What may be decided of a return now, by its taker unless another is named: the union's OPERATOR decides what was escalated, nobody else does.

    Of goods that have come none is kept by the customer; what its supplier does not take back, it does not replace. Of what was given back whole
    otherwise, money and units, nothing more goes back: it is refused, also when another one was to be sent.
    """
    deciding = {} if by not in {"", asked.taker} else _BY_TAKER
    if by == OPERATOR and is_escalated(asked):
        deciding = _BY_THE_UNION
    possible = [name for name, states in deciding.items() if asked.state in states]
    if _is_back(order, asked):
        return [name for name in possible if name in {"refuse", "receive"}]
    may = {
        "refuse": lambda: asked.state != "replacing",
        "refund": lambda: asked.state in {"sent", "received", "replacing"} or may_be_kept(order, asked),
        "replace": lambda: is_fulfillers(order, asked),
    }
    return [name for name in possible if name not in may or may[name]()]


def _is_back(order: Order, asked: Return) -> bool:
    """Whether a line of a return was given back whole, by a step."""
    numbers = {each.number for each in asked.lines}
    return any(line.state in {"refused", "cancelled"} for line in order.lines if line.number in numbers)


def check_look(order: Order, asked: Return, wish: Decision) -> None:
    """Nothing, if a decision says of goods that have come where they go, and nothing of the kind of others: of those that have not, none goes into the
    reserve, and those that are to be replaced were looked at.

    Raises:
        Invalid: it does not.
    """
    stocks = stocks_for(order, asked)
    if asked.state == "received" and wish.decision in {"refund", "replace"} and wish.stock not in stocks:
        raise _invalid("stock", f"say where the goods go: {' or '.join(stocks)}")
    if asked.state == "replacing" and wish.decision == "refund" and (wish.stock or wish.amount_minor):
        raise _invalid("stock", "the goods were looked at already: what was to be sent for them stays in the reserve")
    if asked.state != "received" and wish.decision == "refund" and wish.stock == "reserve":
        raise _invalid("stock", "the goods have not come: nothing of them goes into the reserve")


def check_decision(order: Order, wish: Decision, by: str) -> None:
    """Nothing, if a decision is one, with what it needs. The union's operator says why, whatever it is.

    Raises:
        Invalid: it is not; `errors` names the field.
    """
    if wish.decision not in OUTCOMES:
        raise _invalid("decision", f"decide one of {', '.join(OUTCOMES)}")
    needs_answer = wish.decision == "refuse" or bool(wish.amount_minor) or by == OPERATOR
    if len(wish.answer) > LONGEST_TEXT or (needs_answer and not wish.answer.strip()):
        raise _invalid("answer", f"say why, in at most {LONGEST_TEXT} characters")
    if wish.amount_minor and (wish.decision, wish.stock) != ("refund", "written_off"):
        raise _invalid("amount_minor", "a part goes back of what came back damaged, and is written off")
    if wish.decision == "ship":
        check_parcel(wish.carrier or order.carrier, wish.tracking_number)


def state_by_history(asked: Return) -> str:
    """The state to which a return's steps lead, '' where one of them could not be taken."""
    state = "requested"
    for taken in (each for each in asked.history if each.step not in TOLD):
        moves = _BY_THE_UNION if taken.role == OPERATOR else _BY_OTHERS
        state = _OUTCOMES[taken.step] if state in moves.get(taken.step, ()) else ""
    return state


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": field, "reason": reason}])
