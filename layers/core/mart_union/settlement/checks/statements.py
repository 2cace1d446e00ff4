"""Invariant 7: every payable is in at most one statement, its party's, as it is; a total is the sum of its lines; each is paid at most once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from mart_union.ledger.model import Payable, Statement, StatementLine
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference

PAID_OUT = frozenset({"ready", "paid", "returned"})
"""The states of a statement that a payout was made for."""
_STATES = PAID_OUT | {"collecting", "carried"}


def check_statements(books: Books) -> Iterator[Difference]:
    """Payables, the lines that claim them, and the statements that these are in agree with each other."""
    ledger = books.ledger
    by_id = {statement.id: statement for statement in ledger.statements}
    places: dict[str, list[tuple[str, StatementLine]]] = defaultdict(list)
    for statement_id in sorted(ledger.lines):
        for line in ledger.lines[statement_id]:
            places[line.payable].append((statement_id, line))
    for payable in ledger.payables:
        for problem in _claim_problems(payable, places.pop(payable.id, []), by_id):
            yield Difference(7, f"payable/{payable.id}", problem)
    for payable_id in places:
        yield Difference(7, f"payable/{payable_id}", "a statement has a line of it, but it does not exist")
    for statement_id in ledger.lines.keys() - by_id.keys():
        yield Difference(7, f"statement/{statement_id}", "it has lines, but does not exist")
    paid = Counter(transfer.reference for transfer in ledger.transfers if transfer.kind == "payout")
    for statement in ledger.statements:
        lines = ledger.lines.get(statement.id, [])
        for problem in _problems(statement, lines, paid[statement.id], books.currency):
            yield Difference(7, f"statement/{statement.id}", problem)


def _claim_problems(
    payable: Payable, places: list[tuple[str, StatementLine]], statements: dict[str, Statement]
) -> Iterator[str]:
    expected, found = [payable.statement] if payable.statement else [], [place for place, _ in places]
    if found != expected:
        yield f"it names {expected}, and is a line of {found}"
        return
    for statement_id, line in places:
        statement = statements.get(statement_id)
        if statement is None or statement.party != payable.party:
            yield f"statement {statement_id} is not one of {payable.party}"
        elif payable.kind != "carried" and statement.period[:10] != payable.due:
            yield f"it was due on {payable.due}, and is in the statement of {statement.period}"
        if line != _line_of(payable):
            yield f"its statement says {line}"


def _line_of(payable: Payable) -> StatementLine:
    return StatementLine(
        payable=payable.id,
        order=payable.order,
        amount_minor=payable.amount_minor,
        kind=payable.kind,
        transfer=payable.transfer,
        titles=payable.titles,
        gross_minor=payable.gross_minor,
        deductions=payable.deductions,
        rates=payable.rates,
    )


def _problems(statement: Statement, lines: list[StatementLine], payouts: int, currency: str) -> Iterator[str]:
    total = sum(line.amount_minor for line in lines)
    if total != statement.total_minor or statement.currency != currency:
        yield f"its total is {statement.total_minor} {statement.currency}, its lines sum to {total}"
    if not statement.pages <= len(lines):
        yield f"it has {statement.pages} pages and {len(lines)} lines"
    if statement.state not in _STATES or payouts != (statement.state in PAID_OUT):
        yield f"it is {statement.state} and was paid out {payouts} times"
    if bool(statement.payout) != (statement.state in PAID_OUT):
        yield f"it is {statement.state}, its payout is '{statement.payout}'"
    if statement.reason not in _reasons(statement):
        yield f"it is {statement.state} with {statement.total_minor} for '{statement.reason}'"


def _reasons(statement: Statement) -> set[str]:
    """Why a statement may be carried."""
    if statement.state != "carried" or not statement.total_minor:
        return {""}
    return {"negative"} if statement.total_minor < 0 else {"below_minimum", "no_destination"}
