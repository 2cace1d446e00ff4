"""Repeats the reconciliation of any day and keeps its report: `python -m mart_union.settlement.reconcile [yyyy-mm-dd]`.

An operator runs it with the environment of one of the union's functions.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid
from mart_union.settlement.books import reconcile


def main(arguments: Sequence[str]) -> int:
    """Reconcile the day named, else the last that is over, and say what was found; 1 if the books differ, 2 if there is no such day."""
    try:
        report = reconcile(utc_now(), arguments[0] if arguments else "")
    except Invalid as error:
        print(error.detail, file=sys.stderr)
        return 2
    for kind, amount in report.balances.items():
        print(f"{kind:24} {amount:>18}")
    for found in report.differences:
        print(f"invariant {found.invariant}: {found.subject}: {found.detail}")
    print(f"{report.day}: {report.transfers} transfers, {len(report.differences)} differences")
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
