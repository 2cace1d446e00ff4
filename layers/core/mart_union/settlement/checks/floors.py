"""Invariant 2: accounts with a floor stay above it, and keep the balance that their postings give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.ledger.model import Account, has_floor
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference


def check_floors(books: Books) -> Iterator[Difference]:
    """An account with a floor never passes it, pending debits counted; its running balance is what was posted to it."""
    posted = books.balances()
    kept: Counter[str] = Counter()
    for transfer in books.ledger.transfers:
        if transfer.pending and transfer.id not in books.ledger.outcomes:
            for posting in transfer.postings:
                kept[posting.account] += min(posting.amount_minor, 0)
    running = {account.name: account for account in books.ledger.accounts}
    for name in sorted(running.keys() | {name for name in posted if has_floor(name)}):
        account = running.get(name, Account(name))
        if account.balance_minor != posted[name]:
            yield Difference(2, name, f"its balance is {account.balance_minor}, its postings sum to {posted[name]}")
        if account.available_minor != posted[name] + kept[name]:
            expected = posted[name] + kept[name]
            yield Difference(2, name, f"{account.available_minor} is available, {expected} should be")
        if account.available_minor < 0:
            yield Difference(2, name, f"it is below its floor by {-account.available_minor}")
