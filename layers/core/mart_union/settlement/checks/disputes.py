"""Invariant 7: a disputed card payment is borne by somebody until it is decided, and no longer: the union, the purchase's stores, or nobody."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from mart_union.checkout.payers import CARDS
from mart_union.ledger.model import Transfer
from mart_union.settlement.checks.model import Books, amounts_of
from mart_union.settlement.differences import Difference

_OPENED = "chargeback"
_ENDINGS: tuple[tuple[str, ...], ...] = (
    (),
    ("chargeback_won",),
    ("chargeback_lost",),
    ("chargeback_lost", "chargeback_reinstated"),
)
"""The ways in which a dispute can have been decided by now."""


def check_disputes(books: Books) -> Iterator[Difference]:
    """A dispute is of a purchase's captured card, decided in one way, and moves what was disputed out, and back if it was won."""
    following: dict[str, list[Transfer]] = defaultdict(list)
    for transfer in books.ledger.transfers:
        if transfer.kind in {"chargeback_won", "chargeback_lost", "chargeback_reinstated"}:
            following[transfer.reverses].append(transfer)
    disputed: Counter[str] = Counter()
    for opened in books.ledger.transfers:
        if opened.kind == _OPENED:
            decided = following.pop(opened.id, [])
            disputed[opened.reference] += sum(amounts_of(each).get(CARDS, 0) for each in (opened, *decided))
            for problem in _problems(books, opened, decided):
                yield Difference(7, f"transfer/{opened.id}", problem)
    for transfers in following.values():
        for transfer in transfers:
            yield Difference(7, f"transfer/{transfer.id}", "it decides a dispute that was not opened")
    captured = {
        f"purchase/{purchase.id}": purchase.card.captured_minor for purchase in books.purchases if purchase.card
    }
    for reference, amount in disputed.items():
        if amount > captured.get(reference, 0):
            detail = f"{amount} was taken back of the {captured.get(reference, 0)} that its card was charged"
            yield Difference(7, reference, detail)


def _problems(books: Books, opened: Transfer, decided: list[Transfer]) -> Iterator[str]:
    kinds = tuple(sorted(transfer.kind for transfer in decided))
    if kinds not in _ENDINGS:
        yield f"it was decided as {', '.join(kinds)}"
    sums: Counter[str] = Counter()
    for transfer in (opened, *decided):
        if transfer.reference != opened.reference:
            yield f"it is about {opened.reference}, {transfer.id} about {transfer.reference}"
        sums.update(amounts_of(transfer))
    stores = {f"store/{order.store}" for order in books.orders if f"purchase/{order.purchase}" == opened.reference}
    others = {account for account in sums if account.startswith("store/")} - stores
    if others:
        yield f"{', '.join(sorted(others))} has no order of {opened.reference}"
    is_out = kinds in {(), ("chargeback_lost",)}
    if not is_out and any(sums.values()):
        yield f"it was won, and still moves {dict(sums)}"
    if is_out and sums[CARDS] != amounts_of(opened).get(CARDS, 0):
        yield f"{sums[CARDS]} of what was disputed is out"
