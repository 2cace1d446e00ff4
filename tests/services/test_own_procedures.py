"""Procedures of a store's own making, on real tables: described, assigned, tried, and kept by the orders that were placed under them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mart_union.catalog.carriers import Carrier
from mart_union.catalog.model import Category, Classification
from mart_union.catalog.procedures import Deadline, Reminder
from mart_union.catalog.service import get_store, list_audit, save_category
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.errors import Conflict, Invalid, MoneyStranded, NotFound, ProcedureRefused, RuleViolation
from mart_union.ledger.service import get_balance
from mart_union.orders.escalations import Escalated, list_escalated
from mart_union.orders.model import Order
from mart_union.orders.own import (
    MOST_PROCEDURES,
    Description,
    assign_procedure,
    choose_procedure,
    described,
    save_procedure,
    try_procedure,
)
from mart_union.orders.procedures import find_procedure, procedure_of
from mart_union.orders.service import act_on_deadlines, get_order, get_orders, take_step
from mart_union.orders.shipped import PROCEDURES
from mart_union.settlement.check import check_union
from mart_union.settlement.completion import complete_order
from mart_union.settlement.sweeping import take_due_steps
from mart_union.stock.service import get_level
from tests.procedure_paths import paths
from tests.services import cash
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market, save_listing, save_union

SAME_DAY = replace(
    described(PROCEDURES["carrier"]),
    title="Same day",
    deadlines=(Deadline("placed", "refuse", hours=4), *PROCEDURES["carrier"].deadlines[1:]),
    reminders=(Reminder("placed", "fulfiller", 1), Reminder("placed", "operator", 3)),
)
HOUR = timedelta(hours=1)


@pytest.fixture
def market(unique: str) -> Market:
    """A market of a union that knows its stores' carrier and classification."""
    market = open_market(unique, money=10_000_000, stock=100)
    describe_union()
    return market


def describe_union(**changes: object) -> None:
    carriers = (Carrier("hct", {"en": "HCT"}),)
    save_union(carriers=carriers, classifications=(Classification("food", {"en": "Food"}),), **changes)


def describe(market: Market, name: str = "same-day", wanted: Description = SAME_DAY) -> Any:
    return save_procedure(market.store, name, wanted, actor="owner")


def buy(market: Market, *skus: str, key: str = "key-00000001", method: str = "account") -> Purchase:
    wanted = [Wanted(market.store, sku, 1) for sku in skus or ("TEA",)]
    total = quote_cart(wanted, now=NOW).total_minor
    return place_purchase(
        market.customer, wanted, recipient=market.recipient, total_seen=total, method=method, key=key, now=NOW
    )


def test_an_order_keeps_the_version_that_it_was_placed_under(market: Market) -> None:
    first = describe(market)
    choose_procedure(market.store, "same-day", actor="owner")
    order = buy(market).orders[0]
    longer = replace(SAME_DAY, deadlines=(Deadline("placed", "refuse", hours=9), *SAME_DAY.deadlines[1:]))
    second = describe(market, wanted=longer)
    assert (first.version, second.version, describe(market, wanted=longer)) == (1, 2, second)
    assert procedure_of(get_order(order)) == first
    assert procedure_of(get_order(buy(market, key="key-00000002").orders[0])) == second
    assert get_order(order).procedure_version == 1
    refused = act_on_deadlines(order, NOW + 4 * HOUR)
    assert (refused.state, refused.history[-1].at) == ("refused", "2026-11-22T08:00:00.000Z")


def test_who_waits_is_reminded_and_escalated_by_the_sweeper_once_each(market: Market) -> None:
    describe(market)
    choose_procedure(market.store, "same-day", actor="owner")
    order = buy(market).orders[0]
    before = get_order(order)
    assert before.clock_at == "2026-11-22T05:00:00.000Z"
    for moment in (NOW + HOUR, NOW + HOUR, NOW + 3 * HOUR, NOW + 3 * HOUR):
        take_due_steps(moment)
    told = get_order(order)
    assert [(taken.step, taken.role, taken.at) for taken in told.history] == [
        ("remind", "system", "2026-11-22T05:00:00.000Z"),
        ("escalate", "system", "2026-11-22T07:00:00.000Z"),
    ]
    assert (told.state, told.lines, told.clock_at) == ("placed", before.lines, "2026-11-22T08:00:00.000Z")
    mine = [each for each in list_escalated("2026-11", limit=500).items if each.order == order]
    facts = ("2026-11-22T07:00:00.000Z", "order", order, "", market.store, "placed")
    assert mine == [Escalated(*facts, allowed=("refuse", "cancel"))]
    take_step(order, "accept", "staff", "store", "key-accept", NOW, fulfiller=f"store/{market.store}")
    mine = [each for each in list_escalated("2026-11", limit=500).items if each.order == order]
    assert [each.state for each in mine] == ["accepted"]
    assert differences_of(order, market.store) == []


