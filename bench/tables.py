"""Rows as tables: for a terminal, and for a page."""

from __future__ import annotations

from collections.abc import Sequence

from bench.rows import Row, is_under

HEADS = ("what", "value", "baseline", "ratio", "quartiles", "goal", "met")


def by_kind(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each kind, kinds in the order in which they first come."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    return kinds


def as_text(rows: Sequence[Row]) -> str:
    """Rows as tables for a terminal, one a kind."""
    return "\n\n".join(f"{kind}\n{_as_text(group)}" for kind, group in by_kind(rows).items())


def _as_text(rows: Sequence[Row]) -> str:
    lines = _lines(rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """Rows of one kind as a table for a page."""
    heads, *lines = _lines(rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, ("---",) * len(heads), *lines])


def _lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The heads and the cells of rows, without columns that none of them fills."""
    lines = [HEADS, *(_cells(row) for row in rows)]
    filled = [column for column in range(len(HEADS)) if any(line[column] for line in lines[1:])]
    return [tuple(line[column] for column in filled) for line in lines]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        f"{row.value:g} {row.unit}",
        row.baseline,
        "" if row.ratio is None else f"{row.ratio:.2f}",
        "" if row.spread is None else "{:.2f} to {:.2f}".format(*row.spread),
        "" if row.goal is None else f"{row.goal:g}",
        "yes, under it" if is_under(row) else {True: "yes", False: "**no**", None: ""}[row.met],
    )
