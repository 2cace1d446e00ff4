"""A seller's deposit: it guarantees what the seller's shop has sold and its suppliers are owed."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from mart_union.customers.withdrawals import withdraw
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page
from mart_union.kernel.settings import settings
from mart_union.ledger import service as ledger
from mart_union.ledger.model import Transfer


class Deposit(Struct, frozen=True):
    """What a store has deposited and may still use (`available_minor`), and what is held for open supply lines (`held_minor`)."""

    store: str
    balance_minor: int
    available_minor: int
    held_minor: int
    currency: str


def get_deposit(store: str) -> Deposit:
    """A store's deposit as it is now; zero for a store that never paid one in."""
    deposit, held = ledger.get_balance(_account(store)), ledger.get_balance(f"store/{store}/held")
    currency = settings().currency.code
    return Deposit(store, deposit.balance_minor, deposit.available_minor, held.balance_minor, currency)


def list_deposit_postings(store: str, month: str, cursor: str = "") -> Page[ledger.Entry]:
    """A page of what moved on a store's deposit in a month (`yyyy-mm`), newest first."""
    return ledger.list_postings(_account(store), month, cursor)


def reference_of(store: str) -> str:
    """What a seller writes on a bank transfer for it to reach the deposit."""
    return f"deposit/{store}"


def withdraw_deposit(store: str, amount_minor: int, key: str, now: datetime) -> Transfer:
    """Pay a part of the deposit out to the store's bank account. The same key again pays nothing more.

    Raises:
        Invalid: the amount is not positive or not in whole steps.
        RuleViolation: the store has no verified bank account.
        InsufficientFunds: the deposit has less available; what is held stays held.
        KeyReused: the key was used for another amount.
    """
    return withdraw(
        f"store/{store}",
        _account(store),
        amount_minor,
        payout=derived_id("deposit-withdrawal", store, key),
        kind="deposit_withdrawal",
        reference=reference_of(store),
        now=now,
    )


def _account(store: str) -> str:
    return f"store/{store}/deposit"
