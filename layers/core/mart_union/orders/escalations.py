"""What waited too long and was escalated to the union's operator: orders, their returns and responses, by the month in which that was."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.errors import Conflict
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import find_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.orders.cash import due_minor
from mart_union.orders.model import OPERATOR, REMINDERS, Order, Response
from mart_union.orders.procedures import operators_steps
from mart_union.orders.return_decisions import allowed_decisions
from mart_union.orders.return_rules import stocks_for
from mart_union.orders.tables import (
    ESCALATED,
    OrderItem,
    OrdersItem,
    ResponseItem,
    escalation_item,
    order_key,
    response_key,
)


class Escalated(Struct, frozen=True):
    """Something that was escalated, when, and how it stands now: an order (`kind` order), a return of it (`return`), or a customer's question or
    complaint about it; of both, what the customer wrote and the answer. `allowed` is what the operator may do now, the steps of an order or the decisions on a
    return, `stocks` where a return's goods may go, `due_minor` what is to be collected for an order at its delivery."""

    at: str
    kind: str
    order: str
    response: str
    store: str
    state: str
    text: str = ""
    answer: str = ""
    return_id: str = ""
    allowed: tuple[str, ...] = ()
    stocks: tuple[str, ...] = ()
    due_minor: int = 0


_RETURN = "return/"


def add_escalation(transaction: WriteTransaction, order: str, at: str, subject: str = "") -> None:
    """Add to a transaction that an order was escalated at a moment (ISO), or its `subject`: the id of a response, or `return/<id>`. The commit raises
    Conflict if it was then already."""
    transaction.create(escalation_item(order, subject, at), refuse(Conflict, "it was escalated at this moment already"))


def escalated_by(before: Order, after: Order) -> list[str]:
    """What a change of an order escalated: '' for the order itself, `return/<id>` for each return of it."""
    known = {asked.id: len(asked.history) for asked in before.returns}
    told = [("", after.history[len(before.history) :])]
    told += [(f"{_RETURN}{asked.id}", asked.history[known.get(asked.id, 0) :]) for asked in after.returns]
    return [subject for subject, steps in told if any(taken.step == REMINDERS["operator"] for taken in steps)]


def list_escalated(month: str, *, cursor: str = "", limit: int = 50) -> Page[Escalated]:
    """A page of what was escalated in a month (`2026-11`), newest first, as it stands now. One query and one batch read.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    page = read_page(OrdersItem.by_store.query, f"{ESCALATED}{month}", cursor=cursor, limit=limit)
    found = find_all([_about(item) for item in page.items])
    both = zip(page.items, found, strict=True)
    return Page(
        tuple(_seen(item.store_sort[:24], _subject(item), about.document) for item, about in both if about is not None),
        page.next,
    )


def _about(item: OrdersItem) -> tuple[type[OrderItem] | type[ResponseItem], str, str]:
    """The order, or the response to it, that says how what an item tells of stands."""
    order, subject = item.pk.removeprefix("ORDER#"), _subject(item)
    if subject and not subject.startswith(_RETURN):
        return (ResponseItem, *response_key(order, subject))
    return (OrderItem, *order_key(order))


def _subject(item: OrdersItem) -> str:
    return item.store_sort.partition("#")[2]


def _seen(at: str, subject: str, about: Order | Response) -> Escalated:
    if isinstance(about, Order):
        asked = next((each for each in about.returns if subject == f"{_RETURN}{each.id}"), None)
        if asked is None:
            allowed = tuple(operators_steps(about))
            return Escalated(
                at, "order", about.id, "", about.store, about.state, allowed=allowed, due_minor=due_minor(about)
            )
        allowed = tuple(allowed_decisions(about, asked, OPERATOR))
        facts = (about.id, "", about.store, asked.state, asked.note, asked.answer, asked.id)
        return Escalated(at, "return", *facts, allowed, stocks_for(about, asked))
    state = "taken_down" if about.is_withheld else about.state
    return Escalated(at, about.kind, about.order, about.id, about.store, state, about.text, about.answer)
