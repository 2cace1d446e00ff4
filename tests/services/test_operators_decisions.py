"""What was escalated to the union's operator is the operator's to decide: with a reason, once, beside whoever else may."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from mart_union.kernel.errors import Invalid, MartUnionError, NotFound, OutOfStock, StepNotAllowed
from mart_union.orders.escalations import list_escalated
from mart_union.orders.model import OPERATOR, Order
from mart_union.orders.return_decisions import Decision
from mart_union.orders.service import act_on_deadlines, get_order
from mart_union.settlement.refunding import send_goods, settle_return
from operate.app import lambda_handler as operate
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.market import Market, open_market
from tests.services.refunds import LATER, ask, balance, bought, completed, counts, decide, delivered, payables, wrong
from tests.services.test_return_pages import PAGE

DAY = timedelta(days=1)
HEARD = LATER + 17 * DAY
WHY = {"answer": "the carrier says that it came back"}


def lost_on_its_way(market: Market, **reason: str) -> tuple[str, str]:
    """A completed order with a return that was sent, that nobody has received, and of which the operator has heard."""
    order = completed(market, bought(market))
    identity = ask(market, order, **reason)
    decide(market, order, identity, "accept")
    send_goods(order, identity, ("hct", "BACK 1"), customer=market.customer, key="sent-0001", now=LATER)
    for moment in (LATER + 14 * DAY, HEARD):
        act_on_deadlines(order, moment)
    return order, identity


def by_the_union(order: str, identity: str, decision: str, *, key: str = "union-0001", **facts: Any) -> Order:
    wish = Decision(decision, **(WHY | facts))
    return settle_return(order, identity, wish, taker=OPERATOR, actor="op", key=key, now=HEARD)


def test_the_operator_refunds_what_was_sent_and_never_received_and_its_store_bears_it_once(unique: str) -> None:
    market = open_market(unique)
    order, identity = lost_on_its_way(market)
    before, stock = balance(market), counts(market)
    for _ in range(2):
        after = by_the_union(order, identity, "refund")
    [asked], taken = after.returns, after.returns[0].history[-1]
    assert (asked.state, asked.stock, asked.answer) == ("refunded", "written_off", WHY["answer"])
    assert (taken.step, taken.role, taken.actor) == ("refund", "operator", "op")
    assert balance(market) == before + 30_000
    assert counts(market) == (stock[0], stock[1] - 1, stock[2] + 1)
    assert {party: each.amount_minor for party, each in payables(order, "refund").items()} == {
        f"store/{market.store}": -26_800  # commission and tax give theirs
    }
    with pytest.raises(StepNotAllowed) as refused:
        decide(market, order, identity, "receive")
    assert refused.value.facts["allowed"] == []
    assert get_order(order, consistent=True) == after
    assert wrong(market) == []


def test_the_operator_refuses_what_was_escalated_and_says_why(unique: str) -> None:
    market = open_market(unique)
    order, identity = lost_on_its_way(market)
    before = balance(market), counts(market)
    after = by_the_union(order, identity, "refuse")
    assert (after.returns[0].state, after.returns[0].answer) == ("refused", WHY["answer"])
    assert ((balance(market), counts(market)), wrong(market)) == (before, [])


@pytest.mark.parametrize("decision", ["refund", "refuse", "accept", "receive", "replace", "ship"])
def test_of_what_was_not_escalated_the_operator_decides_nothing(unique: str, decision: str) -> None:
    market = open_market(unique)
    order = completed(market, bought(market))
    identity = ask(market, order)
    before = get_order(order, consistent=True)
    with pytest.raises(NotFound):
        by_the_union(order, identity, decision, tracking_number="T 1", carrier="hct")
    assert get_order(order, consistent=True) == before


@pytest.mark.parametrize(
    ("decision", "facts", "refusal"),
    [
        ("refund", {"answer": " "}, Invalid),
        ("refund", {"stock": "reserve"}, Invalid),
        ("accept", {}, StepNotAllowed),
        ("receive", {}, StepNotAllowed),
        ("replace", {"stock": "written_off"}, StepNotAllowed),
    ],
)
def test_without_a_reason_or_out_of_turn_nothing_is_decided(
    unique: str, decision: str, facts: dict[str, str], refusal: type[MartUnionError]
) -> None:
    market = open_market(unique)
    order, identity = lost_on_its_way(market)
    before = get_order(order, consistent=True), balance(market), counts(market)
    with pytest.raises(refusal):
        by_the_union(order, identity, decision, **facts)
    assert (get_order(order, consistent=True), balance(market), counts(market)) == before


def test_what_its_taker_moved_on_is_no_longer_the_operators_until_it_waits_too_long_again(unique: str) -> None:
    market = open_market(unique)
    order, identity = lost_on_its_way(market)
    decide(market, order, identity, "receive")
    with pytest.raises(StepNotAllowed):
        by_the_union(order, identity, "refund", stock="reserve")
    for days in (3, 5):
        act_on_deadlines(order, HEARD + days * DAY)
    stock = counts(market)
    after = by_the_union(order, identity, "refund", stock="reserve")
    assert (after.returns[0].state, after.returns[0].stock) == ("refunded", "reserve")
    assert counts(market) == (stock[0] + 1, stock[1] - 1, stock[2])
    assert wrong(market) == []


def test_of_the_operator_and_the_taker_at_once_exactly_one_decides(unique: str) -> None:
    for number in range(4):
        market = open_market(f"{unique}-{number}")
        order, identity = lost_on_its_way(market)
        paid = balance(market)
        acts = [
            lambda order=order, identity=identity: by_the_union(order, identity, "refund"),
            lambda market=market, order=order, identity=identity: decide(market, order, identity, "receive"),
        ]
        with ThreadPoolExecutor(2) as threads:
            done = [threads.submit(act) for act in (acts if number % 2 else reversed(acts))]
        failed = [type(each.exception()) for each in done if each.exception() is not None]
        state = get_order(order, consistent=True).returns[0].state
        assert failed == [StepNotAllowed]
        assert (state, balance(market) - paid) in {("refunded", 30_000), ("received", 0)}
        assert wrong(market) == []


@pytest.mark.parametrize("came_back", ["reserve", "written_off"])
def test_what_was_to_be_replaced_is_refunded_where_nothing_can_be_sent_and_its_unit_stays(
    unique: str, came_back: str
) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    identity = ask(market, order, reason="defective")
    decide(market, order, identity, "accept")
    decide(market, order, identity, "receive")
    replacing = decide(market, order, identity, "replace", stock=came_back)
    paid, stock = balance(market), counts(market)
    for wrong_facts in ({"stock": "reserve"}, {"stock": "written_off", "amount_minor": 10_000, "answer": "torn"}):
        with pytest.raises(Invalid):
            decide(market, order, identity, "refund", **wrong_facts)
    assert get_order(order, consistent=True) == replacing
    for _ in range(2):
        after = decide(market, order, identity, "refund")
    assert (after.returns[0].state, after.returns[0].stock, after.returns[0].replacement) == ("refunded", came_back, "")
    assert balance(market) == paid + 30_000
    assert counts(market) == (stock[0] + 1, stock[1] - 1, stock[2])
    with pytest.raises(StepNotAllowed):
        decide(market, order, identity, "ship", tracking_number="HCT 2")
    assert wrong(market) == []


def test_nobody_replaces_what_is_not_there_and_the_return_stays_as_it_is(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market, quantity=10))
    identity = ask(market, order, reason="defective")
    decide(market, order, identity, "accept")
    decide(market, order, identity, "receive")
    with pytest.raises(OutOfStock):
        decide(market, order, identity, "replace", stock="written_off")
    assert decide(market, order, identity, "refund", stock="written_off").returns[0].state == "refunded"
    assert wrong(market) == []


def escalations() -> str:
    """The operator's page of December."""
    who = {"subject": "op", "role": "operator"}
    event = gateway_event("GET", "/operate/escalations", query={"month": "2026-12"}, headers=PAGE, **who)
    return str(operate(event, CONTEXT)["body"])


