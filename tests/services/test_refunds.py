"""Partial refunds and returns on real tables: money and stock move together, at the original rates, before and after completion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from mart_union.checkout.model import Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase
from mart_union.kernel.errors import (
    AmountOutOfRange,
    BeyondOriginal,
    Invalid,
    KeyReused,
    MartUnionError,
    NotFound,
    RuleViolation,
    StepNotAllowed,
)
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import Payable, Posting
from mart_union.ledger.service import get_balance, get_transfer
from mart_union.orders.model import Order, ReturnedLine
from mart_union.orders.refunding import RefundWish
from mart_union.orders.returns import Decision
from mart_union.orders.service import get_order, take_step
from mart_union.settlement import refunding
from mart_union.settlement.check import check_union
from mart_union.settlement.completion import complete_order
from mart_union.settlement.reconciliation import Difference
from mart_union.settlement.refunding import ask_return, refund_order, settle_return
from mart_union.stock.service import get_level
from tests.services.cutting import CutOff, cut_off
from tests.services.market import NOW, Market, fill_pool, give_money, open_market, save_mediated

LATER = NOW + timedelta(days=1)
PAID = 3 * 30_000 + 6_000  # three teas at NT$300 with NT$60 of delivery
SPLIT = {"union/commission": 5_400, "tax/vat": 4_300, "carrier/hct": 6_000}  # 6 % of 90,000; 90,000 x 5/105; delivery


def bought(
    market: Market, *, quantity: int = 3, key: str = "key-00000001", sku: str = "TEA", price: int = 30_000
) -> str:
    """An order of some units of one listing, paid from the customer's account."""
    purchase = place_purchase(
        market.customer,
        [Wanted(market.store, sku, quantity)],
        recipient=market.recipient,
        total_seen=quantity * price + 6_000,
        method="account",
        key=key,
        now=NOW,
    )
    return purchase.orders[0]


def shipped(market: Market, order: str, fulfiller: str = "") -> str:
    party = fulfiller or f"store/{market.store}"
    role = party.partition("/")[0]
    take_step(order, "accept", "staff", role, "a", NOW, fulfiller=party)
    take_step(order, "ship", "staff", role, "s", NOW, fulfiller=party, tracking=("hct", "HCT1"))
    return order


def delivered(market: Market, order: str, fulfiller: str = "") -> str:
    shipped(market, order, fulfiller)
    take_step(order, "deliver", "system", "system", "d", NOW)
    return order


def completed(market: Market, order: str, fulfiller: str = "") -> str:
    shipped(market, order, fulfiller)
    complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    return order


def refund(market: Market, order: str, *wishes: RefundWish, key: str = "refund-0001", **changes: object) -> Order:
    request = {"store": market.store, "reason": "a broken lid", "actor": "staff", "key": key, "now": LATER} | changes
    return refund_order(order, wishes, **request)  # type: ignore[arg-type]


def ask(market: Market, order: str, units: int = 1, *, key: str = "return-0001", now: object = LATER) -> str:
    after = ask_return(
        order,
        [ReturnedLine(1, units)],
        customer=market.customer,
        reason="too sweet",
        key=key,
        now=now,  # type: ignore[arg-type]
    )
    return after.returns[-1].id


def decide(market: Market, order: str, identity: str, decision: str, *, fulfiller: str = "", **facts: str) -> Order:
    party = fulfiller or f"store/{market.store}"
    wish = Decision(decision, **facts)
    return settle_return(order, identity, wish, fulfiller=party, actor="staff", key=f"{decision}-0001", now=LATER)


def balance(market: Market) -> int:
    return get_balance(f"customer/{market.customer}").balance_minor


def counts(market: Market) -> tuple[int, int, int]:
    level = get_level(f"listing/{market.store}/TEA")
    assert level.balances()
    return level.reserve, level.sold, level.written_off


def payables(order: str, kind: str) -> dict[str, Payable]:
    return {one.party: one for one in whole_ledger().payables if one.order == order and one.kind == kind}


