"""Invariant 4: the money of every purchase is posted, or pending, once, in exactly the amounts of its orders; none is of no purchase."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from mart_union.checkout.model import Purchase
from mart_union.checkout.payers import CARDS, is_awaited, payer_account
from mart_union.ledger.model import Transfer
from mart_union.orders.model import ON_DELIVERY, Order
from mart_union.settlement.checks.model import UNION, Books, amounts_of, held_at_first, was_left_out, without_zeros
from mart_union.settlement.differences import Difference

_OUTCOMES = {"paid": "voided", "expired": "expired", "voided": "voided"}
"""How the pending transfer of a purchase ended that is paid so: a payment voids it, and stands in its place."""


def check_payments(books: Books) -> Iterator[Difference]:
    """Each purchase's transfer puts into escrow, and holds of deposits, what its lines say; what was awaited was paid once, by one payment."""
    orders, made = books.orders_by_id(), books.transfers_by_id()
    paying: dict[str, list[Transfer]] = defaultdict(list)
    for transfer in books.ledger.transfers:
        if transfer.kind == "payment":
            paying[transfer.reference].append(transfer)
    for purchase in books.purchases:
        subject = f"purchase/{purchase.id}"
        own = [orders[order] for order in purchase.orders if order in orders]
        waiting, payments = made.get(purchase.transfer), paying.pop(subject, [])
        for problem in _problems(purchase, own, waiting, payments, books.ledger.outcomes):
            yield Difference(4, subject, problem)
    for payments in paying.values():
        for payment in payments:
            yield Difference(4, f"transfer/{payment.id}", "it pays for a purchase that does not exist")


def check_orphans(books: Books) -> Iterator[Difference]:
    """No purchase's money without the purchase, in one purchase only, and no outcome without a pending transfer."""
    paying = Counter(purchase.transfer for purchase in books.purchases)
    pending = {transfer.id for transfer in books.ledger.transfers if transfer.pending}
    for transfer in books.ledger.transfers:
        if transfer.kind == "purchase" and paying[transfer.id] != 1:
            detail = f"it pays for {paying[transfer.id]} purchases" if paying[transfer.id] else _NOBODYS
            yield Difference(4, f"transfer/{transfer.id}", detail)
    for name in sorted(books.ledger.outcomes.keys() - pending):
        yield Difference(4, f"transfer/{name}", f"it is {books.ledger.outcomes[name]}, and was never pending")


_NOBODYS = "it pays for a purchase that does not exist"


def _problems(
    purchase: Purchase,
    orders: list[Order],
    transfer: Transfer | None,
    payments: list[Transfer],
    outcomes: Mapping[str, str],
) -> Iterator[str]:
    awaited = is_awaited(purchase.method)
    if purchase.method == ON_DELIVERY and not purchase.transfer and not payments:
        return  # each of its orders is paid by itself: settlement.checks.cash
    if transfer is None:
        yield f"its transfer '{purchase.transfer}' is missing"
        return
    expected = _expected(purchase, orders, payer_account(purchase.method, purchase.customer))
    said = (transfer.kind, transfer.reference, transfer.pending, amounts_of(transfer))
    if said != ("purchase", f"purchase/{purchase.id}", awaited, expected):
        yield f"its transfer is {said}, its lines say {expected}, {'to wait for' if awaited else 'at once'}"
    if transfer.pending:
        outcome, due = outcomes.get(transfer.id, "pending"), _OUTCOMES.get(purchase.payment, "pending")
        if outcome != due:
            yield f"it is {purchase.payment}, its transfer {outcome}"
    elif purchase.payment != "paid":
        yield f"it is {purchase.payment}, its money is posted"
    yield from _payment_problems(purchase, orders, payments)


def _payment_problems(purchase: Purchase, orders: list[Order], payments: list[Transfer]) -> Iterator[str]:
    paid_by = purchase.facts.get("paid_by", "")
    due = [paid_by] if is_awaited(purchase.method) and purchase.payment == "paid" else []
    if [payment.id for payment in payments] != due:
        yield f"it is {purchase.payment} by {due}, payments of it are {[payment.id for payment in payments]}"
    customer = f"customer/{purchase.customer}"
    kinds = {"card": CARDS, "bank": "provider/bank", "assigned": "bank/suspense", "payment": customer}
    for payment in payments:
        payer = kinds.get(payment.id.partition("-")[0], "")
        expected = _expected(purchase, orders, payer, as_accepted=payer == CARDS)
        if amounts_of(payment) != expected:
            yield f"{payment.id} moved {amounts_of(payment)}, its lines say {expected}"


def _expected(purchase: Purchase, orders: list[Order], payer: str, *, as_accepted: bool = False) -> dict[str, int]:
    """Into each order's escrow what its lines charge, and from each seller's deposit to what is held of it; `as_accepted`, without the lines
    that were given back before their card was charged."""
    amounts: Counter[str] = Counter()
    collected = purchase.channel == UNION
    for order in orders:
        store = f"store/{order.store}"
        for line in order.lines:
            if as_accepted and was_left_out(order, line):
                continue
            charged, held = line.charged_minor if collected else 0, held_at_first(line, collected=collected)
            amounts.update({f"order/{order.id}": charged, f"{store}/held": held})
            amounts.subtract({payer: charged, f"{store}/deposit": held})
    return without_zeros(amounts)