def differences_of(*names: str) -> list[str]:
    """What the checker of the books finds wrong with what these names belong to."""
    found = ((each.subject, each.detail) for each in check_union() if any(name in each.subject for name in names))
    return [f"{subject}: {detail}" for subject, detail in found]


def test_a_procedure_that_can_strand_money_is_refused_and_nothing_is_changed(market: Market) -> None:
    before = get_store(market.store)
    stranding = replace(SAME_DAY, deadlines=SAME_DAY.deadlines[1:])
    with pytest.raises(MoneyStranded) as refused:
        describe(market, wanted=stranding)
    assert refused.value.facts["problems"] == [
        "an order can stay placed for ever",
        "the reminder of placed is for a state in which nothing waits",
        "the reminder of placed is for a state in which nothing waits",
    ]
    with pytest.raises(ProcedureRefused):
        describe(market, wanted=replace(SAME_DAY, title=""))
    with pytest.raises(Invalid):
        describe(market, "carrier")
    assert get_store(market.store) == before


def test_what_is_assigned_to_a_listing_goes_before_its_category_and_that_before_the_store(market: Market) -> None:
    save_category(market.store, Category("gifts", {"en": "Gifts"}), "owner", NOW)
    save_listing(market.store, "CARD", price_minor=5_000, reserve=9, category="gifts")
    save_listing(market.store, "CODE", price_minor=7_000, reserve=9, category="gifts")
    describe(market)
    assign_procedure(market.store, "category", "gifts", "same-day", actor="owner")
    assign_procedure(market.store, "listing", "CODE", "digital", actor="owner")
    purchase = buy(market, "TEA", "CARD", "CODE")
    orders = get_orders(purchase.orders)
    assert [(order.procedure, [line.sku for line in order.lines]) for order in orders] == [
        ("carrier", ["TEA"]),
        ("digital", ["CODE"]),
        ("same-day", ["CARD"]),
    ]
    # One charge for delivery, however many orders: 60 dollars over 300, 70 and 50.
    assert sum(order.total_minor for order in orders) == purchase.total_minor == 48_000
    assert [order.own_procedure is not None for order in orders] == [False, False, True]
    assign_procedure(market.store, "listing", "CODE", "", actor="owner")
    assign_procedure(market.store, "category", "gifts", "", actor="owner")
    assert get_store(market.store).assigned == {}
    assert [order.procedure for order in get_orders(buy(market, "CODE", "TEA", key="key-2").orders)] == ["carrier"]


def test_only_what_there_is_is_assigned(market: Market) -> None:
    before = get_store(market.store)
    with pytest.raises(NotFound):
        assign_procedure(market.store, "listing", "NONE", "digital", actor="owner")
    for kind, subject, name in (
        ("category", "none", "digital"),
        ("listing", "TEA", "teleport"),
        ("planet", "TEA", "digital"),
    ):
        with pytest.raises(Invalid):
            assign_procedure(market.store, kind, subject, name, actor="owner")
    with pytest.raises(Invalid):
        choose_procedure(market.store, "teleport", actor="owner")
    assert get_store(market.store) == before


def test_a_store_has_so_many_procedures_and_no_more(market: Market) -> None:
    for number in range(MOST_PROCEDURES):
        describe(market, f"own-{number}")
    before = get_store(market.store)
    with pytest.raises(RuleViolation):
        describe(market, "one-more")
    assert get_store(market.store) == before
    assert describe(market, "own-3").version == 1


def test_eight_owners_at_once_lose_no_version(market: Market) -> None:
    def save(number: int) -> int:
        try:
            return int(describe(market, f"own-{number % 4}", replace(SAME_DAY, title=f"Same day {number}")).version)
        except Conflict:
            return 0

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(save, range(8)))
    kept = {own.name: own.version for own in get_store(market.store).procedures}
    assert sum(kept.values()) == sum(version > 0 for version in versions)
    audit = list_audit(f"store/{market.store}", f"{NOW:%Y-%m}").items
    assert sum(entry.action.startswith("procedure own-") for entry in audit) in {0, sum(kept.values())}


