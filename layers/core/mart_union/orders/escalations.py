"""What waited too long and was escalated to the union's operator: orders and responses, by the month in which that was."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.errors import Conflict
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import find_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.orders.model import Order, Response
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
    """Something that was escalated, when, and how it stands now: an order (`kind` order), or a customer's question or complaint about it, with what
    that says and its answer."""

    at: str
    kind: str
    order: str
    response: str
    store: str
    state: str
    text: str = ""
    answer: str = ""


def add_escalation(transaction: WriteTransaction, order: str, at: str, response: str = "") -> None:
    """Add to a transaction that an order, or a response to it, was escalated at a moment (ISO). The commit raises Conflict if it was then already."""
    transaction.create(
        escalation_item(order, response, at), refuse(Conflict, "it was escalated at this moment already")
    )


def list_escalated(month: str, *, cursor: str = "", limit: int = 50) -> Page[Escalated]:
    """A page of what was escalated in a month (`2026-11`), newest first, as it stands now. One query and one batch read.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    page = read_page(OrdersItem.by_store.query, f"{ESCALATED}{month}", cursor=cursor, limit=limit)
    found = find_all([_about(item) for item in page.items])
    both = zip(page.items, found, strict=True)
    return Page(
        tuple(_seen(item.store_sort[:24], about.document) for item, about in both if about is not None), page.next
    )


def _about(item: OrdersItem) -> tuple[type[OrderItem] | type[ResponseItem], str, str]:
    """The order or response that an item tells of."""
    order, response = item.pk.removeprefix("ORDER#"), item.store_sort.partition("#")[2]
    return (ResponseItem, *response_key(order, response)) if response else (OrderItem, *order_key(order))


def _seen(at: str, about: Order | Response) -> Escalated:
    if isinstance(about, Order):
        return Escalated(at, "order", about.id, "", about.store, about.state)
    return Escalated(at, about.kind, about.order, about.id, about.store, about.state, about.text, about.answer)
