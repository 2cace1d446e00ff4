"""Refunds to cards: the ledger's refund is the order, the provider carries it out, and what it cannot give back is credited instead.

What somebody gave back by hand, in the provider's own pages, counts: nobody gets more than they paid. So what a refund gives is first written down on
the purchase, under the condition that no other refund was meanwhile; then the provider is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout.card_port import CardRefund, ProviderFailed, card_provider
from mart_union.checkout.disputed_refunds import add_settled, is_decided
from mart_union.checkout.model import CardPayment, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.storing import Overtaken, current_purchase, store_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, KeyReused, NotFound, RuleViolation
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import fetch
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.refs import transfer_ref
from mart_union.ledger.service import get_transfer, post
from mart_union.orders.service import get_order

_DISPUTED = "charge_disputed"  # https://docs.stripe.com/error-codes


def refund_card(transfer: Transfer, now: datetime) -> bool:
    """Give back at the provider what a refund has posted to its account; says whether there was anything. Safe to repeat.

    What the provider refuses, or fails at, goes to the customer's union account; once credited, the provider is not asked again. What was
    given back by hand before is not given again, neither to the card nor to the account. While the charge is disputed the refund waits: its bank
    decides who has the money, and `resume_refunds` goes on then. After that was lost, the refund goes to the customer's account as far as their bank
    has not given it, and the rest to those who bear the loss.

    Raises:
        ProviderUnavailable: nobody knows; repeat it.
        Busy: other refunds of the purchase kept winning; repeat it.
    """
    amount = _refunded(transfer)
    if transfer.kind != "refund" or amount <= 0:
        return False
    if fetch(transfer_ref(_credit_of(transfer)), consistent=True) is not None:
        return True
    return _carry_out(transfer, _written_down(transfer, amount, _claimed), now)


def _carry_out(transfer: Transfer, due: int, now: datetime) -> bool:
    card = _card_of(_purchase_of(transfer))
    is_disputed = any(each.state in {"open", "lost"} for each in card.disputes.values())
    if is_disputed and transfer.id not in _carried_out(card):
        return _settle_disputed(transfer, due, now)
    if not due:
        return True
    tries = card.tries.get(transfer.id, 0)
    try:
        refund = card_provider().refund(card.intent, due, transfer.id, len(card.disputes) + tries)
    except ProviderFailed:
        _note_tries(transfer, tries + 1)
        raise
    except RuleViolation as refusal:
        if refusal.facts.get("reason") == _DISPUTED:
            return _settle_disputed(transfer, due, now)
        _credit(transfer, due, now)
        return True
    if refund.failed:
        _credit(transfer, due, now)
    if tries:
        _note_tries(transfer, 0)
    return True


def _note_tries(refund: Transfer, tries: int) -> None:
    """Keep at how many keys of a refund's the provider has failed: they are not used again, and each next one is everybody's next."""

    def write() -> None:
        purchase = _purchase_of(refund)
        card = _card_of(purchase)
        others = {name: count for name, count in card.tries.items() if name != refund.id}
        most = max(tries, card.tries.get(refund.id, 0)) if tries else 0
        after = replace(card, tries=others | ({refund.id: most} if most else {}))
        if after != card:
            store_purchase(purchase, replace(purchase, card=after))

    retried(write, on=Overtaken, what="this purchase")


def resume_refunds(purchase: str, now: datetime) -> None:
    """Go on with the refunds of a purchase that its provider has not carried out, now that a dispute of it is decided. Safe to repeat.

    Raises:
        ProviderUnavailable, Busy: as for `refund_card`.
    """
    card = current_purchase(purchase).card
    if card is None or not card.returns:
        return
    done = _carried_out(card)
    for refund in card.returns:
        if refund not in done:
            refund_card(get_transfer(refund), now)


def _carried_out(card: CardPayment) -> set[str]:
    """The refunds that the provider has carried out."""
    return {each.transfer for each in card_provider().refunds(card.intent) if not each.failed}


def _settle_disputed(refund: Transfer, amount_minor: int, now: datetime) -> bool:
    """End a refund of a charge whose dispute was lost; False while it is not decided."""

    def settle() -> bool:
        if fetch(transfer_ref(_credit_of(refund)), consistent=True) is not None:
            return True
        if not is_decided(_card_of(_purchase_of(refund))):
            return False
        due = _written_down(refund, amount_minor, _credited)
        purchase = _purchase_of(refund)
        if not is_decided(_card_of(purchase)):
            return False
        transaction = WriteTransaction()
        try:
            if add_settled(transaction, refund, _credit_of(refund), purchase, due, now):
                transaction.commit()
        except Overtaken:
            raise
        except Conflict:
            get_transfer(_credit_of(refund), consistent=True)  # ended at the same moment
        return True

    return retried(settle, on=Overtaken, what="this purchase")


def settle_refund(refund: CardRefund, now: datetime) -> bool:
    """A refund that failed after all is credited to the customer's account; says whether it did. Safe to repeat.

    Raises:
        RuleViolation: the charge is disputed: nothing is credited beside it until that is decided.
    """
    if not refund.failed or not refund.transfer:
        return False
    _credit(get_transfer(refund.transfer), refund.amount_minor, now)
    return True


_Rule = Callable[[CardPayment, str, int, int], CardPayment]


def _written_down(transfer: Transfer, amount_minor: int, rule: _Rule) -> int:
    """What a refund gives by now, as a rule makes it of the card, the refund, its amount and what was given back by hand."""

    def write() -> int:
        purchase = _purchase_of(transfer)
        card = _card_of(purchase)
        made = card_provider().refunds(card.intent)
        after = rule(card, transfer.id, amount_minor, by_hand(card, made, transfer.id))
        if after != card:
            store_purchase(purchase, replace(purchase, card=after))
        return after.returns.get(transfer.id, 0)

    return retried(write, on=Overtaken, what="this purchase")


def by_hand(card: CardPayment, refunds: Sequence[CardRefund], refund: str) -> int:
    """What of a charge was given back at the provider by no refund of ours: neither by this one nor by one that is written down."""
    ours = {refund, *card.returns}
    return sum(each.amount_minor for each in refunds if not each.failed and each.transfer not in ours)


def _claimed(card: CardPayment, refund: str, amount_minor: int, given: int) -> CardPayment:
    """The refund with its amount, as far as that much of the charge is left."""
    if refund in card.returns:
        return card
    left = max(card.captured_minor - sum(card.returns.values()) - given, 0)
    return _returning(card, refund, amount_minor, min(amount_minor, left))


def _credited(card: CardPayment, refund: str, amount_minor: int, given: int) -> CardPayment:
    """The refund with what is credited of it: what was given back by hand, and for no other refund, was given for this one."""
    due = card.returns.get(refund, amount_minor)
    free = max(given - card.by_hand_minor, 0)
    return _returning(card, refund, due, max(due - free, 0))


def _returning(card: CardPayment, refund: str, due_minor: int, amount_minor: int) -> CardPayment:
    found = card.by_hand_minor + due_minor - amount_minor
    return replace(card, returns=card.returns | {refund: amount_minor}, by_hand_minor=found)


def _credit(refund: Transfer, amount_minor: int, now: datetime) -> None:
    if fetch(transfer_ref(_credit_of(refund)), consistent=True) is not None:
        return
    if card_provider().is_disputed(_card_of(_purchase_of(refund)).intent):
        if _settle_disputed(refund, amount_minor, now):
            return
        raise RuleViolation("the charge is disputed: its bank decides who has the money", reason=_DISPUTED)
    amount = _written_down(refund, amount_minor, _credited)
    if not amount:
        return
    postings = postings_of({CARDS: -amount, f"customer/{_purchase_of(refund).customer}": amount})
    try:
        post(Transfer(_credit_of(refund), "refund_failed", refund.currency, postings, refund.reference, iso(now)))
    except KeyReused:
        get_transfer(_credit_of(refund), consistent=True)  # credited at the same moment, before more came to light


def _credit_of(refund: Transfer) -> str:
    return f"refund-failed-{refund.id}"


def _refunded(transfer: Transfer) -> int:
    return sum(posting.amount_minor for posting in transfer.postings if posting.account == CARDS)


def _purchase_of(transfer: Transfer) -> Purchase:
    kind, _, name = transfer.reference.partition("/")
    return current_purchase(get_order(name).purchase if kind == "order" else name)


def _card_of(purchase: Purchase) -> CardPayment:
    if purchase.card is None:
        raise NotFound(f"purchase {purchase.id} has no card to give anything back to")
    return purchase.card
