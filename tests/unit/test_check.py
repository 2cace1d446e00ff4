"""The invariant checker as an operator's command: it names what is wrong and says so with its exit code."""

from __future__ import annotations

import pytest

from mart_union.ledger.census import Ledger
from mart_union.settlement import check
from mart_union.settlement.reconciliation import Books, Difference


def books_that_differ_in(*found: Difference) -> tuple[Books, list[Difference]]:
    return Books(Ledger()), list(found)


def test_books_in_order_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(check, "agreed_differences", books_that_differ_in)
    assert check.main() == 0
    expected = "0 transfers, 0 payables, 0 statements, 0 purchases, 0 orders, 0 levels: 0 differences\n"
    assert capsys.readouterr().out == expected


def test_what_is_wrong_is_named_under_its_invariant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Difference(3, "level/listing/emei-tea/OB-TOP", "its counts do not agree")
    monkeypatch.setattr(check, "agreed_differences", lambda: books_that_differ_in(wrong))
    assert check.main() == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first == "invariant 3: level/listing/emei-tea/OB-TOP: its counts do not agree"
    assert last.endswith("1 differences")
