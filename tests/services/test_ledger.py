"""Transfers and accounts on real tables: floors, exact repeats, pending money resolved once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import AmountOutOfRange, Conflict, InsufficientFunds, Invalid, KeyReused, NotFound
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Posting, Transfer
from mart_union.ledger.postings import record_postings
from mart_union.ledger.service import (
    add_resolution,
    add_transfer,
    get_balance,
    get_transfer,
    list_postings,
    post,
)
from tests.services.market import NOW


def transfer(name: str, *postings: tuple[str, int], pending: bool = False) -> Transfer:
    return Transfer(
        name, "test", "TWD", tuple(Posting(*posting) for posting in postings), "test/1", iso(NOW), pending=pending
    )


def top_up(name: str, customer: str, amount: int) -> Transfer:
    return post(transfer(name, ("provider/bank", -amount), (f"customer/{customer}", amount)))


def test_a_repeated_transfer_moves_money_once(unique: str) -> None:
    for _ in range(3):
        top_up(unique, unique, 500)
    assert get_balance(f"customer/{unique}").balance_minor == 500


def test_an_id_with_other_content_is_refused_and_nothing_is_posted(unique: str) -> None:
    top_up(unique, unique, 500)
    with pytest.raises(KeyReused):
        top_up(unique, unique, 600)
    assert get_balance(f"customer/{unique}").balance_minor == 500


def test_an_account_never_passes_its_floor_under_sixteen_debits_at_once(unique: str) -> None:
    top_up(unique, unique, 1000)

    def spend(number: int) -> bool:
        try:
            post(transfer(f"{unique}-{number}", (f"customer/{unique}", -300), (f"store/{unique}", 300)))
        except InsufficientFunds:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(spend, range(16))) == 3
    assert get_balance(f"customer/{unique}").balance_minor == 100


def test_a_transfer_that_moves_nothing_is_refused(unique: str) -> None:
    with pytest.raises(AmountOutOfRange):
        post(transfer(unique))
    with pytest.raises(NotFound):
        get_transfer(unique)


@pytest.mark.parametrize(
    "postings",
    [
        [("customer/x", 100), ("provider/bank", -99)],
        [("customer/x", 0), ("provider/bank", 0)],
        [("nobody/x", 100), ("provider/bank", -100)],
        [("customer/x\n", 100), ("provider/bank", -100)],
        [("customer/x", 2**53), ("provider/bank", -(2**53))],
        [("customer/x", 50), ("customer/x", 50), ("provider/bank", -100)],
    ],
)
def test_a_transfer_that_breaks_a_rule_is_refused(unique: str, postings: list[tuple[str, int]]) -> None:
    with pytest.raises(Invalid):
        post(transfer(unique, *postings))
    with pytest.raises(NotFound):
        get_transfer(unique)


def pend(name: str, customer: str, amount: int) -> Transfer:
    pending = transfer(name, (f"customer/{customer}", -amount), (f"order/{name}", amount), pending=True)
    transaction = WriteTransaction()
    add_transfer(transaction, pending)
    transaction.commit()
    return pending


def resolve(pending: Transfer, outcome: str) -> None:
    transaction = WriteTransaction()
    add_resolution(transaction, pending, outcome, NOW)
    transaction.commit()


@pytest.mark.parametrize(("outcome", "balance"), [("posted", 400), ("voided", 1000), ("expired", 1000)])
def test_pending_money_is_kept_until_it_is_resolved_once(unique: str, outcome: str, balance: int) -> None:
    top_up(unique, unique, 1000)
    pending = pend(f"{unique}-p", unique, 600)
    account = get_balance(f"customer/{unique}")
    assert (account.balance_minor, account.available_minor) == (1000, 400)
    with pytest.raises(InsufficientFunds):
        pend(f"{unique}-q", unique, 401)
    resolve(pending, outcome)
    for again in ("posted", "voided", "expired"):
        with pytest.raises(Conflict):
            resolve(pending, again)
    account = get_balance(f"customer/{unique}")
    assert (account.balance_minor, account.available_minor) == (balance, balance)


def test_the_view_of_postings_is_the_same_however_often_it_is_written(unique: str) -> None:
    made = top_up(unique, unique, 500)
    for _ in range(2):
        record_postings([made])
    [entry] = list_postings(f"customer/{unique}", iso(NOW)[:7]).items
    assert (entry.transfer, entry.amount_minor) == (unique, 500)
