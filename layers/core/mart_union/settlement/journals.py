"""Tells levels again from their journals and compares: `python -m mart_union.settlement.journals listing/<store>/<sku> offer/<supplier>/<sku>`.

A listing's shards are compared with it; an allotment is named by itself, `offer/<supplier>/<sku>#<store>`. An operator runs it with the
environment of one of the union's functions (`make invariants UNION=<id> LEVEL=<level>` does so), such as after the alarm StockJournalGap. The nightly reconciliation compares every level.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from msgspec import Struct

from mart_union.catalog.service import get_listing
from mart_union.kernel.errors import NotFound
from mart_union.settlement.differences import Difference
from mart_union.stock.journal import read_journal
from mart_union.stock.model import Level
from mart_union.stock.rebuilding import Rebuilt, rebuild
from mart_union.stock.service import get_levels


class Compared(Struct, frozen=True):
    """A level, what its journal makes of it, and the difference, if there is one."""

    level: Level
    rebuilt: Rebuilt
    difference: Difference | None


def compare_with_journal(level: str) -> list[Compared]:
    """A level, of a listing with its shards, each compared with its journal up to the sequence at which it was read. What the stream has not told yet is no
    difference. Reads each journal to its end: one query a thousand movements.

    Raises:
        NotFound: there is no such level.
    """
    levels = get_levels(_with_shards(level), consistent=True)
    if level not in levels:
        raise NotFound(f"there is no stock level {level}")
    return [_compared(each) for each in levels.values()]


def _compared(level: Level) -> Compared:
    rebuilt = rebuild(read_journal(level.id, level.sequence))
    detail = rebuilt.difference(level)
    return Compared(level, rebuilt, Difference(3, f"level/{level.id}", detail) if detail else None)


def _with_shards(level: str) -> tuple[str, ...]:
    kind, _, rest = level.partition("/")
    owner, _, sku = rest.partition("/")
    return get_listing(owner, sku).all_levels if kind == "listing" and "#" not in sku else (level,)


def main(arguments: Sequence[str]) -> int:
    """Say what was compared and in what it differs; 1 if anything does, 2 if there is no such level."""
    try:
        found = [each for level in arguments for each in compare_with_journal(level)]
    except NotFound as error:
        print(error.detail, file=sys.stderr)
        return 2
    for each in found:
        differs = f": {each.difference.detail}" if each.difference else ""
        print(f"{each.level.id}: {each.rebuilt.entries} of {each.level.sequence} movements{differs}")
    return 1 if any(each.difference for each in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
