"""Reconciliation: the union's books against each other, invariant by invariant (docs/invariants.md), by the checks of `settlement.checks`."""

from __future__ import annotations

from mart_union.settlement.checks.cards import check_cards
from mart_union.settlement.checks.cash import check_cash
from mart_union.settlement.checks.completions import check_completions
from mart_union.settlement.checks.disputes import check_disputes
from mart_union.settlement.checks.escrow import check_escrow, check_escrow_accounts
from mart_union.settlement.checks.floors import check_floors
from mart_union.settlement.checks.levels import check_journals, check_levels, check_shards
from mart_union.settlement.checks.limits import check_limits
from mart_union.settlement.checks.model import Books, Check
from mart_union.settlement.checks.payables import check_carried, check_parties, check_payables
from mart_union.settlement.checks.payments import check_orphans, check_payments
from mart_union.settlement.checks.payouts import check_bank_files, check_paid_statements, check_payouts
from mart_union.settlement.checks.pools import check_pools
from mart_union.settlement.checks.purchases import check_order_sums, check_purchases
from mart_union.settlement.checks.refunds import (
    check_card_returns,
    check_failed_refunds,
    check_partial_refunds,
    check_refunds,
)
from mart_union.settlement.checks.reports import check_reports
from mart_union.settlement.checks.splits import check_splits
from mart_union.settlement.checks.statements import check_statements
from mart_union.settlement.checks.steps import check_steps
from mart_union.settlement.checks.suspense import check_suspense
from mart_union.settlement.checks.transfers import check_ids, check_kinds, check_transfers
from mart_union.settlement.checks.units import check_units
from mart_union.settlement.differences import Difference

__all__ = ["CHECKS", "Books", "Difference", "differences"]

CHECKS: tuple[Check, ...] = (
    check_transfers,
    check_kinds,
    check_ids,
    check_reports,
    check_suspense,
    check_floors,
    check_levels,
    check_shards,
    check_journals,
    check_purchases,
    check_order_sums,
    check_payments,
    check_orphans,
    check_cards,
    check_cash,
    check_units,
    check_limits,
    check_steps,
    check_payables,
    check_carried,
    check_parties,
    check_statements,
    check_payouts,
    check_paid_statements,
    check_bank_files,
    check_disputes,
    check_splits,
    check_completions,
    check_refunds,
    check_failed_refunds,
    check_card_returns,
    check_partial_refunds,
    check_escrow,
    check_escrow_accounts,
    check_pools,
)
"""Every check, in the order of the invariants that they prove."""


def differences(books: Books) -> list[Difference]:
    """Everything that the books disagree on."""
    return [difference for check in CHECKS for difference in check(books)]
