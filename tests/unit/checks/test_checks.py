"""Books that are right are silent; each thing that is wrong in them is named under its invariant, with what it is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.ledger.census import Ledger
from mart_union.ledger.model import Posting
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.transfers import KINDS
from mart_union.settlement.reconciliation import differences
from mart_union.stock.model import Level
from tests.conftest import ROOT
from tests.unit.checks.breaking import (
    change,
    change_line,
    change_postings,
    change_share,
    double,
    drop,
    drop_share,
    find,
    post,
)
from tests.unit.checks.right import good_books
from tests.unit.checks.trade import CAN, CUP, LOSS, POT, SLOT, TEA, VISIT

Spoil = Callable[[Books], Books]


def found_in(books: Books) -> set[tuple[int, str]]:
    """What the checker names."""
    return {(each.invariant, each.subject) for each in differences(books)}


def test_books_in_which_everything_has_happened_agree() -> None:
    assert differences(good_books()) == []


def test_empty_books_agree() -> None:
    assert differences(Books(Ledger())) == []


def test_the_right_books_have_every_kind_of_transfer_payable_and_state() -> None:
    books = good_books()
    kinds = {transfer.kind for transfer in books.ledger.transfers}
    assert kinds >= {
        *("top-up", "deposit", "purchase", "payment", "refund", "refund_failed", "completion", "withdrawal"),
        *(
            "collection",
            "deposit_withdrawal",
            "payout",
            "payout_return",
            "chargeback",
            "chargeback_lost",
            "chargeback_won",
            "chargeback_reinstated",
            "provider_fees",
        ),
    }
    assert {each.kind for each in books.ledger.payables} == {
        *("completion", "refund", "chargeback", "carried", "returned_payout", "collection"),
    }
    assert {each.state for each in books.ledger.statements} == {"ready", "paid", "returned", "carried", "collecting"}
    assert {each.payment for each in books.purchases} == {"paid", "pending", "expired", "authorized", "on_delivery"}
    assert {line.state for order in books.orders for line in order.lines} >= {
        *("awaiting_payment", "placed", "accepted", "refused", "expired", "completed"),
    }


def test_each_kind_of_transfer_of_the_ledgers_page_is_known() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([a-z_-]+)(?: \(pending\))? \| `", (ROOT / "docs/ledger.md").read_text(), re.M)
    assert rows
    assert set(rows) - KINDS.keys() == set()


def _mark(books: Books) -> Books:
    """An empty shard of the tea that is marked for a sale, which its listing does not name."""
    books.levels.append(Level(f"{TEA}#1", sale="s9"))
    return books


def _keep(books: Books, *named: str) -> Books:
    """Two of the tea in a shard, and what its listing names."""
    books.levels.append(Level(f"{TEA}#1", reserve=2, moved=2))
    books.named[TEA] = named
    return change(books, "levels", TEA, reserve=find(books, "levels", TEA).reserve - 2, moved=-2)


@pytest.mark.parametrize(
    ("spoil", "invariant", "subject"),
    [
        (lambda books: change_postings(books, "purchase-done", bank__out=1), 1, "transfer/purchase-done"),
        (lambda books: change_postings(books, "purchase-done", bank__out=1), 1, "ledger/TWD"),
        (lambda books: change(books, "transfers", "purchase-done", currency="USD"), 1, "transfer/purchase-done"),
        (lambda books: change(books, "transfers", "purchase-done", kind="gift"), 1, "transfer/purchase-done"),
        (lambda books: change(books, "transfers", "purchase-done", kind="top-up"), 1, "transfer/purchase-done"),
        (lambda books: change(books, "transfers", "bank-0", postings=()), 1, "transfer/bank-0"),
        (lambda books: change(books, "transfers", "card-pi", pending=True), 1, "transfer/card-pi"),
        (lambda books: change(books, "transfers", "card-pi", reverses="nothing"), 1, "transfer/card-pi"),
        (lambda books: double(books, "transfers", "bank-0"), 1, "transfer/bank-0"),
        (lambda books: post(books, "top-up", customer__lin=5, customer__chen=-5), 1, "transfer/more"),
        (lambda books: post(books, "adjust", store__tea=-5, supplier__kiln=5), 1, "transfer/more"),
        (
            lambda books: change(
                books,
                "transfers",
                "bank-0",
                postings=(Posting("vault/lin", 5_000_000), Posting("provider/bank", -5_000_000)),
            ),
            1,
            "transfer/bank-0",
        ),
        (lambda books: change(books, "accounts", "customer/lin", balance_minor=5), 2, "customer/lin"),
        (lambda books: change(books, "accounts", "customer/lin", available_minor=5), 2, "customer/lin"),
        (lambda books: drop(books, "accounts", "customer/lin"), 2, "customer/lin"),
        (
            lambda books: post(books, "deposit_withdrawal", store__tea__deposit=-9_000_000, bank__out=9_000_000),
            2,
            "store/tea/deposit",
        ),
        (lambda books: change(books, "levels", TEA, reserve=7), 3, f"level/{TEA}"),
        (lambda books: change(books, "levels", TEA, moved=-1, received=-1), 3, f"level/{TEA}"),
        (lambda books: double(books, "levels", TEA), 3, f"level/{TEA}"),
        (_keep, 3, f"level/{TEA}#1"),
        (lambda books: _keep(books, f"{TEA}#2"), 3, f"level/{TEA}#1"),
        (_mark, 3, f"level/{TEA}#1"),
        (lambda books: change(books, "levels", TEA, kept=2), 3, f"level/{TEA}"),
    ],
)
def test_what_is_wrong_with_money_or_stock_by_itself_is_named(spoil: Spoil, invariant: int, subject: str) -> None:
    assert (invariant, subject) in found_in(spoil(good_books()))


def test_what_is_kept_in_a_shard_that_its_listing_names_is_right() -> None:
    assert differences(_keep(good_books(), f"{TEA}#1")) == []


def _as(payment: str, name: str = "waits", *, order: bool = True) -> Spoil:
    def spoil(books: Books) -> Books:
        change(books, "purchases", name, payment=payment)
        return change(books, "orders", f"{name}-1", payment=payment) if order else books

    return spoil


@pytest.mark.parametrize(
    ("spoil", "subject"),
    [
        (lambda books: drop(books, "orders", "open-1"), "purchase/open"),
        (lambda books: drop(books, "purchases", "open"), "order/open-1"),
        (lambda books: drop(books, "purchases", "open"), "transfer/purchase-open"),
        (lambda books: drop(books, "transfers", "purchase-open"), "purchase/open"),
        (lambda books: double(books, "purchases", "open", id="again"), "order/open-1"),
        (lambda books: double(books, "purchases", "open", id="again"), "transfer/purchase-open"),
        (lambda books: double(books, "orders", "open-1"), "order/open-1"),
        (lambda books: change(books, "orders", "open-1", purchase="done"), "order/open-1"),
        (lambda books: change(books, "orders", "open-1", customer="chen"), "order/open-1"),
        (lambda books: change(books, "orders", "open-1", currency="USD"), "order/open-1"),
        (lambda books: change(books, "orders", "open-1", total_minor=1), "order/open-1"),
        (lambda books: change(books, "orders", "open-1", total_minor=1), "purchase/open"),
        (lambda books: change(books, "orders", "open-1", payer="provider/stripe"), "order/open-1"),
        (lambda books: change(books, "purchases", "open", currency="USD"), "purchase/open"),
        (lambda books: change(books, "purchases", "open", goods_minor=1), "purchase/open"),
        (lambda books: change(books, "purchases", "open", delivery_minor=1), "purchase/open"),
        (lambda books: change(books, "purchases", "open", tax_minor=1), "purchase/open"),
        (lambda books: change(books, "purchases", "open", total_minor=1), "purchase/open"),
        (lambda books: change(books, "purchases", "open", channel="shop/s1"), "purchase/open"),
        (lambda books: change(books, "purchases", "open", lines=()), "purchase/open"),
        (
            lambda books: change(books, "purchases", "open", lines=find(books, "purchases", "open").lines[::-1]),
            "purchase/open",
        ),
        (lambda books: change_line(books, "open-1", 1, quantity=2), "order/open-1"),
        (lambda books: change_line(books, "open-1", 1, price_minor=1), "order/open-1"),
        (lambda books: change_line(books, "open-1", 1, sku="OTHER"), "purchase/open"),
        (lambda books: change_line(books, "open-1", 1, number=7), "order/open-1"),
        (_as("paid"), "purchase/waits"),
        (_as("paid"), "order/waits-1"),
        (_as("expired"), "order/waits-1"),
        (_as("expired", order=False), "order/waits-1"),
        (_as("pending", "late"), "order/late-1"),
        (_as("voided", "late"), "order/late-1"),
        (_as("pending", "open"), "purchase/open"),
        (_as("authorized", "done"), "order/done-1"),
        (lambda books: change_line(books, "waits-1", 1, state="cancelled"), "order/waits-1"),
        (lambda books: change_line(books, "late-1", 1, state="awaiting_payment"), "order/late-1"),
        (lambda books: change_line(books, "open-1", 1, state="expired"), "order/open-1"),
        (lambda books: change(books, "transfers", "purchase-open", reference="purchase/done"), "purchase/open"),
        (lambda books: change(books, "transfers", "purchase-waits", pending=False), "purchase/waits"),
        (
            lambda books: change_postings(books, "purchase-open", customer__chen=-60_000, order__open_1=60_000),
            "purchase/open",
        ),
        (
            lambda books: change_postings(books, "purchase-shop", store__tea__held=1, store__tea__deposit=-1),
            "purchase/shop",
        ),
        (lambda books: change_postings(books, "bank-bank", order__bank=5, provider__bank=-5), "purchase/bank"),
        (lambda books: double(books, "transfers", "bank-bank", id="bank-again"), "purchase/bank"),
        (lambda books: drop(books, "transfers", "bank-bank"), "purchase/bank"),
        (lambda books: change(books, "purchases", "bank", facts={"paid_by": "bank-other"}), "purchase/bank"),
        (lambda books: change(books, "transfers", "bank-bank", reference="purchase/none"), "transfer/bank-bank"),
        (lambda books: books.ledger.outcomes.update({"purchase-waits": "posted"}) or books, "purchase/waits"),
        (lambda books: books.ledger.outcomes.pop("purchase-late") and books, "purchase/late"),
        (lambda books: books.ledger.outcomes.update({"bank-0": "posted"}) or books, "transfer/bank-0"),
        (lambda books: change(books, "levels", TEA, sold=0, reserve=50), f"level/{TEA}"),
        (lambda books: change(books, "levels", LOSS, reserved=0, reserve=48), f"level/{LOSS}"),
        (lambda books: drop(books, "levels", TEA), "order/open-1"),
        (lambda books: drop(books, "levels", CAN), "order/set-1"),
        (lambda books: drop(books, "levels", VISIT), "order/visit-1"),
        (lambda books: change(books, "levels", VISIT, sold=1, reserve=49), f"level/{VISIT}"),
        (lambda books: change(books, "levels", CAN, sold=1, reserve=49), f"level/{CAN}"),
        (lambda books: change_line(books, "set-1", 1, draws={TEA: 6}), f"level/{CAN}"),
        (lambda books: change_line(books, "set-1", 1, draws={TEA: 7, CAN: 3}), "order/set-1"),
        (lambda books: change_line(books, "set-1", 1, draws={}), "order/set-1"),
        (lambda books: change_line(books, "set-1", 1, draws={TEA: 6, CAN: -3}), "order/set-1"),
        (lambda books: change_line(books, "set-1", 1, is_bundle=False), "order/set-1"),
        (lambda books: change_line(books, "open-1", 2, draws={CAN: 1}), "order/open-1"),
        (lambda books: change_line(books, "open-1", 2, draws={f"{TEA}#1": 2}), "order/open-1"),
        (lambda books: books.bought.update({"s1#lin": 1}) or books, "sale/s1#lin"),
        (lambda books: books.bought.clear() or books, "sale/s1#lin"),
        (lambda books: books.bought.update({"s2#chen": 1}) or books, "sale/s2#chen"),
        (lambda books: change_line(books, "rushed-1", 1, sale_limit=1), "sale/s1#lin"),
        (lambda books: change_line(books, "rushed-1", 1, sale="s2"), "sale/s2#lin"),
        (lambda books: change_line(books, "rushed-1", 1, sale=""), "order/rushed-1"),
        (lambda books: drop(books, "transfers", "collection-cash-1"), "order/cash-1"),
        (lambda books: double(books, "transfers", "collection-cash-1", id="again"), "order/cash-1"),
        (lambda books: change_postings(books, "collection-cash-1", order__cash_1=1, carrier__hct=-1), "order/cash-1"),
        (lambda books: change(books, "orders", "cash-1", facts={"cash": "carrier/other"}), "order/cash-1"),
        (lambda books: change(books, "orders", "cash-1", facts={}), "order/cash-1"),
        (lambda books: change(books, "orders", "cash-1", payment="on_delivery"), "order/cash-1"),
        (lambda books: change(books, "orders", "unpaid-1", payment="paid"), "order/unpaid-1"),
        (lambda books: _card(books, "card", captured_minor=1), "purchase/card"),
        (lambda books: _card(books, "card", accepted_minor=1), "purchase/card"),
        (lambda books: _card(books, "authorized", authorized_minor=1), "purchase/authorized"),
        (lambda books: _card(books, "authorized", authorized_minor=10**7), "purchase/authorized"),
        (lambda books: change(books, "purchases", "authorized", card=None), "purchase/authorized"),
        (lambda books: change_postings(books, "card-pi", order__card_1=5, provider__stripe=-5), "purchase/card"),
    ],
)
def test_a_purchase_that_differs_from_its_orders_its_stock_or_its_money_is_named(spoil: Spoil, subject: str) -> None:
    assert (4, subject) in found_in(spoil(good_books()))


def _card(books: Books, name: str, **changes: Any) -> Books:
    return change(books, "purchases", name, card=replace(find(books, "purchases", name).card, **changes))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda books: change_line(books, "open-1", 1, state="accepted"),
        lambda books: change(books, "orders", "done-1", history=find(books, "orders", "done-1").history[:-1]),
        lambda books: change(books, "orders", "done-1", history=find(books, "orders", "done-1").history[1:]),
        lambda books: change(books, "orders", "done-1", procedure="by-drone"),
    ],
)
def test_a_line_that_stands_where_no_step_took_it_is_named(spoil: Spoil) -> None:
    assert {6} & {invariant for invariant, _ in found_in(spoil(good_books()))}


_REFUND, _FAILED, _COMPLETION = "refund-done-1-8", "refund-failed-refund-card-1-6", "completion-done-1-9"


@pytest.mark.parametrize(
    ("spoil", "subject"),
    [
        (lambda books: change_share(books, "open-1", 1, "supply", amount_minor=1), "order/open-1"),
        (lambda books: change_line(books, "open-1", 1, supply_minor=20_000), "order/open-1"),
        (lambda books: drop_share(books, "open-1", 1, "supply"), "order/open-1"),
        (lambda books: drop_share(books, "open-1", 1, "commission"), "order/open-1"),
        (lambda books: drop_share(books, "open-1", 2, "tax"), "order/open-1"),
        (lambda books: drop_share(books, "open-1", 2, "delivery"), "order/open-1"),
        (lambda books: change_share(books, "open-1", 2, "sale", amount_minor=1), "order/open-1"),
        (lambda books: change_share(books, "open-1", 2, "sale", account="store/other"), "order/open-1"),
        (lambda books: change_share(books, "open-1", 1, "supply", account="supplier/other"), "order/open-1"),
        (lambda books: change_share(books, "shop-1", 1, "supply", amount_minor=1), "order/shop-1"),
        (lambda books: change_line(books, "open-1", 1, rates={}), "order/open-1"),
        (lambda books: change_line(books, "open-1", 1, tax_minor=0), "order/open-1"),
        (lambda books: change_line(books, "open-1", 1, supply_schedule="1:16000 2:14000"), "order/open-1"),
        (lambda books: change_share(books, "done-1", 2, "commission", amount_minor=1), "order/done-1"),
        (lambda books: change_share(books, "done-1", 3, "commission", reversed_minor=0), "order/done-1"),
        (lambda books: change_share(books, "done-1", 3, "commission", reversed_minor=-1), "order/done-1"),
        (lambda books: change_line(books, "done-1", 3, refunded_minor=1), "order/done-1"),
        (lambda books: change_line(books, "returned-1", 1, returned=1), "order/returned-1"),
        (lambda books: change(books, "orders", "returned-1", refunds=()), "order/returned-1"),
        (lambda books: _return(books, state="accepted"), "order/returned-1"),
        (lambda books: _return(books, reason="whim"), "order/returned-1"),
        (lambda books: _return(books, history=()), "order/returned-1"),
        (lambda books: _return(books, replacement="1"), "order/returned-1"),
        (lambda books: change_line(books, "returned-1", 1, withheld_minor=100), "order/returned-1"),
        (lambda books: _return(books, "firm-1", taker="supplier/kiln"), "order/firm-1"),
        (lambda books: _return(books, "firm-1", reason="defective"), "order/firm-1"),
        (lambda books: change_share(books, "firm-1", 1, "supply", kept_minor=0), "order/firm-1"),
        (lambda books: change_share(books, "firm-1", 1, "commission", kept_minor=1), "order/firm-1"),
        (lambda books: change_line(books, "firm-1", 1, accepts_returns=True), "order/firm-1"),
        (lambda books: change(books, "orders", "firm-1", returns=()), "order/firm-1"),
        (lambda books: _refund(books, amount_minor=1), "order/done-1"),
        (lambda books: drop(books, "transfers", _REFUND), "order/done-1"),
        (lambda books: drop(books, "transfers", _REFUND), "purchase/done"),
        (lambda books: change(books, "transfers", _REFUND, reference="order/none"), f"transfer/{_REFUND}"),
        (
            lambda books: change_postings(books, _REFUND, customer__chen=5_000, order__done=-5_000),
            f"transfer/{_REFUND}",
        ),
        (lambda books: _card(books, "card", returns={"refund-card-1-6": 10_100}), "purchase/card"),
        (lambda books: _card(books, "card", returns={"refund-card-1-6": 9_900}), "purchase/card"),
        (lambda books: _card(books, "card", returns={"refund-done-1-8": 5_000}), "purchase/card"),
        (lambda books: _card(books, "card", by_hand_minor=100), "purchase/card"),
        (lambda books: change_share(books, "refused-1", 1, "supply", reversed_minor=0), "order/refused-1"),
        (lambda books: change_line(books, "refused-1", 1, refunded_minor=1), "order/refused-1"),
        (lambda books: drop(books, "transfers", _COMPLETION), "order/done-1"),
        (lambda books: double(books, "transfers", _COMPLETION, id="twice"), "order/done-1"),
        (
            lambda books: change(books, "transfers", _COMPLETION, reference="order/none"),
            "order/none",
        ),
        (
            lambda books: drop(books, "transfers", _FAILED.removeprefix("refund-failed-")),
            f"transfer/{_FAILED}",
        ),
        (
            lambda books: change_postings(books, _FAILED, provider__stripe=-10_000, customer__chen=10_000),
            f"transfer/{_FAILED}",
        ),
    ],
)
def test_a_split_a_completion_or_a_refund_that_is_off_is_named(spoil: Spoil, subject: str) -> None:
    assert (8, subject) in found_in(spoil(good_books()))


def _refund(books: Books, **changes: int) -> Books:
    first, *others = find(books, "orders", "done-1").refunds
    return change(books, "orders", "done-1", refunds=(replace(first, **changes), *others))


def _allot(books: Books, **changes: Any) -> Books:
    """Two of the pool set aside for the store."""
    books.levels.append(replace(Level(f"{POT}#tea", reserve=2, moved=2), **changes))
    return books


def _return(books: Books, order: str = "returned-1", **changes: Any) -> Books:
    first, *others = find(books, "orders", order).returns
    return change(books, "orders", order, returns=(replace(first, **changes), *others))


@pytest.mark.parametrize(
    ("spoil", "invariant", "subject"),
    [
        (lambda books: change_line(books, "open-1", 1, escrow_minor=0), 9, "order/open-1"),
        (lambda books: change_line(books, "done-1", 1, escrow_minor=5), 9, "order/done-1"),
        (lambda books: change_line(books, "shop-1", 1, held_minor=0), 9, "order/shop-1"),
        (lambda books: change_line(books, "shop-1", 1, held_minor=0), 9, "store/tea/held"),
        (lambda books: change_line(books, "waits-1", 1, held_minor=-1), 9, "order/waits-1"),
        (lambda books: post(books, "purchase", "purchase/x", customer__lin=-5, order__none=5), 9, "order/none"),
        (lambda books: post(books, "purchase", "x", store__tea__held=5, store__tea__deposit=-5), 9, "store/tea/held"),
        (lambda books: change(books, "levels", POT, corrected=3, reserve=-40), 10, f"level/{POT}"),
        (lambda books: change_line(books, "open-1", 1, level=TEA), 10, "order/open-1"),
        (lambda books: change_line(books, "open-1", 2, level=POT), 10, "order/open-1"),
        (lambda books: change_line(books, "open-1", 1, offer=""), 10, "order/open-1"),
        (lambda books: change_line(books, "set-1", 1, draws={TEA: 6, CUP: 3}), 10, "order/set-1"),
        (lambda books: change_line(books, "visit-1", 2, slot=""), 10, "order/visit-1"),
        (lambda books: change_line(books, "visit-1", 2, slot="20261105T0300Z"), 10, "order/visit-1"),
        (lambda books: change_line(books, "visit-1", 1, slot=SLOT), 10, "order/visit-1"),
        (lambda books: change_line(books, "open-1", 1, offer="other/POT"), 10, "order/open-1"),
        (lambda books: change_line(books, "open-1", 1, draws={f"{POT}#another": 2}), 10, "order/open-1"),
        (lambda books: change_line(books, "open-1", 2, draws={f"{POT}#tea": 1}), 10, "order/open-1"),
        (lambda books: _allot(books, supply_minor=9), 10, f"level/{POT}#tea"),
        (lambda books: _allot(books, on_sale=False), 10, f"level/{POT}#tea"),
        (lambda books: change_line(books, "open-1", 1, fulfiller="store/tea"), 10, "order/open-1"),
    ],
)
def test_what_is_not_covered_or_not_of_its_pool_is_named(spoil: Spoil, invariant: int, subject: str) -> None:
    assert (invariant, subject) in found_in(spoil(good_books()))