def wrong(market: Market) -> list[Difference]:
    """What the invariant checker finds about this market."""
    mine = [order.id for order in refunding_orders(market)]
    names = (market.store, market.customer, market.supplier, *mine, *(one.rpartition("-")[0] for one in mine))
    return [found for found in check_union() if any(name in found.subject for name in names)]


def refunding_orders(market: Market) -> list[Order]:
    from mart_union.orders.census import all_orders

    return [order for order in all_orders() if order.store == market.store]


def test_units_that_will_not_be_sent_give_back_their_price_and_go_back_into_the_reserve(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    after = refund(market, order, RefundWish(1, units=1))
    [line] = after.lines
    assert (line.returned, line.left_units, line.refunded_minor, line.escrow_minor) == (1, 2, 30_000, PAID - 30_000)
    assert {share.account: share.left_minor for share in line.split} == {
        "union/commission": 3_600,
        "tax/vat": 2_900,
        "carrier/hct": 6_000,
        f"store/{market.store}": 53_500,
    }
    assert set(get_transfer(after.refunds[0].id).postings) == {
        Posting(f"order/{order}", -30_000),
        Posting(f"customer/{market.customer}", 30_000),
    }
    assert (balance(market), counts(market)) == (1_000_000 - PAID + 30_000, (8, 2, 0))
    assert wrong(market) == []


def test_units_found_broken_are_written_off_instead(unique: str) -> None:
    market = open_market(unique)
    refund(market, bought(market), RefundWish(1, units=1), written_off=True)
    assert counts(market) == (7, 2, 1)


def test_completion_pays_what_a_refund_has_left_of_each_share(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    refund(market, order, RefundWish(1, amount_minor=45_000))
    completed(market, order)
    assert {party: one.amount_minor for party, one in payables(order, "completion").items()} == {
        "carrier/hct": 6_000,
        f"store/{market.store}": 90_000 - 45_000 - 2_700 - 2_100,
    }
    assert wrong(market) == []


def test_a_refund_after_completion_is_given_back_by_those_who_were_paid_at_their_original_rates(unique: str) -> None:
    market = open_market(unique)
    order = completed(market, bought(market))
    after = refund(market, order, RefundWish(1, amount_minor=30_000))
    assert set(get_transfer(after.refunds[0].id).postings) == {
        Posting(f"customer/{market.customer}", 30_000),
        Posting("union/commission", -1_800),
        Posting("tax/vat", -1_400),
        Posting(f"store/{market.store}", -26_800),
    }
    [given_back] = payables(order, "refund").values()
    assert (given_back.party, given_back.amount_minor, given_back.due, given_back.transfer) == (
        f"store/{market.store}",
        -26_800,
        "2026-11-30",
        after.refunds[0].id,
    )
    assert (balance(market), counts(market)) == (1_000_000 - PAID + 30_000, (7, 3, 0))
    assert wrong(market) == []


@pytest.mark.parametrize("when", [0, 2, 4])
def test_the_parts_of_a_line_add_up_to_exactly_what_was_paid_whenever_it_completes(unique: str, when: int) -> None:
    market = open_market(unique)
    order = shipped(market, bought(market))
    amounts = [700, 33_300, 100, PAID - 34_100]
    for number, amount in enumerate(amounts):
        if number == when:
            complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
        refund(market, order, RefundWish(1, amount_minor=amount), key=f"refund-000{number}")
    if when == 4:
        complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    [line] = get_order(order).lines
    assert {share.kind: share.left_minor for share in line.split if share.left_minor} == {"delivery": 6_000}
    assert (line.refunded_minor, line.escrow_minor, balance(market)) == (PAID, 0, 1_000_000)
    owed = Counter[str]()
    for one in whole_ledger().payables:
        owed[one.party] += one.amount_minor if one.order == order else 0
    assert +owed == {"carrier/hct": 6_000}  # it has carried the goods, and the store bears it
    assert owed.total() == 0
    assert wrong(market) == []
    with pytest.raises(BeyondOriginal) as refused:
        refund(market, order, RefundWish(1, amount_minor=100), key="refund-0009")
    assert refused.value.facts == {"left_minor": 0}


@pytest.mark.parametrize("is_completed", [False, True])
def test_a_carrier_that_has_carried_keeps_its_share_and_the_store_bears_what_goes_beyond_the_goods(
    unique: str, is_completed: bool
) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    if is_completed:
        complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    refund(market, order, RefundWish(1, amount_minor=90_000))
    after = refund(market, order, RefundWish(1, amount_minor=4_000), key="refund-0002")
    assert set(get_transfer(after.refunds[-1].id).postings) == {
        Posting(f"customer/{market.customer}", 4_000),
        Posting(f"store/{market.store}", -4_000),
    }
    own = [one for one in whole_ledger().payables if one.transfer == after.refunds[-1].id]
    assert [(one.party, one.kind, one.amount_minor) for one in own] == [(f"store/{market.store}", "refund", -4_000)]
    assert after.refunds[-1].lines[0].borne_by == "all"
    if not is_completed:
        assert get_order(order).lines[0].escrow_minor == 6_000
        complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    assert payables(order, "completion")["carrier/hct"].amount_minor == 6_000
    assert (balance(market), wrong(market)) == (1_000_000 - PAID + 94_000, [])


@pytest.mark.parametrize("is_completed", [False, True])
def test_a_delivery_given_back_for_its_carriers_fault_is_the_carriers_to_bear(unique: str, is_completed: bool) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    if is_completed:
        complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    after = refund(market, order, RefundWish(1, amount_minor=2_500, carrier_gives=True))
    bearer = "carrier/hct" if is_completed else f"order/{order}"
    assert set(get_transfer(after.refunds[-1].id).postings) == {
        Posting(f"customer/{market.customer}", 2_500),
        Posting(bearer, -2_500),
    }
    assert after.refunds[-1].lines[0].borne_by == "carrier"
    with pytest.raises(BeyondOriginal) as refused:
        refund(market, order, RefundWish(1, amount_minor=3_600, carrier_gives=True), key="refund-0002")
    assert refused.value.facts == {"left_minor": 3_500}
    with pytest.raises(Invalid):
        refund(market, order, RefundWish(1, units=1, carrier_gives=True), key="refund-0003")
    refund(market, order, RefundWish(1, amount_minor=PAID - 2_500), key="refund-0004")
    if not is_completed:
        complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    owed = [one.amount_minor for one in whole_ledger().payables if one.party == "carrier/hct" and one.order == order]
    assert sum(owed) == 3_500
    assert (balance(market), wrong(market)) == (1_000_000, [])


def test_before_the_goods_have_left_their_delivery_goes_back_with_them(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    after = refund(market, order, RefundWish(1, amount_minor=93_000))
    assert set(get_transfer(after.refunds[-1].id).postings) == {
        Posting(f"customer/{market.customer}", 93_000),
        Posting(f"order/{order}", -93_000),
    }
    assert {share.kind: share.left_minor for share in get_order(order).lines[0].split if share.left_minor} == {
        "delivery": 3_000
    }
    assert wrong(market) == []


def test_refusing_a_line_after_a_part_of_it_was_refunded_gives_back_the_rest(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    refund(market, order, RefundWish(1, units=1))
    take_step(order, "refuse", "staff", "store", "r", LATER, fulfiller=f"store/{market.store}")
    [line] = get_order(order).lines
    assert (line.state, line.refunded_minor, sum(share.left_minor for share in line.split)) == ("refused", PAID, 0)
    assert (balance(market), counts(market)) == (1_000_000, (10, 0, 0))
    assert wrong(market) == []


def test_a_store_pays_what_it_gives_back_of_a_suppliers_line_itself(unique: str) -> None:
    market = open_market(unique)
    fill_pool(market.supplier, 5, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    order = bought(market, quantity=2, sku="HERB", price=23_000)
    refund(market, order, RefundWish(1, amount_minor=5_000))
    owed = {share.kind: share.left_minor for share in get_order(order).lines[0].split}
    assert (owed["supply"], owed["sale"]) == (30_000, 46_000 - 30_000 - 2_800 - 2_200 - 5_000)
    with pytest.raises(BeyondOriginal) as refused:
        refund(market, order, RefundWish(1, amount_minor=6_100), key="refund-0002")
    assert refused.value.facts == {"left_minor": 6_000}
    with pytest.raises(RuleViolation, match="supplier's"):
        refund(market, order, RefundWish(1, units=1), key="refund-0003")
    completed(market, order, f"supplier/{market.supplier}")
    refund(market, order, RefundWish(1, amount_minor=6_000), key="refund-0004")
    assert {party: one.amount_minor for party, one in payables(order, "refund").items()} == {
        f"store/{market.store}": -6_000
    }
    assert wrong(market) == []


def test_what_a_deposit_covered_goes_back_to_it_in_proportion(unique: str) -> None:
    market = open_market(unique)
    give_money(f"store/{market.store}/deposit", 100_000)
    fill_pool(market.supplier, 5, 30_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=20_000, supply_minor=30_000)
    order = delivered(market, bought(market, quantity=2, sku="HERB", price=20_000), f"supplier/{market.supplier}")
    held = get_balance(f"store/{market.store}/held").balance_minor
    assert held == 60_000 + 2_400 + 1_900 - 40_000
    given = ask(market, order)
    decide(market, order, given, "accept", fulfiller=f"supplier/{market.supplier}")
    decide(market, order, given, "receive", fulfiller=f"supplier/{market.supplier}", stock="reserve")
    assert get_balance(f"store/{market.store}/held").balance_minor == held - 12_100
    owed = {share.kind: share.left_minor for share in get_order(order).lines[0].split}
    assert owed == {"supply": 30_000, "commission": 1_200, "tax": 1_000, "delivery": 6_000}
    assert wrong(market) == []


@pytest.mark.parametrize(
    ("wishes", "refusal"),
    [
        ([RefundWish(1, amount_minor=PAID + 100)], BeyondOriginal),
        ([RefundWish(1, amount_minor=-100)], AmountOutOfRange),
        ([RefundWish(1, amount_minor=2**53)], AmountOutOfRange),
        ([RefundWish(1, amount_minor=50)], Invalid),
        ([RefundWish(1)], Invalid),
        ([RefundWish(1, units=1, amount_minor=100)], Invalid),
        ([RefundWish(1, units=3)], RuleViolation),
        ([RefundWish(1, units=-1)], RuleViolation),
        ([RefundWish(9, units=1)], Invalid),
        ([RefundWish(1, amount_minor=100), RefundWish(1, amount_minor=100)], Invalid),
        ([], Invalid),
    ],
)
def test_a_refund_that_breaks_a_rule_is_refused_and_nothing_changes(
    unique: str, wishes: list[RefundWish], refusal: type[MartUnionError]
) -> None:
    market = open_market(unique)
    order = bought(market)
    with pytest.raises(refusal):
        refund(market, order, *wishes)
    assert (get_order(order).refunds, balance(market), counts(market)) == ((), 1_000_000 - PAID, (7, 3, 0))


def test_only_the_orders_own_store_refunds_and_with_a_reason(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    with pytest.raises(NotFound):
        refund(market, order, RefundWish(1, units=1), store=market.other_store)
    with pytest.raises(Invalid, match="say why"):
        refund(market, order, RefundWish(1, units=1), reason=" ")
    assert get_order(order).sequence == 1


def test_what_a_shop_collected_is_refunded_by_the_shop(unique: str) -> None:
    market = open_market(unique)
    give_money(f"store/{market.store}/deposit", 100_000)
    fill_pool(market.supplier, 5, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    sold = [Wanted(market.store, "HERB", 2)]
    sale = place_shop_sale(market.store, f"shop-{unique}", sold, recipient=market.recipient, key="sale-0001", now=NOW)
    with pytest.raises(RuleViolation, match="own shop"):
        refund(market, sale.orders[0], RefundWish(1, amount_minor=100))


def test_the_same_key_refunds_once_and_another_request_under_it_is_refused(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    first = refund(market, order, RefundWish(1, units=1))
    assert refund(market, order, RefundWish(1, units=1)) == first
    with pytest.raises(KeyReused):
        refund(market, order, RefundWish(1, amount_minor=30_000))
    assert (balance(market), counts(market)) == (1_000_000 - PAID + 30_000, (8, 2, 0))


def test_eight_repeats_at_once_refund_once(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: refund(market, order, RefundWish(1, units=1)).sequence, range(8)))
    assert (answers, balance(market)) == ([2] * 8, 1_000_000 - PAID + 30_000)


def test_two_refunds_at_once_never_give_back_more_than_was_paid(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)

    def try_it(number: int) -> str:
        try:
            refund(market, order, RefundWish(1, amount_minor=60_000), key=f"refund-000{number}")
        except MartUnionError as error:
            return error.code
        return "refunded"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(try_it, range(2))) == ["beyond-original", "refunded"]
    assert balance(market) == 1_000_000 - PAID + 60_000
    assert wrong(market) == []


@contextmanager
def just_before_writing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> Iterator[None]:
    """Act once between a refund's reading of the order and its writing."""
    commit, todo = refunding._commit, [act]

    def late(*arguments: object, **options: object) -> None:
        while todo:
            todo.pop()()
        commit(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(refunding, "_commit", late)
    yield
    assert todo == []


def test_a_refund_that_a_completion_overtakes_takes_the_money_from_those_who_got_it(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = open_market(unique)
    order = shipped(market, bought(market))

    def complete() -> None:
        complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)

    with just_before_writing(monkeypatch, complete):
        refund(market, order, RefundWish(1, amount_minor=30_000))
    assert payables(order, "completion")[f"store/{market.store}"].amount_minor == 90_000 - 5_400 - 4_300
    assert payables(order, "refund")[f"store/{market.store}"].amount_minor == -26_800
    assert (balance(market), wrong(market)) == (1_000_000 - PAID + 30_000, [])


def test_a_completion_that_a_refund_overtakes_pays_the_rest(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mart_union.settlement import completion

    market = open_market(unique)
    order = shipped(market, bought(market))
    commit, todo = completion._commit, [1]

    def late(*arguments: object) -> None:
        while todo:
            todo.pop()
            refund(market, order, RefundWish(1, amount_minor=30_000))
        commit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(completion, "_commit", late)
    complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    assert payables(order, "refund") == {}
    assert payables(order, "completion")[f"store/{market.store}"].amount_minor == 90_000 - 5_400 - 4_300 - 26_800
    assert (balance(market), wrong(market)) == (1_000_000 - PAID + 30_000, [])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_refund_cut_off_at_any_request_and_repeated_refunds_once(unique: str, when: str) -> None:
    market = open_market(unique, money=10_000_000)
    for number in range(9):
        order = bought(market, quantity=2, key=f"key-0000000{number}")
        try:
            with cut_off(number, when):
                refund(market, order, RefundWish(1, units=1))
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        assert len(refund(market, order, RefundWish(1, units=1)).refunds) == 1
        if not was_cut_off:
            break
    assert (number, wrong(market)) == (2, [])


def test_a_return_goes_from_request_to_refund_and_stock(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    identity = ask(market, order, 2)
    assert get_order(order).returns[0].state == "requested"
    decide(market, order, identity, "accept")
    after = decide(market, order, identity, "receive", stock="reserve")
    [given] = after.returns
    assert (given.state, given.stock, given.refund) == ("received", "reserve", after.refunds[0].id)
    assert (after.lines[0].returned, after.lines[0].refunded_minor) == (2, 60_000)
    assert (balance(market), counts(market)) == (1_000_000 - PAID + 60_000, (9, 1, 0))
    assert decide(market, order, identity, "receive", stock="reserve") == after
    assert wrong(market) == []


def test_goods_that_cannot_be_sold_again_are_written_off_and_a_completed_line_is_refunded_by_its_parties(
    unique: str,
) -> None:
    market = open_market(unique)
    order = completed(market, bought(market))
    identity = ask(market, order, 3)
    decide(market, order, identity, "accept")
    decide(market, order, identity, "receive", stock="written_off")
    assert (balance(market), counts(market)) == (1_000_000 - 6_000, (7, 0, 3))
    assert payables(order, "refund")[f"store/{market.store}"].amount_minor == -(90_000 - 5_400 - 4_300)
    assert wrong(market) == []


def test_a_refused_return_says_why_and_moves_nothing(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    identity = ask(market, order)
    with pytest.raises(Invalid, match="say why"):
        decide(market, order, identity, "refuse")
    after = decide(market, order, identity, "refuse", answer="the seal is broken")
    assert (after.returns[0].state, after.returns[0].answer, after.refunds) == ("refused", "the seal is broken", ())
    for late in (Decision("accept"), Decision("receive", stock="reserve"), Decision("refuse", "another reason")):
        with pytest.raises(StepNotAllowed) as refused:
            settle_return(
                order, identity, late, fulfiller=f"store/{market.store}", actor="staff", key="k-0000001", now=LATER
            )
        assert refused.value.facts["allowed"] == []
    assert (balance(market), counts(market)) == (1_000_000 - PAID, (7, 3, 0))


def test_only_delivered_goods_within_the_window_are_returned_and_no_more_than_there_are(unique: str) -> None:
    market = open_market(unique)
    order = bought(market)
    with pytest.raises(RuleViolation, match="not been delivered"):
        ask(market, order)
    delivered(market, order)
    over = NOW + timedelta(days=get_order(order).return_window_days, seconds=1)
    with pytest.raises(RuleViolation, match="window"):
        ask(market, order, now=over)
    ask(market, order, 2)
    with pytest.raises(RuleViolation) as refused:
        ask(market, order, 2, key="return-0002")
    assert refused.value.facts == {"left_units": 1}
    with pytest.raises(KeyReused):
        ask(market, order, 1)
    with pytest.raises(NotFound):
        ask_return(order, [ReturnedLine(1, 1)], customer="somebody", reason="r", key="return-0003", now=LATER)
    for lines in ([], [ReturnedLine(1, 0)], [ReturnedLine(7, 1)], [ReturnedLine(1, 1), ReturnedLine(1, 1)]):
        with pytest.raises(Invalid):
            ask_return(order, lines, customer=market.customer, reason="r", key="return-0004", now=LATER)
    assert len(get_order(order).returns) == 1


def test_the_supplier_decides_on_what_it_supplied_and_gives_back_its_price_as_of_the_purchase(unique: str) -> None:
    market = open_market(unique)
    pool = fill_pool(market.supplier, 5, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    supplier = f"supplier/{market.supplier}"
    order = completed(market, bought(market, quantity=2, sku="HERB", price=23_000), supplier)
    fill_pool(market.supplier, 3, 99_000)
    identity = ask(market, order)
    with pytest.raises(NotFound):
        decide(market, order, identity, "accept")
    decide(market, order, identity, "accept", fulfiller=supplier)
    decide(market, order, identity, "receive", fulfiller=supplier, stock="reserve")
    assert payables(order, "refund")[supplier].amount_minor == -15_000
    assert (get_level(pool).reserve, get_level(pool).sold) == (4, 1)
    assert (balance(market), wrong(market)) == (1_000_000 - 52_000 + 23_000, [])
