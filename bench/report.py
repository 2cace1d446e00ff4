"""The measured parts of docs/performance.md and README.md: between two marks, so that the text around them stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.misses import Miss, known_of
from bench.rows import Row, is_under
from bench.tables import as_markdown, by_kind

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

UNEXPLAINED = "**Nobody has said yet where this goes: say it in `bench/misses.py`.**"
"""Stands below missed rows of which nothing is known."""

HEADLINE = (
    "handler: front page",
    "handler: listing page",
    "handler: checkout, 1 line of 1 store",
    "handler: checkout, 10 lines of 5 stores",
    "handler: order step",
    "requests: front page",
    "requests: checkout, 10 lines of 5 stores",
    "cold start, of a bare Powertools resolver: browse, first call /api/stores",
    "cold start, of a bare Powertools resolver: checkout, first call /api/cart",
    "cold start, of a bare Powertools resolver: tracking, first call is the page /orders",
    "growth: checkout, 1 line of 1 store, 100 times the data",
    "settlement: 100,000 payables of 100 parties, time a payable beyond the party's own",
)
"""The rows that the README shows: at least one of each part, so that a part alone never passes for a run."""


def write(machine: dict[str, str], rows: Sequence[Row], folder: Path = Path()) -> None:
    """Put a run into docs/performance.md, and its headline into README.md.

    Raises:
        ValueError: a page has no marks, or a row of the headline was not measured; nothing was written then.
    """
    headline = _headline(machine, rows)
    _fill(folder / "docs" / "performance.md", _measured(machine, rows))
    _fill(folder / "README.md", headline)


def _fill(page: Path, measured: str) -> None:
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no marks {BEGIN} and {END}")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}", encoding="utf-8")


def _measured(machine: dict[str, str], rows: Sequence[Row]) -> str:
    parts = ["### In short", _goals(rows)]
    if missed := [row for row in rows if row.met is False]:
        parts += ["### Where goals are missed, and why", *_explained(missed)]
    parts += ["### The machine", "\n".join(f"- {name}: {fact}" for name, fact in machine.items())]
    for kind, group in by_kind(rows).items():
        parts += [f"### {kind[:1].upper()}{kind[1:]}", as_markdown(group)]
    return "\n\n".join(parts)


def _explained(missed: Sequence[Row]) -> Iterator[str]:
    """Each missed row by name, by how much; and for those of one cause, where the time or the units go, and what would change it."""
    causes: dict[Miss | None, list[Row]] = {}
    for row in missed:
        causes.setdefault(known_of(row), []).append(row)
    for miss, rows in causes.items():
        yield "\n".join(f"- {_told(row)}{f'. {row.profile}' if row.profile else ''}" for row in rows)
        yield f"{miss.where} *What would change it:* {miss.change}" if miss else UNEXPLAINED


def _headline(machine: dict[str, str], rows: Sequence[Row]) -> str:
    named = {row.name: row for row in rows}
    if lost := [name for name in HEADLINE if name not in named]:
        raise ValueError(f"not measured, so this is no whole run; the README shows them: {'; '.join(lost)}")
    shown = [named[name] for name in HEADLINE]
    where = f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {machine['at'][:10]}, of commit {machine['commit']} ({machine['tree']})"
    lines = [f"| {row.name} | {row.value:g} {row.unit} | {_ratio(row)} | {row.goal:g} |" for row in shown]
    table = "\n".join(["| what | value | times its baseline | goal |", "| --- | --- | --- | --- |", *lines])
    return f"`make bench` on {where}. {_goals(rows)}\n\n{table}"


def _goals(rows: Sequence[Row]) -> str:
    goals = [row for row in rows if row.goal is not None]
    met = [row for row in goals if row.met]
    under = sum(is_under(row) for row in met)
    return f"{len(rows)} rows; {len(met)} of {len(goals)} goals are met, {under} of them by less than the budget of what is counted."


def _told(row: Row) -> str:
    """By how much a goal is missed: of what is counted the number, else the ratio."""
    assert row.goal is not None  # noqa: S101 - a missed row has one
    if _limits_value(row):
        return f"**{row.name}**: {row.value:g} {row.unit}, {row.value - row.goal:g} more than {row.goal:g}"
    ratio = row.ratio or 0.0
    return (
        f"**{row.name}**: {_ratio(row)} times ({row.baseline}), {100 * (ratio / row.goal - 1):.0f} % over {row.goal:g}"
    )


def _limits_value(row: Row) -> bool:
    """Whether the goal is one of the value, as of what is counted, and not of the ratio: then the ratio is that of the two."""
    if row.goal is None or row.spread is not None:
        return False
    return row.ratio is None or abs(row.value / row.goal - row.ratio) < 0.01


def _ratio(row: Row) -> str:
    """The ratio with its quartiles; of what is only counted, the ratio to the budget."""
    if row.spread is None:
        return "" if row.ratio is None else f"{row.ratio:.2f}"
    return f"{row.ratio:.2f} ({row.spread[0]:.2f} to {row.spread[1]:.2f})"
