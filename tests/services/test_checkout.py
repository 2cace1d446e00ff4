"""Checkout on real tables: one write or none, exact replay, named refusals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import expire_purchase, pay_pending, receive_payment
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import get_purchase, list_purchases, place_purchase, quote_cart
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    InsufficientFunds,
    Invalid,
    KeyReused,
    MartUnionError,
    NotFound,
    OutOfStock,
    PriceChanged,
    RuleViolation,
)
from mart_union.kernel.storage import fetch, find
from mart_union.ledger.service import get_balance, get_transfer
from mart_union.ledger.tables import ResolutionItem, resolution_key
from mart_union.orders.model import Order
from mart_union.orders.service import take_step
from mart_union.orders.storing import order_ref
from mart_union.stock.service import get_level
from tests.services.market import (
    NOW,
    Market,
    fill_pool,
    give_money,
    open_market,
    save_listing,
    save_mediated,
    save_store,
)


def buy(market: Market, quantity: int = 2, *, key: str = "key-00000001", **changes: Any) -> Purchase:
    request: dict[str, Any] = {
        "wanted": [Wanted(market.store, "TEA", quantity)],
        "recipient": market.recipient,
        "total_seen": 30_000 * quantity + 6000,
        "method": "account",
        "now": NOW,
    } | changes
    return place_purchase(market.customer, key=key, **request)


def order_of(purchase: Purchase, number: int = 0) -> Order:
    order = fetch(order_ref(purchase.orders[number]), consistent=True)
    assert order is not None
    return order


def tea(market: Market) -> tuple[int, int, int]:
    level = get_level(f"listing/{market.store}/TEA")
    assert level.balances()
    return level.reserve, level.reserved, level.sold


def state_of_the_world(market: Market) -> tuple[object, ...]:
    balance = get_balance(f"customer/{market.customer}").balance_minor
    return tea(market), balance, list_purchases(market.customer).items


def test_a_purchase_takes_stock_makes_orders_and_moves_money_at_once(unique: str) -> None:
    market = open_market(unique)
    wanted = [Wanted(market.store, "TEA", 2), Wanted(market.other_store, "TEA", 1)]
    purchase = buy(market, wanted=wanted, total_seen=102_000, session="s1", last_view="v9")
    assert (purchase.goods_minor, purchase.delivery_minor, purchase.total_minor) == (90_000, 12_000, 102_000)
    assert (purchase.payment, purchase.session, purchase.last_view) == ("paid", "s1", "v9")
    assert tea(market) == (8, 0, 2)
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000 - 102_000
    first, second = order_of(purchase, 0), order_of(purchase, 1)
    assert (first.store, first.total_minor, first.escrow_minor) == (market.store, 66_000, 66_000)
    assert (second.store, second.total_minor, second.state) == (market.other_store, 36_000, "placed")
    postings = {posting.account: posting.amount_minor for posting in get_transfer(purchase.transfer).postings}
    assert postings == {
        f"customer/{market.customer}": -102_000,
        f"order/{first.id}": 66_000,
        f"order/{second.id}": 36_000,
    }


def test_a_line_freezes_who_gets_what(unique: str) -> None:
    market = open_market(unique)
    [line] = order_of(buy(market)).lines
    shares = {share.account: share.amount_minor for share in line.split}
    assert shares == {
        "union/commission": 3_600,
        "tax/vat": 2_900,  # 600 dollars contain 28.57 of tax: whole dollars at the till
        "carrier/hct": 6_000,
        f"store/{market.store}": 53_500,
    }
    assert sum(shares.values()) == line.escrow_minor == 66_000


def test_the_same_key_again_gives_the_first_answer_whatever_has_changed_since(unique: str) -> None:
    market = open_market(unique)
    first = buy(market)
    save_listing(market.store, "TEA", price_minor=99_900, reserve=0)
    assert buy(market) == first
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000 - 66_000


def test_the_same_key_with_another_body_is_refused_and_changes_nothing(unique: str) -> None:
    market = open_market(unique)
    buy(market)
    before = state_of_the_world(market)
    with pytest.raises(KeyReused):
        buy(market, 1, total_seen=36_000)
    assert state_of_the_world(market) == before


def test_sixteen_repeats_at_once_buy_once(unique: str) -> None:
    market = open_market(unique)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: buy(market), range(16)))
    assert {answer.id for answer in answers} == {answers[0].id}
    assert tea(market) == (8, 0, 2)
    assert len(list_purchases(market.customer).items) == 1


def withdraw_tea(market: Market) -> None:
    save_listing(market.store, "TEA", price_minor=30_000, reserve=10, state="withdrawn")


def close_store(market: Market) -> None:
    save_store(market.store, state="paused")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"total_seen": 66_100}, PriceChanged),
        ({"quantity": 11, "total_seen": 336_000}, OutOfStock),
        ({"quantity": 0}, Invalid),
        ({"quantity": 1000}, Invalid),
        ({"wanted": []}, Invalid),
        ({"wanted": [Wanted("nowhere", "TEA", 1)]}, NotFound),
        ({"recipient": "somebody-elses"}, NotFound),
        ({"method": "promises"}, RuleViolation),
    ],
)
def test_a_refusal_has_a_name_and_changes_nothing(
    unique: str, changes: dict[str, Any], refusal: type[MartUnionError]
) -> None:
    market = open_market(unique)
    before = state_of_the_world(market)
    with pytest.raises(refusal):
        buy(market, **changes)
    assert state_of_the_world(market) == before


def test_a_refusal_of_another_total_says_both_as_amounts(unique: str) -> None:
    market = open_market(unique)
    with pytest.raises(PriceChanged) as refused:
        buy(market, total_seen=66_100)
    assert refused.value.detail == "the total is now 660 TWD, not 661 TWD"
    assert refused.value.facts == {"total_minor": 66_000}


@pytest.mark.parametrize("closing", [withdraw_tea, close_store])
def test_what_is_not_on_sale_is_refused(unique: str, closing: Callable[[Market], None]) -> None:
    market = open_market(unique)
    closing(market)
    before = state_of_the_world(market)
    with pytest.raises(RuleViolation):
        buy(market)
    assert state_of_the_world(market) == before


def test_too_little_money_is_refused_with_what_is_there(unique: str) -> None:
    market = open_market(unique, money=50_000)
    with pytest.raises(InsufficientFunds) as refused:
        buy(market)
    assert refused.value.facts == {"available_minor": 50_000, "needed_minor": 66_000}
    assert refused.value.detail == "500 TWD is available, 660 TWD is needed"
    assert tea(market) == (10, 0, 0)


def test_the_last_unit_is_sold_once(unique: str) -> None:
    market = open_market(unique)
    save_listing(market.store, "LAST", price_minor=10_000, reserve=1)

    def try_to_buy(number: int) -> str:
        try:
            wanted = [Wanted(market.store, "LAST", 1)]
            return buy(market, wanted=wanted, total_seen=16_000, key=f"key-{number:08}").id
        except OutOfStock:
            return ""

    with ThreadPoolExecutor(8) as threads:
        assert sum(bool(answer) for answer in threads.map(try_to_buy, range(8))) == 1
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000 - 16_000


def test_a_supply_price_that_has_just_moved_is_paid_as_of_the_purchase(unique: str) -> None:
    market = open_market(unique)
    save_mediated(market.store, "LINK", market.supplier, price_minor=50_000, supply_minor=20_000)
    fill_pool(market.supplier, 5, supply_minor=25_000)
    purchase = buy(market, wanted=[Wanted(market.store, "LINK", 2)], total_seen=106_000)
    [line] = order_of(purchase).lines
    shares = {(share.account, share.kind): share.amount_minor for share in line.split}
    assert shares[f"supplier/{market.supplier}", "supply"] == 50_000
    assert shares[f"supplier/{market.supplier}", "delivery"] == 6_000
    assert line.fulfiller == f"supplier/{market.supplier}"
    assert sum(shares.values()) == line.escrow_minor == 106_000


def test_two_sellers_of_one_pool_are_folded_into_one_level(unique: str) -> None:
    market = open_market(unique)
    for store in (market.store, market.other_store):
        save_mediated(store, "LINK", market.supplier, price_minor=50_000, supply_minor=20_000)
    level = fill_pool(market.supplier, 3, supply_minor=20_000)
    wanted = [Wanted(market.store, "LINK", 2), Wanted(market.other_store, "LINK", 2)]
    with pytest.raises(OutOfStock):
        buy(market, wanted=wanted, total_seen=212_000)
    wanted = [Wanted(market.store, "LINK", 2), Wanted(market.other_store, "LINK", 1)]
    buy(market, wanted=wanted, total_seen=162_000)
    assert get_level(level).reserve == 0


def test_a_price_below_its_costs_holds_the_difference_on_the_deposit(unique: str) -> None:
    market = open_market(unique)
    save_mediated(market.store, "LOSS", market.supplier, price_minor=20_000, supply_minor=25_000)
    fill_pool(market.supplier, 5, supply_minor=25_000)
    wanted = [Wanted(market.store, "LOSS", 1)]
    with pytest.raises(RuleViolation) as refused:
        buy(market, wanted=wanted, total_seen=26_000)
    assert refused.value.facts == {
        "store": market.store,
        "reason": "withdrawn",
    }  # what stands on its deposit is not the shopper's to know
    assert "deposit" not in refused.value.detail
    give_money(f"store/{market.store}/deposit", 100_000)
    [line] = order_of(buy(market, wanted=wanted, total_seen=26_000)).lines
    commission, tax = 1_200, 1_000
    assert line.held_minor == 25_000 + commission + tax - 20_000
    assert get_balance(f"store/{market.store}/held").balance_minor == line.held_minor
    assert sum(share.amount_minor for share in line.split) == line.escrow_minor + line.held_minor


def test_what_does_not_fit_into_one_transaction_is_refused_by_name(unique: str) -> None:
    market = open_market(unique)
    wanted = []
    for number in range(20):
        store = f"z{unique}{number}"
        save_store(store)
        for supplier in (f"y{unique}{number}", f"x{unique}{number}"):
            fill_pool(supplier, 5, supply_minor=30_000)
            save_mediated(store, supplier.upper(), supplier, price_minor=20_000, supply_minor=30_000)
            wanted.append(Wanted(store, supplier.upper(), 1))
    with pytest.raises(RuleViolation, match="make it two"):
        buy(market, wanted=wanted, total_seen=20 * 46_000)


def test_a_purchase_by_bank_transfer_reserves_and_is_confirmed_by_the_bank(unique: str) -> None:
    market = open_market(unique, money=0)
    purchase = buy(market, method="bank_transfer")
    assert (purchase.payment, order_of(purchase).state) == ("pending", "awaiting_payment")
    assert tea(market) == (8, 2, 0)
    assert receive_payment(purchase.id, 66_000, reference=f"n1-{unique}", now=NOW) == "confirmed"
    assert receive_payment(purchase.id, 66_000, reference=f"n1-{unique}", now=NOW) == "confirmed"
    assert tea(market) == (8, 0, 2)
    assert (order_of(purchase).state, order_of(purchase).payment) == ("placed", "paid")
    assert find(ResolutionItem, *resolution_key(purchase.transfer)).outcome == "voided"
    assert get_balance(f"customer/{market.customer}").balance_minor == 0


def test_a_bank_transfer_for_a_price_below_its_costs_turns_what_was_kept_of_the_deposit_into_a_hold(
    unique: str,
) -> None:
    market = open_market(unique, money=0)
    save_mediated(market.store, "LOSS", market.supplier, price_minor=20_000, supply_minor=25_000)
    fill_pool(market.supplier, 5, supply_minor=25_000)
    deposit, held = f"store/{market.store}/deposit", f"store/{market.store}/held"
    give_money(deposit, 10_000)
    wanted = [Wanted(market.store, "LOSS", 1)]
    purchase = buy(market, wanted=wanted, total_seen=26_000, method="bank_transfer")
    assert (get_balance(deposit).balance_minor, get_balance(deposit).available_minor) == (10_000, 2_800)
    assert receive_payment(purchase.id, 26_000, reference=unique, now=NOW) == "confirmed"
    assert (get_balance(deposit).balance_minor, get_balance(deposit).available_minor) == (2_800, 2_800)
    assert get_balance(held).balance_minor == 7_200


def test_one_bank_notice_pays_one_purchase(unique: str) -> None:
    market = open_market(unique, money=0)
    first, second = (buy(market, method="bank_transfer", key=f"key-{number:08}") for number in range(2))
    assert receive_payment(first.id, 66_000, reference=unique, now=NOW) == "confirmed"
    with pytest.raises(KeyReused):
        receive_payment(second.id, 66_000, reference=unique, now=NOW)
    assert get_purchase(second.id).payment == "pending"


def test_money_that_does_not_fit_is_credited_to_the_customer(unique: str) -> None:
    market = open_market(unique, money=0)
    purchase = buy(market, method="bank_transfer")
    assert receive_payment(purchase.id, 60_000, reference=f"n1-{unique}", now=NOW) == "credited"
    assert receive_payment(purchase.id, 60_000, reference=f"n1-{unique}", now=NOW) == "credited"
    assert get_balance(f"customer/{market.customer}").balance_minor == 60_000
    assert get_purchase(purchase.id).payment == "pending"


def test_a_waiting_purchase_can_be_paid_from_the_account(unique: str) -> None:
    market = open_market(unique, money=100_000)
    purchase = buy(market, method="bank_transfer")
    assert pay_pending(purchase.id, market.customer, 66_000, key="k", now=NOW).payment == "paid"
    assert pay_pending(purchase.id, market.customer, 66_000, key="k", now=NOW).payment == "paid"
    assert get_balance(f"customer/{market.customer}").balance_minor == 34_000
    assert receive_payment(purchase.id, 66_000, reference=f"late-{unique}", now=NOW) == "credited"
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000
    with pytest.raises(NotFound):
        pay_pending(purchase.id, "somebody-else", 66_000, key="k", now=NOW)
    second = buy(market, method="bank_transfer", key="key-00000002")
    with pytest.raises(KeyReused):
        pay_pending(second.id, market.customer, 66_000, key="k", now=NOW)
    assert get_purchase(second.id).payment == "pending"


def test_a_reservation_ends_on_time_and_once(unique: str) -> None:
    market = open_market(unique, money=0)
    purchase = buy(market, method="bank_transfer")
    assert not expire_purchase(purchase.id, NOW + timedelta(seconds=599))
    late = NOW + timedelta(seconds=600)
    assert iso(late) == purchase.expires_at
    assert [expire_purchase(purchase.id, late) for _ in range(2)] == [True, False]
    assert tea(market) == (10, 0, 0)
    assert order_of(purchase).state == "expired"
    assert receive_payment(purchase.id, 66_000, reference=f"late-{unique}", now=late) == "credited"


def test_payment_and_expiry_at_the_same_moment_leave_one_winner(unique: str) -> None:
    market = open_market(unique, money=0)
    for number in range(6):
        purchase = buy(market, 1, method="bank_transfer", total_seen=36_000, key=f"race-{number:08}")
        late = NOW + timedelta(seconds=600)
        with ThreadPoolExecutor(2) as threads:
            paid = threads.submit(receive_payment, purchase.id, 36_000, reference=f"{unique}-{number}", now=late)
            expired = threads.submit(expire_purchase, purchase.id, late)
        assert (paid.result() == "confirmed") != expired.result()
        assert order_of(purchase).state == ("expired" if expired.result() else "placed")
    _, reserved, _ = tea(market)
    assert reserved == 0


def test_cancelling_gives_everything_back_once(unique: str) -> None:
    market = open_market(unique)
    wanted = [Wanted(market.store, "TEA", 2), Wanted(market.other_store, "TEA", 1)]
    purchase = buy(market, wanted=wanted, total_seen=102_000)
    for _ in range(2):
        cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-1", now=NOW)
    assert tea(market) == (10, 0, 0)
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000
    assert [order_of(purchase, number).state for number in (0, 1)] == ["cancelled", "cancelled"]
    assert [order_of(purchase, number).escrow_minor for number in (0, 1)] == [0, 0]


def test_a_cancellation_beside_an_order_that_was_refused_before_gives_the_first_answer_again(unique: str) -> None:
    market = open_market(unique)
    wanted = [Wanted(market.store, "TEA", 2), Wanted(market.other_store, "TEA", 1)]
    purchase = buy(market, wanted=wanted, total_seen=102_000)
    take_step(purchase.orders[0], "refuse", "system", "system", "refuse-1", NOW)

    def cancel() -> list[str]:
        ended = cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-1", now=NOW)
        return [order.state for order in ended.orders]

    assert cancel() == cancel()
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000


def test_an_unpaid_purchase_is_cancelled_without_money(unique: str) -> None:
    market = open_market(unique, money=0)
    purchase = buy(market, method="bank_transfer")
    for _ in range(2):
        ended = cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-1", now=NOW).purchase
        assert ended.payment == "voided"
    assert tea(market) == (10, 0, 0)


def test_a_shops_sale_holds_the_supply_cost_and_sells_once(unique: str) -> None:
    market = open_market(unique)
    save_mediated(market.store, "LINK", market.supplier, price_minor=50_000, supply_minor=20_000)
    level = fill_pool(market.supplier, 3, supply_minor=20_000)
    wanted = [Wanted(market.store, "LINK", 2)]

    def sell(key: str) -> Purchase:
        return place_shop_sale(market.store, "shop1", wanted, recipient=market.recipient, key=key, now=NOW)

    with pytest.raises(InsufficientFunds):
        sell("sale-0001")
    give_money(f"store/{market.store}/deposit", 100_000)
    sale = sell("sale-0001")
    assert sell("sale-0001") == sale
    assert (get_level(level).reserve, get_balance(f"store/{market.store}/held").balance_minor) == (1, 40_000)
    assert (order_of(sale).escrow_minor, order_of(sale).lines[0].held_minor) == (0, 40_000)
    with pytest.raises(OutOfStock):
        sell("sale-0002")
    with pytest.raises(RuleViolation):
        place_shop_sale(
            market.store, "shop1", [Wanted(market.store, "TEA", 1)], recipient=market.recipient, key="sale-3", now=NOW
        )


def test_a_quote_names_what_stands_in_the_way(unique: str) -> None:
    market = open_market(unique)
    wishes = [Wanted(market.store, "TEA", 11), Wanted(market.other_store, "TEA", 1), Wanted("nowhere", "X", 1)]
    quote = quote_cart(wishes, now=NOW)
    problems = {line.store: line.problem for part in quote.stores for line in part.lines}
    assert problems == {market.store: "short", market.other_store: "", "nowhere": "unknown"}
    assert (quote.total_minor, quote.ready) == (36_000, False)
