"""Invariant 9: escrow and held deposits are exactly what open lines need, and cover all that they owe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.orders.model import ENDED, Line
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference


def check_escrow(books: Books) -> Iterator[Difference]:
    """What orders hold is in their escrow accounts and their stores' held deposits, and is what their open lines owe."""
    balances = books.balances()
    held: Counter[str] = Counter()
    for order in books.orders:
        paid_lines = [line for line in order.lines if order.payment == "paid" and line.state != "awaiting_payment"]
        escrow = sum(line.escrow_minor for line in paid_lines)
        account = f"order/{order.id}"
        if balances[account] != escrow:
            yield Difference(9, account, f"its account holds {balances[account]}, its lines say {escrow}")
        held[f"store/{order.store}/held"] += sum(line.held_minor for line in paid_lines)
        for line in order.lines:
            yield from _check_cover(account, line)
    for account in sorted(held.keys() | {name for name in balances if name.endswith("/held")}):
        if balances[account] != held[account]:
            yield Difference(9, account, f"it holds {balances[account]}, open lines need {held[account]}")


def _check_cover(account: str, line: Line) -> Iterator[Difference]:
    cover = line.escrow_minor + line.held_minor
    owed = 0 if line.state in ENDED else sum(share.left_minor for share in line.split)
    if cover != owed or min(line.escrow_minor, line.held_minor) < 0:
        told = f"{line.escrow_minor} of escrow and {line.held_minor} of a deposit"
        yield Difference(9, account, f"line {line.number} is {line.state}, owes {owed} and has {told}")


def check_escrow_accounts(books: Books) -> Iterator[Difference]:
    """No escrow is held for an order that does not exist."""
    known = {f"order/{order.id}" for order in books.orders}
    balances = books.balances()
    for account in sorted(balances):
        if account.startswith("order/") and account not in known and balances[account]:
            yield Difference(9, account, f"it holds {balances[account]} for no order")
