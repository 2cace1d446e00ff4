"""The use cases of settlement, by name."""

from __future__ import annotations

from mart_union.settlement.books import (
    Report,
    ask_reconciliation,
    checked_day,
    keep_bank_report,
    last_report,
    reconcile,
    reconcile_daily,
)
from mart_union.settlement.completion import complete_order, complete_orders
from mart_union.settlement.payouts import (
    decide_account,
    get_bank_file,
    get_terms,
    list_bank_files,
    return_payout,
    send_payouts,
    set_account,
    set_terms,
)
from mart_union.settlement.queueing import handle_job, queue_completions, queue_due, remark_daily
from mart_union.settlement.statements import (
    get_statement,
    list_settlements,
    list_statements,
    page_of_statements,
    settle_due,
    settle_party,
    statement_as_csv,
)
from mart_union.settlement.suspense import Assignment, account_of, decide_suspended, undo_assignment
from mart_union.settlement.sweeping import capture_accepted, expire_unpaid, take_due_steps

__all__ = [
    "Assignment",
    "Report",
    "account_of",
    "ask_reconciliation",
    "capture_accepted",
    "checked_day",
    "complete_order",
    "complete_orders",
    "decide_account",
    "decide_suspended",
    "expire_unpaid",
    "get_bank_file",
    "get_statement",
    "get_terms",
    "handle_job",
    "keep_bank_report",
    "last_report",
    "list_bank_files",
    "list_settlements",
    "list_statements",
    "page_of_statements",
    "queue_completions",
    "queue_due",
    "reconcile",
    "reconcile_daily",
    "remark_daily",
    "return_payout",
    "send_payouts",
    "set_account",
    "set_terms",
    "settle_due",
    "settle_party",
    "statement_as_csv",
    "take_due_steps",
    "undo_assignment",
]
