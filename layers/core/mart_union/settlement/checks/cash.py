"""Invariant 4: what is paid on delivery is in the ledger exactly when the goods were handed over, owed by whoever took it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mart_union.ledger.model import Transfer
from mart_union.orders.cash import CASH, is_cash
from mart_union.orders.model import ON_DELIVERY, Order
from mart_union.settlement.checks.model import Books, amounts_of, was_left_out
from mart_union.settlement.differences import Difference


def check_cash(books: Books) -> Iterator[Difference]:
    """Each order that is paid on delivery was collected once, for all its lines that were handed over, by its store or a carrier of its
    parcels; no other order was."""
    purchases = books.purchases_by_id()
    collected: dict[str, list[Transfer]] = defaultdict(list)
    for transfer in books.ledger.transfers:
        if transfer.kind == "collection":
            collected[transfer.reference].append(transfer)
    for order in books.orders:
        purchase, transfers = purchases.get(order.purchase), collected.pop(f"order/{order.id}", [])
        method = purchase.method if purchase is not None else ""
        if is_cash(order) != (method == ON_DELIVERY):
            yield Difference(
                4, f"order/{order.id}", f"its purchase is paid by {method}, its cash {order.facts.get(CASH)}"
            )
        said = [amounts_of(transfer) for transfer in transfers]
        expected = _expected(order)
        if said != expected:
            yield Difference(4, f"order/{order.id}", f"it was collected as {said}, its lines say {expected}")
    for transfers in collected.values():
        for transfer in transfers:
            yield Difference(4, f"transfer/{transfer.id}", "it collects the money of no order")


def _expected(order: Order) -> list[dict[str, int]]:
    if not is_cash(order) or order.payment != "paid":
        return []
    collectors = {f"store/{order.store}", *(f"carrier/{shipment.carrier}" for shipment in order.shipments)}
    collector = order.facts[CASH] if order.facts[CASH] in collectors else "nobody"
    due = sum(line.charged_minor for line in order.lines if not was_left_out(order, line))
    return [dict(sorted({collector: -due, f"order/{order.id}": due}.items()))]
