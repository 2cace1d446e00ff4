"""The tables of docs/ledger.md."""

from __future__ import annotations

from mart_union.settlement.checks.transfers import kind_of
from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "ledger.md"

Posting = tuple[str, str, int, str]
"""Kind of the transfer, account, amount and reference, in the document's words."""


def rows_of(heading: str) -> list[list[str]]:
    """The rows of the table under a heading of the document, without code marks."""
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


def documented() -> dict[str, list[Posting]]:
    """The postings of each event."""
    events: dict[str, list[Posting]] = {}
    for name, kind, account, amount, reference in rows_of("Postings of each event"):
        posting = [(kind, account, int(amount.replace(",", "")), reference)] if account else []
        events.setdefault(name, []).extend(posting)
    return events


def pattern_of(kind: str, account: str, amount_minor: int, reference: str) -> str:
    """What a posting has in common with others: `top-up +customer about purchase`. A statement's reference is its id alone."""
    sign = "+" if amount_minor > 0 else "-"
    of = "tax" if account.startswith("tax/") else kind_of(account)
    about = reference.partition("/")[0] if "/" in reference else "statement"
    return f"{kind.removesuffix(' (pending)')} {sign}{of} about {about}"


def documented_patterns() -> set[str]:
    """Every pattern of the document."""
    return {pattern_of(*posting) for postings in documented().values() for posting in postings}
