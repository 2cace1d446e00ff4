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
_STATEMENT = (
    "statement",
    "period",
    "order",
    "kind",
    "title",
    "rates",
    "deductions",
    "gross",
    "currency",
    "amount",
    "transfer",
)


def sheet(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A sheet with a head. Texts that would begin a formula get an apostrophe before them; amounts are numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def statement_sheet(statement: Statement, lines: Sequence[StatementLine], language: str, currency: Currency) -> str:
    """A statement's lines, each with its order, item, rates and transfer, and, last, its total and payout."""
    rows: list[list[Cell]] = [
        [
            statement.id,
            statement.period,
            line.order,
            line.kind,
            _title(line, language),
            "; ".join(f"{kind}: {rate}" for kind, rate in sorted(line.rates.items())),
            "; ".join(f"{kind}: {amount(taken, currency)}" for kind, taken in sorted(line.deductions.items())),
            amount(line.gross_minor, currency) if line.gross_minor else "",
            currency.code,
            amount(line.amount_minor, currency),
            line.transfer,
        ]
        for line in lines
    ]
    total = amount(statement.total_minor, currency)
    rows.append([statement.id, statement.period, "", "total", "", "", "", "", currency.code, total, statement.payout])
    return sheet(_STATEMENT, rows)


def amount(amount_minor: int, currency: Currency) -> Decimal:
    """An amount as a decimal number, exactly: 35000 minor units of TWD are 350.00."""
    return Decimal(amount_minor).scaleb(-currency.digits)


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_A_FORMULA) else cell


def _title(line: StatementLine, language: str) -> str:
    return line.titles.get(language) or next(iter(line.titles.values()), "")
