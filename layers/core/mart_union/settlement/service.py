"""The use cases of settlement, by name."""

from __future__ import annotations

from mart_union.settlement.books import Report, ask_reconciliation, last_report, reconcile, reconcile_daily
from mart_union.settlement.completion import complete_due, complete_order
from mart_union.settlement.statements import (
    get_statement,
    list_settlements,
    list_statements,
    settle_due,
    statement_as_csv,
)
from mart_union.settlement.sweeping import expire_unpaid, take_due_steps

__all__ = [
    "Report",
    "ask_reconciliation",
    "complete_due",
    "complete_order",
    "expire_unpaid",
    "get_statement",
    "last_report",
    "list_settlements",
    "list_statements",
    "reconcile",
    "reconcile_daily",
    "settle_due",
    "statement_as_csv",
    "take_due_steps",
]
