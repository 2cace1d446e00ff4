"""Invariant 4: of a card no more is authorized than the purchase costs, and exactly what was accepted is captured, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.checkout.model import CardPayment, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.orders.model import Order
from mart_union.settlement.checks.model import Books, amounts_of, was_left_out
from mart_union.settlement.differences import Difference

_ANSWERED = frozenset({"authorized", "capturing"})


def check_cards(books: Books) -> Iterator[Difference]:
    """What a purchase says of its card is what its orders accepted and what is posted."""
    accepted: Counter[str] = Counter()
    open_escrow: Counter[str] = Counter()
    for order in books.orders:
        accepted[order.purchase] += _accepted(order)
        open_escrow[order.purchase] += order.escrow_minor
    captured: Counter[str] = Counter()
    for transfer in books.ledger.transfers:
        if not transfer.pending and transfer.kind == "payment":
            captured[transfer.reference] -= amounts_of(transfer).get(CARDS, 0)
    for purchase in books.purchases:
        subject = f"purchase/{purchase.id}"
        if purchase.card is None:
            if purchase.payment in _ANSWERED or captured[subject]:
                yield Difference(4, subject, f"it is {purchase.payment}, its card is unknown")
            continue
        problems = _problems(purchase, purchase.card, accepted[purchase.id], captured[subject])
        yield from (Difference(4, subject, problem) for problem in problems)
        if purchase.payment == "capturing" and purchase.card.accepted_minor != open_escrow[purchase.id]:
            detail = f"{purchase.card.accepted_minor} is being charged, its lines say {open_escrow[purchase.id]}"
            yield Difference(4, subject, detail)


def _accepted(order: Order) -> int:
    return sum(line.charged_minor for line in order.lines if not was_left_out(order, line))


def _problems(purchase: Purchase, card: CardPayment, accepted: int, captured: int) -> Iterator[str]:
    by_card = purchase.payment == "paid" and purchase.facts.get("paid_by", "").startswith("card-")
    due = accepted if by_card else 0
    if not card.captured_minor == due == captured or (by_card and card.accepted_minor != due):
        told = f"{due} was accepted, the card was charged {card.captured_minor} of {card.accepted_minor}"
        yield f"{told}, {captured} is posted"
    if not card.captured_minor <= card.authorized_minor <= purchase.total_minor:
        yield f"{card.authorized_minor} authorized, {card.captured_minor} captured"
    if (purchase.payment in _ANSWERED or by_card) and card.authorized_minor != purchase.total_minor:
        yield f"{card.authorized_minor} authorized of {purchase.total_minor}"
