"""Orders on real tables: steps, refunds, deadlines, races."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.kernel import storage
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Forbidden, Invalid, KeyReused, MartUnionError, NotFound, StepNotAllowed
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import get_balance, get_transfer, post
from mart_union.orders import service, storing
from mart_union.orders.due import page_of_due
from mart_union.orders.model import Order
from mart_union.orders.service import (
    act_on_deadlines,
    get_order,
    get_orders,
    list_store_orders,
    renew_pickup_code,
    take_step,
)
from mart_union.orders.tracking import add_tracking_event
from mart_union.stock.counting import count
from mart_union.stock.model import Movement, take
from mart_union.stock.service import add_movement, get_level
from tests.orders_examples import PLACED, line_of, order_of
from tests.services.cutting import CutOff, cut_off

NOW = PLACED + timedelta(hours=1)
STORE = "store/emei-tea"


def place(order: Order, unique: str) -> Order:
    """An order as a checkout leaves it: its units sold from levels of 10, its escrow paid from a new customer's 5,000 dollars."""
    customer, store = f"lin-{unique}", f"tea-{unique}"
    lines = tuple(
        replace(
            line,
            level=f"{line.level}/{unique}",
            fulfiller=line.fulfiller.replace(STORE, f"store/{store}"),
        )
        for line in order.lines
    )
    order = replace(order, id=f"{unique}-1", purchase=unique, customer=customer, store=store, lines=lines)
    held = sum(line.held_minor for line in lines)
    fund = {f"customer/{customer}": 500000, f"store/{store}/deposit": 100000, "provider/bank": -600000}
    post(Transfer(f"fund-{unique}", "fund", "TWD", postings_of(fund), "bank", iso(PLACED)))
    paid = {f"customer/{customer}": -order.escrow_minor, f"order/{order.id}": order.escrow_minor}
    paid |= {f"store/{store}/deposit": -held, f"store/{store}/held": held}
    post(Transfer(f"purchase-{unique}", "purchase", "TWD", postings_of(paid), f"purchase/{unique}", iso(PLACED)))
    for level in {line.level for line in lines}:
        count(level, 10, actor="test", reference="", now=PLACED)
    transaction = WriteTransaction()
    for level in {line.level for line in lines}:
        units = sum(line.quantity for line in lines if line.level == level)
        add_movement(transaction, level, take(units, customer, order.id), PLACED)
    storing.add_new_order(transaction, order)
    transaction.commit()
    return order


def by_store(order: Order, step: str, key: str = "key-00001", **more: object) -> Order:
    return take_step(order.id, step, "packer", "store", key, NOW, fulfiller=f"store/{order.store}", **more)  # type: ignore[arg-type]


def by_customer(order: Order, step: str, key: str = "key-00001", **more: object) -> Order:
    return take_step(order.id, step, order.customer, "customer", key, NOW, **more)  # type: ignore[arg-type]


def shipped(order: Order) -> Order:
    by_store(order, "accept", "key-accept")
    return by_store(order, "ship", "key-ship", tracking=("windcity-express", "WX-1"))


@contextlib.contextmanager
def counted_requests() -> Iterator[Counter[str]]:
    """How often each operation was asked of the database meanwhile."""
    requests: Counter[str] = Counter()

    def add(model: Any, **_: Any) -> None:
        requests[model.name] += 1

    events = storage.client().meta.events
    events.register("before-call", add, unique_id="counting")
    try:
        yield requests
    finally:
        events.unregister("before-call", unique_id="counting")


def counts(order: Order) -> list[tuple[int, int]]:
    levels = [get_level(line.level) for line in order.lines]
    assert all(level.balances() for level in levels)
    return [(level.reserve, level.sold) for level in levels]


def test_a_refusal_returns_exactly_what_was_paid_and_taken(unique: str) -> None:
    order = place(order_of(line_of(1, quantity=2), line_of(2, quantity=3)), unique)
    assert counts(order) == [(5, 5), (5, 5)]
    assert get_balance(f"customer/{order.customer}").balance_minor == 500000 - 336000
    after = by_store(order, "refuse", note="sold at the counter")
    assert (after.state, after.escrow_minor, after.clock_at) == ("refused", 0, "")
    assert get_order(order.id, consistent=True) == after
    assert get_balance(f"customer/{order.customer}").balance_minor == 500000
    assert counts(order) == [(10, 0), (10, 0)]
    transfer = get_transfer(f"refund-{order.id}-2")
    assert (transfer.kind, transfer.reverses) == ("refund", f"purchase-{unique}")
    assert {posting.account: posting.amount_minor for posting in transfer.postings} == {
        f"order/{order.id}": -336000,
        f"customer/{order.customer}": 336000,
    }


