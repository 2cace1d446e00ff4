"""The whole bench in one run: `python -m bench [--docs]`. Prints its rows, and writes them to `build/bench.json`.

A row that another part of the system adds: yield it from a function of the emulator's address, and name the function in `PARTS`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import machine, report
from bench.misses import unexplained
from bench.rows import Row, read_json, write_json
from bench.tables import as_text
from bench.union import emulator, make_bucket, make_tables, settle


def main() -> None:
    """Measure, print, write."""
    known = arguments()
    if known.from_json:
        facts, rows = read_json(known.out)
        report.write(facts, rows)
        _require_words(rows)
        return
    rows = []
    before = machine.facts()
    with emulator() as endpoint:
        settle(endpoint)
        make_tables()
        make_bucket()
        for part in known.only or PARTS:
            print(f"\n{part} ...", flush=True)
            measured = list(PARTS[part](endpoint))
            print(as_text(measured), flush=True)
            rows += measured
    facts = machine.with_load(before)
    write_json(known.out, facts, rows)
    missed = [row.name for row in rows if row.met is False]
    met = sum(row.met is True for row in rows)
    print("\n".join([f"\n{len(rows)} rows in {known.out}; goals met: {met}, missed: {len(missed)}", *missed]))
    if known.docs:
        report.write(facts, rows)
        _require_words(rows)


def _require_words(rows: Sequence[Row]) -> None:
    """End with an error when a missed row stands in the docs without a word of why."""
    if names := unexplained(rows):
        raise SystemExit("say in bench/misses.py where these go:\n" + "\n".join(names))


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for. A part alone is not written into the docs: it would take the place of all tables."""
    parser = argparse.ArgumentParser(description="Measure what operations cost.")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md and README.md, too")
    parser.add_argument("--from-json", action="store_true", help="write them from the last run, and measure nothing")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be given several times")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"), help="where the rows go")
    known = parser.parse_args(words)
    if known.only and (known.docs or known.from_json):
        parser.error(
            "--only measures a part: the docs hold whole runs, so it goes neither with --docs nor with --from-json"
        )
    return known


def _handlers(_endpoint: str) -> Iterator[Row]:
    from bench import handlers
    from bench.operations import lists, operations

    return handlers.rows([*operations(), *lists()])


def _budgets(_endpoint: str) -> Iterator[Row]:
    from bench import budgets, work
    from bench.operations import lists, operations

    yield from budgets.rows([*operations(), *lists(), *work.works()])
    yield from work.rows()


def _cold(endpoint: str) -> Iterator[Row]:
    from bench import cold

    return cold.rows(endpoint)


def _growth(endpoint: str) -> Iterator[Row]:
    from bench import growth

    return growth.rows(endpoint)


def _settlement(endpoint: str) -> Iterator[Row]:
    from bench import settlement

    return settlement.rows(endpoint)


def _rush(endpoint: str) -> Iterator[Row]:
    from bench import rush

    return rush.rows(endpoint)


def _mediation(endpoint: str) -> Iterator[Row]:
    from bench import mediation

    return mediation.rows(endpoint)


def _uploads(endpoint: str) -> Iterator[Row]:
    from bench import uploads

    return uploads.rows(endpoint)


def _orders(endpoint: str) -> Iterator[Row]:
    from bench import orders

    return orders.rows(endpoint)


PARTS: dict[str, Callable[[str], Iterator[Row]]] = {
    "handlers": _handlers,
    "budgets": _budgets,
    "cold": _cold,
    "growth": _growth,
    "settlement": _settlement,
    "rush": _rush,
    "mediation": _mediation,
    "uploads": _uploads,
    "orders": _orders,
}
"""The parts of a run by name; each measures against the emulator at an address."""


if __name__ == "__main__":
    main()
