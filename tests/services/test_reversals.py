"""Reversal of a transfer, whole and in parts: at its original rates, and never beyond it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    AmountOutOfRange,
    BeyondOriginal,
    CurrencyMismatch,
    InsufficientFunds,
    KeyReused,
    MartUnionError,
    NotFound,
    RuleViolation,
)
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Posting, Transfer, postings_of
from mart_union.ledger.reversals import reversal_postings, reverse
from mart_union.ledger.service import add_resolution, add_transfer, get_balance, get_transfer, post
from tests.services.market import NOW, give_money


def completion(name: str) -> Transfer:
    amounts = {f"order/{name}": -36_000, "union/commission": 1_800, "tax/vat": 1_400, f"customer/{name}": 32_800}
    return post(Transfer(name, "completion", "TWD", postings_of(amounts), f"order/{name}", iso(NOW)))


def part(name: str, amount_minor: int | None, key: str = "key-0001") -> Transfer:
    return reverse(name, amount_minor=amount_minor, key=key, kind="correction", now=NOW)


def test_parts_go_back_at_the_original_rates_and_the_last_takes_exactly_what_is_left(unique: str) -> None:
    completion(unique)
    first = part(unique, 10_000)
    assert first.postings == (
        Posting(f"customer/{unique}", -9_100),
        Posting(f"order/{unique}", 10_000),
        Posting("tax/vat", -400),
        Posting("union/commission", -500),
    )
    assert (first.reverses, first.reference, first.kind) == (unique, f"order/{unique}", "correction")
    last = part(unique, None, "key-0002")
    assert {each.account: each.amount_minor for each in last.postings} == {
        f"customer/{unique}": -23_700,
        f"order/{unique}": 26_000,
        "tax/vat": -1_000,
        "union/commission": -1_300,
    }
    assert get_balance(f"customer/{unique}").balance_minor == 0
    for amount in (100, None):
        with pytest.raises(BeyondOriginal) as refused:
            part(unique, amount, "key-0003")
        assert refused.value.facts == {"left_minor": 0}


def test_the_same_key_reverses_once_and_another_amount_under_it_is_refused(unique: str) -> None:
    completion(unique)
    assert part(unique, 10_000) == part(unique, 10_000)
    with pytest.raises(KeyReused):
        part(unique, 9_900)
    assert get_balance(f"customer/{unique}").balance_minor == 32_800 - 9_100


def test_sixteen_reversals_at_once_never_pass_the_transfer(unique: str) -> None:
    completion(unique)

    def try_it(number: int) -> str:
        try:
            part(unique, 10_000, f"key-{number % 8:04}")
        except MartUnionError as error:
            return error.code
        return "reversed"

    with ThreadPoolExecutor(4) as threads:
        codes = set(threads.map(try_it, range(16)))
    assert codes <= {"reversed", "beyond-original", "busy"}
    left = get_balance(f"customer/{unique}").balance_minor
    assert left == 32_800 - 9_100 - 9_100 - 9_100 or "busy" in codes


@pytest.mark.parametrize("amount", [0, -100, 2**53])
def test_an_amount_out_of_range_is_refused_and_nothing_is_posted(unique: str, amount: int) -> None:
    completion(unique)
    with pytest.raises(AmountOutOfRange):
        part(unique, amount)
    assert get_balance(f"customer/{unique}").balance_minor == 32_800


def test_more_than_the_transfer_moved_is_refused_and_nothing_is_posted(unique: str) -> None:
    completion(unique)
    with pytest.raises(BeyondOriginal):
        part(unique, 36_100)
    assert get_balance(f"customer/{unique}").balance_minor == 32_800
    with pytest.raises(NotFound):
        part(f"{unique}-none", 100)


def test_money_that_is_spent_cannot_be_taken_back(unique: str) -> None:
    completion(unique)
    spent = postings_of({f"customer/{unique}": -32_000, f"store/{unique}": 32_000})
    post(Transfer(f"{unique}-spent", "withdrawal", "TWD", spent, "test", iso(NOW)))
    with pytest.raises(InsufficientFunds):
        part(unique, None)
    assert get_balance(f"customer/{unique}").balance_minor == 800


def test_money_that_has_not_moved_is_not_reversed(unique: str) -> None:
    give_money(f"customer/{unique}", 1_000)
    for outcome in ("", "voided", "expired", "posted"):
        name = f"{unique}-{outcome}"
        amounts = postings_of({f"customer/{unique}": -100, f"order/{unique}": 100})
        pending = Transfer(name, "purchase", "TWD", amounts, "test", iso(NOW), pending=True)
        transaction = WriteTransaction()
        add_transfer(transaction, pending)
        transaction.commit()
        if outcome:
            transaction = WriteTransaction()
            add_resolution(transaction, pending, outcome, NOW)
            transaction.commit()
        if outcome == "posted":
            assert part(name, None).postings == postings_of({f"customer/{unique}": 100, f"order/{unique}": -100})
        else:
            with pytest.raises(RuleViolation):
                part(name, None)
    assert get_balance(f"customer/{unique}").balance_minor == 1_000


def test_money_of_another_currency_is_refused_and_nothing_is_posted(unique: str) -> None:
    postings = postings_of({"provider/bank": -100, f"customer/{unique}": 100})
    with pytest.raises(CurrencyMismatch):
        post(Transfer(unique, "top-up", "EUR", postings, "test", iso(NOW)))
    with pytest.raises(NotFound):
        get_transfer(unique)
    assert get_balance(f"customer/{unique}").balance_minor == 0


@given(
    credits_minor=st.lists(st.integers(1, 10**6), min_size=1, max_size=5),
    cuts=st.lists(st.floats(0, 1), max_size=5),
    step=st.sampled_from([1, 100]),
)
def test_the_parts_of_any_transfer_add_up_to_it(credits_minor: list[int], cuts: list[float], step: int) -> None:
    total = sum(credits_minor)
    postings = [Posting(f"supplier/{n}", amount) for n, amount in enumerate(credits_minor)]
    original = Transfer("t", "test", "TWD", (*postings, Posting("order/o", -total)), "r", "now")
    ends = sorted({0, total, *(round(cut * total) for cut in cuts)})
    before: dict[str, int] = {}
    for start, end in pairwise(ends):
        made = reversal_postings(original, before, end - start, step)
        assert sum(each.amount_minor for each in made) == 0
        for each in made:
            before[each.account] = before.get(each.account, 0) + abs(each.amount_minor)
            assert before[each.account] <= abs(
                next(p.amount_minor for p in original.postings if p.account == each.account)
            )
    assert before == {each.account: abs(each.amount_minor) for each in original.postings}
