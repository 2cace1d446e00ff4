"""A level told again from its journal."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from mart_union.ledger.census import Ledger
from mart_union.settlement.checks.levels import check_journals
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference
from mart_union.stock.journal import journal_entry
from mart_union.stock.model import JournalEntry, Level, Movement, apply, hold, put_back, sell_held, set_aside, take
from mart_union.stock.rebuilding import rebuild

AT = "2026-11-22T04:00:00.000Z"
LATER = "2026-11-23T04:00:00.001Z"


def history(*movements: Movement) -> tuple[Level, list[JournalEntry]]:
    """A level after some movements, and its journal."""
    level, entries = Level("listing/tea/OB"), []
    for movement in movements:
        after = apply(level, movement, AT)
        entries.append(journal_entry(level, after))
        level = after
    return level, entries


LEVEL, JOURNAL = history(
    Movement("received", "lin", "d-1", reserve=10, received=10),
    take(2, "lin", "purchase/1"),
    hold(3, "lin", "purchase/2"),
    sell_held(3, "lin", "purchase/2"),
    Movement("paused", "lin", ""),
    put_back(1, "lin", "purchase/1"),
    set_aside(4, "lin", "urgent-sale/1"),
    Movement("damaged", "lin", "flood", reserve=-1, written_off=1),
)


def test_a_journal_in_whatever_order_tells_the_level() -> None:
    assert (LEVEL.reserve, LEVEL.sold, LEVEL.moved) == (1, 4, -4)
    for seed in range(5):
        entries = random.Random(seed).sample(JOURNAL, len(JOURNAL))
        assert rebuild(entries).difference(LEVEL) == ""


@pytest.mark.parametrize("lost", range(1, 8))
def test_a_movement_that_is_missing_is_a_difference(lost: int) -> None:
    found = rebuild(entry for entry in JOURNAL if entry.sequence != lost).difference(LEVEL)
    assert found == "1 of its first 8 movements are not in its journal"


def test_a_journal_that_says_something_else_is_a_difference_and_names_the_counts() -> None:
    assert rebuild(JOURNAL).difference(replace(LEVEL, sold=5, reserve=0)) == (
        "by its journal it has reserve 1, not 0; sold 4, not 5; reserve after the last 1, not 0"
    )


def test_what_the_stream_has_not_told_yet_is_no_difference_until_it_never_will() -> None:
    behind = rebuild(JOURNAL[:6])
    assert behind.difference(LEVEL) == ""
    assert behind.difference(LEVEL, caught_up=AT) == ""
    assert behind.difference(LEVEL, caught_up=LATER) == f"its journal ends at movement 6 of 8, the last of {AT}"
    assert rebuild([]).difference(LEVEL, caught_up=LATER) == f"its journal ends at movement 0 of 8, the last of {AT}"


def test_the_checker_names_a_level_that_differs_from_its_journal() -> None:
    right = Books(Ledger(), levels=[LEVEL], journals={LEVEL.id: rebuild(JOURNAL)}, caught_up=LATER)
    assert list(check_journals(right)) == []
    wrong = Books(Ledger(), levels=[LEVEL], journals={LEVEL.id: rebuild(JOURNAL[1:])})
    detail = "1 of its first 8 movements are not in its journal"
    assert list(check_journals(wrong)) == [Difference(3, "level/listing/tea/OB", detail)]
