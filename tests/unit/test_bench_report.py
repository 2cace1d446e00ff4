"""What the bench writes into the docs: each missed goal by name, by how much, why, and what would change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report
from bench.__main__ import _require_words
from bench.misses import unexplained
from bench.rows import Row, compared, counted
from tests.conftest import ROOT

MACHINE = {"processor": "a processor", "cores": "2", "python": "3.11", "at": "2026-11-22T20:00+00:00"}
MET = counted("requests: front page", 1, "requests", 1, "1 request")
COUNTED = counted("requests: cancel, 2 stores", 3, "requests", 2, "2 requests")
TIMED = compared("handler: cancel, 1 store", [1.5] * 16, [1.0] * 16, against="bare calls", goal=1.25)
UNKNOWN = counted("requests: something new", 4, "requests", 1, "1 request")


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A README and a page of performance with marks only."""
    (tmp_path / "docs").mkdir()
    for page in (tmp_path / "README.md", tmp_path / "docs" / "performance.md"):
        page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    return tmp_path


def written(pages: Path, *rows: Row) -> str:
    report.write(MACHINE, rows, pages)
    return (pages / "docs" / "performance.md").read_text(encoding="utf-8")


def test_a_missed_goal_is_named_with_by_how_much_and_why_and_what_would_change_it(pages: Path) -> None:
    text = written(pages, MET, COUNTED, TIMED)
    assert "- **requests: cancel, 2 stores**: 3 requests, 1 more than 2\n" in text
    assert "- **handler: cancel, 1 store**: 1.50 (1.50 to 1.50) times (bare calls: 1.00 ms), 20 % over 1.25\n" in text
    assert text.count("*What would change it:*") == 2
    assert report.UNEXPLAINED not in text
    assert "**requests: front page**" not in text


def test_a_missed_goal_of_which_nothing_is_known_is_marked_and_ends_the_run_with_an_error(pages: Path) -> None:
    text = written(pages, COUNTED, UNKNOWN)
    assert text.count(report.UNEXPLAINED) == 1
    assert unexplained([MET, COUNTED, UNKNOWN]) == ["requests: something new"]
    with pytest.raises(SystemExit, match="requests: something new"):
        _require_words([MET, COUNTED, UNKNOWN])
    _require_words([MET, COUNTED])


def test_the_profile_of_a_missed_row_stands_beside_it(pages: Path) -> None:
    row = Row(**{**{name: getattr(TIMED, name) for name in TIMED.__dataclass_fields__}, "profile": "botocore 60 %"})
    assert "20 % over 1.25. botocore 60 %\n" in written(pages, row)


def test_no_missed_goal_in_the_docs_is_without_a_word() -> None:
    assert report.UNEXPLAINED not in (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
