"""Invariant 7: whatever gives a party money or takes it from it is one payable, and a party's account holds what its open payables are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from mart_union.kernel.ids import derived_id
from mart_union.ledger.model import Payable, Statement, Transfer
from mart_union.orders.model import Order
from mart_union.settlement.checks.model import Books, amounts_of
from mart_union.settlement.differences import Difference
from mart_union.settlement.shares import is_party

CARRIED = "carried"
_TRANSFERS = {
    "chargeback": frozenset({"chargeback_lost", "chargeback_moved", "chargeback_reinstated", "refund_failed"}),
    "returned_payout": frozenset({"payout_return"}),
}
"""The kinds of transfer that a payable of a kind comes from; any other comes from a transfer of its own kind."""
_OF_NO_ORDER = frozenset({CARRIED, "returned_payout"})


def check_payables(books: Books) -> Iterator[Difference]:
    """What a transfer gives a party, or takes from it, stands in payables of that amount, each of one order once; a payout is its statement's.

    Each payable comes from a transfer that moved, of its kind, to its party; a carried one from the statement that it carries.
    """
    owed: dict[tuple[str, str], list[Payable]] = defaultdict(list)
    for payable in books.ledger.payables:
        if payable.kind != CARRIED:
            owed[payable.transfer, payable.party].append(payable)
    orders = books.orders_by_id()
    for transfer in books.moved():
        for account, amount in amounts_of(transfer).items() if transfer.kind != "payout" else ():
            if is_party(account):
                yield from _check_posting(transfer, account, amount, owed.pop((transfer.id, account), []), orders)
    for payables in owed.values():
        for payable in payables:
            detail = f"{payable.transfer} gave {payable.party} nothing, and took nothing from it"
            yield Difference(7, f"payable/{payable.id}", detail)
    for payable in books.ledger.payables:
        yield from _check_breakdown(payable)


def _check_posting(
    transfer: Transfer, account: str, amount: int, payables: list[Payable], orders: dict[str, Order]
) -> Iterator[Difference]:
    subject = f"transfer/{transfer.id}"
    amounts = [payable.amount_minor for payable in payables]
    if sum(amounts) != amount or len({payable.order for payable in payables}) != len(payables):
        yield Difference(7, subject, f"it moves {amount} to {account}, payables of it are {amounts}")
    for payable in payables:
        if transfer.kind not in _TRANSFERS.get(payable.kind, {payable.kind}):
            yield Difference(7, f"payable/{payable.id}", f"it is of kind {payable.kind}, its transfer {transfer.kind}")
        if not _is_about(payable, transfer, orders.get(payable.order)):
            yield Difference(
                7, f"payable/{payable.id}", f"it is about '{payable.order}', {subject} {transfer.reference}"
            )


def _is_about(payable: Payable, transfer: Transfer, order: Order | None) -> bool:
    """Whether a payable's order is the transfer's, or one of its purchase, and has the party."""
    if payable.kind in _OF_NO_ORDER:
        return not payable.order
    if order is None or transfer.reference not in {f"order/{order.id}", f"purchase/{order.purchase}"}:
        return False
    parties = {share.account for line in order.lines for share in line.split}
    parties |= {f"carrier/{shipment.carrier}" for shipment in order.shipments}
    return payable.party in parties | {f"store/{order.store}"}


def _check_breakdown(payable: Payable) -> Iterator[Difference]:
    """A payable that tells how it came about adds up: what was charged less what others got is what is owed."""
    told = payable.gross_minor or payable.deductions
    if told and payable.gross_minor - sum(payable.deductions.values()) != payable.amount_minor:
        detail = f"{payable.gross_minor} less {payable.deductions} is not {payable.amount_minor}"
        yield Difference(7, f"payable/{payable.id}", detail)


def check_carried(books: Books) -> Iterator[Difference]:
    """A carried statement that has a total left one payable of it, and nothing else is carried."""
    carried = {payable.id: payable for payable in books.ledger.payables if payable.kind == CARRIED}
    for statement in books.ledger.statements:
        payable = carried.pop(derived_id(CARRIED, statement.id), None)
        is_due = statement.state == "carried" and statement.total_minor != 0
        if is_due != (payable is not None) or (payable is not None and not _is_of(payable, statement)):
            said = "nothing" if payable is None else f"{payable.amount_minor} of {payable.party}"
            detail = f"it is {statement.state} with {statement.total_minor} of {statement.party}, and carries {said}"
            yield Difference(7, f"statement/{statement.id}", detail)
    for payable in carried.values():
        yield Difference(7, f"payable/{payable.id}", "no statement carried it forward")


def _is_of(payable: Payable, statement: Statement) -> bool:
    said = (payable.party, payable.amount_minor, payable.due, payable.transfer, payable.order)
    return said == (statement.party, statement.total_minor, statement.period[:10], "", "")


def check_parties(books: Books) -> Iterator[Difference]:
    """A party's account holds the sum of its payables that no statement has claimed, or one that still collects."""
    collecting = {statement.id for statement in books.ledger.statements if statement.state == "collecting"}
    open_sums: Counter[str] = Counter()
    for payable in books.ledger.payables:
        if not payable.statement or payable.statement in collecting:
            open_sums[payable.party] += payable.amount_minor
    balances = {account: amount for account, amount in books.balances().items() if is_party(account)}
    for party in sorted(balances.keys() | open_sums.keys()):
        if balances.get(party, 0) != open_sums[party]:
            detail = f"its account holds {balances.get(party, 0)}, its open payables are {open_sums[party]}"
            yield Difference(7, party, detail)
