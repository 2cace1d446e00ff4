"""Rows of the bench: how they are summed up from times, and written as JSON. A row's name is `<kind>: <what>`; a kind is a table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measured fact. `baseline` says against what, `spread` is the quartiles of the ratio, `met` None where there is no goal;
    `profile` says of a missed one where its time goes."""

    name: str
    value: float
    unit: str
    baseline: str
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    goal: float | None = None
    met: bool | None = None
    profile: str = ""

    @property
    def kind(self) -> str:
        """The table that the row belongs to."""
        return self.name.partition(": ")[0]

    @property
    def what(self) -> str:
        """What was measured, within its table."""
        return self.name.partition(": ")[2]


def compared(
    name: str, values: Sequence[float], others: Sequence[float], *, against: str, goal: float | None, unit: str = "ms"
) -> Row:
    """A row of times taken in turn with the times of a baseline: medians, their ratio, the quartiles of the ratio over blocks of the run."""
    value, other = statistics.median(values), statistics.median(others)
    ratio = value / other
    spread = quartiles([part / whole for part, whole in zip(in_blocks(values), in_blocks(others), strict=True)])
    met = None if goal is None else ratio <= goal
    return Row(name, round(value, 2), unit, f"{against}: {other:.2f} {unit}", round(ratio, 3), spread, goal, met)


def in_blocks(values: Sequence[float], blocks: int = 8) -> list[float]:
    """The medians of consecutive blocks of a run."""
    size = max(1, len(values) // blocks)
    starts = range(0, size * (len(values) // size), size)
    return [statistics.median(values[start : start + size]) for start in starts]


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third quartile."""
    low, _, high = statistics.quantiles(values, n=4)
    return round(low, 2), round(high, 2)


def counted(name: str, value: float, unit: str, goal: float | None, why: str) -> Row:
    """A row of something that is counted, and that must not be more than the budget, where there is one."""
    ratio = round(value / goal, 2) if goal else None
    return Row(name, round(value, 2), unit, why, ratio, None, goal, None if goal is None else value <= goal)


def is_under(row: Row) -> bool:
    """Whether less was counted than the budget allows: times have quartiles, counts have none."""
    return row.met is True and row.spread is None and row.ratio is not None and row.ratio < 1


def write_json(path: Path, machine: dict[str, str], rows: Sequence[Row]) -> None:
    """The whole run as one JSON document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> tuple[dict[str, str], list[Row]]:
    """What an earlier run wrote: the machine's facts and the rows."""
    document = json.loads(path.read_text(encoding="utf-8"))
    rows = [Row(**{**row, "spread": tuple(row["spread"]) if row["spread"] else None}) for row in document["rows"]]
    return document["machine"], rows
