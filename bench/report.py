"""The measured part of docs/performance.md: between two marks, so that the text around it stays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from bench.rows import Row, as_markdown

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write(page: Path, machine: dict[str, str], rows: Sequence[Row]) -> None:
    """Put the run between the marks of a page.

    Raises:
        ValueError: the page has no marks.
    """
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no marks {BEGIN} and {END}")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{_measured(machine, rows)}\n\n{END}{after}", encoding="utf-8")


def _measured(machine: dict[str, str], rows: Sequence[Row]) -> str:
    parts = ["### The machine", "\n".join(f"- {name}: {fact}" for name, fact in machine.items())]
    for name, group in groupby(rows, key=lambda row: row.name.partition(":")[0]):
        parts += [f"### {name.capitalize()}", as_markdown(list(group))]
    return "\n\n".join(parts)