def test_the_page_of_escalations_has_a_form_for_what_may_be_decided_and_shows_what_was(unique: str) -> None:
    market = open_market(unique)
    order, identity = lost_on_its_way(market)
    [shown] = [each for each in list_escalated("2026-12", limit=500).items if each.order == order]
    assert (shown.allowed, shown.stocks) == (("refuse", "refund"), ("reserve", "written_off"))
    path = f"/operate/orders/{order}/returns"
    page = escalations()
    assert page.count(f'action="{path}"') + page.count(f'action="/union{path}"') == 2
    form = {"id": identity, "decision": "refund", "idempotency_key": "key-union-1", **WHY}
    event = gateway_event("POST", path, form=form, headers=PAGE, subject="op", role="operator")
    for _ in range(2):
        answer = operate(event, CONTEXT)
        assert (answer["statusCode"], headers_of(answer)["location"][-20:]) == (303, "/operate/escalations")
    assert path not in escalations()
    assert f'href="/union/operate/orders/{order}"' in escalations()
    event = gateway_event("GET", f"/operate/orders/{order}", headers=PAGE, subject="op", role="operator")
    followed = str(operate(event, CONTEXT)["body"])
    assert "Operator <code>op</code>" in followed
    assert market.customer not in followed
    assert wrong(market) == []


def test_the_api_answers_with_the_return_as_it_stands(unique: str) -> None:
    market = open_market(unique)
    order, identity = lost_on_its_way(market)
    body = {"id": identity, "decision": "refund", **WHY}
    event = gateway_event(
        "POST",
        f"/api/operate/orders/{order}/returns",
        body=body,
        headers={"Idempotency-Key": "key-union-1"},
        subject="op",
        role="operator",
    )
    answer = operate(event, CONTEXT)
    seen = json.loads(answer["body"])
    assert (answer["statusCode"], seen["state"], seen["refunded_minor"], seen["allowed"]) == (
        200,
        "refunded",
        30_000,
        [],
    )