def test_a_purchase_and_a_step_under_a_procedure_of_ones_own_take_two_requests(market: Market) -> None:
    describe(market)
    choose_procedure(market.store, "same-day", actor="owner")
    total = quote_cart([Wanted(market.store, "TEA", 1)], now=NOW).total_minor
    with measured() as bought:
        purchase = place_purchase(
            market.customer,
            [Wanted(market.store, "TEA", 1)],
            recipient=market.recipient,
            total_seen=total,
            method="account",
            key="key-00000001",
            now=NOW,
        )
    assert bought.requests == ["BatchGetItem", "TransactWriteItems"]
    with measured() as stepped:
        take_step(purchase.orders[0], "accept", "staff", "store", "key-a", NOW, fulfiller=f"store/{market.store}")
    assert stepped.requests == ["GetItem", "PutItem"]
    assert len(msgspec.json.encode(get_order(purchase.orders[0]))) < 5_000


def test_a_trial_tells_what_would_have_become_of_past_orders_and_changes_nothing(market: Market) -> None:
    orders = [buy(market, key=f"key-0000000{number}").orders[0] for number in range(3)]
    store = f"store/{market.store}"
    take_step(orders[0], "accept", "staff", "store", "key-a", NOW + 6 * HOUR, fulfiller=store)
    take_step(orders[0], "cancel", market.customer, "customer", "key-c", NOW + 7 * HOUR)
    take_step(orders[1], "cancel", market.customer, "customer", "key-c", NOW + HOUR)
    before = get_orders(orders), get_store(market.store)
    with measured() as asked:
        trial = try_procedure(market.store, "unsaved", SAME_DAY, "2026-11")
    assert asked.requests == ["Query", "BatchGetItem"]
    assert asked.written_units == 0
    assert (trial.orders, trial.same, trial.endings) == (2, 1, {"cancelled": 1, "refused": 1})
    [other] = trial.differing
    assert (other.order, other.would_end, other.overtaken, other.refused) == (
        orders[0],
        "refused",
        ("refuse",),
        ("accept", "cancel"),
    )
    assert try_procedure(market.store, "carrier", None, "2026-11").same == 2
    with pytest.raises(NotFound):
        try_procedure(market.store, "unsaved", None, "2026-11")
    with pytest.raises(MoneyStranded):
        try_procedure(market.store, "unsaved", replace(SAME_DAY, deadlines=()), "2026-11")
    assert (get_orders(orders), get_store(market.store)) == before


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *((name, "account") for name in (*sorted(PROCEDURES), "same-day")),
        *(
            (name, "on_delivery")
            for name, procedure in sorted(PROCEDURES.items())
            if procedure.payment == "on_delivery"
        ),
    ],
)
def test_every_path_of_a_graph_moves_its_stock_and_money_to_its_end(market: Market, name: str, method: str) -> None:
    if name == "same-day":
        describe(market)
    choose_procedure(market.store, name, actor="owner")
    procedure = find_procedure(get_store(market.store), name)
    describe_union(cash_limit_minor=cash.LIMIT)
    account, level, orders = f"customer/{market.customer}", f"listing/{market.store}/TEA", []
    for number, path in enumerate(paths(procedure, "placed")):
        if method == "on_delivery" and not any(step.effect in {"collect", "refund"} for step in path):
            continue  # what is not paid yet is not received without a word of whoever took the money
        money, reserve = get_balance(account).balance_minor, get_level(level).reserve
        order = buy(market, key=f"key-{number:08}", method=method).orders[0]
        for taken, step in enumerate(path):
            assert walk(market, order, step.name, step.roles[0], f"step-{taken:04}").state == step.to_state
        ended = get_order(order)
        completed = ended.state == "completed"
        assert (ended.escrow_minor, ended.clock_at) == (0, "")
        assert get_level(level).reserve == reserve - (1 if completed else 0)
        paid = 36_000 if completed and method == "account" else 0
        assert get_balance(account).balance_minor == money - paid
        orders.append(order)
    assert len(orders) >= 4
    assert differences_of(*orders, market.store) == []


def walk(market: Market, order: str, step: str, role: str, key: str) -> Order:
    """A step by whoever may take it, with all that any step needs."""
    before = get_order(order)
    if step in {"receive", "complete"}:
        actor = market.customer if role == "customer" else "settlement"
        return complete_order(order, actor=actor, role=role, key=key, now=NOW)
    given = {
        "pickup_code": before.facts.get("pickup_code", ""),
        "appointment_at": "2026-12-01T10:00:00+08:00",
        "access": "https://example/course",
    }
    rule = procedure_of(before).step(step)
    return take_step(
        order,
        step,
        market.customer if role == "customer" else "staff",
        role,
        key,
        NOW,
        fulfiller=f"store/{market.store}" if role == "store" else "",
        tracking=("hct", "HCT1"),
        facts=given,
        collected_minor=36_000 if rule and rule.effect == "collect" and before.payment == "on_delivery" else 0,
    )
