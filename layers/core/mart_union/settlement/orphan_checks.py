"""Checks for what belongs to nothing: money, outcomes and units that no purchase and no order accounts for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mart_union.checkout.model import Purchase
from mart_union.ledger.model import Transfer
from mart_union.orders.model import Order
from mart_union.settlement.differences import Difference
from mart_union.stock.model import Level

_NEVER_NEGATIVE = ("reserve", "fenced", "reserved", "sold", "written_off", "received")


def check_counts(levels: Iterable[Level]) -> Iterator[Difference]:
    """Invariant 3: nothing that a level counts is below zero, but for corrections."""
    for level in levels:
        below = [name for name in _NEVER_NEGATIVE if getattr(level, name) < 0]
        if below:
            yield Difference(3, f"level/{level.id}", f"below zero: {', '.join(below)}")


def check_orphans(
    purchases: Iterable[Purchase],
    orders: Iterable[Order],
    levels: Iterable[Level],
    transfers: Iterable[Transfer],
    outcomes: Mapping[str, str],
) -> Iterator[Difference]:
    """Invariant 4: no purchase's money without the purchase, no outcome without a pending transfer, no line without its level."""
    paying = {purchase.transfer for purchase in purchases}
    pending = set()
    for transfer in transfers:
        if transfer.pending:
            pending.add(transfer.id)
        if transfer.kind == "purchase" and transfer.id not in paying:
            yield Difference(4, f"transfer/{transfer.id}", "it pays for a purchase that does not exist")
    for name in sorted(outcomes.keys() - pending):
        yield Difference(4, f"transfer/{name}", f"it is {outcomes[name]}, and was never pending")
    known = {level.id for level in levels}
    for order in orders:
        for line in order.lines:
            if line.level not in known:
                yield Difference(4, f"order/{order.id}", f"line {line.number} is of {line.level}, which does not exist")


def check_escrow_accounts(orders: Iterable[Order], balances: Mapping[str, int]) -> Iterator[Difference]:
    """Invariant 9: no escrow is held for an order that does not exist."""
    known = {f"order/{order.id}" for order in orders}
    for account in sorted(balances):
        if account.startswith("order/") and account not in known and balances[account]:
            yield Difference(9, account, f"it holds {balances[account]} for no order")
