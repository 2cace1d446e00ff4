"""Invariant 7 from a payable to the bank: each amount, party and state along the way that differs from the next is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mart_union.kernel.ids import derived_id
from mart_union.settlement.checks.model import Books
from tests.unit.checks.breaking import (
    change,
    change_claim,
    change_postings,
    double,
    drop,
    find,
    owe,
    payable_of,
    payout_of,
    post,
    statement_of,
)
from tests.unit.checks.right import good_books
from tests.unit.checks.test_checks import found_in
from tests.unit.checks.trade import MONDAY

Spoil = Callable[[Books], Books]
KILN, HCT, TEA = "supplier/kiln", "carrier/hct", "store/tea"
FILE = f"{MONDAY}.001"


@pytest.mark.parametrize("party", [KILN, HCT, TEA])
def test_a_payable_of_another_amount_is_named_with_its_transfer_its_line_and_its_party(party: str) -> None:
    books = good_books()
    payable = payable_of(books, party, "completion")
    change(books, "payables", payable.id, amount_minor=payable.amount_minor + 100, gross_minor=0, deductions={})
    assert found_in(books) >= {(7, f"transfer/{payable.transfer}"), (7, f"payable/{payable.id}")}


@pytest.mark.parametrize("kind", ["completion", "refund", "chargeback"])
def test_a_transfer_to_a_party_without_its_payable_is_named(kind: str) -> None:
    books = good_books()
    payable = payable_of(books, TEA, kind)
    drop(books, "payables", payable.id)
    assert found_in(books) >= {(7, f"transfer/{payable.transfer}"), (7, f"payable/{payable.id}")}


def test_a_payout_that_came_back_and_is_not_owed_again_is_named() -> None:
    books = good_books()
    payable = payable_of(books, KILN, "returned_payout")
    drop(books, "payables", payable.id)
    assert (7, f"transfer/{payable.transfer}") in found_in(books)


@pytest.mark.parametrize("kind", ["completion", "refund", "chargeback", "returned_payout", "carried", "whatever"])
def test_a_payable_that_comes_from_nothing_is_named_and_so_is_its_party(kind: str) -> None:
    assert found_in(owe(good_books(), kind=kind)) == {(7, "payable/more"), (7, TEA)}


@pytest.mark.parametrize("kind", ["completion", "refund", "chargeback", "returned_payout", "carried"])
def test_a_payable_that_is_there_twice_is_named(kind: str) -> None:
    books = good_books()
    party = {"returned_payout": KILN, "carried": HCT}.get(kind, TEA)
    payable = payable_of(books, party, kind)
    double(books, "payables", payable.id, id="again", statement="")
    expected = (7, "payable/again") if kind == "carried" else (7, f"transfer/{payable.transfer}")
    assert found_in(books) >= {expected, (7, party)}


def _payable(party: str, of: str, **changes: Any) -> Spoil:
    return lambda books: change(books, "payables", payable_of(books, party, of).id, **changes)


@pytest.mark.parametrize(
    ("party", "kind", "changes"),
    [
        (TEA, "completion", {"kind": "refund"}),
        (TEA, "chargeback", {"kind": "completion"}),
        (TEA, "completion", {"order": "open-1"}),
        (TEA, "completion", {"order": ""}),
        (TEA, "completion", {"gross_minor": 1}),
        (TEA, "completion", {"deductions": {"commission": 1}}),
        (KILN, "returned_payout", {"order": "done-1"}),
        (KILN, "completion", {"due": "2026-11-10"}),
        (KILN, "completion", {"party": "supplier/other"}),
        (KILN, "completion", {"rates": {"commission": "none"}}),
        (KILN, "completion", {"statement": ""}),
        (KILN, "completion", {"statement": "none"}),
    ],
)
def test_a_payable_that_differs_from_its_transfer_or_its_line_is_named(
    party: str, kind: str, changes: dict[str, Any]
) -> None:
    books = good_books()
    payable = payable_of(books, party, kind)
    assert (7, f"payable/{payable.id}") in found_in(change(books, "payables", payable.id, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_minor": 1},
        {"order": "open-1"},
        {"kind": "refund"},
        {"transfer": "x"},
        {"gross_minor": 1},
        {"rates": {"a": "b"}},
    ],
)
def test_a_line_that_differs_from_its_payable_is_named(changes: dict[str, Any]) -> None:
    books = good_books()
    payable = payable_of(books, KILN, "completion")
    assert (7, f"payable/{payable.id}") in found_in(change_claim(books, payable, **changes))


def test_a_line_of_a_payable_in_two_statements_or_of_none_that_exists_is_named() -> None:
    books = good_books()
    payable, other = payable_of(books, KILN, "completion"), statement_of(books, TEA)
    [line] = [each for each in books.ledger.lines[payable.statement] if each.payable == payable.id]
    books.ledger.lines[other.id].append(line)
    assert found_in(books) >= {(7, f"payable/{payable.id}"), (7, f"statement/{other.id}")}
    books.ledger.lines["none"] = books.ledger.lines.pop(payable.statement)
    assert found_in(books) >= {(7, "statement/none"), (7, f"statement/{payable.statement}")}


@pytest.mark.parametrize(
    ("party", "number", "changes"),
    [
        (TEA, 0, {"total_minor": 200_000}),
        (TEA, 0, {"currency": "USD"}),
        (TEA, 0, {"party": "store/other"}),
        (TEA, 0, {"period": "2026-11-16"}),
        (TEA, 0, {"state": "carried"}),
        (TEA, 0, {"state": "ready"}),
        (TEA, 0, {"state": "lost"}),
        (TEA, 0, {"payout": ""}),
        (TEA, 0, {"payout": "other"}),
        (TEA, 0, {"reason": "negative"}),
        (TEA, 0, {"pages": 99}),
        (HCT, 0, {"state": "paid"}),
        (HCT, 0, {"reason": ""}),
        (HCT, 0, {"reason": "negative"}),
        (HCT, 0, {"total_minor": 5}),
        (HCT, 1, {"state": "paid"}),
        (KILN, 0, {"state": "paid"}),
        (KILN, 1, {"state": "carried"}),
        (KILN, 1, {"total_minor": 5}),
    ],
)
def test_a_statement_that_differs_from_its_lines_or_its_payout_is_named(
    party: str, number: int, changes: dict[str, Any]
) -> None:
    books = good_books()
    statement = statement_of(books, party, number)
    assert (7, f"statement/{statement.id}") in found_in(change(books, "statements", statement.id, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_minor": 1},
        {"amount_minor": -1},
        {"party": "store/other"},
        {"account": "store/other"},
        {"currency": "USD"},
        {"destination": ""},
        {"reference": "other"},
        {"period": ""},
        {"state": "ready"},
        {"state": "returned"},
        {"state": "rejected"},
        {"file": ""},
        {"returned_by": "notice"},
        {"reason": "AC04"},
    ],
)
def test_a_payout_that_differs_from_what_was_posted_its_statement_or_its_file_is_named(changes: dict[str, Any]) -> None:
    books = good_books()
    payout = payout_of(books, TEA)
    found = found_in(change(books, "payouts", payout.id, **changes))
    places = {f"payout/{payout.id}", f"statement/{payout.reference}", f"bank-file/{FILE}"}
    assert found & {(7, place) for place in places}


def _payout_posted(books: Books, **amounts: int) -> Books:
    return change_postings(books, payout_of(books, TEA).id, **amounts)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda books: _payout_posted(books, store__tea=-100, bank__out=100),
        lambda books: _payout_posted(books, store__other=-58_200, bank__out=58_200),
        lambda books: drop(books, "transfers", payout_of(books, TEA).id),
        lambda books: double(books, "transfers", payout_of(books, TEA).id, id="again"),
        lambda books: change(books, "transfers", payout_of(books, TEA).id, kind="withdrawal"),
        lambda books: change(books, "transfers", payout_of(books, TEA).id, reference="other"),
        lambda books: drop(books, "payouts", payout_of(books, TEA).id),
        lambda books: double(books, "payouts", payout_of(books, TEA).id, id="again"),
    ],
)
def test_money_that_left_otherwise_than_its_statement_says_is_named(spoil: Spoil) -> None:
    books = good_books()
    payout = payout_of(books, TEA)
    places = {f"payout/{payout.id}", f"statement/{payout.reference}", f"transfer/{payout.id}"}
    assert found_in(spoil(books)) & {(7, place) for place in places}


def test_the_whole_chain_of_another_amount_is_named_by_the_first_payable() -> None:
    books = good_books()
    payable, payout = payable_of(books, TEA, "completion"), payout_of(books, TEA)
    more, total = payable.amount_minor + 50_000, payout.amount_minor + 50_000
    change_claim(books, payable, amount_minor=more)
    change(books, "statements", payout.reference, total_minor=total)
    change(books, "payouts", payout.id, amount_minor=total)
    change_postings(books, payout.id, store__tea=-total, bank__out=total)
    change(books, "bank_files", FILE, total_minor=find(books, "bank_files", FILE).total_minor + 50_000)
    assert found_in(books) >= {(7, f"payable/{payable.id}"), (7, TEA)}


@pytest.mark.parametrize(
    "changes",
    [
        {"total_minor": 1},
        {"payouts": 1},
        {"state": "collecting"},
        {"state": "lost"},
        {"key": ""},
        {"day": "2026-11-10"},
    ],
)
def test_a_bank_file_that_differs_from_its_payouts_is_named(changes: dict[str, Any]) -> None:
    assert (7, f"bank-file/{FILE}") in found_in(change(good_books(), "bank_files", FILE, **changes))


@pytest.mark.parametrize("field", ["amount_minor", "account", "destination", "party", "id"])
def test_what_the_bank_is_told_is_compared_with_the_payouts(field: str) -> None:
    from msgspec.structs import replace

    books = good_books()
    first, *others = books.ledger.file_payouts[FILE]
    told = 1 if field == "amount_minor" else "other"
    books.ledger.file_payouts[FILE] = [replace(first, **{field: told}), *others]
    assert (7, f"bank-file/{FILE}") in found_in(books)


def test_a_payout_that_came_back_is_credited_to_the_account_that_it_left_once() -> None:
    books = good_books()
    payout = payout_of(books, KILN)
    back = f"returned-{payout.id}"
    assert (7, f"payout/{payout.id}") in found_in(drop(good_books(), "transfers", back))
    change_postings(books, back, supplier__other=payout.amount_minor, bank__out=-payout.amount_minor)
    assert found_in(books) >= {(7, f"payout/{payout.id}"), (7, f"transfer/{back}"), (7, "supplier/other")}


@pytest.mark.parametrize(
    ("spoil", "subject"),
    [
        (lambda books: post(books, "completion", store__tea=-5_000, supplier__kiln=5_000), "transfer/more"),
        (lambda books: post(books, "completion", store__tea=-5_000, supplier__kiln=5_000), TEA),
        (lambda books: post(books, "completion", store__tea=-5_000, supplier__kiln=5_000), KILN),
        (lambda books: post(books, "withdrawal", customer__lin=-5, bank__out=5), "transfer/more"),
        (
            lambda books: change_postings(books, "chargeback-dp", provider__stripe=10**7, union__chargebacks=-(10**7)),
            "purchase/card",
        ),
        (lambda books: drop(books, "transfers", "chargeback-dp"), "transfer/chargeback-dp-lost"),
        (lambda books: double(books, "transfers", "chargeback-dp-lost", id="again"), "transfer/chargeback-dp"),
        (
            lambda books: change(books, "transfers", "chargeback-dp-lost", kind="chargeback_won"),
            "transfer/chargeback-dp",
        ),
        (
            lambda books: change_postings(books, "chargeback-dp-lost", store__other=-20_000, union__chargebacks=20_000),
            "purchase/card",
        ),
        (
            lambda books: change_postings(books, "chargeback-won-won", provider__stripe=-5, union__chargebacks=5),
            "transfer/chargeback-won",
        ),
        (lambda books: drop(books, "transfers", "chargeback-back-lost"), "purchase/card"),
        (lambda books: change(books, "transfers", "chargeback-dp", reference="purchase/open"), "purchase/open"),
    ],
)
def test_money_between_parties_that_nothing_explains_is_named(spoil: Spoil, subject: str) -> None:
    assert (7, subject) in found_in(spoil(good_books()))


BACK = derived_id("back", derived_id("suspense", "strange", "0"))
FOUND, STRANGE = (f"assigned-{derived_id('suspense', notice, '0')}" for notice in ("found", "strange"))


@pytest.mark.parametrize(
    ("spoil", "subject"),
    [
        (lambda books: change(books, "suspended", "waits", amount_minor=7_100), "suspense/waits"),
        (lambda books: change(books, "suspended", "waits", amount_minor=7_100), "bank/suspense"),
        (lambda books: change(books, "suspended", "waits", decision="customer/lin"), "suspense/waits"),
        (lambda books: change(books, "suspended", "waits", state="assigned"), "suspense/waits"),
        (lambda books: change(books, "suspended", "waits", state="sent_back", decision="x"), "suspense/waits"),
        (lambda books: change(books, "suspended", "found", decision="customer/wang"), "suspense/found"),
        (lambda books: change(books, "suspended", "found", state="waiting", decision=""), "suspense/found"),
        (lambda books: change(books, "suspended", "found", state="waiting", decision=""), "bank/suspense"),
        (lambda books: change(books, "suspended", "undone", returned=0), "suspense/undone"),
        (lambda books: change(books, "suspended", "strange", state="waiting", decision=""), "suspense/strange"),
        (lambda books: change(books, "suspended", "strange", state="waiting", decision=""), "bank/suspense"),
        (lambda books: change(books, "suspended", "strange", state="assigned"), "suspense/strange"),
        (lambda books: drop(books, "suspended", "waits"), "bank/suspense"),
        (lambda books: drop(books, "transfers", "bank-waits"), "suspense/waits"),
        (lambda books: drop(books, "transfers", FOUND), "suspense/found"),
        (lambda books: drop(books, "transfers", BACK), "suspense/strange"),
        (
            lambda books: double(books, "transfers", FOUND, id=STRANGE),
            "suspense/strange",
        ),
        (lambda books: change_postings(books, BACK, bank__suspense=-9_000, bank__out=9_000), "suspense/strange"),
    ],
)
def test_money_that_waits_and_what_was_decided_on_it_differ_and_are_named(spoil: Spoil, subject: str) -> None:
    assert (1, subject) in found_in(spoil(good_books()))
