"""The books that are checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct, field

from mart_union.checkout.model import Purchase
from mart_union.checkout.payers import CARDS
from mart_union.ledger.census import Ledger
from mart_union.ledger.model import Transfer
from mart_union.orders.cash import is_cash
from mart_union.orders.model import Line, Order
from mart_union.settlement.differences import Difference
from mart_union.stock.model import Level
from mart_union.stock.rebuilding import Rebuilt

UNION = "union"
"""The channel of purchases that the union collects; any other is a seller's own shop."""


class Books(Struct, frozen=True):
    """All that is reconciled. `currency` is the union's only one; `journals` says what a level's journal makes of it, and
    `caught_up` (ISO) that the movements of levels that have not moved since have to be in it; `bought` says how many units of a limited
    urgent sale a customer has, by `<sale>#<customer>`; `named` which shards a listing names, by its level, where a shard
    of it has a reserve, or is marked for a sale."""

    ledger: Ledger
    orders: list[Order] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    time_zone: str = "UTC"
    step: int = 1
    currency: str = "TWD"
    journals: dict[str, Rebuilt] = field(default_factory=dict)
    caught_up: str = ""
    bought: dict[str, int] = field(default_factory=dict)
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def moved(self) -> Iterator[Transfer]:
        """The transfers whose money has moved: those that are not pending, and pending ones that were posted."""
        return (
            each for each in self.ledger.transfers if not each.pending or self.ledger.outcomes.get(each.id) == "posted"
        )

    def balances(self) -> Counter[str]:
        """What each account holds."""
        balances: Counter[str] = Counter()
        for transfer in self.moved():
            for posting in transfer.postings:
                balances[posting.account] += posting.amount_minor
        return balances

    def orders_by_id(self) -> dict[str, Order]:
        """Orders by their ids."""
        return {order.id: order for order in self.orders}

    def purchases_by_id(self) -> dict[str, Purchase]:
        """Purchases by their ids."""
        return {purchase.id: purchase for purchase in self.purchases}

    def transfers_by_id(self) -> dict[str, Transfer]:
        """Transfers by their ids, whether their money has moved or not."""
        return {transfer.id: transfer for transfer in self.ledger.transfers}


Check = Callable[[Books], Iterator[Difference]]


def amounts_of(transfer: Transfer | None) -> dict[str, int]:
    """What a transfer adds to each account, zeros left out; nothing for none."""
    amounts: Counter[str] = Counter()
    for posting in transfer.postings if transfer is not None else ():
        amounts[posting.account] += posting.amount_minor
    return without_zeros(amounts)


def without_zeros(amounts: Counter[str] | dict[str, int]) -> dict[str, int]:
    """Amounts by name without those that are nothing, so that two can be compared."""
    return {name: amount for name, amount in sorted(amounts.items()) if amount}


def was_left_out(order: Order, line: Line) -> bool:
    """Whether a line was given back before its card was charged, or its cash collected, and so was never paid."""
    return (
        (order.payer == CARDS or is_cash(order)) and line.state in {"refused", "cancelled"} and not line.refunded_minor
    )


def held_at_first(line: Line, *, collected: bool) -> int:
    """What a seller's deposit held for a line when it was made: what of its split was not charged by the union."""
    return sum(share.amount_minor for share in line.split) - (line.charged_minor if collected else 0)
