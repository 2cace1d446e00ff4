"""The write transaction: capabilities add their own items, each with its own refusal, and all commit or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from mart_union.kernel.errors import Conflict, MartUnionError
from mart_union.kernel.ids import new_id
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import Item, client, code_of

MOST_ITEMS = 100  # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_TRANSIENT = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}

Refusal = Callable[[dict[str, Any]], MartUnionError]
"""Makes the error of a failed condition from the item's attributes as they are (empty if it does not exist)."""


class _Collision(Exception):
    """Another transaction was at the same items at the same moment; nothing was written."""


class _Write(Struct, frozen=True):
    kind: str  # check, delete, put or update: the order in which PynamoDB sends them, and reasons come back
    item: Item
    actions: Sequence[Action]
    condition: Condition | None
    refusal: Refusal | None


_Texts = dict[tuple[type[Item], int, int], dict[str, Any]]


@cache
def _absent(model: type[Item]) -> Condition:
    return model.pk.does_not_exist()


def _add_put(transaction: TransactWrite, write: _Write, texts: _Texts) -> None:
    """Add a whole item; those of a kind under the very same condition, as new ones are, share its text."""
    alike = (type(write.item), id(write.actions), id(write.condition))
    if alike in texts:
        transaction._put_items.append({**texts[alike], "Item": write.item.serialize()})
    else:
        transaction.save(write.item, write.condition, return_values="ALL_OLD")
        texts[alike] = transaction._put_items[-1]


def _add_update(transaction: TransactWrite, write: _Write, texts: _Texts) -> None:
    """Add an update; items that are changed by the very same actions under the same condition, as the levels of a purchase are, share
    its text but for the key. Writing it for each took an eighth of a large checkout's own time."""
    alike = (type(write.item), id(write.actions), id(write.condition))
    if alike in texts:
        key = {"pk": {"S": write.item.pk}, "sk": {"S": write.item.sk}}
        transaction._update_items.append({**texts[alike], "Key": key})
    else:
        transaction.update(write.item, list(write.actions), write.condition, return_values="ALL_OLD")
        texts[alike] = transaction._update_items[-1]


class WriteTransaction:
    """An ordered list of writes that happen all or not at all.

    When several conditions fail, the refusal of the write added first is raised. An item may be named once.
    """

    def __init__(self) -> None:
        self._writes: list[_Write] = []

    def __len__(self) -> int:
        return len(self._writes)

    def put(self, item: Item, *, condition: Condition | None = None, refusal: Refusal | None = None) -> None:
        """Write a whole item."""
        self._writes.append(_Write("put", item, (), condition, refusal))

    def create(self, item: Item, refusal: Refusal) -> None:
        """Write an item that must not exist yet."""
        self.put(item, condition=_absent(type(item)), refusal=refusal)

    def update(
        self,
        item: Item,
        actions: Sequence[Action],
        *,
        condition: Condition | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Change attributes of the item under the key of `item`."""
        self._writes.append(_Write("update", item, actions, condition, refusal))

    def check(self, item: Item, condition: Condition, refusal: Refusal) -> None:
        """Only require a condition of the item under the key of `item`."""
        self._writes.append(_Write("check", item, [], condition, refusal))

    def delete(self, item: Item, *, condition: Condition | None = None, refusal: Refusal | None = None) -> None:
        """Remove an item."""
        self._writes.append(_Write("delete", item, [], condition, refusal))

    def commit(self) -> None:
        """Do it: one request. A conflict with another transaction is tried again with jitter.

        The token makes botocore's own repeats, after a lost answer, count once.

        Raises:
            MartUnionError: the refusal of the first write whose condition failed.
            Busy: other transactions kept winning.
        """
        if len(self._writes) > MOST_ITEMS:
            raise ValueError(f"a transaction has at most {MOST_ITEMS} items, this one {len(self._writes)}")
        retried(self._send, on=_Collision, what="the same items")

    def _send(self) -> None:
        try:
            self._send_once()
        except TransactWriteError as error:
            self._raise_refusal(error)
            raise _Collision from error

    def _send_once(self) -> None:
        connection = Connection()
        connection._client = client()
        texts: _Texts = {}
        with TransactWrite(connection=connection, client_request_token=new_id()) as transaction:
            for write in self._writes:
                if write.kind == "put":
                    _add_put(transaction, write, texts)
                elif write.kind == "update":
                    _add_update(transaction, write, texts)
                elif write.kind == "delete":
                    transaction.delete(write.item, write.condition)
                else:
                    transaction.condition_check(
                        type(write.item), write.item.pk, write.item.sk, condition=write.condition
                    )

    def _raise_refusal(self, error: TransactWriteError) -> None:
        """Return only when trying again can help."""
        reasons = error.cancellation_reasons
        if not reasons:
            if code_of(error) in {
                "TransactionInProgressException",
                "ThrottlingException",
                "ProvisionedThroughputExceededException",
            }:
                return
            raise error
        order = {"check": 0, "delete": 1, "put": 2, "update": 3}
        sent = sorted(range(len(self._writes)), key=lambda i: order[self._writes[i].kind])
        by_write = dict(zip(sent, reasons, strict=True))
        for i, write in enumerate(self._writes):
            reason = by_write[i]
            if reason is not None and reason.code == "ConditionalCheckFailed":
                raise self._refusal_of(write, reason.raw_item) from error
        if not all(reason is None or reason.code in _TRANSIENT for reason in reasons):
            raise error

    @staticmethod
    def _refusal_of(write: _Write, raw: Any) -> MartUnionError:
        if write.refusal is None:
            return Conflict("another change came first; read again and repeat", reason="overtaken")
        found = type(write.item).from_raw_data(raw).attribute_values if raw else {}
        return write.refusal(found)


def refuse(error: type[MartUnionError], detail: str, **facts: object) -> Refusal:
    """A refusal that does not depend on what was found."""
    return lambda _found: error(detail, **facts)


Also = Callable[[WriteTransaction], None]
"""Adds something of another capability to a transaction, such as an entry of the audit trail."""
