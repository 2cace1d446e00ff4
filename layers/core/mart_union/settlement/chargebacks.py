"""Chargebacks: a customer's bank takes back what their card paid, until the dispute is decided.

While it is open the union bears it (`union/chargebacks`). Won, the money comes back. Lost, the stores of the purchase bear it, in proportion to
what each was paid for, for they took the order and can show what they delivered; suppliers and carriers keep what they earned.
"""

from __future__ import annotations

from datetime import datetime

from mart_union.checkout.card_port import Dispute, card_provider
from mart_union.checkout.payers import CARDS
from mart_union.checkout.service import get_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import split
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Payable, Transfer, postings_of
from mart_union.ledger.service import add_payable, add_transfer, get_transfer, post
from mart_union.orders.model import Order
from mart_union.orders.service import get_orders
from mart_union.settlement.periods import due_day

BORNE = "union/chargebacks"


def post_dispute(dispute: Dispute, now: datetime) -> str:
    """Post how a dispute stands: `opened`, `won`, `lost`, or `ignored` where no money has moved, or it is not about a purchase of ours.

    Repeated, late and out of order it posts each of the two moves once, and one decision only.
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
    post(opened)
    if dispute.state == "won":
        _post_won(opened, now)
    if dispute.state == "lost":
        _post_lost(opened, payment, now)
    return "opened" if dispute.state == "open" else dispute.state


def _post_won(opened: Transfer, now: datetime) -> None:
    amounts = {posting.account: -posting.amount_minor for posting in opened.postings}
    post(_closing(opened, "chargeback_won", amounts, now))


def _post_lost(opened: Transfer, payment: Transfer, now: datetime) -> None:
    orders = get_orders(get_purchase(payment.reference.partition("/")[2]).orders)
    paid = {posting.account: posting.amount_minor for posting in payment.postings}
    weights = [paid.get(f"order/{order.id}", 0) for order in orders]
    amount = next(posting.amount_minor for posting in opened.postings if posting.account == CARDS)
    shares = list(zip(orders, split(amount, weights, settings().currency.step), strict=True))
    amounts = {f"store/{order.store}": -share for order, share in shares} | {BORNE: amount}
    transfer = _closing(opened, "chargeback_lost", amounts, now)
    transaction = WriteTransaction()
    add_transfer(transaction, transfer)
    for order, share in shares:
        if share:
            add_payable(transaction, _payable(order, share, transfer, now))
    try:
        transaction.commit()
    except Conflict:
        get_transfer(transfer.id, consistent=True)  # it was decided before


def _closing(opened: Transfer, kind: str, amounts: dict[str, int], now: datetime) -> Transfer:
    return Transfer(
        f"{opened.id}-closed",
        kind,
        opened.currency,
        postings_of(amounts),
        opened.reference,
        iso(now),
        reverses=opened.id,
    )


def _payable(order: Order, share: int, transfer: Transfer, now: datetime) -> Payable:
    party = f"store/{order.store}"
    return Payable(
        id=derived_id("chargeback", transfer.id, order.id),
        party=party,
        order=order.id,
        amount_minor=-share,
        due=due_day(now, order.settlement_period, settings().time_zone).isoformat(),
        kind="chargeback",
        transfer=transfer.id,
        titles=order.lines[0].titles,
    )
