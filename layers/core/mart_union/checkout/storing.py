"""Purchases in a write transaction: changes under the payment, the card's intent and what goes back to it, as they were read."""

from __future__ import annotations

from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from mart_union.checkout.model import Purchase
from mart_union.checkout.tables import PurchaseItem, purchase_item, purchase_key, returns_mark
from mart_union.kernel.errors import Conflict, NotFound
from mart_union.kernel.storage import code_of, find
from mart_union.kernel.transaction import WriteTransaction, refuse

_OVERTAKEN = {"ConditionalCheckFailedException", "TransactionConflictException"}


class Overtaken(Conflict):
    """The purchase changed between reading and writing: read it again and repeat."""


def current_purchase(purchase: str) -> Purchase:
    """A purchase as it is at this moment.

    Raises:
        NotFound: there is none.
    """
    item = find(PurchaseItem, *purchase_key(purchase), consistent=True)
    if item is None:
        raise NotFound(f"there is no purchase {purchase}")
    return item.document


def add_changed_purchase(transaction: WriteTransaction, before: Purchase, after: Purchase) -> None:
    """Add a changed purchase to a transaction. The commit raises Overtaken if another change came between."""
    moved_on = refuse(Overtaken, f"purchase {before.id} has changed meanwhile: it no longer is {before.payment}")
    transaction.put(purchase_item(after), condition=_unchanged(before), refusal=moved_on)


def store_purchase(before: Purchase, after: Purchase) -> None:
    """Write a change that moves nothing but the purchase itself, in a single write.

    After a lost answer, what is found is compared with what was written: its repeat changes nothing.

    Raises:
        Overtaken: another change came between.
    """
    try:
        purchase_item(after).save(condition=_unchanged(before))
    except PutError as error:
        if code_of(error) not in _OVERTAKEN:
            raise
        if current_purchase(before.id) != after:
            raise Overtaken("the purchase has changed meanwhile") from error


def _unchanged(before: Purchase) -> Condition:
    intent = before.card.intent if before.card else ""
    same_intent = PurchaseItem.intent == intent if intent else PurchaseItem.intent.does_not_exist()
    mark = returns_mark(before)
    same_returns = PurchaseItem.returns == mark if mark else PurchaseItem.returns.does_not_exist()
    unchanged: Condition = (PurchaseItem.payment == before.payment) & same_intent & same_returns
    return unchanged
