"""Cash on delivery of which nobody says a word: whoever sent the goods is told, then the union's operator, who ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, MartUnionError, NotFound, RuleViolation, StepNotAllowed
from mart_union.orders.escalations import list_escalated
from mart_union.orders.model import Order
from mart_union.orders.operating import decide_order
from mart_union.orders.service import act_on_deadlines, get_order
from mart_union.orders.tracking import add_tracking_event
from mart_union.settlement.check import check_union
from mart_union.settlement.differences import Difference
from tests.services.cash import TOTAL, buy, open_cash_market, ship
from tests.services.market import NOW, Market
from tests.services.test_cards_at_once import at_once
from tests.services.test_cash_on_delivery import owed, stock, transfers_about


@pytest.fixture
def market(unique: str) -> Market:
    return open_cash_market(unique)


def test_of_a_parcel_of_whose_cash_nobody_says_a_word_its_store_is_told_then_the_operator_and_each_once(
    market: Market,
) -> None:
    [order] = buy(market).orders
    ship(order)
    over = NOW + timedelta(days=30)
    assert act_on_deadlines(order, over - timedelta(seconds=1)).clock_at == iso(over)
    for moment, step_, next_look in (
        (over, "remind", iso(over + timedelta(days=7))),
        (over + timedelta(days=7), "escalate", ""),
    ):
        for _ in range(2):
            told = act_on_deadlines(order, moment)
        assert (told.history[-1].step, told.history[-1].at, told.clock_at) == (step_, iso(moment), next_look)
    assert [taken.step for taken in told.history] == ["accept", "ship", "late", "remind", "escalate"]
    [found] = [each for each in list_escalated("2026-12", limit=500).items if each.order == order]
    assert (found.kind, found.state, found.allowed, found.due_minor) == (
        "order",
        "shipped",
        ("deliver", "turn_away"),
        TOTAL,
    )


def escalated(market: Market) -> str:
    [order] = buy(market).orders
    ship(order)
    for days in (29, 30, 37):
        act_on_deadlines(order, NOW + timedelta(days=days))
    return order


def operator_says(
    order: str, step_: str, key: str = "union-0001", note: str = "the carrier says so", **more: Any
) -> Order:
    return decide_order(order, step_, note=note, actor="op", key=key, now=NOW + timedelta(days=38), **more)


def test_the_operator_ends_it_as_refused_at_the_door_and_its_goods_are_back(market: Market) -> None:
    order = escalated(market)
    for _ in range(2):
        ended = operator_says(order, "turn_away")
    assert (ended.state, ended.history[-1].actor, ended.history[-1].note) == (
        "refused",
        "operator/op",
        "the carrier says so",
    )
    assert (stock(market.store), transfers_about(order), wrong(order)) == ((10, 0, 0), [], [])


def wrong(order: str) -> list[Difference]:
    """What the invariant checker finds about an order."""
    return [each for each in check_union() if order in each.subject]


@pytest.mark.parametrize(("by", "owes"), [("store", "store"), ("carrier", "carrier/hct")])
def test_the_operator_says_who_took_the_cash_and_they_owe_it_once(market: Market, by: str, owes: str) -> None:
    order = escalated(market)
    for _ in range(2):
        paid = operator_says(order, "deliver", collected_minor=TOTAL, collected_by=by)
    party = owes if by == "carrier" else f"store/{market.store}"
    assert (paid.state, paid.payment, owed(order)) == ("delivered", "paid", {("collection", party): -TOTAL})
    assert (transfers_about(order), wrong(order)) == (["collection"], [])


@pytest.mark.parametrize(
    ("step_", "facts", "refusal"),
    [
        ("turn_away", {"note": " "}, Invalid),
        ("deliver", {}, RuleViolation),
        ("deliver", {"collected_minor": TOTAL - 100}, RuleViolation),
        ("complete", {}, StepNotAllowed),
        ("receive", {}, StepNotAllowed),
        ("accept", {}, StepNotAllowed),
        ("fly", {}, StepNotAllowed),
    ],
)
def test_what_the_operator_may_not_say_changes_nothing(
    market: Market, step_: str, facts: dict[str, Any], refusal: type[MartUnionError]
) -> None:
    order = escalated(market)
    before = get_order(order, consistent=True)
    with pytest.raises(refusal) as refused:
        operator_says(order, step_, **facts)
    if refusal is StepNotAllowed:
        assert refused.value.facts["allowed"] == ["deliver", "turn_away"]
    assert (get_order(order, consistent=True), transfers_about(order)) == (before, [])


def test_of_what_was_not_escalated_the_operator_takes_no_step(market: Market) -> None:
    [order] = buy(market).orders
    ship(order)
    act_on_deadlines(order, NOW + timedelta(days=30))
    before = get_order(order, consistent=True)
    with pytest.raises(NotFound):
        operator_says(order, "turn_away")
    assert get_order(order, consistent=True) == before


def test_of_the_operator_and_the_carrier_at_once_one_says_what_became_of_it(market: Market) -> None:
    order = escalated(market)
    at = iso(NOW + timedelta(days=37, hours=1))
    now = NOW + timedelta(days=38)
    at_once(
        lambda: operator_says(order, "turn_away"),
        lambda: add_tracking_event(order, "1", "delivered", at, carrier="hct", now=now, collected_minor=TOTAL),
    )
    after = get_order(order, consistent=True)
    if after.state == "refused":
        assert (stock(market.store), transfers_about(order)) == ((10, 0, 0), [])
    else:
        assert (after.state, transfers_about(order)) == ("delivered", ["collection"])
    assert wrong(order) == []
