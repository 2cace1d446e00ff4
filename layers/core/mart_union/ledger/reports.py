"""What payment providers report of a day, kept to be compared with the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from mart_union.kernel.errors import KeyReused
from mart_union.kernel.storage import find
from mart_union.ledger.model import ReportEntry
from mart_union.ledger.tables import ReportPageItem, report_key

_ENTRIES_A_PAGE = 1000


def keep_report(provider: str, day: str, report: str, entries: Sequence[ReportEntry]) -> None:
    """Keep what a provider reported of a day. One write for a thousand entries; the same report again writes the same.

    Raises:
        KeyReused: a report of this id said something else.
    """
    for page, start in enumerate(range(0, max(len(entries), 1), _ENTRIES_A_PAGE), start=1):
        part = tuple(entries[start : start + _ENTRIES_A_PAGE])
        key = report_key(provider, day, report, page)
        before = find(ReportPageItem, *key, consistent=True)
        if before is not None and before.entries != part:
            raise KeyReused(f"report {report} of {day} came before with other content")
        if before is None:
            ReportPageItem(*key, entries=part).save()
