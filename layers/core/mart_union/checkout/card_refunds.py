"""Refunds to cards: the ledger's refund is the order, the provider carries it out, and what it cannot give back is credited instead."""

from __future__ import annotations

from datetime import datetime

from mart_union.checkout.card_port import CardRefund, card_provider
from mart_union.checkout.model import Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.service import get_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import NotFound, RuleViolation
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import get_transfer, post
from mart_union.orders.service import get_order


def refund_card(transfer: Transfer, now: datetime) -> bool:
    """Give back at the provider what a refund has posted to its account; says whether there was anything. Safe to repeat.

    What the provider refuses, or fails at, goes to the customer's union account.

    Raises:
        ProviderUnavailable: nobody knows; repeat it.
    """
    amount = _refunded(transfer)
    if transfer.kind != "refund" or amount <= 0:
        return False
    purchase = _purchase_of(transfer)
    if purchase.card is None:
        raise NotFound(f"purchase {purchase.id} has no card to give {amount} back to")
    try:
        refund = card_provider().refund(purchase.card.intent, amount, transfer.id)
    except RuleViolation:  # such as a charge that is disputed, or was given back by hand
        _credit(transfer, purchase, amount, now)
        return True
    if refund.failed:
        _credit(transfer, purchase, amount, now)
    return True


def settle_refund(refund: CardRefund, now: datetime) -> bool:
    """A refund that failed after all is credited to the customer's account; says whether it did. Safe to repeat."""
    if not refund.failed or not refund.transfer:
        return False
    transfer = get_transfer(refund.transfer)
    _credit(transfer, _purchase_of(transfer), refund.amount_minor, now)
    return True


def _credit(refund: Transfer, purchase: Purchase, amount_minor: int, now: datetime) -> None:
    postings = postings_of({CARDS: -amount_minor, f"customer/{purchase.customer}": amount_minor})
    transfer = Transfer(
        f"refund-failed-{refund.id}", "refund_failed", refund.currency, postings, refund.reference, iso(now)
    )
    post(transfer)


def _refunded(transfer: Transfer) -> int:
    return sum(posting.amount_minor for posting in transfer.postings if posting.account == CARDS)


def _purchase_of(transfer: Transfer) -> Purchase:
    kind, _, name = transfer.reference.partition("/")
    return get_purchase(get_order(name).purchase if kind == "order" else name)
