"""Rows of the bench: how they are summed up from times, printed, and written."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measured fact. `baseline` says against what, `spread` is the quartiles of the ratio, `met` None where there is no goal."""

    name: str
    value: float
    unit: str
    baseline: str
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    goal: float | None = None
    met: bool | None = None


def compared(
    name: str, values: Sequence[float], others: Sequence[float], *, against: str, goal: float | None, unit: str = "ms"
) -> Row:
    """A row of times taken in turn with the times of a baseline: medians, their ratio, the quartiles of the ratio over blocks of the run."""
    value, other = statistics.median(values), statistics.median(others)
    ratio = value / other
    return Row(
        name,
        round(value, 2),
        unit,
        f"{against}: {other:.2f} {unit}",
        round(ratio, 2),
        _spread(values, others),
        goal,
        None if goal is None else ratio <= goal,
    )


def _spread(values: Sequence[float], others: Sequence[float], blocks: int = 8) -> tuple[float, float]:
    size = max(1, len(values) // blocks)
    starts = range(0, size * (len(values) // size), size)
    ratios = [
        statistics.median(values[start : start + size]) / statistics.median(others[start : start + size])
        for start in starts
    ]
    low, _, high = statistics.quantiles(ratios, n=4)
    return round(low, 2), round(high, 2)


def counted(name: str, value: float, unit: str, goal: float, why: str) -> Row:
    """A row of something that is counted, and that has to be what the design says."""
    ratio = round(value / goal, 2) if goal else None
    return Row(name, value, unit, why, ratio, None, goal, value <= goal)


HEADS = ("what", "value", "baseline", "ratio", "quartiles", "goal", "met")


def cells(row: Row) -> tuple[str, ...]:
    """A row as texts, for a terminal or a page."""
    return (
        row.name,
        f"{row.value:g} {row.unit}",
        row.baseline,
        "" if row.ratio is None else f"{row.ratio:.2f}",
        "" if row.spread is None else "{:.2f} to {:.2f}".format(*row.spread),
        "" if row.goal is None else f"{row.goal:g}",
        {True: "yes", False: "NO", None: ""}[row.met],
    )


def as_text(rows: Sequence[Row]) -> str:
    """Rows as a table for a terminal."""
    lines = [HEADS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """Rows as a table for a page."""
    lines = [HEADS, ("---",) * len(HEADS), *(cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_json(path: Path, machine: dict[str, str], rows: Sequence[Row]) -> None:
    """The whole run as one JSON document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
