"""Invariant 8: completed lines paid everyone exactly what is left of the share that was frozen at the purchase."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from mart_union.orders.model import Line, Order
from mart_union.settlement.checks.model import Books, held_at_first, without_zeros
from mart_union.settlement.checks.units import GIVEN_BACK
from mart_union.settlement.differences import Difference

SETTLED = frozenset({"completion", "refund"})
"""The kinds of transfer that pay an order's parties, or take from them what they were paid."""
_NOT_EARNED = ("customer/", "provider/", "order/")


def check_completions(books: Books) -> Iterator[Difference]:
    """What each account got from an order's completion, less what it gave back, is what completed lines leave it; a store gives besides what
    was refunded beyond a line's shares.

    Where a deposit covered a part of a completed line that was refunded since, the store is left out: how much of it the deposit got is not
    on the line.
    """
    paid: dict[str, Counter[str]] = defaultdict(Counter)
    for transfer in books.moved():
        if transfer.kind in SETTLED:
            for posting in transfer.postings:
                if not posting.account.startswith(_NOT_EARNED) and not posting.account.endswith(("/held", "/deposit")):
                    paid[transfer.reference][posting.account] += posting.amount_minor
    for order in books.orders:
        owed, got, store = _owed(order), paid.pop(f"order/{order.id}", Counter()), f"store/{order.store}"
        beyond = [_beyond_minor(order, line) for line in order.lines]
        if None in beyond:
            owed[store] = got[store]
        else:
            owed[store] -= sum(filter(None, beyond))
        if without_zeros(got) != without_zeros(owed):
            detail = f"it paid {without_zeros(got)}, its lines owe {without_zeros(owed)}"
            yield Difference(8, f"order/{order.id}", detail)
    for reference, amounts in paid.items():
        if without_zeros(amounts):
            yield Difference(8, reference, f"it paid {without_zeros(amounts)}, and is no order")


def _owed(order: Order) -> Counter[str]:
    owed: Counter[str] = Counter()
    for line in order.lines:
        for share in line.split if line.state == "completed" else ():
            owed[share.account] += share.left_minor
    return owed


def _beyond_minor(order: Order, line: Line) -> int | None:
    """What its store gave of a line's refunds beyond the line's shares; None where that cannot be told."""
    if line.state in GIVEN_BACK or not line.refunded_minor:
        return 0
    if order.is_seller_collected:
        return line.refunded_minor - sum(share.reversed_minor for share in line.split)
    held = max(held_at_first(line, collected=True), 0)
    if line.state == "completed" and held:
        return None
    to_deposit = held - line.held_minor if held else 0
    return line.refunded_minor + to_deposit - sum(share.reversed_minor for share in line.split)
