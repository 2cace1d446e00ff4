"""The money of lines that are given back whole: a transfer under their order, and, where their store had given of its own before, its payable."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from mart_union.kernel.clock import iso
from mart_union.kernel.ids import derived_id
from mart_union.kernel.settings import settings
from mart_union.ledger.model import Payable, Transfer, postings_of
from mart_union.ledger.periods import due_day
from mart_union.orders.cash import paying_transfer
from mart_union.orders.model import Order
from mart_union.orders.refunds import refund_amounts


def whole_refund(before: Order, after: Order, lines: Collection[int], now: datetime) -> Transfer | None:
    """What moves when an order's lines are given back whole, None where nothing was paid. `after` is the order then: its sequence makes the id."""
    amounts = refund_amounts(before, lines)
    if not amounts:
        return None
    return Transfer(
        id=f"refund-{before.id}-{after.sequence}",
        kind="refund",
        currency=before.currency,
        postings=postings_of(amounts),
        reference=f"order/{before.id}",
        at=iso(now),
        reverses=paying_transfer(before),
    )


def given_before(before: Order, after: Order, refund: Transfer, now: datetime) -> Payable | None:
    """What its store gets back of a whole refund, since it had given that of its own before; None where that is nothing."""
    store = f"store/{before.store}"
    amount_minor = sum(posting.amount_minor for posting in refund.postings if posting.account == store)
    if not amount_minor:
        return None
    return Payable(
        id=derived_id("payable", before.id, str(after.sequence), store),
        party=store,
        order=before.id,
        amount_minor=amount_minor,
        due=due_day(now, before.settlement_period, settings().time_zone).isoformat(),
        kind="refund",
        transfer=refund.id,
        titles=before.lines[0].titles,
    )