def test_cancelling_one_line_leaves_the_others_money_and_stock_alone(unique: str) -> None:
    supplied = line_of(2, level="offer/guanxi/HERB-TEA", supplier="guanxi")
    order = place(order_of(line_of(1), supplied), unique)
    after = by_customer(order, "cancel", lines=[2])
    assert [(line.state, line.escrow_minor, line.held_minor) for line in after.lines] == [
        ("placed", 136000, 0),
        ("cancelled", 0, 0),
    ]
    assert counts(order) == [(8, 2), (10, 0)]
    assert get_balance(f"customer/{order.customer}").balance_minor == 500000 - 136000
    assert get_balance(f"store/{order.store}/deposit").balance_minor == 100000
    assert get_balance(f"store/{order.store}/held").balance_minor == 0


def test_the_repeat_of_a_step_changes_nothing(unique: str) -> None:
    order = place(order_of(), unique)
    first = by_customer(order, "cancel")
    assert by_customer(order, "cancel") == first
    assert get_order(order.id, consistent=True).sequence == 2
    assert get_balance(f"customer/{order.customer}").balance_minor == 500000
    assert counts(order) == [(10, 0)]
    with pytest.raises(KeyReused):
        by_customer(order, "refuse")


def test_a_refused_step_names_what_is_allowed_and_changes_nothing(unique: str) -> None:
    order = place(order_of(), unique)
    with pytest.raises(StepNotAllowed) as refused:
        by_store(order, "ship", tracking=("windcity-express", "WX-1"))
    assert refused.value.facts == {"allowed": ["accept", "refuse"], "state": "placed"}
    shipped(order)
    with pytest.raises(StepNotAllowed) as refused:
        by_customer(order, "cancel")
    assert refused.value.facts == {"allowed": ["receive"], "state": "shipped"}
    assert get_order(order.id, consistent=True).sequence == 3
    assert counts(order) == [(8, 2)]


def test_completion_and_payment_are_not_steps_of_this_door(unique: str) -> None:
    order = shipped(place(order_of(), unique))
    with pytest.raises(StepNotAllowed, match="through settlement"):
        by_customer(order, "receive")
    with pytest.raises(StepNotAllowed, match="through its purchase"):
        take_step(order.id, "pay", "system", "system", "key-00001", NOW)


def test_the_order_of_another_is_not_found_and_stays_as_it_was(unique: str) -> None:
    order = place(order_of(line_of(1, supplier="guanxi")), unique)
    strangers = [("eve", "customer", ""), ("eve", "store", "store/eves"), ("eve", "supplier", "supplier/eves")]
    for actor, role, fulfiller in [*strangers, ("", "customer", ""), ("x", "store", ""), ("x", "supplier", "")]:
        for step in ("cancel", "accept", "refuse"):
            with pytest.raises(NotFound, match="no such order"):
                take_step(order.id, step, actor, role, "key-00001", NOW, fulfiller=fulfiller)
    with pytest.raises(NotFound, match="no such order"):
        take_step("nothing-1", "cancel", "eve", "customer", "key-00001", NOW)
    assert get_order(order.id, consistent=True) == order


def test_a_supplier_moves_its_own_lines(unique: str) -> None:
    order = place(order_of(line_of(1), line_of(2, level="offer/g/HERB", supplier="guanxi")), unique)
    after = take_step(order.id, "accept", "s", "supplier", "key-00001", NOW, fulfiller="supplier/guanxi")
    assert [line.state for line in after.lines] == ["placed", "accepted"]
    with pytest.raises(StepNotAllowed):
        take_step(order.id, "accept", "s", "supplier", "key-00002", NOW, fulfiller="supplier/guanxi", lines=[1])


def outcome(act: Callable[[], Order]) -> str:
    try:
        return act().history[-1].step
    except MartUnionError as error:
        return error.code


@pytest.mark.parametrize("round_", range(6))
def test_of_cancelling_and_shipping_at_once_exactly_one_wins(unique: str, round_: int) -> None:
    order = place(order_of(), unique)
    by_store(order, "accept", "key-accept")
    acts: list[Callable[[], Order]] = [
        lambda: by_customer(order, "cancel"),
        lambda: by_store(order, "ship", tracking=("windcity-express", "WX-1")),
    ]
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(outcome, acts))
    after = get_order(order.id, consistent=True)
    balance = get_balance(f"customer/{order.customer}").balance_minor
    assert (after.sequence, len(after.history)) == (3, 2)
    if after.state == "cancelled":
        assert outcomes == ["cancel", "step-not-allowed"]
        assert (after.escrow_minor, after.shipments, balance, counts(order)) == (0, (), 500000, [(10, 0)])
    else:
        assert outcomes == ["step-not-allowed", "ship"]
        assert (after.state, after.escrow_minor, balance, counts(order)) == ("shipped", 136000, 364000, [(8, 2)])


