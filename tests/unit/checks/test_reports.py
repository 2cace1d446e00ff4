"""Invariants 1 and 7, beyond the ledger: what the bank says that it received, paid and sent back is what was posted, each movement once."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.ledger.model import ReportEntry
from mart_union.settlement.checks.model import Books
from mart_union.settlement.reconciliation import differences
from tests.unit.checks.breaking import payout_of
from tests.unit.checks.right import good_books
from tests.unit.checks.test_checks import found_in
from tests.unit.checks.trade import REPORTED

KILN, TEA = "supplier/kiln", "store/tea"
CAME, GONE, BACK = REPORTED[1:4]


def entry_of(books: Books, day: str, name: str) -> ReportEntry:
    """What the bank tells of one movement on a day."""
    [found] = [each for each in books.ledger.reports["bank", day] if each.id == name]
    return found


def told_again(books: Books, day: str, name: str, on: str = REPORTED[-1]) -> Books:
    """The bank tells of a movement once more."""
    books.ledger.reports["bank", on].append(entry_of(books, day, name))
    return books


def left_out(books: Books, day: str, name: str) -> Books:
    """The bank never tells of a movement."""
    books.ledger.reports["bank", day].remove(entry_of(books, day, name))
    return books


def reported_until(books: Books, day: str) -> Books:
    """No later day has been reported."""
    for provider, each in list(books.ledger.reports):
        if each > day:
            del books.ledger.reports[provider, each]
    return books


def test_books_whose_every_movement_at_the_bank_is_reported_agree() -> None:
    books = good_books()
    assert {each.kind for day in REPORTED for each in books.ledger.reports["bank", day]} == {
        "received",
        "sent",
        "returned",
    }
    assert differences(books) == []


def test_a_payout_that_the_bank_never_made_is_named_four_days_after_its_file() -> None:
    books = good_books()
    paid = payout_of(books, TEA).id
    assert found_in(left_out(books, GONE, paid)) == {(7, f"payout/{paid}")}
    assert found_in(reported_until(books, "2026-11-06")) == set()


def test_a_payout_whose_file_was_finished_late_is_not_missed_before_the_bank_can_have_paid_it() -> None:
    books = good_books()
    paid = payout_of(books, TEA)
    left_out(books, GONE, paid.id)
    [position] = [number for number, each in enumerate(books.ledger.bank_files) if each.id == paid.file]
    files = books.ledger.bank_files
    files[position] = replace(files[position], sent_at="2026-11-05T04:00:00.000Z")
    assert found_in(books) == set()


def test_a_payout_from_before_the_banks_first_report_is_not_asked_for() -> None:
    books = good_books()
    paid = payout_of(books, TEA).id
    left_out(books, GONE, paid)
    for day in (*REPORTED[:2], GONE):
        del books.ledger.reports["bank", day]
    assert found_in(books) == set()


@pytest.mark.parametrize("on", [GONE, REPORTED[-1]])
def test_a_payout_that_the_bank_made_twice_is_named(on: str) -> None:
    books = good_books()
    paid = payout_of(books, TEA).id
    assert found_in(told_again(books, GONE, paid, on)) == {(7, f"report/bank/{paid}")}


def test_money_that_the_bank_received_twice_or_never_is_named() -> None:
    assert found_in(told_again(good_books(), CAME, "found")) == {(1, "report/bank/found")}
    assert found_in(left_out(good_books(), CAME, "found")) == {(1, "transfer/bank-found")}


def test_a_payout_that_came_back_in_one_of_its_two_ways_only_is_named() -> None:
    books = good_books()
    back = payout_of(books, KILN).id
    assert found_in(left_out(books, BACK, back)) == {(7, f"payout/{back}")}
    assert found_in(left_out(books, GONE, back)) == set()  # the bank refused the file's entry: it has booked neither
    books = good_books()
    assert found_in(left_out(books, GONE, back)) == {(7, f"payout/{back}")}
    assert found_in(told_again(good_books(), BACK, back)) == {(7, f"report/bank/{back}")}


@pytest.mark.parametrize("changes", [{"amount_minor": 5}, {"id": "nobody"}, {"kind": "returned"}])
def test_a_report_of_what_was_not_posted_is_named(changes: dict[str, Any]) -> None:
    books = good_books()
    paid = payout_of(books, TEA).id
    told = replace(entry_of(books, GONE, paid), **changes)
    left_out(books, GONE, paid).ledger.reports["bank", GONE].append(told)
    assert (1, f"report/bank/{GONE}/{told.id}") in found_in(books)
