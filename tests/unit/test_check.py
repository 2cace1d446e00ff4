"""The invariant checker as an operator's command: it names what is wrong and says so with its exit code."""

from __future__ import annotations

import pytest

from mart_union.ledger.census import Ledger
from mart_union.settlement import books, check
from mart_union.settlement.reconciliation import Books, Difference


def books_that_differ_in(*found: Difference) -> tuple[Books, list[Difference]]:
    return Books(Ledger()), list(found)


def test_books_in_order_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(check, "agreed_differences", lambda _: books_that_differ_in())
    assert check.main() == 0
    expected = "0 transfers, 0 payables, 0 statements, 0 purchases, 0 orders, 0 levels: 0 differences\n"
    assert capsys.readouterr().out == expected


def test_what_is_wrong_is_named_under_its_invariant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Difference(3, "level/listing/emei-tea/OB-TOP", "its counts do not agree")
    monkeypatch.setattr(check, "agreed_differences", lambda _: books_that_differ_in(wrong))
    assert check.main() == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first == "invariant 3: level/listing/emei-tea/OB-TOP: its counts do not agree"
    assert last.endswith("1 differences")


def looks(monkeypatch: pytest.MonkeyPatch, *found: list[Difference]) -> list[Difference]:
    """What is told of books that differ in this and then that, each time that they are read."""
    seen = iter(found)
    monkeypatch.setattr(books, "load_books", lambda _: Books(Ledger()))
    monkeypatch.setattr(books, "differences", lambda _: next(seen))
    return books.agreed_differences()[1]


def off(subject: str, detail: str) -> Difference:
    return Difference(7, subject, detail)


def test_what_differs_in_the_same_way_twice_is_told_and_what_only_seemed_to_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong, passing = off("store/tea", "holds 5"), off("store/pots", "holds 7")
    assert looks(monkeypatch, [wrong, passing], [wrong]) == [wrong]
    assert looks(monkeypatch, [passing], []) == []
    assert looks(monkeypatch, []) == []


def test_a_real_difference_in_books_that_move_on_is_told_as_it_was_seen_last(monkeypatch: pytest.MonkeyPatch) -> None:
    moving = [[off("store/tea", f"holds {amount}")] for amount in range(5)]
    assert looks(monkeypatch, *moving) == [off("store/tea", "holds 4")]


def test_what_is_right_at_one_look_of_several_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    moving = [[off("store/tea", f"holds {amount}")] for amount in range(3)]
    assert looks(monkeypatch, *moving, []) == []