def test_eight_repeats_at_once_take_a_step_once(unique: str) -> None:
    order = place(order_of(), unique)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: by_customer(order, "cancel"), range(8)))
    assert {answer.sequence for answer in answers} == {2}
    assert get_balance(f"customer/{order.customer}").balance_minor == 500000
    assert counts(order) == [(10, 0)]


def test_an_order_that_nobody_accepts_is_refused_and_refunded_when_its_time_is_up(unique: str) -> None:
    order = place(order_of(), unique)
    deadline = PLACED + timedelta(hours=48)
    assert act_on_deadlines(order.id, deadline - timedelta(seconds=1)) == order
    after = act_on_deadlines(order.id, deadline)
    assert (after.state, after.history[-1].step, after.history[-1].role) == ("refused", "refuse", "system")
    assert act_on_deadlines(order.id, deadline + timedelta(days=1)) == after
    assert get_balance(f"customer/{order.customer}").balance_minor == 500000
    assert counts(order) == [(10, 0)]


def test_completion_is_left_to_settlement_when_the_return_window_is_over(unique: str) -> None:
    order = shipped(place(order_of(), unique))
    delivered = by_store(order, "deliver", "key-deliver")
    assert delivered.clock_at == iso(NOW + timedelta(days=7))
    assert act_on_deadlines(order.id, NOW + timedelta(days=8)) == delivered


def test_the_clock_lists_an_order_in_the_hour_of_its_next_deadline(unique: str) -> None:
    order = place(replace(order_of(), promised_by=iso(PLACED + timedelta(days=5))), unique)
    deadline = iso(PLACED + timedelta(hours=48))
    assert order.id in page_of_due(deadline[:13], deadline).items
    assert (
        order.id not in page_of_due(deadline[:13], iso(PLACED + timedelta(hours=48) - timedelta(milliseconds=1))).items
    )
    by_store(order, "accept")
    assert order.id not in page_of_due(deadline[:13], deadline).items


def test_a_stores_open_orders_are_listed_by_state_and_its_closed_ones_by_month(unique: str) -> None:
    def numbered(number: int, state: str) -> Order:
        placed_at = iso(PLACED + timedelta(minutes=number))
        order = order_of(state=state, id=f"{unique}-{number}")
        return replace(order, store=unique, placed_at=placed_at)

    orders = [numbered(1, "placed"), numbered(2, "shipped"), numbered(3, "placed"), numbered(4, "completed")]
    for order in orders:
        transaction = WriteTransaction()
        storing.add_new_order(transaction, order)
        transaction.commit()

    def ids(**options: str) -> list[str]:
        return [order.id.rsplit("-", 1)[1] for order in list_store_orders(unique, **options).items]

    assert ids() == ["2", "3", "1"]
    assert ids(state="placed") == ["3", "1"]
    assert ids(month="2026-11") == ["4"]
    assert ids(month="2026-10") == []
    first = list_store_orders(unique, limit=2)
    second = list_store_orders(unique, limit=2, cursor=first.next)
    assert [order.id for order in (*first.items, *second.items)] == [f"{unique}-{n}" for n in (2, 3, 1)]
    assert second.next == ""
    assert [order.id for order in get_orders([orders[3].id, "gone", orders[0].id])] == [orders[3].id, orders[0].id]
    with pytest.raises(NotFound):
        list_store_orders(unique, state="lost")
    with pytest.raises(Invalid):
        list_store_orders(unique, cursor="eve")


def test_a_carriers_reports_in_any_order_and_twice_deliver_once(unique: str) -> None:
    order = shipped(place(order_of(), unique))
    reports = [("delivered", 3), ("picked_up", 1), ("delivered", 3), ("in_transit", 2)]
    for event, hour in reports:
        at = iso(NOW + timedelta(hours=hour))
        add_tracking_event(order.id, "1", event, at, carrier="windcity-express", now=NOW + timedelta(hours=4))
    after = get_order(order.id, consistent=True)
    assert [each.event for each in after.shipments[0].events] == ["picked_up", "in_transit", "delivered"]
    assert (after.state, after.sequence) == ("delivered", 6)
    assert [(taken.step, taken.actor) for taken in after.history[2:]] == [("deliver", "carrier/windcity-express")]


