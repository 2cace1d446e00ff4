"""Cash on delivery: nothing is in the ledger until the goods are handed over, and then whoever took the money owes it to the order's escrow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mart_union.catalog.carriers import Carrier
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import get_purchase, place_purchase, quote_cart
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    CashNotTaken,
    Invalid,
    KeyReused,
    MartUnionError,
    NotFound,
    PaymentOutstanding,
    RuleViolation,
    StepNotAllowed,
    UnknownCarrier,
)
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.due import mark_due
from mart_union.ledger.model import Payable
from mart_union.ledger.service import get_balance, get_transfer
from mart_union.orders.refunding import RefundWish
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from mart_union.orders.tracking import add_tracking_event
from mart_union.settlement.completion import complete_order
from mart_union.settlement.refunding import refund_order
from mart_union.stock.service import get_level
from tests.services.buckets import own_bucket
from tests.services.card_payments import amounts
from tests.services.cash import LIMIT, TOTAL, buy, deliver, open_cash_market, ship, step
from tests.services.market import NOW, Market, fill_pool, give_money, save_mediated, save_store, save_union
from tests.services.settling import settle_day
from tests.services.test_cards_at_once import at_once

LATER = NOW + timedelta(days=10)


@pytest.fixture
def market(unique: str) -> Market:
    return open_cash_market(unique)


def stock(store: str) -> tuple[int, int, int]:
    level = get_level(f"listing/{store}/TEA")
    return level.reserve, level.reserved, level.sold


def transfers_about(order: str) -> list[str]:
    """The kinds of all transfers that move the escrow of an order."""
    name = f"order/{order}"
    return [each.kind for each in whole_ledger().transfers if name in {posting.account for posting in each.postings}]


def payables_of(order: str) -> list[Payable]:
    return sorted((each for each in whole_ledger().payables if each.order == order), key=lambda each: each.party)


def owed(order: str) -> dict[tuple[str, str], int]:
    return {(each.kind, each.party): each.amount_minor for each in payables_of(order)}


def test_a_purchase_on_delivery_takes_its_stock_and_no_money(market: Market) -> None:
    purchase = buy(market, stores=2)
    assert (purchase.payment, purchase.transfer, purchase.expires_at) == ("on_delivery", "", "")
    for order, store in zip(purchase.orders, (market.store, market.other_store), strict=True):
        made = get_order(order)
        assert (made.state, made.payment, made.escrow_minor, transfers_about(order)) == (
            "placed",
            "on_delivery",
            TOTAL,
            [],
        )
        assert stock(store) == (9, 0, 1)
    assert get_order(purchase.orders[0]).clock_at == iso(NOW + timedelta(hours=48))
    assert buy(market, stores=2) == get_purchase(purchase.id)


def test_the_carrier_owes_what_it_took_and_the_order_holds_it(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    for _ in range(2):
        after = deliver(order)
    assert (after.state, after.payment, after.facts["cash"]) == ("delivered", "paid", "carrier/hct")
    assert amounts(f"collection-{order}") == {"carrier/hct": -TOTAL, f"order/{order}": TOTAL}
    assert owed(order) == {("collection", "carrier/hct"): -TOTAL}
    assert transfers_about(order) == ["collection"]


def test_without_the_carriers_own_word_the_store_owes_what_was_collected(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    after = step(order, "deliver", collected_minor=TOTAL)
    assert (after.payment, after.facts["cash"]) == ("paid", f"store/{market.store}")
    assert owed(order) == {("collection", f"store/{market.store}"): -TOTAL}


def test_a_parcel_by_a_carrier_that_the_union_does_not_have_is_refused_and_nothing_changes(market: Market) -> None:
    save_union(cash_limit_minor=LIMIT, carriers=(Carrier("blackcat", {"en": "Black Cat"}, ""),))
    [order] = buy(market).orders
    step(order, "accept")
    before = get_order(order)
    with pytest.raises(UnknownCarrier) as refusal:
        step(order, "ship", tracking=("nobody-at-all", "N1"))
    assert (refusal.value.code, refusal.value.facts) == ("unknown-carrier", {"carriers": ["blackcat"]})
    assert get_order(order) == before
    assert step(order, "ship", tracking=("blackcat", "B1")).shipments[0].carrier == "blackcat"


def test_a_parcel_that_was_sent_may_be_told_again_after_its_carrier_left_the_union(market: Market) -> None:
    save_union(cash_limit_minor=LIMIT, carriers=(Carrier("blackcat", {"en": "Black Cat"}, ""),))
    [order] = buy(market).orders
    step(order, "accept")
    sent = step(order, "ship", key="ship-once", tracking=("blackcat", "B1"))
    save_union(cash_limit_minor=LIMIT, carriers=())
    assert step(order, "ship", key="ship-once", tracking=("blackcat", "B1")) == sent
    with pytest.raises(KeyReused):
        step(order, "ship", key="ship-once", tracking=("blackcat", "B2"))
    assert get_order(order) == sent


def test_a_stores_commission_is_netted_against_the_cash_that_it_holds(market: Market) -> None:
    purchase = buy(market, stores=2)
    order = purchase.orders[1]
    step(order, "accept")
    step(order, "prepare")
    code = get_order(order).facts["pickup_code"]
    step(order, "hand_over", pickup_code=code, collected_minor=TOTAL)
    complete_order(order, actor=market.customer, role="customer", key="received-1", now=NOW)
    store = f"store/{market.other_store}"
    got = owed(order)
    assert got["collection", store] == -TOTAL
    assert got["completion", store] == TOTAL - 1_800 - 1_400 - 6_000  # commission, tax, the carrier's delivery
    assert sum(amount for (_, party), amount in got.items() if party == store) == -9_200
    assert sorted(transfers_about(order)) == ["collection", "completion"]
    assert sum(amounts(f"completion-{order}-{get_order(order).sequence}").values()) == 0


def test_a_stores_next_statement_nets_its_cash_and_carries_what_it_owes(market: Market) -> None:
    order = buy(market, stores=2).orders[1]
    step(order, "accept")
    step(order, "prepare")
    step(order, "hand_over", pickup_code=get_order(order).facts["pickup_code"], collected_minor=TOTAL)
    complete_order(order, actor=market.customer, role="customer", key="received-1", now=NOW)
    store = f"store/{market.other_store}"
    mark_due([each for each in payables_of(order) if each.party == store], NOW)
    with own_bucket():
        [statement] = settle_day("2026-11-22", NOW + timedelta(days=1), store)
    assert (statement.total_minor, statement.state, statement.reason) == (-9_200, "carried", "negative")


def test_a_carriers_report_of_the_delivery_says_what_it_took(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    report = {"carrier": "hct", "now": NOW}
    for wrong in (0, TOTAL - 100, TOTAL + 100, -TOTAL):
        with pytest.raises(RuleViolation) as refusal:
            add_tracking_event(order, "1", "delivered", iso(NOW), collected_minor=wrong, **report)  # type: ignore[arg-type]
        assert refusal.value.facts == {"due_minor": TOTAL}
    assert (get_order(order).state, get_order(order).shipments[0].events, transfers_about(order)) == ("shipped", (), [])
    for _ in range(2):
        add_tracking_event(order, "1", "delivered", iso(NOW), collected_minor=TOTAL, **report)  # type: ignore[arg-type]
    assert owed(order) == {("collection", "carrier/hct"): -TOTAL}


def test_two_words_of_one_delivery_at_once_collect_once(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    at_once(
        lambda: deliver(order, key="by-the-store", collected_by="store"),
        lambda: add_tracking_event(order, "1", "delivered", iso(NOW), carrier="hct", now=NOW, collected_minor=TOTAL),
    )
    assert transfers_about(order) == ["collection"]
    assert list(owed(order).values()) == [-TOTAL]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"collected_minor": 0}, RuleViolation),
        ({"collected_minor": TOTAL - 1}, RuleViolation),
        ({"collected_by": "customer"}, Invalid),
        ({"collected_by": "carrier/other"}, Invalid),
        ({"collected_by": "carrier"}, RuleViolation),  # only the carrier itself can say that it owes
    ],
)
def test_another_amount_or_collector_is_refused_and_nothing_is_posted(
    market: Market, given: dict[str, object], error: type[MartUnionError]
) -> None:
    [order] = buy(market).orders
    ship(order)
    before = get_order(order)
    with pytest.raises(error):
        deliver(order, **given)
    assert (get_order(order), transfers_about(order)) == (before, [])


def test_what_is_not_paid_is_not_completed_and_not_delivered_by_time(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    with pytest.raises(PaymentOutstanding):
        complete_order(order, actor=market.customer, role="customer", key="received-1", now=NOW)
    assert get_order(order).clock_at == get_order(order).promised_by
    for days in (29, 30, 37, 400):
        waiting = act_on_deadlines(order, NOW + timedelta(days=days))
    assert [taken.step for taken in waiting.history] == ["accept", "ship", "late", "remind", "escalate"]
    assert (waiting.state, waiting.clock_at) == ("shipped", "")
    with pytest.raises(RuleViolation):
        refund_order(
            order, [RefundWish(1, amount_minor=100)], store=market.store, reason="r", actor="s", key="r-1", now=NOW
        )
    assert transfers_about(order) == []


def test_what_is_refused_at_the_door_goes_back_into_stock_and_moves_no_money(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    for _ in range(2):
        after = step(order, "turn_away")
    assert (after.state, after.payment, after.refunded_minor, after.escrow_minor) == ("refused", "on_delivery", 0, 0)
    assert (stock(market.store), transfers_about(order), owed(order)) == ((10, 0, 0), [], {})
    with pytest.raises(StepNotAllowed):
        deliver(order, collected_by="store")


def test_a_purchase_on_delivery_is_cancelled_refused_or_lapses_without_money(market: Market) -> None:
    purchase = buy(market, stores=2)
    for _ in range(2):
        cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-01", now=NOW)
    assert [get_order(order).state for order in purchase.orders] == ["cancelled", "cancelled"]
    [refused] = buy(market, key="key-00000002").orders
    step(refused, "refuse")
    [lapsed] = buy(market, key="key-00000003").orders
    act_on_deadlines(lapsed, NOW + timedelta(hours=48))
    assert [get_order(order).state for order in (refused, lapsed)] == ["refused", "refused"]
    assert (stock(market.store), stock(market.other_store)) == ((10, 0, 0), (10, 0, 0))
    assert [transfers_about(order) for order in (*purchase.orders, refused, lapsed)] == [[]] * 4


def test_a_refund_after_the_delivery_goes_to_the_customers_account(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    deliver(order)
    wishes = [RefundWish(1, amount_minor=10_000)]
    refund_order(order, wishes, store=market.store, reason="r", actor="staff", key="refund-1", now=NOW)
    complete_order(order, actor="settlement", role="system", key="", now=LATER)
    refund_order(order, wishes, store=market.store, reason="r", actor="staff", key="refund-2", now=LATER)
    assert get_balance(f"customer/{market.customer}").balance_minor == 20_000
    assert sum(amount for transfer in whole_ledger().transfers for amount in [escrow(transfer.id, order)]) == 0


def escrow(transfer: str, order: str) -> int:
    return amounts(transfer).get(f"order/{order}", 0)


def test_lines_that_were_cancelled_before_are_not_collected(market: Market) -> None:
    from tests.services.market import save_listing

    save_listing(market.store, "CAKE", price_minor=20_000, reserve=10)
    purchase = place_purchase(
        market.customer,
        [Wanted(market.store, "TEA", 1), Wanted(market.store, "CAKE", 1)],
        recipient=market.recipient,
        total_seen=56_000,
        method="on_delivery",
        key="key-00000001",
        now=NOW,
    )
    [order] = purchase.orders
    tea = next(line for line in get_order(order).lines if line.sku == "TEA")
    cake = next(line for line in get_order(order).lines if line.sku == "CAKE")
    step(order, "accept", lines=(tea.number,))
    with pytest.raises(RuleViolation):
        step(order, "ship", tracking=("hct", "HCT1"))  # the cake would be left behind
    step(order, "refuse", lines=(cake.number,))
    step(order, "ship", tracking=("hct", "HCT1"), key="ship-2")
    deliver(order, collected_minor=tea.charged_minor)
    assert amounts(f"collection-{order}") == {
        "carrier/hct": -tea.charged_minor,
        f"order/{order}": tea.charged_minor,
    }


@pytest.mark.parametrize("reason", ["not_offered", "limit", "procedure", "supplier", "cost"])
def test_a_purchase_that_cannot_be_paid_on_delivery_is_refused_by_name_and_changes_nothing(
    market: Market, reason: str
) -> None:
    quantity, total = 1, 0
    if reason == "not_offered":
        save_union()
    if reason == "limit":
        quantity = LIMIT // 30_000 + 1
    if reason == "procedure":
        save_store(market.store, procedure="carrier")
    if reason == "supplier":
        fill_pool(market.supplier, 5, 10_000)
        save_mediated(market.store, "TEA", market.supplier, price_minor=30_000, supply_minor=10_000)
    if reason == "cost":
        from mart_union.catalog.fees import CommissionRule

        rule = CommissionRule("everything", "union", floor_minor=40_000)
        save_union(cash_limit_minor=LIMIT, fees=(rule,))
    assert quote_cart([Wanted(market.store, "TEA", quantity)], now=NOW).on_delivery is (reason == "cost")
    with pytest.raises(CashNotTaken) as refusal:
        buy(market, quantity=quantity, total=total)
    assert (refusal.value.code, refusal.value.facts["reason"]) == ("cash-not-taken", reason)
    assert stock(market.store) == (10, 0, 0)
    with pytest.raises(NotFound):
        get_purchase(purchase_id(market))


def purchase_id(market: Market) -> str:
    from mart_union.kernel.ids import derived_id

    return derived_id("purchase", market.customer, "key-00000001")


def test_up_to_the_limit_it_is_offered(market: Market) -> None:
    save_union(cash_limit_minor=TOTAL)
    assert quote_cart([Wanted(market.store, "TEA", 1)], now=NOW).on_delivery is True
    assert buy(market).payment == "on_delivery"


def test_a_prepaid_order_of_the_same_store_is_delivered_without_cash(market: Market) -> None:
    order = buy_from_the_account(market)
    ship(order)
    take_step(order, "deliver", "system", "system", "d", NOW)
    assert transfers_about(order) == ["purchase"]
    assert get_transfer(f"purchase-{get_order(order).purchase}").kind == "purchase"


def buy_from_the_account(market: Market) -> str:
    give_money(f"customer/{market.customer}", 100_000)
    purchase = place_purchase(
        market.customer,
        [Wanted(market.store, "TEA", 1)],
        recipient=market.recipient,
        total_seen=TOTAL,
        method="account",
        key="key-00000009",
        now=NOW,
    )
    return purchase.orders[0]


@pytest.mark.parametrize("amount", [0, 20_000, 33_000, TOTAL])
def test_what_is_refused_at_the_door_after_a_refund_gives_back_what_was_paid_and_no_more(
    market: Market, amount: int
) -> None:
    order, store = buy_from_the_account(market), f"store/{market.store}"
    ship(order)
    wishes = [RefundWish(1, amount_minor=amount)]
    if amount:
        refund_order(order, wishes, store=market.store, reason="r", actor="staff", key="refund-1", now=NOW)
    for _ in range(2):
        after = step(order, "turn_away")
    assert (after.refunded_minor, after.escrow_minor) == (TOTAL, 0)
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000
    turned_away = f"refund-{order}-{after.sequence}"
    beyond = max(amount - 30_000, 0)
    assert amounts(turned_away).get(store, 0) == beyond
    assert [each.amount_minor for each in payables_of(order) if each.transfer == turned_away] == [beyond] * (beyond > 0)
    assert sum(each.amount_minor for each in payables_of(order)) == 0


def test_the_delivery_is_paid_to_the_carrier_that_ships(market: Market) -> None:
    save_union(cash_limit_minor=LIMIT, carriers=(Carrier("blackcat", {"en": "Black Cat"}, ""),))
    order = buy_from_the_account(market)
    step(order, "accept")
    refund_order(
        order,
        [RefundWish(1, amount_minor=31_000)],
        store=market.store,
        reason="r",
        actor="staff",
        key="refund-1",
        now=NOW,
    )
    step(order, "ship", tracking=("blackcat", "B1"))
    complete_order(order, actor=market.customer, role="customer", key="received-1", now=NOW)
    assert amounts(f"completion-{order}-{get_order(order).sequence}") == {
        "carrier/blackcat": 5_000,
        f"order/{order}": -5_000,
    }
    assert owed(order) == {("completion", "carrier/blackcat"): 5_000}


def test_the_key_of_a_delivery_is_of_no_other_step(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    with pytest.raises(KeyReused):
        deliver(order, key="ship-1", collected_by="store")
    assert transfers_about(order) == []
