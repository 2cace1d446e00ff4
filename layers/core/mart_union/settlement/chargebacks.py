"""Chargebacks: a customer's bank takes back what their card paid, until the dispute is decided, and sometimes after it was.

While it is open the union bears it (`union/chargebacks`). Won, the money comes back. Lost, the stores of the purchase bear it, in proportion to
what is left of what each was paid for, for they took the order and can show what they delivered; suppliers and carriers keep what they earned.
What refunds have given back before, no store bears again: it stays with the union. A lost dispute that is won after all is reinstated:
every store gets back what it bore.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from mart_union.checkout.card_port import Dispute, card_provider
from mart_union.checkout.payers import CARDS
from mart_union.checkout.service import get_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import split_within
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch, fetch_all
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Payable, Transfer, postings_of
from mart_union.ledger.periods import due_day
from mart_union.ledger.refs import transfer_ref
from mart_union.ledger.service import add_payable, add_transfer, get_transfer, post
from mart_union.orders.model import Order
from mart_union.orders.storing import OrderMoved, add_unchanged_order, order_ref

BORNE = "union/chargebacks"


def post_dispute(dispute: Dispute, now: datetime) -> str:
    """Post how a dispute stands: `opened`, `won`, `lost`, or `ignored` where no money has moved, or it is not about a purchase of ours.

    Repeated, late and out of order it posts each move once: the opening, one decision, and where that was lost, its reinstatement.

    Raises:
        KeyReused: the dispute was opened about another amount.
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
    post(opened)
    if dispute.state == "won":
        _decide_won(opened, now)
    if dispute.state == "lost":
        retried(lambda: _decide_lost(opened, payment, now), on=OrderMoved, what="the orders of this payment")
    return "opened" if dispute.state == "open" else dispute.state


def _decide_won(opened: Transfer, now: datetime) -> None:
    """What the bank took is there again; from whoever bears it by now."""
    amounts = {posting.account: -posting.amount_minor for posting in opened.postings}
    if _decision(opened) is None:
        _commit(_following(opened, "closed", "chargeback_won", amounts, now), {}, (), now)
    decided = _decision(opened)
    if decided is None or decided.kind == "chargeback_won":
        return
    for posting in decided.postings:
        amounts[posting.account] = amounts.get(posting.account, 0) - posting.amount_minor
    borne = {order: int(share) for order, share in decided.facts.items()}
    _commit(_following(opened, "reinstated", "chargeback_reinstated", amounts, now), borne, _orders_of(opened), now)


def _decide_lost(opened: Transfer, payment: Transfer, now: datetime) -> None:
    if _decision(opened) is not None:
        return
    orders = _orders_of(opened)
    shares = lost_shares(opened, payment, orders, settings().currency.step)
    amounts: dict[str, int] = {BORNE: sum(shares.values())}
    for order in orders:
        party = f"store/{order.store}"
        amounts[party] = amounts.get(party, 0) - shares[order.id]
    transfer = _following(opened, "closed", "chargeback_lost", amounts, now, shares)
    _commit(transfer, {order: -share for order, share in shares.items()}, orders, now, unchanged=True)


def lost_shares(opened: Transfer, payment: Transfer, orders: Sequence[Order], step: int) -> dict[str, int]:
    """What the store of each order bears of a lost dispute, in minor units: in proportion to what the card paid for the order and was not given
    back since, never more than that, and together never more than the dispute."""
    paid = {posting.account: posting.amount_minor for posting in payment.postings}
    left = [max(paid.get(f"order/{order.id}", 0) - order.refunded_minor, 0) for order in orders]
    disputed = sum(posting.amount_minor for posting in opened.postings if posting.account == CARDS)
    shares = split_within(min(disputed, sum(left)), left, step)
    return {order.id: share for order, share in zip(orders, shares, strict=True)}


def _following(
    opened: Transfer,
    word: str,
    kind: str,
    amounts: dict[str, int],
    now: datetime,
    shares: Mapping[str, int] | None = None,
) -> Transfer:
    return Transfer(
        f"{opened.id}-{word}",
        kind,
        opened.currency,
        postings_of(amounts),
        opened.reference,
        iso(now),
        reverses=opened.id,
        facts={order: str(share) for order, share in (shares or {}).items() if share},
    )


def _commit(
    transfer: Transfer, shares: Mapping[str, int], orders: Sequence[Order], now: datetime, *, unchanged: bool = False
) -> None:
    """The transfer with a payable an order whose store gets or gives a share; nothing, if it was made before."""
    transaction = WriteTransaction()
    add_transfer(transaction, transfer)
    for order in orders:
        if shares.get(order.id):
            add_payable(transaction, _payable(order, shares[order.id], transfer, now))
        if unchanged:
            add_unchanged_order(transaction, order)
    try:
        transaction.commit()
    except OrderMoved:
        raise
    except Conflict:
        get_transfer(transfer.id, consistent=True)


def _decision(opened: Transfer) -> Transfer | None:
    return fetch(transfer_ref(f"{opened.id}-closed"), consistent=True)


def _orders_of(opened: Transfer) -> list[Order]:
    purchase = get_purchase(opened.reference.partition("/")[2])
    found = fetch_all([order_ref(order) for order in purchase.orders], consistent=True)
    return [order for order in found if order is not None]


def _payable(order: Order, amount_minor: int, transfer: Transfer, now: datetime) -> Payable:
    return Payable(
        id=derived_id("chargeback", transfer.id, order.id),
        party=f"store/{order.store}",
        order=order.id,
        amount_minor=amount_minor,
        due=due_day(now, order.settlement_period, settings().time_zone).isoformat(),
        kind="chargeback",
        transfer=transfer.id,
        titles=order.lines[0].titles,
    )
