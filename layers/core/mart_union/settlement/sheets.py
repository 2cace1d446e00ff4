"""Sheets of comma-separated values (RFC 4180) that a spreadsheet shows as text and never runs as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

from mart_union.kernel.money import Currency
from mart_union.ledger.model import Statement, StatementLine

Cell = str | Decimal

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection
_STATEMENT = ("statement", "period", "order", "kind", "title", "currency", "amount")
_PAYOUT = ("payout", "party", "period", "statement", "currency", "amount")


def sheet(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A sheet with a head. Texts that would begin a formula get an apostrophe before them; amounts are numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def statement_sheet(statement: Statement, lines: Sequence[StatementLine], language: str, currency: Currency) -> str:
    """A statement's lines and, last, its total."""
    rows: list[list[Cell]] = [
        [
            statement.id,
            statement.period,
            line.order,
            line.kind,
            _title(line, language),
            currency.code,
            amount(line.amount_minor, currency),
        ]
        for line in lines
    ]
    rows.append(
        [statement.id, statement.period, "", "total", "", currency.code, amount(statement.total_minor, currency)]
    )
    return sheet(_STATEMENT, rows)


def payout_sheet(statement: Statement, currency: Currency) -> str:
    """What the bank is told to pay for a statement: a party's id, never a name; the bank's own register knows the party's account."""
    row: list[Cell] = [statement.payout, statement.party, statement.period, statement.id]
    return sheet(_PAYOUT, [[*row, currency.code, amount(statement.total_minor, currency)]])


def amount(amount_minor: int, currency: Currency) -> Decimal:
    """An amount as a decimal number, exactly: 35000 minor units of TWD are 350.00."""
    return Decimal(amount_minor).scaleb(-currency.digits)


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_A_FORMULA) else cell


def _title(line: StatementLine, language: str) -> str:
    return line.titles.get(language) or next(iter(line.titles.values()), "")
