"""Completion on real tables: escrow goes to those who earned it, once, and never what was refunded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import receive_payment
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import KeyReused, MartUnionError, NotFound, StepNotAllowed
from mart_union.ledger import jobs
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import Payable, Posting
from mart_union.ledger.service import get_balance, get_transfer
from mart_union.orders.model import Order
from mart_union.orders.service import get_order, take_step
from mart_union.settlement import sweeping
from mart_union.settlement.completion import complete_order
from mart_union.settlement.sweeping import expire_unpaid, take_due_steps
from mart_union.stock.service import get_level
from tests.services.cutting import CutOff, cut_off
from tests.services.market import NOW, Market, fill_pool, give_money, open_market, save_mediated
from tests.services.settling import complete_due

LATER = NOW + timedelta(days=1)


def buy(market: Market, *skus: str, total_seen: int = 36_000, **changes: object) -> Purchase:
    wanted = [Wanted(market.store, sku, 1) for sku in skus or ("TEA",)]
    request = {"total_seen": total_seen, "method": "account", "key": "key-00000001", "now": NOW} | changes
    return place_purchase(market.customer, wanted, recipient=market.recipient, **request)  # type: ignore[arg-type]


def shipped(market: Market, order: str) -> Order:
    for fulfiller in sorted({line.fulfiller for line in get_order(order).lines}):
        role = fulfiller.split("/")[0]
        take_step(order, "accept", "staff", role, f"a-{fulfiller}", NOW, fulfiller=fulfiller)
        take_step(order, "ship", "staff", role, f"s-{fulfiller}", NOW, fulfiller=fulfiller, tracking=("hct", "HCT1"))
    return get_order(order)


def delivered(market: Market, order: str) -> Order:
    shipped(market, order)
    return take_step(order, "deliver", "system", "system", "d", NOW)


def payables_of(order: str) -> dict[str, Payable]:
    return {payable.party: payable for payable in whole_ledger().payables if payable.order == order}


def receive(market: Market, order: str, key: str = "receive-0001") -> Order:
    return complete_order(order, actor=market.customer, role="customer", key=key, now=LATER)


def test_the_customers_word_pays_store_carrier_commission_and_tax_out_of_escrow(unique: str) -> None:
    market = open_market(unique)
    order = shipped(market, buy(market).orders[0])
    done = receive(market, order.id)
    assert (done.state, done.escrow_minor, done.sequence) == ("completed", 0, order.sequence + 1)
    transfer = get_transfer(f"completion-{order.id}-{done.sequence}")
    assert set(transfer.postings) == {
        Posting(f"order/{order.id}", -36_000),
        Posting("union/commission", 1_800),
        Posting("tax/vat", 1_400),
        Posting("carrier/hct", 6_000),
        Posting(f"store/{market.store}", 26_800),
    }
    payables = payables_of(order.id)
    assert {party: (payable.amount_minor, payable.due) for party, payable in payables.items()} == {
        "carrier/hct": (6_000, "2026-11-30"),
        f"store/{market.store}": (26_800, "2026-11-30"),
    }
    assert payables[f"store/{market.store}"].titles == {"en": f"TEA of {market.store}"}


def test_the_same_word_again_changes_nothing(unique: str) -> None:
    market = open_market(unique)
    order = shipped(market, buy(market).orders[0])
    assert receive(market, order.id) == receive(market, order.id)
    with pytest.raises(StepNotAllowed):
        receive(market, order.id, key="receive-0002")
    assert len(payables_of(order.id)) == 2


def test_nobody_else_may_say_it_and_nothing_changes(unique: str) -> None:
    market = open_market(unique)
    order = shipped(market, buy(market).orders[0])
    with pytest.raises(NotFound):
        complete_order(order.id, actor="somebody-else", role="customer", key="receive-0001", now=LATER)
    assert get_order(order.id) == order
    assert payables_of(order.id) == {}


def test_a_key_of_another_step_is_refused(unique: str) -> None:
    market = open_market(unique)
    order = buy(market).orders[0]
    take_step(order, "cancel", market.customer, "customer", "one-key-0001", NOW)
    with pytest.raises(KeyReused):
        receive(market, order, key="one-key-0001")


def test_a_mediated_line_pays_its_supplier_and_completes_apart_from_the_stores_own(unique: str) -> None:
    market = open_market(unique)
    fill_pool(market.supplier, 5, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    order = shipped(market, buy(market, "HERB", "TEA", total_seen=59_000).orders[0])
    herb, tea = order.lines
    done = complete_order(
        order.id, actor=market.customer, role="customer", key="k-0000001", now=LATER, lines=[herb.number]
    )
    assert [(line.state, line.escrow_minor) for line in done.lines] == [("completed", 0), ("shipped", tea.escrow_minor)]
    supply = 15_000 + herb.delivery_minor
    payables = payables_of(order.id)
    assert payables[f"supplier/{market.supplier}"].amount_minor == supply
    assert payables[f"supplier/{market.supplier}"].titles == {"en": "HERB"}
    receive(market, order.id)
    assert get_order(order.id).state == "completed"
    assert payables_of(order.id)[f"supplier/{market.supplier}"].amount_minor == supply


def test_a_seller_collected_sale_pays_the_supplier_from_the_held_deposit(unique: str) -> None:
    market = open_market(unique)
    fill_pool(market.supplier, 5, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    give_money(f"store/{market.store}/deposit", 50_000)
    sold = [Wanted(market.store, "HERB", 2)]
    sale = place_shop_sale(market.store, f"shop-{unique}", sold, recipient=market.recipient, key="sale-0001", now=NOW)
    order = delivered(market, sale.orders[0])
    assert get_balance(f"store/{market.store}/held").balance_minor == 30_000
    complete_order(order.id, actor="settlement", role="system", key="", now=LATER)
    assert get_balance(f"store/{market.store}/held").balance_minor == 0
    assert {party: payable.amount_minor for party, payable in payables_of(order.id).items()} == {
        f"supplier/{market.supplier}": 30_000
    }


def test_completion_and_refund_at_the_same_moment_end_as_exactly_one_of_them(unique: str) -> None:
    market = open_market(unique, money=10_000_000)
    for number in range(6):
        purchase = buy(market, key=f"key-0000000{number}")
        order = delivered(market, purchase.orders[0]).id
        ends = [
            lambda order=order: receive(market, order).state,
            lambda order=order: complete_order(order, actor="settlement", role="system", key="", now=LATER).state,
        ]
        outcomes = _at_once(ends)
        assert sorted(outcomes) == ["completed", "step-not-allowed"]
        assert len(payables_of(order)) == 2
    for number in range(6, 9):
        order = buy(market, key=f"key-0000000{number}").orders[0]
        take_step(order, "accept", "staff", "store", "a", NOW, fulfiller=f"store/{market.store}")
        outcomes = _at_once(
            [
                lambda order=order: (
                    take_step(order, "refuse", "staff", "store", "r", NOW, fulfiller=f"store/{market.store}").state
                ),
                lambda order=order: (
                    take_step(
                        order,
                        "ship",
                        "staff",
                        "store",
                        "s",
                        NOW,
                        fulfiller=f"store/{market.store}",
                        tracking=("hct", "1"),
                    ).state
                    and receive(market, order).state
                ),
            ]
        )
        state = get_order(order).state
        assert state in {"refused", "completed"}
        assert sorted(outcomes) == sorted([state, "step-not-allowed"])
        assert len(payables_of(order)) == (2 if state == "completed" else 0)


def _at_once(commands: list) -> list[str]:  # type: ignore[type-arg]
    def run(command) -> str:  # type: ignore[no-untyped-def]
        try:
            return str(command())
        except MartUnionError as error:
            return error.code

    with ThreadPoolExecutor(len(commands)) as threads:
        return list(threads.map(run, commands))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_completion_cut_off_at_any_request_and_repeated_pays_once(unique: str, when: str) -> None:
    market = open_market(unique)
    for number in range(9):
        order = shipped(market, buy(market, key=f"key-0000000{number}").orders[0]).id
        try:
            with cut_off(number, when):
                receive(market, order)
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        assert receive(market, order).state == "completed"
        assert len(payables_of(order)) == 2
        if not was_cut_off:
            break
    assert number == 2


def test_orders_whose_return_window_is_over_complete_by_themselves(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, buy(market).orders[0])
    window_over = NOW + timedelta(days=order.return_window_days)
    jobs.set_checkpoint("complete_due", iso(window_over - timedelta(hours=3))[:13])
    complete_due(window_over - timedelta(seconds=1))
    assert get_order(order.id).state == "delivered"
    complete_due(window_over + timedelta(hours=5))
    done = get_order(order.id)
    assert (done.state, done.history[-1].actor, done.clock_at) == ("completed", "settlement", "")
    assert len(payables_of(order.id)) == 2


def test_the_sweeper_refuses_an_order_that_nobody_answered_and_leaves_completion_alone(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sweeping, "invoke_later", lambda _, parts: [sweeping.PARTS[kind](each, over) for kind, each in parts.items()]
    )  # other tests have left many that are due
    market = open_market(unique)
    unanswered = buy(market).orders[0]
    over = NOW + timedelta(hours=48)
    jobs.set_checkpoint("order_deadlines", iso(over)[:13])
    take_due_steps(over)
    assert get_order(unanswered).state == "refused"
    assert get_balance(f"customer/{market.customer}").balance_minor == 1_000_000
    assert get_level(f"listing/{market.store}/TEA").reserve == 10


@pytest.mark.parametrize("first", ["payment", "sweeper"])
def test_of_a_payment_and_the_sweeper_whoever_is_first_wins(unique: str, first: str) -> None:
    market = open_market(unique)
    purchase = buy(market, method="bank_transfer")
    over = NOW + timedelta(seconds=600)
    jobs.set_checkpoint("expire_unpaid", iso(over - timedelta(minutes=1))[:16])

    def pay() -> None:
        receive_payment(purchase.id, 36_000, reference=f"bank-{unique}", now=over)

    def sweep() -> None:
        expire_unpaid(over)

    for act in (pay, sweep) if first == "payment" else (sweep, pay):
        act()
    level = get_level(f"listing/{market.store}/TEA")
    balance = get_balance(f"customer/{market.customer}").balance_minor
    if first == "payment":
        assert (get_purchase(purchase.id).payment, get_order(purchase.orders[0]).state) == ("paid", "placed")
        assert (level.reserve, level.reserved, level.sold, balance) == (9, 0, 1, 1_000_000)
    else:
        assert (get_purchase(purchase.id).payment, get_order(purchase.orders[0]).state) == ("expired", "expired")
        assert (level.reserve, level.reserved, level.sold, balance) == (10, 0, 0, 1_036_000)


def test_a_payment_and_the_sweeper_at_the_same_moment_end_as_one_of_them(unique: str) -> None:
    market = open_market(unique)
    over = NOW + timedelta(seconds=600)
    for number in range(5):
        purchase = buy(market, method="bank_transfer", key=f"key-0000000{number}")
        jobs.set_checkpoint("expire_unpaid", iso(over - timedelta(minutes=1))[:16])
        reference = f"bank-{unique}{number}"
        [paid, _] = _at_once(
            [
                lambda purchase=purchase, reference=reference: receive_payment(
                    purchase.id, 36_000, reference=reference, now=over
                ),
                lambda: expire_unpaid(over),
            ]
        )
        state = get_purchase(purchase.id).payment
        assert (paid, state) in {("confirmed", "paid"), ("credited", "expired")}
        assert get_level(f"listing/{market.store}/TEA").balances()
    assert get_level(f"listing/{market.store}/TEA").reserved == 0