def test_a_report_of_another_carrier_or_an_unknown_shipment_changes_nothing(unique: str) -> None:
    order = shipped(place(order_of(), unique))
    at = iso(NOW)

    def report(shipment: str = "1", event: str = "delivered", at: str = at, carrier: str = "windcity-express") -> None:
        add_tracking_event(order.id, shipment, event, at, carrier=carrier, now=NOW)

    with pytest.raises(Forbidden):
        report(carrier="touqian-cold")
    with pytest.raises(NotFound):
        report(shipment="2")
    for wrong in ({"event": "eaten"}, {"at": "yesterday"}, {"at": iso(NOW + timedelta(hours=1))}):
        with pytest.raises(Invalid):
            report(**wrong)
    assert get_order(order.id, consistent=True) == order


def test_stock_that_moved_meanwhile_is_added_to_and_not_overwritten(unique: str) -> None:
    order = place(order_of(), unique)
    transaction = WriteTransaction()
    add_movement(transaction, order.lines[0].level, Movement("received", "x", "", received=5, reserve=5), NOW)
    transaction.commit()
    by_customer(order, "cancel")
    assert counts(order) == [(15, 0)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("step", ["accept", "refuse"])
def test_a_step_cut_off_anywhere_and_repeated_is_taken_once(unique: str, step: str, number: int, when: str) -> None:
    order = place(order_of(), unique)
    with contextlib.suppress(CutOff), cut_off(number, when):
        by_store(order, step)
    after = by_store(order, step)
    assert get_order(order.id, consistent=True) == after
    assert (after.sequence, [taken.step for taken in after.history]) == (2, [step])
    if step == "refuse":
        assert get_balance(f"customer/{order.customer}").balance_minor == 500000
        assert counts(order) == [(10, 0)]


def test_of_wrong_codes_said_at_once_five_are_counted_and_a_new_code_opens_the_order_again(unique: str) -> None:
    order = place(order_of(procedure="pickup"), unique)
    by_store(order, "accept", "key-accept")
    ready = by_store(order, "prepare", "key-ready")
    wrong = [f"{number:06d}" for number in range(17) if f"{number:06d}" != ready.facts["pickup_code"]][:16]

    def say(code: str, key: str = "") -> str:
        try:
            return hand_over(order, code, key or f"key-{code}").state
        except MartUnionError as refused:
            return type(refused).__name__

    with ThreadPoolExecutor(16) as threads:
        said = Counter(threads.map(say, wrong))
    assert said["WrongCode"] <= 5
    assert set(said) <= {"WrongCode", "CodeLocked", "Busy"}
    while say(wrong[0], f"key-{sum(said.values())}") == "WrongCode":
        said["WrongCode"] += 1
    locked = get_order(order.id, consistent=True)
    assert (said["WrongCode"], locked.facts["wrong_codes"], locked.sequence) == (5, "5", ready.sequence + 5)
    assert say(ready.facts["pickup_code"], "key-right") == "CodeLocked"
    assert get_order(order.id, consistent=True) == locked

    renewed = renew_pickup_code(order.id, order.customer, "customer", "key-renew", NOW)
    assert renew_pickup_code(order.id, order.customer, "customer", "key-renew", NOW) == renewed
    assert hand_over(order, renewed.facts["pickup_code"], "key-over").state == "delivered"


def hand_over(order: Order, code: str, key: str) -> Order:
    party = f"store/{order.store}"
    facts = {"pickup_code": code}
    return take_step(order.id, "hand_over", "packer", "store", key, NOW, fulfiller=party, facts=facts)


def test_a_step_is_one_read_and_one_write(unique: str) -> None:
    order = place(order_of(), unique)
    for step, most in (("accept", {"GetItem": 1, "PutItem": 1}), ("refuse", {"GetItem": 1, "TransactWriteItems": 1})):
        with counted_requests() as requests:
            by_store(order, step, f"key-{step}")
        assert requests == most


def test_a_write_that_loses_its_answer_is_recognised_when_it_is_sent_again(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = place(order_of(), unique)

    def written_but_answered_as_overtaken(before: Order, after: Order) -> None:
        storing.replace_order(before, after)
        raise storing.OrderMoved("the second sending met the first")

    monkeypatch.setattr(service, "replace_order", written_but_answered_as_overtaken)
    after = by_store(order, "accept")
    assert (after.sequence, [taken.step for taken in after.history]) == (2, ["accept"])
