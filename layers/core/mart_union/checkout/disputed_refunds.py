"""Refunds of a charge of which a dispute was lost: the customer gets, of all that they paid, no part twice and none never.

A refund has posted to the processor, which gives back nothing of such a charge. It goes to the customer's account as far as the bank, earlier refunds
and somebody's hand have left that much of the charge. Only what exceeds that the customer has from their bank, and it goes to those who bear
the loss: first to the order's own store, as far as it bears more than is left of its order; then to the union, which bears what refunds had given back
before; then to whoever bears the rest.

No store bears more than is left of its order: what a refund leaves beyond that, the stores whose orders have more left bear instead, then the union.
So a refund before the loss and one after it end alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile

from msgspec.structs import replace

from mart_union.checkout.model import CardPayment, Disputed, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.storing import add_changed_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import split_within
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
) -> bool:
    """Add to a transaction that a refund of a lost charge ends as the transfer `name`, with the purchase as it is then, and that the stores bear what
    is left of their orders at most; says whether there is anything to add."""
    card = purchase.card
    if card is None:
        raise ValueError(f"purchase {purchase.id} was paid by no card")
    found = [order for order in fetch_all([order_ref(each) for each in purchase.orders], consistent=True) if order]
    kind, _, order = refund.reference.partition("/")
    own = [order] if kind == "order" else list(purchase.orders)
    left = charged_of(card.intent, found)
    disputes, given = relieved(card.disputes, own, left, due_minor - still_due(card, refund.id, due_minor))
    after, moved = rebalanced(disputes, left, settings().currency.step)
    customer = {f"customer/{purchase.customer}": due_minor - sum(given.values())}
    ended = Transfer(name, "refund_failed", refund.currency, (), f"purchase/{purchase.id}", iso(now))
    moving = replace(ended, id=f"chargeback-moved-{refund.id}", kind="chargeback_moved")
    _add_borne(transaction, ended, given, {CARDS: -due_minor} | customer, found, now)
    _add_borne(transaction, moving, {each: -amount for each, amount in moved.items()}, {}, found, now)
    if due_minor or moved:
        add_changed_purchase(transaction, purchase, replace(purchase, card=replace(card, disputes=after)))
    return bool(due_minor or moved)


def _add_borne(
    transaction: WriteTransaction,
    transfer: Transfer,
    given: Mapping[str, int],
    others: Mapping[str, int],
    orders: Sequence[Order],
    now: datetime,
) -> None:
    """Add a transfer that gives those who bear a dispute so much, or takes it from them, if it moves anything; with the payables of the stores."""
    amounts = Counter({**others, BORNE: given.get(UNION, 0)})
    for order in orders:
        amounts[f"store/{order.store}"] += given.get(order.id, 0)
    postings = postings_of({account: amount for account, amount in amounts.items() if amount})
    if not postings:
        return
    add_transfer(transaction, replace(transfer, postings=postings))
    for order in orders:
        if given.get(order.id):
            add_payable(transaction, chargeback_payable(order, given[order.id], transfer.id, now))


def still_due(card: CardPayment, refund: str, due_minor: int) -> int:
    """What of a refund's amount the customer has from nobody: as far as lost disputes, what was given back by hand, and the refunds that were
    written down before it have left that much of the charge."""
    before = [amount for name, amount in takewhile(lambda each: each[0] != refund, card.returns.items())]
    left = card.captured_minor - lost_of(card.disputes) - card.by_hand_minor - sum(before)
    return max(min(due_minor, left), 0)


def lost_of(disputes: Mapping[str, Disputed]) -> int:
    """What banks have taken back for good, in minor units."""
    return sum(each.lost_minor for each in disputes.values())


def relieved(
    disputes: Mapping[str, Disputed], own: Sequence[str], left: Mapping[str, int], amount_minor: int
) -> tuple[dict[str, Disputed], dict[str, int]]:
    """The disputes after an amount of a refund of the orders `own` went to those who bear them, and what each of those got of it.

    `left` is what is left of each order. Never more than they bear altogether.
    """
    after, given = dict(disputes), Counter[str]()
    borne = borne_by(disputes)
    beyond = {order: max(borne.get(order, 0) - left.get(order, 0), 0) for order in own}
    others = [name for name in borne if name != UNION and name not in own]
    most = [*beyond.items(), *((name, borne.get(name, 0)) for name in (UNION, *own, *others))]
    for name, limit in most:
        after, parts = _taken(after, name, min(limit, amount_minor - given.total()))
        given[name] += sum(parts.values())
    return after, dict(given)


def rebalanced(
    disputes: Mapping[str, Disputed], left: Mapping[str, int], step: int
) -> tuple[dict[str, Disputed], dict[str, int]]:
    """The disputes with no order's store bearing more than is `left` of its order, and by how much each bears more (below zero: less) for it.

    What is beyond goes to the other stores in proportion to what is left of their orders and not borne yet, then to the union.
    """
    borne = borne_by(disputes)
    beyond = {order: borne[order] - amount for order, amount in left.items() if borne.get(order, 0) > amount}
    room = {order: max(amount - borne.get(order, 0), 0) for order, amount in left.items()}
    total = sum(beyond.values())
    shares = split_within(min(total, sum(room.values())), list(room.values()), step)
    takers = dict(zip(room, shares, strict=True)) | {UNION: total - sum(shares)}
    after = dict(disputes)
    for order, amount in beyond.items():
        after, freed = _taken(after, order, amount)
        for taker, wanted in takers.items():
            parts = _first(freed, wanted)
            after = {name: _bearing(each, taker, parts.get(name, 0)) for name, each in after.items()}
            freed = {name: much - parts[name] for name, much in freed.items()}
            takers[taker] -= sum(parts.values())
    now = borne_by(after)
    return after, {name: now[name] - borne.get(name, 0) for name in now if now[name] != borne.get(name, 0)}


def _taken(
    disputes: Mapping[str, Disputed], name: str, amount_minor: int
) -> tuple[dict[str, Disputed], dict[str, int]]:
    """The disputes after somebody bears so much less of them, and how much of each that was, the first ones first."""
    parts = _first({dispute: each.bears.get(name, 0) for dispute, each in disputes.items()}, amount_minor)
    return {dispute: _bearing(each, name, -parts[dispute]) for dispute, each in disputes.items()}, parts


def _first(limits: Mapping[str, int], amount_minor: int) -> dict[str, int]:
    """Parts of an amount, each as large as its limit lets it be, the first ones first."""
    parts: dict[str, int] = {}
    for name, limit in limits.items():
        parts[name] = min(limit, amount_minor - sum(parts.values()))
    return parts


def _bearing(dispute: Disputed, name: str, more_minor: int) -> Disputed:
    if not more_minor:
        return dispute
    return replace(dispute, bears=dispute.bears | {name: dispute.bears.get(name, 0) + more_minor})


def reinstated(card: CardPayment, name: str, decided: Disputed) -> tuple[dict[str, Disputed], dict[str, int]]:
    """The disputes after a lost one was won after all, or in part, and stands as `decided` (whoever bears it apart), and what each of those who bear
    the disputes gets of what came back; the customer gets the rest.

    The rest is what refunds were settled with that no lost dispute pays any more. Those who bear this dispute get theirs back first. Where
    they still bear more than it is, they bear what refunds had settled of the others instead.
    """
    before = card.disputes[name]
    came = before.lost_minor - decided.lost_minor
    settled = lost_of(card.disputes) - sum(borne_by(card.disputes).values())
    paid = lost_of(card.disputes) - came + sum(card.returns.values()) + card.by_hand_minor - card.captured_minor
    due = came - min(max(settled - max(paid, 0), 0), came)
    given = Counter[str]()
    after = {name: before, **{each: known for each, known in card.disputes.items() if each != name}}
    for each, known in after.items():
        parts = dict(zip(known.bears, _shared(due - given.total(), known.bears), strict=True))
        after[each] = replace(known, bears={who: much - parts[who] for who, much in known.bears.items()})
        given.update(parts)
    over = _first(after[name].bears, max(sum(after[name].bears.values()) - decided.lost_minor, 0))
    after[name] = replace(
        decided, bears={who: much - over[who] for who, much in after[name].bears.items() if much > over[who]}
    )
    for each, known in after.items():
        parts = _first(over, known.lost_minor - sum(known.bears.values()))
        for who, part in parts.items():
            after[each] = _bearing(after[each], who, part)
            over[who] -= part
    return {each: after[each] for each in card.disputes}, {who: much for who, much in given.items() if much}


def _shared(amount_minor: int, bears: Mapping[str, int]) -> list[int]:
    """As much of an amount as is borne, in proportion to what each bears."""
    return split_within(min(amount_minor, sum(bears.values())), list(bears.values()))


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
