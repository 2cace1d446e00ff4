"""The whole bench in one run: `python -m bench [--docs]`. Prints its rows, and writes them to `build/bench.json`."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

from bench import machine, report
from bench.rows import Row, as_text, write_json
from bench.union import emulator, make_tables, settle

PARTS = ("handlers", "budgets", "cold", "growth")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Measure what operations cost.")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md, too")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be given several times")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"), help="where the rows go")
    known = parser.parse_args()
    rows: list[Row] = []
    before = machine.facts()
    with emulator() as endpoint:
        settle(endpoint)
        make_tables()
        for part in known.only or PARTS:
            print(f"\n{part} ...", flush=True)
            measured = list(_measure(part, endpoint))
            print(as_text(measured), flush=True)
            rows += measured
    facts = machine.with_load(before)
    write_json(known.out, facts, rows)
    missed = [row.name for row in rows if row.met is False]
    print(
        f"\n{len(rows)} rows in {known.out}; goals met: {sum(row.met is True for row in rows)}, missed: {len(missed)}"
    )
    if known.docs:
        report.write(Path("docs/performance.md"), facts, rows)


def _measure(part: str, endpoint: str) -> Iterator[Row]:
    from bench import budgets, cold, growth, handlers
    from bench.operations import lists, operations
    from bench.scene import scene

    recipient = scene()
    if part == "handlers":
        return handlers.rows(itertools.chain(operations(recipient), lists(recipient)))
    if part == "budgets":
        return budgets.rows(operations(recipient))
    return cold.rows(endpoint) if part == "cold" else growth.rows(endpoint)


if __name__ == "__main__":
    main()
