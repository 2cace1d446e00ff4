"""The checker and cash on delivery: silent about every way that such a purchase can go, and naming what is wrong with its cash."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.checkout.model import Purchase
from mart_union.checkout.service import get_purchase
from mart_union.ledger.census import Ledger, whole_ledger
from mart_union.ledger.model import postings_of
from mart_union.orders.refunding import RefundWish
from mart_union.orders.service import get_order
from mart_union.settlement.checks.cash import check_cash
from mart_union.settlement.checks.completions import check_completions
from mart_union.settlement.checks.escrow import check_escrow
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.payables import check_payables
from mart_union.settlement.checks.payments import check_payments
from mart_union.settlement.checks.purchases import check_purchases
from mart_union.settlement.checks.refunds import check_refunds
from mart_union.settlement.checks.splits import check_splits
from mart_union.settlement.checks.steps import check_steps
from mart_union.settlement.checks.transfers import check_kinds
from mart_union.settlement.completion import complete_order
from mart_union.settlement.differences import Difference
from mart_union.settlement.refunding import refund_order
from tests.services.cash import TOTAL, buy, deliver, open_cash_market, ship, step
from tests.services.market import NOW, Market

LATER = NOW + timedelta(days=10)


@pytest.fixture
def market(unique: str) -> Market:
    return open_cash_market(unique)


WRONG: dict[str, Callable[[Books], Books]] = {
    "not collected": lambda books: replace(books, ledger=replace(books.ledger, transfers=[])),
    "another amount": lambda books: with_transfer(books, {"carrier/hct": -100, escrow_of(books): 100}),
    "another collector": lambda books: with_transfer(books, {"carrier/x": -TOTAL, escrow_of(books): TOTAL}),
    "collected twice": lambda books: replace(books, ledger=replace(books.ledger, transfers=books.ledger.transfers * 2)),
    "not said to be paid": lambda books: replace(books, orders=[replace(books.orders[0], payment="on_delivery")]),
    "no cash order": lambda books: replace(books, orders=[replace(books.orders[0], facts={})]),
    "of no order": lambda books: replace(books, orders=[], purchases=[]),
}


def with_transfer(books: Books, found: dict[str, int]) -> Books:
    [made] = books.ledger.transfers
    return replace(books, ledger=replace(books.ledger, transfers=[replace(made, postings=postings_of(found))]))


def escrow_of(books: Books) -> str:
    return f"order/{books.orders[0].id}"


def books_of(purchase: Purchase) -> Books:
    """All that is about one purchase."""
    ledger = whole_ledger()
    names = {f"purchase/{purchase.id}", *(f"order/{order}" for order in purchase.orders)}
    transfers = [each for each in ledger.transfers if each.reference in names]
    payables = [each for each in ledger.payables if each.order in purchase.orders]
    orders = [get_order(order) for order in purchase.orders]
    return Books(Ledger(transfers=transfers, payables=payables), orders, [get_purchase(purchase.id)], step=100)


def wrong_with(books: Books) -> list[Difference]:
    checks = (check_cash, check_purchases, check_payments, check_payables, check_escrow, check_refunds, check_kinds)
    return [each for check in (*checks, check_completions, check_splits, check_steps) for each in check(books)]


def test_the_checker_finds_nothing_wrong_with_any_way_of_a_purchase_on_delivery(market: Market) -> None:
    purchase = buy(market, stores=2)
    first, second = purchase.orders
    assert wrong_with(books_of(purchase)) == []
    ship(first)
    step(second, "refuse")
    assert wrong_with(books_of(purchase)) == []
    deliver(first)
    assert wrong_with(books_of(purchase)) == []
    wishes = [RefundWish(1, amount_minor=10_000)]
    refund_order(first, wishes, store=market.store, reason="r", actor="staff", key="refund-1", now=NOW)
    complete_order(first, actor="settlement", role="system", key="", now=LATER)
    refund_order(first, wishes, store=market.store, reason="r", actor="staff", key="refund-2", now=LATER)
    assert wrong_with(books_of(purchase)) == []


@pytest.mark.parametrize("what", WRONG)
def test_the_checker_names_what_is_wrong_with_the_cash(market: Market, what: str) -> None:
    purchase = buy(market)
    ship(purchase.orders[0])
    deliver(purchase.orders[0])
    books = books_of(purchase)
    assert list(check_cash(books)) == []
    assert [each.invariant for each in check_cash(WRONG[what](books))][:1] == [4]
