"""Refunds of a charge whose dispute was lost: the customer has that money from their bank, so it is not given to them again.

What the refund has posted to the processor, which paid nothing, goes to those who bear the loss. First to the order's own store, as far as it bears
more than is left of its order; then to the union, which bears what refunds had given back before; then to whoever bears the rest. What no
lost dispute has paid goes to the customer's account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout.model import CardPayment, Disputed, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.storing import add_changed_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.ids import derived_id
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch_all
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Payable, Transfer, postings_of
from mart_union.ledger.periods import due_day
from mart_union.ledger.service import add_payable, add_transfer, get_transfer
from mart_union.orders.model import Order
from mart_union.orders.storing import order_ref

BORNE = "union/chargebacks"
UNION = "union"
"""The name under which the union bears a part of a lost dispute; a store does under its order's id."""


def is_decided(card: CardPayment) -> bool:
    """Whether a dispute of the charge was lost, and none is open."""
    states = {each.state for each in card.disputes.values()}
    return "lost" in states and "open" not in states


def borne_by(disputes: Mapping[str, Disputed]) -> dict[str, int]:
    """What each order's store, and the union, bear of all lost disputes together, in minor units."""
    borne: dict[str, int] = {}
    for dispute in disputes.values():
        for name, amount in dispute.bears.items():
            borne[name] = borne.get(name, 0) + amount
    return borne


def charged_of(intent: str, orders: Sequence[Order]) -> dict[str, int]:
    """What is left of what a card paid for each order after its refunds, by the order's id, in minor units."""
    paid = {posting.account: posting.amount_minor for posting in get_transfer(f"card-{intent}").postings}
    return {order.id: max(paid.get(f"order/{order.id}", 0) - order.refunded_minor, 0) for order in orders}


def add_settled(
    transaction: WriteTransaction, refund: Transfer, name: str, purchase: Purchase, due_minor: int, now: datetime
) -> None:
    """Add to a transaction that a refund of a lost charge ends as the transfer `name`, with the purchase as it is then."""
    card = purchase.card
    if card is None:
        raise ValueError(f"purchase {purchase.id} was paid by no card")
    found = [order for order in fetch_all([order_ref(each) for each in purchase.orders], consistent=True) if order]
    kind, _, order = refund.reference.partition("/")
    own = [order] if kind == "order" else list(purchase.orders)
    disputes, given = relieved(card.disputes, own, charged_of(card.intent, found), due_minor)
    amounts = {CARDS: -due_minor, BORNE: given.get(UNION, 0)}
    amounts[f"customer/{purchase.customer}"] = due_minor - sum(given.values())
    relieved_orders = [order for order in found if given.get(order.id)]
    for order in relieved_orders:
        amounts[f"store/{order.store}"] = amounts.get(f"store/{order.store}", 0) + given[order.id]
    about, postings = f"purchase/{purchase.id}", postings_of({who: much for who, much in amounts.items() if much})
    add_changed_purchase(transaction, purchase, replace(purchase, card=replace(card, disputes=disputes)))
    add_transfer(transaction, Transfer(name, "refund_failed", refund.currency, postings, about, iso(now)))
    for order in relieved_orders:
        add_payable(transaction, chargeback_payable(order, given[order.id], name, now))


def relieved(
    disputes: Mapping[str, Disputed], own: Sequence[str], left: Mapping[str, int], amount_minor: int
) -> tuple[dict[str, Disputed], dict[str, int]]:
    """The disputes after an amount of a refund of the orders `own` went to those who bear them, and what each of those got.

    `left` is what is left of each order. Never more than they bear altogether.
    """
    after, given = dict(disputes), dict[str, int]()
    borne = borne_by(disputes)
    beyond = {order: max(borne.get(order, 0) - left.get(order, 0), 0) for order in own}
    others = [name for name in borne if name != UNION and name not in own]
    most = [*beyond.items(), *((name, borne.get(name, 0)) for name in (UNION, *own, *others))]
    for name, limit in most:
        wanted = min(limit, amount_minor - sum(given.values()))
        for dispute, decided in after.items():
            part = min(wanted, decided.bears.get(name, 0))
            if part > 0:
                after[dispute] = replace(decided, bears=decided.bears | {name: decided.bears[name] - part})
                given[name], wanted = given.get(name, 0) + part, wanted - part
    return after, given


def chargeback_payable(order: Order, amount_minor: int, transfer: str, now: datetime) -> Payable:
    """What an order's store gives of a lost dispute (below zero), or gets back of what it bore."""
    return Payable(
        id=derived_id("chargeback", transfer, order.id),
        party=f"store/{order.store}",
        order=order.id,
        amount_minor=amount_minor,
        due=due_day(now, order.settlement_period, settings().time_zone).isoformat(),
        kind="chargeback",
        transfer=transfer,
        titles=order.lines[0].titles,
    )
