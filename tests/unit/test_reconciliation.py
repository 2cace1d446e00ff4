"""Reconciliation: books that agree are silent, and each thing that is wrong is named under its invariant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from msgspec.structs import replace

from mart_union.checkout.model import Purchase, PurchaseLine
from mart_union.ledger.census import Ledger
from mart_union.ledger.model import (
    Account,
    BankFile,
    Payable,
    Payout,
    PayoutTerms,
    Posting,
    Statement,
    StatementLine,
    Transfer,
)
from mart_union.orders.model import Share
from mart_union.settlement.reconciliation import Books, Difference, balances_until, check_balances, differences
from mart_union.stock.model import Level
from tests.orders_examples import line_of, order_of


def transfer(name: str, kind: str, amounts: dict[str, int], reference: str = "test", **facts: bool) -> Transfer:
    postings = tuple(Posting(account, amount) for account, amount in amounts.items())
    return Transfer(name, kind, "TWD", postings, reference, "now", **facts)


def good_books() -> Books:
    """Lin has 1,000 dollars, bought one line for 136, received it, and the store was paid; a second purchase waits for its payment."""
    split = (Share("union/commission", "commission", 7_700), Share("store/emei-tea", "sale", 128_300))
    done = replace(line_of(quantity=2), split=split, escrow_minor=0, state="completed")
    waiting = replace(line_of(quantity=2), split=split, escrow_minor=136_000, state="awaiting_payment")
    orders = [
        replace(order_of(done, id="p1-1"), lines=(done,)),
        replace(order_of(waiting, id="p2-1"), lines=(waiting,)),
    ]
    purchases = [bought("p1", "paid"), bought("p2", "pending")]
    ledger = Ledger(
        transfers=[
            transfer("top-up", "top-up", {"provider/bank": -1_000_000, "customer/lin": 1_000_000}),
            transfer("purchase-p1", "purchase", {"customer/lin": -136_000, "order/p1-1": 136_000}),
            transfer("purchase-p2", "purchase", {"customer/lin": -136_000, "order/p2-1": 136_000}, pending=True),
            transfer(
                "completion-p1-1-2",
                "completion",
                {"order/p1-1": -136_000, "union/commission": 7_700, "store/emei-tea": 128_300},
                "order/p1-1",
            ),
            transfer("payout-1", "payout", {"store/emei-tea": -128_300, "bank/out": 128_300}, "s1"),
        ],
        accounts=[Account("customer/lin", 864_000, 728_000)],
        payables=[Payable("y1", "store/emei-tea", "p1-1", 128_300, "d", "completion", "completion-p1-1-2", {}, "s1")],
        statements=[Statement("s1", "store/emei-tea", "2026-11-30", "TWD", 128_300, "paid", "now", 1, "payout-1")],
        payouts=[
            Payout(
                "payout-1",
                "store/emei-tea",
                "store/emei-tea",
                128_300,
                "TWD",
                "d1",
                "s1",
                "now",
                "sent",
                "2026-11-30",
                "f1",
            )
        ],
        bank_files=[BankFile("f1", "2026-11-30", "sent", "now", PayoutTerms(), 1, 1, 128_300)],
        lines={"s1": [StatementLine("y1", "p1-1", 128_300, "completion", "completion-p1-1-2")]},
    )
    level = Level("listing/emei-tea/OB-TOP", reserve=6, reserved=2, sold=2, corrected=10)
    return Books(ledger, orders, purchases, [level])


def bought(purchase: str, payment: str) -> Purchase:
    line = PurchaseLine(f"{purchase}-1", "emei-tea", "OB-TOP", {}, 2, 128_000)
    return Purchase(
        purchase,
        "lin",
        "hash",
        (f"{purchase}-1",),
        (line,),
        128_000,
        8_000,
        136_000,
        "TWD",
        "account",
        payment,
        f"purchase-{purchase}",
        "r1",
        "en",
        "now",
    )


def test_books_that_agree_have_no_differences() -> None:
    assert differences(good_books()) == []


def test_empty_books_agree() -> None:
    assert differences(Books(Ledger())) == []


def with_transfer(books: Books, position: int, **changes: object) -> Books:
    books.ledger.transfers[position] = replace(books.ledger.transfers[position], **changes)  # type: ignore[arg-type]
    return books


def with_order(books: Books, position: int, **changes: object) -> Books:
    order = books.orders[position]
    books.orders[position] = replace(order, lines=(replace(order.lines[0], **changes),))  # type: ignore[arg-type]
    return books


def with_refund(books: Books) -> Books:
    """The paid line was refused, but the customer got a dollar less than was charged."""
    refund = transfer("refund-p1", "refund", {"order/p1-1": -135_900, "customer/lin": 135_900}, "order/p1-1")
    return replace(
        with_order(books, 0, state="refused"), ledger=replace(books.ledger, transfers=[*books.ledger.transfers, refund])
    )


def with_pool(books: Books) -> Books:
    """Four units of a pool of three were sold, and its level hides it."""
    for position in (0, 1):
        with_order(books, position, level="offer/growers/TEA", offer="growers/TEA")
    return with_level(books, id="offer/growers/TEA", corrected=3, reserve=-1)


def with_ledger(books: Books, **changes: object) -> Books:
    return replace(books, ledger=replace(books.ledger, **changes))  # type: ignore[arg-type]


def with_level(books: Books, **changes: object) -> Books:
    return replace(books, levels=[replace(books.levels[0], **changes)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spoil", "invariant", "subject"),
    [
        (lambda books: with_transfer(books, 0, postings=(Posting("bank/out", 1),)), 1, "transfer/top-up"),
        (lambda books: with_transfer(books, 0, postings=(Posting("bank/out", 1),)), 1, "ledger/TWD"),
        (lambda books: with_ledger(books, accounts=[Account("customer/lin", 5, 728_000)]), 2, "customer/lin"),
        (lambda books: with_ledger(books, accounts=[Account("customer/lin", 864_000, 864_000)]), 2, "customer/lin"),
        (lambda books: with_ledger(books, accounts=[]), 2, "customer/lin"),
        (lambda books: with_level(books, reserve=7), 3, "level/listing/emei-tea/OB-TOP"),
        (lambda books: with_level(books, sold=3, reserve=5), 4, "level/listing/emei-tea/OB-TOP"),
        (lambda books: replace(books, orders=books.orders[1:]), 4, "purchase/p1"),
        (lambda books: replace(books, purchases=books.purchases[1:]), 4, "order/p1-1"),
        (lambda books: with_ledger(books, transfers=books.ledger.transfers[:2]), 4, "purchase/p2"),
        (lambda books: with_ledger(books, outcomes={"purchase-p2": "posted"}), 4, "purchase/p2"),
        (lambda books: with_ledger(books, lines={}), 7, "payable/y1"),
        (lambda books: with_ledger(books, lines={"s1": [], "s2": books.ledger.lines["s1"]}), 7, "payable/y1"),
        (lambda books: with_ledger(books, payables=[]), 7, "payable/y1"),
        (
            lambda books: with_ledger(books, statements=[replace(books.ledger.statements[0], total_minor=1)]),
            7,
            "statement/s1",
        ),
        (lambda books: with_ledger(books, transfers=books.ledger.transfers[:4]), 7, "statement/s1"),
        (
            lambda books: with_ledger(
                books, transfers=[*books.ledger.transfers, replace(books.ledger.transfers[4], id="payout-2")]
            ),
            7,
            "statement/s1",
        ),
        (
            lambda books: with_ledger(books, statements=[replace(books.ledger.statements[0], party="store/other")]),
            7,
            "payable/y1",
        ),
        (lambda books: with_transfer(books, 2, postings=(Posting("order/p2-1", 1),)), 4, "purchase/p2"),
        (lambda books: with_ledger(books, payables=[]), 7, "transfer/completion-p1-1-2"),
        (
            lambda books: with_ledger(books, payables=books.ledger.payables * 2),
            7,
            "transfer/completion-p1-1-2",
        ),
        (lambda books: with_level(books, reserved=-2, reserve=10), 3, "level/listing/emei-tea/OB-TOP"),
        (lambda books: replace(books, purchases=books.purchases[1:]), 4, "transfer/purchase-p1"),
        (lambda books: with_ledger(books, outcomes={"top-up": "posted"}), 4, "transfer/top-up"),
        (lambda books: replace(books, levels=[]), 4, "order/p1-1"),
        (
            lambda books: replace(books, orders=books.orders[:1], purchases=books.purchases[:1]),
            4,
            "transfer/purchase-p2",
        ),
        (lambda books: replace(with_ledger(books, outcomes={"purchase-p2": "posted"}), orders=[]), 9, "order/p2-1"),
        (with_refund, 8, "purchase/p1"),
        (with_pool, 10, "level/offer/growers/TEA"),
        (lambda books: with_order(books, 0, split=(Share("union/commission", "commission", 1),)), 8, "order/p1-1"),
        (lambda books: with_order(books, 0, escrow_minor=5), 9, "order/p1-1"),
        (lambda books: with_order(books, 1, escrow_minor=0), 9, "order/p2-1"),
    ],
)
def test_each_thing_that_is_wrong_is_named(spoil: Callable[[Books], Books], invariant: int, subject: str) -> None:
    found = differences(spoil(good_books()))
    assert (invariant, subject) in {(each.invariant, each.subject) for each in found}


def test_held_deposits_are_what_open_lines_need() -> None:
    held = transfer("hold", "top-up", {"store/emei-tea/deposit": -500, "store/emei-tea/held": 500})
    books = good_books()
    books.ledger.transfers.append(held)
    books.ledger.accounts.extend(
        [Account("store/emei-tea/deposit", -500, -500), Account("store/emei-tea/held", 500, 500)]
    )
    assert differences(books) == [
        Difference(2, "store/emei-tea/deposit", "it is below its floor by 500"),
        Difference(9, "store/emei-tea/held", "it holds 500, open lines need 0"),
    ]


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
