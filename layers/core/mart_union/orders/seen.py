"""What readers see of an order's steps, refunds, returns and responses, each by who they are: no party sees another's staff, nor words that were taken down."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from mart_union.catalog.procedures import ReturnReason
from mart_union.orders.model import (
    OPERATOR,
    SYSTEM,
    Order,
    Response,
    ReturnedLine,
    StepTaken,
    TakenDown,
)
from mart_union.orders.return_decisions import allowed_decisions
from mart_union.orders.return_rules import reason_of, stocks_for
from mart_union.orders.return_waits import act_by, send_by


class SeenStep(Struct, frozen=True):
    """A step that was taken, when and in which role (customer, store, supplier, carrier, operator, system). `actor` is who that was, for those whose staff it
    is and for the operator; a carrier's id, for all who work on the order; else ''."""

    step: str
    role: str
    at: str
    lines: tuple[int, ...]
    note: str
    actor: str = ""


class SeenPart(Struct, frozen=True):
    """A line's part of a refund: the units that came back with it, and the money."""

    number: int
    units: int
    amount_minor: int


class SeenRefund(Struct, frozen=True):
    """Money that went back to whoever paid, for a part of the order, and why."""

    at: str
    amount_minor: int
    reason: str
    lines: tuple[SeenPart, ...]


class SeenReturn(Struct, frozen=True):
    """Goods that the customer gives back, why, whose fault that is and who pays the way back (customer, store, supplier, carrier), how far it has
    come, and what the reader may decide (`accept`, `refuse`, `receive`, `refund`, `replace`, `ship`). `note` is what the customer wrote, `wants` a refund
    or a replacement. `taker` is who takes them back (`store/<id>`, `supplier/<id>`), `stocks` says where the goods may go. `refunded_minor` went
    back for them; `replacement` is the order's shipment of the other one. `act_by` is until when the taker should take the next step, `send_by` until when
    the customer may send the goods; '' where that is not what comes next."""

    id: str
    state: str
    lines: tuple[ReturnedLine, ...]
    reason: ReturnReason
    note: str
    at: str
    answer: str
    stock: str
    allowed: tuple[str, ...]
    taker: str
    stocks: tuple[str, ...]
    wants: str
    carrier: str
    tracking_number: str
    replacement: str
    refunded_minor: int
    history: tuple[SeenStep, ...]
    act_by: str = ""
    send_by: str = ""


class SeenResponse(Struct, frozen=True):
    """A response with its answer, without who wrote it; what is not answered by `reply_by` is escalated to the union's operator. Of what was `taken_down`
    the customer who wrote it reads the words, and nobody else; an answer that was, nobody."""

    id: str
    order: str
    store: str
    line: int
    kind: str
    stars: int
    text: str
    at: str
    state: str
    answer: str
    answered_at: str
    answered_by: str
    reply_by: str = ""
    escalated_at: str = ""
    taken_down: TakenDown | None = None


def seen_refunds(order: Order, numbers: Collection[int] | None = None) -> tuple[SeenRefund, ...]:
    """The partial refunds of an order, oldest first; only those of some lines, where these are all that the reader may see."""
    seen = []
    for refund in order.refunds:
        parts = [part for part in refund.lines if numbers is None or part.number in numbers]
        lines = tuple(SeenPart(part.number, part.units, part.amount_minor) for part in parts)
        if lines:
            seen.append(SeenRefund(refund.at, sum(part.amount_minor for part in lines), refund.reason, lines))
    return tuple(seen)


def seen_returns(order: Order, party: str = "", *, only_own: bool = False) -> tuple[SeenReturn, ...]:
    """The returns of an order, oldest first, with what `party` may decide of those that are its own."""
    return tuple(
        SeenReturn(
            id=asked.id,
            state=asked.state,
            lines=asked.lines,
            reason=reason_of(order, asked),
            note=asked.note,
            at=asked.at,
            answer=asked.answer,
            stock=asked.stock,
            allowed=tuple(allowed_decisions(order, asked, party)) if party else (),
            taker=asked.taker,
            stocks=stocks_for(order, asked),
            wants=asked.wants,
            carrier=asked.carrier,
            tracking_number=asked.tracking_number,
            replacement=asked.replacement,
            refunded_minor=sum(refund.amount_minor for refund in order.refunds if refund.id == asked.refund),
            history=seen_steps(asked.history, party),
            act_by=act_by(order, asked),
            send_by=send_by(order, asked),
        )
        for asked in order.returns
        if not only_own or asked.taker == party
    )


def seen_response(response: Response, *, by_author: bool = False) -> SeenResponse:
    """The response for whoever may read it, which is more for the customer who wrote it."""
    is_hidden = response.is_withheld and not by_author
    return SeenResponse(
        id=response.id,
        order=response.order,
        store=response.store,
        line=response.line,
        kind=response.kind,
        stars=response.stars,
        text="" if is_hidden else response.text,
        at=response.at,
        state=response.state,
        answer=response.shown_answer,
        answered_at=response.answered_at,
        answered_by=response.answered_by,
        reply_by=response.reply_by,
        escalated_at=response.escalated_at,
        taken_down=response.taken_down,
    )


def seen_steps(history: Sequence[StepTaken], party: str = "") -> tuple[SeenStep, ...]:
    """The steps of an order or a return, for its store or supplier (`store/<id>`, `supplier/<id>`, who are shown their own steps of lines that are theirs), for
    the `operator`, or for its customer ('')."""
    return tuple(
        SeenStep(taken.step, role_of(taken), taken.at, taken.lines, taken.note, _actor_for(taken, party))
        for taken in history
    )


def role_of(taken: StepTaken) -> str:
    """Who took a step: what the operator decides and what a carrier reports stand in a history as the system's, by whom they name."""
    by = taken.actor.partition("/")[0]
    return by if taken.role == SYSTEM and by in {OPERATOR, "carrier"} else taken.role


def _actor_for(taken: StepTaken, party: str) -> str:
    role = role_of(taken)
    readers = {"carrier": {"store", "supplier", OPERATOR}, "customer": set[str](), SYSTEM: set[str]()}
    may_read = party.partition("/")[0] in readers.get(role, {role, OPERATOR})
    return taken.actor.removeprefix(f"{role}/") if may_read else ""
