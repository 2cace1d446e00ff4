"""Partial refunds and returns on real tables: money and stock move together, at the original rates, before and after completion."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.errors import (
    AmountOutOfRange,
    BeyondOriginal,
    Invalid,
    MartUnionError,
    NotFound,
    RuleViolation,
)
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import Posting
from mart_union.ledger.service import get_balance, get_transfer
from mart_union.orders.own import choose_procedure, described, save_procedure
from mart_union.orders.refunding import MOST_REFUNDS, RefundWish
from mart_union.orders.service import get_order, take_step
from mart_union.orders.shipped import PROCEDURES
from mart_union.settlement.completion import complete_order
from tests.services.market import NOW, fill_pool, give_money, open_market, save_mediated
from tests.services.refunds import (
    LATER,
    PAID,
    ask,
    balance,
    bought,
    completed,
    counts,
    decide,
    delivered,
    payables,
    refund,
    shipped,
    take_back,
    wrong,
)
from tests.services.test_own_procedures import describe_union


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
    decide(market, order, given, "accept", taker=f"supplier/{market.supplier}")
    take_back(market, order, given, taker=f"supplier/{market.supplier}", stock="reserve")
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


def test_a_return_is_refunded_after_as_many_parts_as_a_store_may_give_back(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    identity = ask(market, order, 3)
    for number in range(MOST_REFUNDS):
        refund(market, order, RefundWish(1, amount_minor=100), key=f"refund-{number:04}")
    given = MOST_REFUNDS * 100
    with pytest.raises(RuleViolation):
        refund(market, order, RefundWish(1, amount_minor=100), key="refund-more")
    assert (balance(market), counts(market)) == (1_000_000 - PAID + given, (7, 3, 0))
    decide(market, order, identity, "accept")
    after = take_back(market, order, identity, stock="reserve")
    assert [after.returns[0].state, after.refunds[-1].amount_minor] == ["refunded", 90_000 - given]
    assert (balance(market), counts(market), wrong(market)) == (1_000_000 - 6_000, (10, 0, 0), [])


@pytest.mark.parametrize("stores", [1, 2])
def test_what_a_store_had_given_comes_back_to_it_by_a_payable_when_the_purchase_is_cancelled(
    unique: str, stores: int
) -> None:
    market = open_market(unique)
    describe_union()
    of = PROCEDURES["made_to_order"]
    steps = tuple(
        replace(s, from_states=("placed", "accepted", "making")) if s.name == "cancel" else s for s in of.steps
    )
    save_procedure(market.store, "mine", replace(described(of), title="Mine", steps=steps), actor="owner")
    choose_procedure(market.store, "mine", actor="owner")
    wanted = [Wanted(market.store, "TEA", 3), Wanted(market.other_store, "TEA", 1)][:stores]
    total = quote_cart(wanted, now=NOW).total_minor
    facts = {"recipient": market.recipient, "total_seen": total, "method": "account", "key": "key-00000001"}
    purchase = place_purchase(market.customer, wanted, **facts, now=NOW)  # type: ignore[arg-type]
    order, party = purchase.orders[0], f"store/{market.store}"
    for step in ("accept", "begin"):
        take_step(order, step, "staff", "store", step, NOW, fulfiller=party)
    refund(market, order, RefundWish(1, amount_minor=93_000))
    assert given_by(party, order) == [-3_000]
    for _ in range(2):
        after = cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-0001", now=LATER)
        assert [each.state for each in after.orders] == ["cancelled"] * stores
    assert (balance(market), counts(market)) == (1_000_000, (10, 0, 0))
    assert (given_by(party, order), wrong(market)) == ([-3_000, 3_000], [])


def given_by(party: str, order: str) -> list[int]:
    """What the payables of a party's refunds of an order are over, smallest first."""
    ledger = whole_ledger()
    return sorted(one.amount_minor for one in ledger.payables if (one.party, one.order) == (party, order))
