"""Keeps the pictures and tables of `docs/procedures.md` equal to the procedures that are shipped: `python -m infra.procedures` writes them,
`--check` compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from mart_union.catalog.procedures import Deadline, Procedure, Reminder, ReturnRules
from mart_union.orders.pictures import mermaid_of
from mart_union.orders.shipped import PROCEDURES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "procedures.md"

_FIRST = "<!-- shipped: begin -->\n"
_LAST = "<!-- shipped: end -->\n"


def described(procedures: Iterable[Procedure]) -> str:
    """Some procedures, each with its picture, its steps, and what happens when nobody takes them."""
    return "".join("".join(_lines(procedure)) for procedure in procedures)


def _lines(procedure: Procedure) -> Iterator[str]:
    yield f"\n### {procedure.title} (`{procedure.name}`, version {procedure.version})\n\n"
    yield f"```mermaid\n{mermaid_of(procedure)}```\n\n"
    yield "| Step | From | To | By | Needs | Money |\n|---|---|---|---|---|---|\n"
    for step in procedure.steps:
        cells = [", ".join(each) for each in (step.from_states, (step.to_state,), step.roles, step.needs)]
        yield f"| {step.title} (`{step.name}`) | {' | '.join(cells)} | {step.effect} |\n"
    yield "\n| In state | After | What the system does |\n|---|---|---|\n"
    for reminder in procedure.reminders:
        yield f"| {reminder.state} | {_after(reminder)} | tells the {reminder.to} |\n"
    for deadline in procedure.deadlines:
        yield f"| {deadline.state} | {_after(deadline)} | `{deadline.step}` |\n"
    if procedure.returns is not None:
        yield f"\n| Given back because, {_window(procedure.returns)} | Fault | The way back is paid by |\n|---|---|---|\n"
        for reason in procedure.returns.reasons:
            yield f"| {reason.title} (`{reason.name}`) | {reason.fault} | {reason.way_back} |\n"
        if procedure.returns.deadlines:
            yield "\n| A return that is | Its taker is reminded after | And then |\n|---|---|---|\n"
        for each in procedure.returns.deadlines:
            yield f"| {each.state} | {each.days} days | {each.grace_days} days later `{each.then}` |\n"


def _window(rules: ReturnRules) -> str:
    return "in the store's return window" if rules.days is None else f"within {rules.days} days"


def _after(wait: Deadline | Reminder) -> str:
    if isinstance(wait, Deadline) and wait.return_window:
        return "the return window"
    return f"{wait.hours} hours" + (" after the promised day" if wait.after_promise else "")


def with_shipped(page: str) -> str:
    """The page's text with the shipped procedures between the marks."""
    before, _, rest = page.partition(_FIRST)
    _, _, after = rest.partition(_LAST)
    if not before or not rest:
        raise SystemExit(f"{PAGE.name} has lost the marks between which the procedures stand")
    return before + _FIRST + described(PROCEDURES[name] for name in sorted(PROCEDURES)) + "\n" + _LAST + after


def main(arguments: list[str]) -> int:
    """Write or check the page."""
    page = PAGE.read_text(encoding="utf-8")
    wanted = with_shipped(page)
    if wanted == page:
        return 0
    if "--check" in arguments:
        print("docs/procedures.md is not what the code ships; run: python -m infra.procedures", file=sys.stderr)
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
