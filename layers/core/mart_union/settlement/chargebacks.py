"""Chargebacks: a customer's bank takes back what their card paid, until the dispute is decided, and sometimes after it was.

While it is open the union bears it (`union/chargebacks`). Won, the money comes back. Lost, the stores of the purchase bear it, in proportion to
what is left of what each was paid for and bears nothing of yet, for they took the order and can show what they delivered; suppliers and carriers
keep what they earned. What refunds have given back before, no store bears again: it stays with the union. Of one that is won in part, the part
that comes back is borne by nobody. A lost dispute that is won after all is reinstated: everybody gets back what they still bear of it.

How each dispute stands is kept on the purchase, under its condition, so that disputes and refunds of one charge are decided one after the other.
Refunds that had to wait go on when it is decided (`checkout.card_refunds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout.card_port import Dispute, card_provider
from mart_union.checkout.card_refunds import resume_refunds
from mart_union.checkout.disputed_refunds import (
    BORNE,
    UNION,
    borne_by,
    chargeback_payable,
    charged_of,
    reinstated,
)
from mart_union.checkout.model import CardPayment, Disputed, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.storing import Overtaken, add_changed_purchase, current_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.money import split_within
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch_all
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import add_payable, add_transfer, get_transfer, post
from mart_union.orders.model import Order
from mart_union.orders.storing import OrderMoved, add_unchanged_order, order_ref


def post_dispute(dispute: Dispute, now: datetime) -> str:
    """Post how a dispute stands: `opened`, `won`, `lost`, or `ignored` where no money has moved, or it is not about a purchase of ours.

    Repeated, late and out of order it posts each move once: the opening, one decision, and where that was lost, its reinstatement. Once it is
    decided, refunds that waited for it go on.

    Raises:
        KeyReused: the dispute was opened about another amount.
        ProviderUnavailable: a refund that waited cannot be asked for now; repeat it.
        Busy: other changes of its orders kept winning; repeat it.
    """
    intent = card_provider().find(dispute.intent)
    if dispute.state == "inquiry" or intent.union != settings().union or not intent.purchase:
        return "ignored"
    payment = get_transfer(f"card-{dispute.intent}")
    opened = Transfer(
        f"chargeback-{dispute.id}",
        "chargeback",
        payment.currency,
        postings_of({CARDS: dispute.amount_minor, BORNE: -dispute.amount_minor}),
        payment.reference,
        iso(now),
    )
    retried(lambda: _bring_on_in_turn(dispute, opened, now), on=Overtaken, what="this purchase")
    if dispute.state == "open":
        return "opened"
    resume_refunds(opened.reference.partition("/")[2], now)
    return dispute.state


def _bring_on_in_turn(dispute: Dispute, opened: Transfer, now: datetime) -> None:
    retried(lambda: _bring_on(dispute, opened, now), on=OrderMoved, what="the orders of this payment")


def _bring_on(dispute: Dispute, opened: Transfer, now: datetime) -> None:
    purchase = current_purchase(opened.reference.partition("/")[2])
    known = _disputes_of(purchase).get(dispute.id)
    if known is None:
        known, before = Disputed(dispute.amount_minor), purchase
        purchase = _with(before, dispute.id, known)
        post(opened, lambda transaction: add_changed_purchase(transaction, before, purchase))
    else:
        post(opened)
    act = _DECISIONS.get((known.state, dispute.state))
    if act is not None:
        act(purchase, dispute, opened, now)


def _win(purchase: Purchase, dispute: Dispute, opened: Transfer, now: datetime) -> None:
    """What the bank took is there again."""
    amounts = {posting.account: -posting.amount_minor for posting in opened.postings}
    after = _with(purchase, dispute.id, Disputed(dispute.amount_minor, "won"))
    _commit(purchase, after, _following(opened, "closed", "chargeback_won", amounts, now), (), {}, now)


def _reinstate(purchase: Purchase, dispute: Dispute, opened: Transfer, now: datetime) -> None:
    """What the bank took is there again, and goes to whoever still bears it; what refunds were settled with, to the customer whom they were due."""
    _take_back(purchase, dispute, Disputed(dispute.amount_minor, "won"), opened, "reinstated", now)


def _return_part(purchase: Purchase, dispute: Dispute, opened: Transfer, now: datetime) -> None:
    """A part of what was lost came back after that was told: it was won in part."""
    if dispute.back_minor > _disputes_of(purchase)[dispute.id].back_minor:
        stands = Disputed(dispute.amount_minor, "lost", back_minor=dispute.back_minor)
        _take_back(purchase, dispute, stands, opened, "returned", now)


def _take_back(
    purchase: Purchase, dispute: Dispute, stands: Disputed, opened: Transfer, word: str, now: datetime
) -> None:
    """What comes back of a lost dispute, so that it stands as it is decided now."""
    card, orders = _card_of(purchase), _orders_of(purchase)
    came = card.disputes[dispute.id].lost_minor - stands.lost_minor
    disputes, given = reinstated(card, dispute.id, stands)
    amounts = {CARDS: -came, BORNE: given.get(UNION, 0)}
    amounts[f"customer/{purchase.customer}"] = came - sum(given.values())
    for order in orders:
        amounts[f"store/{order.store}"] = amounts.get(f"store/{order.store}", 0) + given.get(order.id, 0)
    after = replace(purchase, card=replace(card, disputes=disputes))
    transfer = _following(opened, word, "chargeback_reinstated", amounts, now)
    _commit(purchase, after, transfer, orders, given, now)


def _lose(purchase: Purchase, dispute: Dispute, opened: Transfer, now: datetime) -> None:
    """Its stores bear what they can, and the union, which bears it already, the rest: where that is all of it, nothing moves. A part that came back
    nobody bears."""
    orders = _orders_of(purchase)
    left, borne = charged_of(dispute.intent, orders), borne_by(_disputes_of(purchase))
    lost = Disputed(dispute.amount_minor, "lost", back_minor=min(dispute.back_minor, dispute.amount_minor))
    shares = lost_shares(
        lost.lost_minor, {order: left[order] - borne.get(order, 0) for order in left}, settings().currency.step
    )
    total = sum(shares.values())
    amounts = {CARDS: -lost.back_minor, BORNE: lost.back_minor + total}
    for order in orders:
        amounts[f"store/{order.store}"] = amounts.get(f"store/{order.store}", 0) - shares[order.id]
    bears = {order: share for order, share in shares.items() if share} | {UNION: lost.lost_minor - total}
    after = _with(purchase, dispute.id, replace(lost, bears=bears))
    transfer = _following(opened, "closed", "chargeback_lost", amounts, now)
    owed = {order: -share for order, share in shares.items()}
    _commit(purchase, after, transfer, orders, owed, now, unchanged=True)


_DECISIONS = {
    ("open", "won"): _win,
    ("open", "lost"): _lose,
    ("lost", "lost"): _return_part,
    ("lost", "won"): _reinstate,
}
"""What is done when a dispute that stands so is decided so; anything else is late, or told again."""


def lost_shares(disputed_minor: int, left: Mapping[str, int], step: int) -> dict[str, int]:
    """What the store of each order bears of a lost dispute, in minor units: in proportion to what is left of the order that it does not bear yet,
    never more than that, and together never more than the dispute."""
    limits = [max(amount, 0) for amount in left.values()]
    shares = split_within(min(disputed_minor, sum(limits)), limits, step)
    return dict(zip(left, shares, strict=True))


def _following(opened: Transfer, word: str, kind: str, amounts: Mapping[str, int], now: datetime) -> Transfer:
    postings = postings_of({account: amount for account, amount in amounts.items() if amount})
    name, about = f"{opened.id}-{word}", opened.reference
    return Transfer(name, kind, opened.currency, postings, about, iso(now), reverses=opened.id)


def _commit(
    before: Purchase,
    after: Purchase,
    transfer: Transfer,
    orders: Sequence[Order],
    shares: Mapping[str, int],
    now: datetime,
    *,
    unchanged: bool = False,
) -> None:
    """The purchase, the transfer if it moves anything, and a payable an order whose store gets or gives a share."""
    transaction = WriteTransaction()
    add_changed_purchase(transaction, before, after)
    if transfer.postings:
        add_transfer(transaction, transfer)
    for order in orders:
        if shares.get(order.id):
            add_payable(transaction, chargeback_payable(order, shares[order.id], transfer.id, now))
        if unchanged:
            add_unchanged_order(transaction, order)
    transaction.commit()


def _disputes_of(purchase: Purchase) -> Mapping[str, Disputed]:
    return purchase.card.disputes if purchase.card is not None else {}


def _with(purchase: Purchase, name: str, dispute: Disputed) -> Purchase:
    card = _card_of(purchase)
    return replace(purchase, card=replace(card, disputes=card.disputes | {name: dispute}))


def _card_of(purchase: Purchase) -> CardPayment:
    if purchase.card is None:
        raise ValueError(f"purchase {purchase.id} was paid by no card")
    return purchase.card


def _orders_of(purchase: Purchase) -> list[Order]:
    found = fetch_all([order_ref(order) for order in purchase.orders], consistent=True)
    return [order for order in found if order is not None]
