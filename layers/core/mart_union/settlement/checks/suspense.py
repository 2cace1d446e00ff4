"""Invariant 1, of money that nobody knows for whom it came: it waits, or one transfer took it where its decision says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mart_union.ledger.model import SUSPENSE, Suspended, Transfer
from mart_union.ledger.suspense import assignment_id, back_id
from mart_union.settlement.checks.model import Books, amounts_of
from mart_union.settlement.differences import Difference


def check_suspense(books: Books) -> Iterator[Difference]:
    """What stands in `bank/suspense` is what waits; each notice's money came in once and went where its decision says, by the one transfer
    that carried it out. A decision and its transfer are one transaction, so that none is ever half done."""
    made = books.transfers_by_id()
    for kept in books.ledger.suspended:
        for problem in _problems(kept, made):
            yield Difference(1, f"suspense/{kept.id}", problem)
    held = books.balances()[SUSPENSE]
    waiting = sum(kept.amount_minor for kept in books.ledger.suspended if kept.is_open)
    if held != waiting:
        yield Difference(1, SUSPENSE, f"it holds {held}, what waits there is {waiting}")


def _problems(kept: Suspended, made: Mapping[str, Transfer]) -> Iterator[str]:
    came = amounts_of(made.get(f"bank-{kept.id}"))
    if came != {"provider/bank": -kept.amount_minor, SUSPENSE: kept.amount_minor}:
        yield f"{kept.amount_minor} came, its transfer is of {came}"
    if kept.is_open == bool(kept.decision):
        yield f"it is {kept.state}, decided as '{kept.decision}'"
    for state, identity in (("assigned", assignment_id(kept)), ("sent_back", back_id(kept))):
        moved = amounts_of(made.get(identity))
        if moved.get(SUSPENSE, 0) != (-kept.amount_minor if kept.state == state else 0):
            yield f"it is {kept.state}, transfer {identity} is of {moved}"
    assigned = made.get(assignment_id(kept))
    if assigned is not None and assigned.reference != kept.decision:
        yield f"it was decided as '{kept.decision}', and went to {assigned.reference}"
