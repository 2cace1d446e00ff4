"""Comma-separated values (RFC 4180): sheets for people, which a spreadsheet shows as text and never runs as a formula, and lists for
machines, which are what they say."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from mart_union.kernel.formulas import without_formulas
from mart_union.kernel.money import Currency
from mart_union.ledger.model import Statement, StatementLine

Cell = str | Decimal

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
    """A sheet for people, with a head. Every text is quoted, and what would be a formula has an apostrophe before it; amounts are numbers."""
    return _written(head, ([_safe(cell) for cell in row] for row in rows), csv.QUOTE_NONNUMERIC)


def plain_list(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A list for a machine, with a head: it runs no formulas, and takes an apostrophe for a part of a name."""
    return _written(head, rows, csv.QUOTE_MINIMAL)


def _written(head: Sequence[str], rows: Iterable[Sequence[Cell]], quoting: Literal[0, 2]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=quoting)
    writer.writerow(head)
    writer.writerows(rows)
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
    return without_formulas(cell) if isinstance(cell, str) else cell


def _title(line: StatementLine, language: str) -> str:
    return line.titles.get(language) or next(iter(line.titles.values()), "")
