"""The invariant checker: proves invariants 1 to 4 and 7 to 10 (docs/invariants.md) on whatever a union's tables hold.

An operator runs it with the environment of one of the union's functions: `python -m mart_union.settlement.check`. It reads
every item of four tables, and the listings of a fifth that have an urgent sale, and writes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sized

from mart_union.kernel.clock import utc_now
from mart_union.settlement.books import agreed_differences
from mart_union.settlement.differences import Difference
from mart_union.settlement.reconciliation import Books


def check_union() -> list[Difference]:
    """Everything in which the union's books break an invariant; nothing when all of them hold."""
    return agreed_differences()[1]


def main() -> int:
    """Say what was looked at and what is wrong; 1 if anything is."""
    books, found = agreed_differences(utc_now())
    for difference in found:
        print(f"invariant {difference.invariant}: {difference.subject}: {difference.detail}")
    print(f"{_size(books)}: {len(found)} differences")
    return 1 if found else 0


def _size(books: Books) -> str:
    counted: dict[str, Sized] = {
        "transfers": books.ledger.transfers,
        "payables": books.ledger.payables,
        "statements": books.ledger.statements,
        "purchases": books.purchases,
        "orders": books.orders,
        "levels": books.levels,
    }
    return ", ".join(f"{len(items)} {name}" for name, items in counted.items())


if __name__ == "__main__":
    sys.exit(main())
