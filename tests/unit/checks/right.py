"""Books in which everything has happened that moves money or goods, and all of it right."""

from __future__ import annotations

from mart_union.checkout.payers import CARDS
from mart_union.orders.refunding import RefundWish
from mart_union.settlement.checks.model import Books
from tests.unit.checks.trade import MONDAY, Trade


def good_books() -> Books:
    """Books in which everything has happened that moves money or goods, and all of it right."""
    trade = Trade()
    for part in (buy_from_the_account, wait_for_the_bank, pay_by_card, sell_in_a_shop, pay_on_delivery, settle):
        part(trade)
    trade.post("provider-fees-x", "provider_fees", {CARDS: 100, "union/provider-fees": -100}, f"day/{MONDAY}")
    trade.report()
    return trade.books()


def buy_from_the_account(trade: Trade) -> None:
    """Completed, returned and refused, with refunds of parts; and open; some of it in an urgent sale."""
    trade.give("customer/lin", 5_000_000)
    trade.give("store/tea/deposit", 1_000_000)
    trade.buy("done", {"TEA": 3, "POT": 2, "LOSS": 1})
    trade.deliver("done-1")
    trade.refund("done-1", RefundWish(3, amount_minor=5_000))
    trade.complete("done-1")
    trade.refund("done-1", RefundWish(3, amount_minor=10_000))
    trade.buy("returned", {"TEA": 4, "POT": 2})
    trade.deliver("returned-1")
    trade.take_back("returned-1", 1, 2)
    trade.buy("firm", {"FIRM": 4})
    trade.deliver("firm-1")
    trade.take_back("firm-1", 1, 1)
    trade.take_back("firm-1", 1, 1, "defective")
    trade.buy("refused", {"TEA": 2, "LOSS": 2})
    trade.step("refused-1", "refuse", "supplier/kiln")
    trade.refund("refused-1", RefundWish(2, units=1))
    trade.buy("open", {"POT": 1, "TEA": 1})
    trade.buy("set", {"SET": 3})
    trade.refund("set-1", RefundWish(1, units=1))
    trade.buy("no-set", {"SET": 1})
    trade.step("no-set-1", "refuse")
    trade.buy("rushed", {"RUSH": 3})
    trade.refund("rushed-1", RefundWish(1, units=1))
    trade.deliver("rushed-1")
    trade.take_back("rushed-1", 1, 1)
    trade.buy("unrushed", {"RUSH": 2})
    trade.step("unrushed-1", "refuse")
    trade.buy("visit", {"VISIT": 2, "TEA": 1})
    trade.buy("no-visit", {"VISIT": 1})
    trade.step("no-visit-1", "refuse")


def wait_for_the_bank(trade: Trade) -> None:
    """Purchases that wait for their money, have it, and went without it."""
    trade.buy("waits", {"TEA": 1, "LOSS": 1}, "bank_transfer")
    trade.buy("bank", {"TEA": 2}, "bank_transfer")
    trade.pay("bank")
    trade.buy("late", {"TEA": 2}, "bank_transfer")
    trade.expire("late")


def pay_by_card(trade: Trade) -> None:
    """Authorized and captured, refused in part, a refund that failed, and disputes of every end."""
    trade.buy("card", {"TEA": 2, "POT": 1, "LOSS": 1}, "card")
    trade.authorize("card")
    trade.step("card-1", "accept")
    trade.step("card-1", "accept", "supplier/kiln", [1])
    trade.step("card-1", "refuse", "supplier/kiln", [2])
    trade.capture("card")
    trade.refund("card-1", RefundWish(3, amount_minor=10_000))
    refund = trade.ledger.transfers[-1].id
    trade.post(f"refund-failed-{refund}", "refund_failed", {CARDS: -10_000, "customer/lin": 10_000}, "order/card-1")
    trade.note_return("card", refund, 10_000)
    trade.dispute("card", 20_000, "lost")
    trade.dispute("card", 10_000, "won", case="won")
    trade.dispute("card", 10_000, "lost", "reinstated", case="back")
    trade.dispute("card", 10_000, case="open")
    trade.buy("authorized", {"TEA": 1}, "card")
    trade.authorize("authorized")


def sell_in_a_shop(trade: Trade) -> None:
    """What a seller's own shop collected."""
    trade.buy("shop", {"POT": 2}, "shop", "shop/s1")
    trade.buy("shipped", {"POT": 1}, "shop", "shop/s1")
    trade.deliver("shipped-1")
    trade.complete("shipped-1")


def pay_on_delivery(trade: Trade) -> None:
    """Cash that was collected, and cash that is due."""
    trade.buy("cash", {"CUP": 3}, "on_delivery")
    trade.deliver("cash-1")
    trade.complete("cash-1")
    trade.buy("unpaid", {"CUP": 1}, "on_delivery")


def settle(trade: Trade) -> None:
    """Statements and payouts, one of them returned and settled again; withdrawals; and money that nobody knew."""
    first = trade.settle("supplier/kiln")
    trade.settle("carrier/hct", destination="")
    trade.settle("store/tea")
    trade.settle("store/cups", destination="")
    trade.withdraw("store/tea", "store/tea/deposit", 30_000, "deposit_withdrawal")
    trade.withdraw("customer/lin", "customer/lin", 40_000, "withdrawal")
    trade.keep("waits", 7_000)
    trade.keep("found", 8_000, "customer/lin", "assigned")
    trade.keep("undone", 6_000, "customer/lin", "assigned", returned=1)
    trade.keep("strange", 9_050, "send_back/hash", "sent_back")
    trade.send()
    trade.come_back(first.payout)
    trade.complete("returned-1")
    trade.settle("carrier/hct", f"{MONDAY}.002")
    trade.settle("supplier/kiln", f"{MONDAY}.002", state="collecting")
