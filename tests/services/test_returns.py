"""Returns: asked for by the customer, decided by who delivered, refunded and put back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.procedures import ReturnReason, ReturnRules
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    Invalid,
    KeyReused,
    NotFound,
    OutOfStock,
    RuleViolation,
    StepNotAllowed,
    UnknownCarrier,
)
from mart_union.orders.model import ReturnedLine
from mart_union.orders.return_decisions import Decision
from mart_union.orders.service import get_order, list_store_orders
from mart_union.orders.shipped import PROCEDURES
from mart_union.orders.tracking import add_tracking_event
from mart_union.settlement.completion import complete_order
from mart_union.settlement.refunding import ask_return, send_goods, settle_return
from mart_union.stock.service import get_level
from supply.orders import view_of
from tests.services.market import NOW, fill_pool, open_market, save_mediated, save_store
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
    take_back,
    wrong,
)


def test_a_return_goes_from_request_to_refund_and_stock(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    identity = ask(market, order, 2)
    assert get_order(order).returns[0].state == "requested"
    decide(market, order, identity, "accept")
    after = take_back(market, order, identity, stock="reserve")
    [given] = after.returns
    assert (given.state, given.stock, given.refund) == ("refunded", "reserve", after.refunds[0].id)
    assert (after.lines[0].returned, after.lines[0].refunded_minor) == (2, 60_000)
    assert (balance(market), counts(market)) == (1_000_000 - PAID + 60_000, (9, 1, 0))
    assert decide(market, order, identity, "refund", stock="reserve") == after
    assert decide(market, order, identity, "receive") == after
    assert wrong(market) == []


def test_goods_that_cannot_be_sold_again_are_written_off_and_a_completed_line_is_refunded_by_its_parties(
    unique: str,
) -> None:
    market = open_market(unique)
    order = completed(market, bought(market))
    identity = ask(market, order, 3)
    decide(market, order, identity, "accept")
    take_back(market, order, identity, stock="written_off")
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
    for late in (
        Decision("accept"),
        Decision("receive"),
        Decision("refund", stock="reserve"),
        Decision("refuse", "another reason"),
    ):
        with pytest.raises(StepNotAllowed) as refused:
            settle_return(
                order, identity, late, taker=f"store/{market.store}", actor="staff", key="k-0000001", now=LATER
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
    assert refused.value.facts == {"reason": "returnable", "line": 1, "left_units": 1}
    with pytest.raises(KeyReused):
        ask(market, order, 1)
    with pytest.raises(NotFound):
        ask_return(order, [ReturnedLine(1, 1)], customer="somebody", reason="defective", key="return-0003", now=LATER)
    for lines in ([], [ReturnedLine(1, 0)], [ReturnedLine(7, 1)], [ReturnedLine(1, 1), ReturnedLine(1, 1)]):
        with pytest.raises(Invalid):
            ask_return(order, lines, customer=market.customer, reason="defective", key="return-0004", now=LATER)
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
    decide(market, order, identity, "accept", taker=supplier)
    take_back(market, order, identity, taker=supplier, stock="reserve")
    assert payables(order, "refund")[supplier].amount_minor == -15_000
    assert (get_level(pool).reserve, get_level(pool).sold) == (4, 1)
    assert (balance(market), wrong(market)) == (1_000_000 - 52_000 + 23_000, [])


def test_what_its_supplier_does_not_take_back_the_store_decides_on_and_bears_unless_the_supplier_is_at_fault(
    unique: str,
) -> None:
    market = open_market(unique)
    pool = fill_pool(market.supplier, 5, 15_000)
    terms = {"price_minor": 23_000, "supply_minor": 15_000, "accepts_returns": False}
    save_mediated(market.store, "HERB", market.supplier, **terms)
    supplier = f"supplier/{market.supplier}"
    order = completed(market, bought(market, quantity=3, sku="HERB", price=23_000), supplier)
    identity = ask(market, order)
    assert get_order(order).returns[0].taker == f"store/{market.store}"
    with pytest.raises(NotFound):
        decide(market, order, identity, "accept", taker=supplier)
    decide(market, order, identity, "accept")
    with pytest.raises(Invalid, match="written_off"):
        take_back(market, order, identity, stock="reserve")
    decide(market, order, identity, "refund", stock="written_off")
    given = payables(order, "refund")
    assert supplier not in given
    assert given[f"store/{market.store}"].amount_minor == -(23_000 - 1_400 - 1_100)
    level = get_level(pool)
    assert (level.reserve, level.sold, level.written_off) == (2, 2, 1)
    assert (balance(market), wrong(market)) == (1_000_000 - 3 * 23_000 - 6_000 + 23_000, [])
    broken = ask(market, order, reason="defective", key="return-0002")
    assert get_order(order).returns[1].taker == supplier
    with pytest.raises(NotFound):
        decide(market, order, broken, "accept")
    decide(market, order, broken, "accept", taker=supplier)
    take_back(market, order, broken, taker=supplier, stock="reserve")
    assert payables(order, "refund")[supplier].amount_minor == -15_000
    assert (get_level(pool).reserve, wrong(market)) == (3, [])


def test_a_return_before_completion_that_the_store_bears_leaves_the_supplier_its_whole_price(unique: str) -> None:
    market = open_market(unique)
    fill_pool(market.supplier, 5, 15_000)
    terms = {"price_minor": 23_000, "supply_minor": 15_000, "accepts_returns": False}
    save_mediated(market.store, "HERB", market.supplier, **terms)
    supplier = f"supplier/{market.supplier}"
    order = delivered(market, bought(market, quantity=2, sku="HERB", price=23_000), supplier)
    identity = ask(market, order, reason="wrong_advice")
    decide(market, order, identity, "accept")
    take_back(market, order, identity, stock="written_off")
    complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    paid = payables(order, "completion")
    assert paid[supplier].amount_minor == 2 * 15_000 + 6_000
    assert paid[f"store/{market.store}"].amount_minor == 5_500
    assert payables(order, "refund")[f"store/{market.store}"].amount_minor == -15_000
    assert wrong(market) == []


def test_a_procedure_of_the_stores_own_says_for_which_reasons_and_how_long(unique: str) -> None:
    market = open_market(unique)
    rules = ReturnRules(
        (ReturnReason("too_sweet", "It is too sweet", "customer", "store"),), days=2, returnless_minor=30_000
    )
    own = replace(PROCEDURES["carrier"], name="ours", version=1, returns=rules)
    save_store(market.store, procedures=(own,), procedure="ours")
    order = delivered(market, bought(market))
    assert get_order(order).return_window_days == 2
    with pytest.raises(Invalid, match="one of too_sweet"):
        ask(market, order)
    with pytest.raises(RuleViolation, match="window"):
        ask(market, order, reason="too_sweet", now=NOW + timedelta(days=2, seconds=1))
    identity = ask(market, order, reason="too_sweet")
    with pytest.raises(Invalid, match="have not come"):
        decide(market, order, identity, "refund", stock="reserve")
    after = decide(market, order, identity, "refund")
    assert (after.returns[0].state, after.refunds[0].reason) == ("refunded", "It is too sweet")
    assert (balance(market), counts(market)) == (1_000_000 - PAID + 30_000, (7, 2, 1))
    assert decide(market, order, identity, "refund") == after
    assert wrong(market) == []


def test_goods_that_came_damaged_are_written_off_and_refunded_in_part(unique: str) -> None:
    market = open_market(unique)
    order = completed(market, bought(market))
    identity = ask(market, order)
    decide(market, order, identity, "accept")
    send_goods(order, identity, ("", "BACK 1"), customer=market.customer, key="sent-0001", now=LATER)
    assert (get_order(order).returns[0].state, get_order(order).returns[0].carrier) == ("sent", "hct")
    decide(market, order, identity, "receive")
    assert (balance(market), counts(market)) == (1_000_000 - PAID, (7, 3, 0))
    after = decide(market, order, identity, "refund", stock="written_off", amount_minor=10_000, answer="a broken seal")
    assert (after.returns[0].state, after.refunds[0].amount_minor) == ("refunded", 10_000)
    assert (balance(market), counts(market)) == (1_000_000 - PAID + 10_000, (7, 2, 1))
    other = ask(market, order, 2, key="return-0002")
    decide(market, order, other, "accept")
    assert take_back(market, order, other, stock="reserve").refunds[1].amount_minor == 60_000
    assert (balance(market), wrong(market)) == (1_000_000 - PAID + 70_000, [])


def test_what_came_may_still_be_refused_and_nothing_moves(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    identity = ask(market, order)
    decide(market, order, identity, "accept")
    decide(market, order, identity, "receive")
    after = decide(market, order, identity, "refuse", answer="it was opened")
    assert (after.returns[0].state, after.returns[0].answer) == ("refused", "it was opened")
    assert (balance(market), counts(market), wrong(market)) == (1_000_000 - PAID, (7, 3, 0), [])


def test_a_replacement_takes_stock_as_it_is_decided_and_is_shipped_with_the_order(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    identity = ask(market, order, reason="defective")
    decide(market, order, identity, "accept")
    decide(market, order, identity, "receive")
    after = decide(market, order, identity, "replace", stock="written_off")
    assert (after.returns[0].state, after.refunds, counts(market)) == ("replacing", (), (6, 3, 1))
    assert decide(market, order, identity, "replace", stock="written_off") == after
    with pytest.raises(UnknownCarrier):
        decide(market, order, identity, "ship", carrier="owl", tracking_number="HCT2")
    sent = decide(market, order, identity, "ship", tracking_number="HCT2")
    assert (sent.returns[0].state, sent.returns[0].replacement) == ("replaced", "2")
    assert (sent.shipments[1].carrier, sent.shipments[1].tracking_number) == ("hct", "HCT2")
    add_tracking_event(order, "2", "delivered", iso(LATER), carrier="hct", now=LATER)
    again = ask(market, order, 3, key="return-0002")
    assert [one.state for one in get_order(order).returns] == ["replaced", "requested"]
    assert again != identity
    assert (balance(market), counts(market), wrong(market)) == (1_000_000 - PAID, (6, 3, 1), [])


def test_what_is_out_of_stock_is_not_replaced_and_can_still_be_refunded(unique: str) -> None:
    market = open_market(unique, stock=3)
    order = delivered(market, bought(market))
    identity = ask(market, order, reason="defective")
    decide(market, order, identity, "accept")
    before = decide(market, order, identity, "receive")
    with pytest.raises(OutOfStock) as refused:
        decide(market, order, identity, "replace", stock="written_off")
    assert refused.value.facts["left"] == 0
    assert (get_order(order), counts(market)) == (before, (0, 3, 0))
    decide(market, order, identity, "refund", stock="written_off")
    assert (balance(market), counts(market), wrong(market)) == (1_000_000 - PAID + 30_000, (0, 2, 1), [])


def test_a_supplier_replaces_out_of_its_pool(unique: str) -> None:
    market = open_market(unique)
    pool = fill_pool(market.supplier, 5, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    supplier = f"supplier/{market.supplier}"
    order = completed(market, bought(market, quantity=2, sku="HERB", price=23_000), supplier)
    identity = ask(market, order, reason="damaged_on_the_way")
    for decision in ("accept", "receive"):
        decide(market, order, identity, decision, taker=supplier)
    decide(market, order, identity, "replace", taker=supplier, stock="written_off")
    level = get_level(pool)
    assert (level.reserve, level.sold, level.written_off) == (2, 2, 1)
    assert view_of(get_order(order), market.supplier).deliver_to is not None
    after = decide(market, order, identity, "ship", taker=supplier, tracking_number="HCT2")
    assert view_of(after, market.supplier).deliver_to is None
    assert (payables(order, "refund"), wrong(market)) == ({}, [])


def test_an_order_of_which_something_goes_back_stands_among_the_stores_open_ones_until_that_is_over(
    unique: str,
) -> None:
    market = open_market(unique)
    order = completed(market, bought(market))

    def listed(**of: str) -> list[str]:
        return [one.id for one in list_store_orders(market.store, **of).items]

    month = get_order(order).placed_at[:7]
    assert (listed(), listed(month=month)) == ([], [order])
    identity = ask(market, order)
    assert (listed(), listed(state="completed"), listed(month=month)) == ([order], [order], [])
    decide(market, order, identity, "refuse", answer="no")
    assert (listed(), listed(month=month)) == ([], [order])
