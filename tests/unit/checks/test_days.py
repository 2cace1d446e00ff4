"""What accounts held when a day was over."""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from mart_union.ledger.census import Ledger
from mart_union.ledger.model import Posting, Transfer
from mart_union.settlement.checks.transfers import balances_until, check_balances


def transfer(name: str, kind: str, amounts: dict[str, int]) -> Transfer:
    postings = tuple(Posting(account, amount) for account, amount in amounts.items())
    return Transfer(name, kind, "TWD", postings, "test", "now")


def test_a_days_end_is_off_where_an_unbalanced_transfer_was_in_it_even_if_a_later_one_makes_up_for_it() -> None:
    lost = transfer("lost", "top-up", {"bank/out": 500})
    found = transfer("found", "top-up", {"bank/out": -500})
    ledger = Ledger(
        transfers=[replace(lost, at="2026-11-22T04:00:00.000Z"), replace(found, at="2026-11-23T04:00:00.000Z")]
    )
    first, second = date(2026, 11, 22), date(2026, 11, 23)
    [told] = check_balances(balances_until(ledger, first, "UTC"), first)
    assert (told.invariant, told.subject) == (1, "day/2026-11-22")
    assert list(check_balances(balances_until(ledger, second, "UTC"), second)) == []
