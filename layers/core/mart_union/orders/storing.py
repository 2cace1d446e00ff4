"""Orders in a write transaction: new ones, and changes under the sequence that was read."""

from __future__ import annotations

from pynamodb.exceptions import PutError

from mart_union.kernel.errors import Conflict
from mart_union.kernel.storage import Ref, code_of
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.orders.model import Order
from mart_union.orders.tables import OrderItem, order_item, order_key

_OVERTAKEN = {"ConditionalCheckFailedException", "TransactionConflictException"}


class OrderMoved(Conflict):
    """Another change of the order came between reading and writing: read again and repeat."""


def order_ref(order: str) -> Ref[Order]:
    """An order by id."""
    return Ref(OrderItem, *order_key(order), lambda item: item.document)


def add_new_order(transaction: WriteTransaction, order: Order) -> None:
    """Add a new order to a transaction. The commit raises Conflict if it exists."""
    transaction.create(order_item(order), refuse(Conflict, f"order {order.id} exists already"))


def add_changed_order(transaction: WriteTransaction, before: Order, after: Order) -> None:
    """Add a changed order to a transaction. The commit raises OrderMoved if another change came between."""
    if after.sequence != before.sequence + 1:
        raise ValueError("a changed order carries the next sequence")
    unchanged = OrderItem.sequence == before.sequence
    moved = refuse(OrderMoved, "the order has changed meanwhile; read it again and repeat")
    transaction.put(order_item(after), condition=unchanged, refusal=moved)


def add_unchanged_order(transaction: WriteTransaction, order: Order) -> None:
    """Let a transaction commit only if an order is as it was read. The commit raises OrderMoved if it is not."""
    moved = refuse(OrderMoved, "the order has changed meanwhile; read it again and repeat")
    transaction.check(OrderItem(*order_key(order.id)), OrderItem.sequence == order.sequence, moved)


def replace_order(before: Order, after: Order) -> None:
    """Write a change that moves nothing but the order itself: a single write, at half the units of a transaction.

    Safe to repeat, also after a lost answer: the sequence has moved on, and the order's own history tells that the step was taken.

    Raises:
        OrderMoved: another change came between.
    """
    if after.sequence != before.sequence + 1:
        raise ValueError("a changed order carries the next sequence")
    try:
        order_item(after).save(condition=OrderItem.sequence == before.sequence)
    except PutError as error:
        if code_of(error) in _OVERTAKEN:
            raise OrderMoved("the order has changed meanwhile; read it again and repeat") from error
        raise
