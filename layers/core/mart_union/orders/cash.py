"""Cash on delivery: an order that is paid when its goods are handed over. Whoever takes the money owes it to the order's escrow.

Until then nothing of it is in the ledger. All that is still going on of such an order goes in one parcel and is paid at once, so that it is
either unpaid or paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import amount_text
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Payable, Transfer, postings_of
from mart_union.ledger.periods import due_day
from mart_union.ledger.service import add_payable, add_transfer
from mart_union.orders.model import ENDED, ON_DELIVERY, OPERATOR, Order

COLLECTORS = ("store", "carrier")
CASH = "cash"
"""The fact of an order that is, or was to be, paid on delivery: `due`, then the account of whoever took the money."""


def is_cash(order: Order) -> bool:
    """Whether an order is paid on delivery, or was."""
    return CASH in order.facts


def paying_transfer(order: Order) -> str:
    """The id of the transfer that first put an order's money into escrow, or is to."""
    return f"collection-{order.id}" if is_cash(order) else f"purchase-{order.purchase}"


def due_minor(order: Order) -> int:
    """What is to be collected for an order at its delivery, in minor units; 0 where it is paid otherwise, or already."""
    if order.payment != ON_DELIVERY:
        return 0
    return sum(line.escrow_minor for line in order.lines if line.state not in ENDED)


def require_whole(order: Order, numbers: Sequence[int]) -> None:
    """Nothing, if these are all lines of the order that are still going on.

    Raises:
        RuleViolation: others are left behind.
    """
    open_lines = {line.number for line in order.lines if line.state not in ENDED}
    if set(numbers) != open_lines:
        raise RuleViolation(
            "an order that is paid on delivery goes in one parcel, with all its lines", reason="one-parcel"
        )


def collector_of(order: Order, collected_minor: int, collected_by: str, *, told_by: str) -> str:
    """The account of whoever took an order's money at its delivery: the carrier of its parcel, if that says so itself (`told_by` is
    `carrier/<id>`) or the union's operator does (`operator/<subject>`), else the store.

    A store's word makes nobody else owe: the union would pay the store what a carrier never had.

    Raises:
        Invalid: nobody of that kind hands goods over.
        RuleViolation: it is not exactly what the order costs (`due_minor` says what is), or the store says that the carrier took it.
    """
    due = due_minor(order)
    carrier = order.shipments[-1].carrier if order.shipments else ""
    by = collected_by or "store"
    if by not in COLLECTORS or (by == "carrier" and not carrier):
        reason = "say who took the money: the store, or the carrier of the parcel"
        raise Invalid(reason, errors=[{"field": "collected_by", "reason": reason}])
    if collected_minor != due:
        costs, was = (amount_text(each, settings().currency) for each in (due, collected_minor))
        raise RuleViolation(f"the order costs {costs} on delivery, {was} was collected", due_minor=due)
    if by == "carrier" and told_by != f"carrier/{carrier}" and not told_by.startswith(f"{OPERATOR}/"):
        raise RuleViolation("what a carrier took is told by the carrier's own report of the delivery", carrier=carrier)
    return f"carrier/{carrier}" if by == "carrier" else f"store/{order.store}"


def add_collection(transaction: WriteTransaction, before: Order, after: Order, now: datetime) -> None:
    """Add to a transaction what a delivery collected: into the order's escrow, owed by the collector, whose next statement nets it."""
    collector, amount = after.facts[CASH], due_minor(before)
    transfer = Transfer(
        id=paying_transfer(before),
        kind="collection",
        currency=before.currency,
        postings=postings_of({collector: -amount, f"order/{before.id}": amount}),
        reference=f"order/{before.id}",
        at=iso(now),
    )
    add_transfer(transaction, transfer)
    add_payable(
        transaction,
        Payable(
            id=derived_id("collection", before.id, collector),
            party=collector,
            order=before.id,
            amount_minor=-amount,
            due=due_day(now, before.settlement_period, settings().time_zone).isoformat(),
            kind="collection",
            transfer=transfer.id,
            titles=before.lines[0].titles,
        ),
    )
