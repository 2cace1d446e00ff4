"""What the bench writes into the docs: each missed goal by name, by how much, why, and what would change it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import machine, report
from bench.__main__ import _require_words, arguments
from bench.growth import _asked
from bench.imports import shares
from bench.misses import MISSES, known_of, unexplained
from bench.rows import Row, compared, counted
from tests.conftest import ROOT

MACHINE = {"commit": "0123456789ab", "tree": "clean", "processor": "a processor", "cores": "2", "python": "3.11"}
MACHINE["at"] = "2026-11-22T20:00+00:00"
MET = counted("requests: front page", 1, "requests", 1, "1 request")
COUNTED = counted("requests: cancel, 2 stores", 3, "requests", 2, "2 requests")
TIMED = compared("handler: cancel, 1 store", [1.35] * 16, [1.0] * 16, against="bare calls", goal=1.25)
UNKNOWN = counted("requests: something new", 4, "requests", 1, "1 request")
UNDER = counted("write units: cancel, 1 store", 19, "units", 22, "2 x 7 items")
BEYOND = compared("handler: cancel, 1 store", [2.5] * 16, [1.0] * 16, against="bare calls", goal=1.25)
IMPORTED = {
    "botocore.session": 30.0,
    "botocore.client": 10.0,
    "mart_union.catalog": 4.0,
    "browse.app": 2.0,
    "json": 5.0,
    "msgspec": 1.0,
}
SAMPLES = [name.replace("*", "1").replace("[2-9]", "2") for miss in MISSES for name, _ in miss.names]
HEADLINE = [compared(name, [1.0] * 16, [1.0] * 16, against="bare calls", goal=1.25) for name in report.HEADLINE]
MEASURED = "README.md", "docs/performance.md"
NO_RUN = "No run of the bench as it is now has been kept yet."


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A README and a page of performance with marks only."""
    (tmp_path / "docs").mkdir()
    for page in (tmp_path / "README.md", tmp_path / "docs" / "performance.md"):
        page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    return tmp_path


def written(pages: Path, *rows: Row) -> str:
    report.write(MACHINE, [*HEADLINE, *rows], pages)
    return (pages / "docs" / "performance.md").read_text(encoding="utf-8")


def test_a_missed_goal_is_named_with_by_how_much_and_why_and_what_would_change_it(pages: Path) -> None:
    text = written(pages, MET, COUNTED, TIMED)
    assert "- **requests: cancel, 2 stores**: 3 requests, 1 more than 2\n" in text
    assert "- **handler: cancel, 1 store**: 1.35 (1.35 to 1.35) times (bare calls: 1.00 ms), 8 % over 1.25\n" in text
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
    assert "8 % over 1.25. botocore 60 %\n" in written(pages, row)


def test_a_goal_that_is_missed_by_more_than_is_explained_ends_the_run_with_an_error() -> None:
    assert unexplained([TIMED, BEYOND]) == [BEYOND.name]
    every_cause = [compared(name, [9e9] * 16, [1.0] * 16, against="", goal=1.0) for name in SAMPLES]
    assert [known_of(row) for row in every_cause] == [None] * len(SAMPLES)


def test_less_than_the_budget_is_said_to_be_less(pages: Path) -> None:
    text = written(pages, MET, UNDER)
    assert "| requests: front page | " not in text
    assert "| front page | 1 requests | 1 request | 1.00 |  | 1 | yes |" in text
    assert "| cancel, 1 store | 19 units | 2 x 7 items | 0.86 | 22 | yes, under it |" in text
    assert "goals are met, 1 of them by less than the budget" in text


def test_both_pages_name_the_commit_and_whether_files_were_changed_beside_it(pages: Path) -> None:
    assert "- commit: 0123456789ab\n- tree: clean\n" in written(pages)
    assert "of commit 0123456789ab (clean)" in (pages / "README.md").read_text(encoding="utf-8")


def test_the_machines_facts_name_the_commit() -> None:
    facts = machine.facts()
    assert re.fullmatch("[0-9a-f]{12}|unknown: no repository", facts["commit"])
    assert facts["tree"] == "clean" or facts["tree"].startswith("dirty: ")


def test_a_run_that_lacks_a_row_of_the_headline_is_refused_and_nothing_is_written(pages: Path) -> None:
    before = [(pages / page).read_text(encoding="utf-8") for page in MEASURED]
    with pytest.raises(ValueError, match=re.escape(HEADLINE[2].name)):
        report.write(MACHINE, [MET, *HEADLINE[:2], *HEADLINE[3:]], pages)
    assert [(pages / page).read_text(encoding="utf-8") for page in MEASURED] == before


@pytest.mark.parametrize("option", ["--docs", "--from-json"])
def test_a_part_alone_is_not_written_into_the_docs(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["--only", "budgets", option])
    assert "--only measures a part" in capsys.readouterr().err
    assert arguments([option]).only is None


def test_requests_and_units_of_more_data_are_each_compared_with_those_of_once_the_data() -> None:
    rows = list(_asked("front page", {1: [2, 4.0], 10: [2, 4.0], 100: [3, 4.0]}))
    assert [(row.name, row.value, row.goal, row.met) for row in rows] == [
        ("growth in requests: front page, 10 times the data", 2, 2, True),
        ("growth in units: front page, 10 times the data", 4.0, 4.0, True),
        ("growth in requests: front page, 100 times the data", 3, 2, False),
        ("growth in units: front page, 100 times the data", 4.0, 4.0, True),
    ]


def test_imports_are_told_by_package_and_the_rest_beside_them() -> None:
    told = shares([(IMPORTED, 100.0)] * 3)
    assert told == (
        "Imports in 3 starts, processor ms: botocore 40, our own modules 6, the standard library 5, other packages 1; "
        "interpreter, client and first call 48"
    )


def test_every_missed_goal_in_the_docs_is_named_with_where_it_goes() -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert report.UNEXPLAINED not in text
    require_words(text)


def test_a_missed_row_that_is_taken_out_of_where_goals_are_missed_is_found(pages: Path) -> None:
    text = written(pages, MET, COUNTED, TIMED)
    require_words(text)
    with pytest.raises(AssertionError, match=TIMED.name):
        require_words(text.replace(f"- **{TIMED.name}**", "- something"))


@pytest.mark.parametrize("page", MEASURED)
def test_the_docs_hold_a_run_and_the_commit_it_is_of_or_say_that_there_is_none(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    measured = text.partition(report.BEGIN)[2].partition(report.END)[0].strip()
    assert measured == NO_RUN or re.search(r"commit:? [0-9a-f]{12}\b", measured)


def require_words(text: str) -> None:
    """Each row of a page's tables that missed its goal has a line of its own in "Where goals are missed"."""
    measured = text.partition(report.BEGIN)[2].partition(report.END)[0]
    explained = measured.partition("### Where goals are missed")[2].partition("\n### ")[0]
    missed = list(missed_rows(measured))
    assert [name for name in missed if f"- **{name}**:" not in explained] == []
    assert explained.count("- **") == len(missed)
    assert bool(missed) == ("*What would change it:*" in explained)


def missed_rows(text: str) -> Iterator[str]:
    """The names of rows whose last cell says that the goal was missed: the kind is the table's heading, with a small letter."""
    kind = ""
    for line in text.splitlines():
        if line.startswith("### "):
            kind = line[4:5].lower() + line[5:]
        elif line.startswith("| ") and line.rpartition(" | ")[2].strip("|* ").lower() == "no":
            yield f"{kind}: {line[2:].partition(' | ')[0]}"
