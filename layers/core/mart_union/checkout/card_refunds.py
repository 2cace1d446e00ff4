"""Refunds to cards: the ledger's refund is the order, the provider carries it out, and what it cannot give back is credited instead."""

from __future__ import annotations

from datetime import datetime

from mart_union.checkout.card_port import CardRefund, card_provider
from mart_union.checkout.model import Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.service import get_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import NotFound, RuleViolation
from mart_union.kernel.storage import fetch
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.refs import transfer_ref
from mart_union.ledger.service import get_transfer, post
from mart_union.orders.service import get_order

_DISPUTED = "charge_disputed"  # https://docs.stripe.com/error-codes


def refund_card(transfer: Transfer, now: datetime) -> bool:
    """Give back at the provider what a refund has posted to its account; says whether there was anything. Safe to repeat.

    What the provider refuses, or fails at, goes to the customer's union account; once credited, the provider is not asked again.

    Raises:
        ProviderUnavailable: nobody knows; repeat it.
        RuleViolation: the charge is disputed: the bank decides who has the money, so nothing is credited beside it.
    """
    amount = _refunded(transfer)
    if transfer.kind != "refund" or amount <= 0:
        return False
    if fetch(transfer_ref(_credit_of(transfer)), consistent=True) is not None:
        return True
    purchase = _purchase_of(transfer)
    if purchase.card is None:
        raise NotFound(f"purchase {purchase.id} has no card to give {amount} back to")
    try:
        refund = card_provider().refund(purchase.card.intent, amount, transfer.id)
    except RuleViolation as refusal:  # such as a charge that was given back by hand
        if refusal.facts.get("reason") == _DISPUTED:
            raise
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
    transfer = Transfer(_credit_of(refund), "refund_failed", refund.currency, postings, refund.reference, iso(now))
    post(transfer)


def _credit_of(refund: Transfer) -> str:
    return f"refund-failed-{refund.id}"


def _refunded(transfer: Transfer) -> int:
    return sum(posting.amount_minor for posting in transfer.postings if posting.account == CARDS)


def _purchase_of(transfer: Transfer) -> Purchase:
    kind, _, name = transfer.reference.partition("/")
    return get_purchase(get_order(name).purchase if kind == "order" else name)
