"""Steps of orders, without tables."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import CodeLocked, Invalid, KeyReused, RuleViolation, StepNotAllowed
from mart_union.kernel.money import Currency
from mart_union.orders.codes import MOST_WRONG_CODES, WrongCode, count_wrong_code, renew_code
from mart_union.orders.model import MOST_TEXT, Order, StepTaken, state_of
from mart_union.orders.procedures import allowed_steps
from mart_union.orders.refunding import RefundWish, refund_part
from mart_union.orders.refunds import refund_amounts, units_of
from mart_union.orders.return_rules import can_return
from mart_union.orders.shipped import PROCEDURES
from mart_union.orders.steps import Details, apply_step
from tests.orders_examples import PLACED, line_of, order_of

NOW = iso(PLACED + timedelta(hours=1))
STORE = {"role": "store", "actor": "packer-emei", "fulfiller": "store/emei-tea", "at": NOW}
CUSTOMER = {"role": "customer", "actor": "customer-lin", "at": NOW}
MIXED = order_of(line_of(1), line_of(2, level="offer/guanxi/HERB-TEA", supplier="guanxi"))


def take(order: Order, step: str, who: dict[str, str], key: str = "key-00001", **more: object) -> Order:
    return apply_step(order, step, key=key, **who, **more)  # type: ignore[arg-type]


def test_a_store_accepts_only_the_lines_that_it_fulfils() -> None:
    after = take(MIXED, "accept", STORE)
    assert [line.state for line in after.lines] == ["accepted", "placed"]
    assert (after.state, after.sequence) == ("placed", 2)
    assert after.history[-1].lines == (1,)
    with pytest.raises(StepNotAllowed) as refused:
        take(MIXED, "accept", STORE, lines=[2])
    assert refused.value.facts == {"allowed": ["accept", "refuse"], "state": "placed"}


def test_a_refused_step_names_the_steps_allowed_to_that_role() -> None:
    with pytest.raises(StepNotAllowed, match="allowed now: cancel") as refused:
        take(order_of(), "receive", CUSTOMER)
    assert refused.value.facts == {"allowed": ["cancel"], "state": "placed"}
    with pytest.raises(StepNotAllowed, match="nothing is allowed now") as refused:
        take(order_of(state="completed"), "cancel", CUSTOMER)
    assert refused.value.facts == {"allowed": [], "state": "completed"}
    with pytest.raises(StepNotAllowed):
        take(order_of(), "fly", CUSTOMER)
    with pytest.raises(StepNotAllowed):
        take(order_of(state="accepted"), "ship", CUSTOMER)


def test_the_same_key_gives_the_same_order_and_another_step_under_it_is_refused() -> None:
    after = take(order_of(), "accept", STORE)
    assert take(after, "accept", STORE) is after
    for step, lines in (("refuse", None), ("accept", [1])):
        with pytest.raises(KeyReused):
            take(after, step, STORE, lines=lines)
    assert take(after, "cancel", CUSTOMER).state == "cancelled"  # another person's key is another key


@pytest.mark.parametrize(
    ("step", "first", "other"),
    [
        ("ship", {"tracking_number": "WX 42"}, {"tracking_number": "WX 43"}),
        ("ship", {"tracking_number": "WX 42"}, {"tracking_number": "WX 42", "carrier": "post"}),
        ("ship", {"tracking_number": "WX 42", "note": "a"}, {"tracking_number": "WX 42", "note": "b"}),
    ],
)
def test_a_key_with_other_details_is_refused_though_the_step_was_taken(
    step: str, first: dict[str, str], other: dict[str, str]
) -> None:
    accepted = take(order_of(), "accept", STORE)
    taken = take(accepted, step, STORE, key="key-00002", details=Details(**first))
    assert take(taken, step, STORE, key="key-00002", details=Details(**first)) is taken
    with pytest.raises(KeyReused):
        take(taken, step, STORE, key="key-00002", details=Details(**other))


def test_the_code_that_is_made_anew_for_each_try_is_no_other_detail() -> None:
    accepted = take(order_of(procedure="pickup"), "accept", STORE)
    ready = take(accepted, "prepare", STORE, key="key-00002", details=Details(new_code="424242"))
    assert take(ready, "prepare", STORE, key="key-00002", details=Details(new_code="131313")) is ready


def test_shipping_needs_a_carrier_and_a_number() -> None:
    accepted = take(order_of(), "accept", STORE)
    with pytest.raises(Invalid) as refused:
        take(accepted, "ship", STORE, key="key-00002")
    assert refused.value.facts["errors"] == [
        {"field": "tracking_number", "reason": "give the carrier's tracking number"}
    ]
    shipped = take(accepted, "ship", STORE, key="key-00002", details=Details(tracking_number="WX 42"))
    (parcel,) = shipped.shipments
    assert (parcel.id, parcel.lines, parcel.carrier, parcel.tracking_number) == ("1", (1,), "windcity-express", "WX 42")


def test_goods_are_handed_over_against_the_code_that_the_customer_was_given() -> None:
    order = take(order_of(procedure="pickup"), "accept", STORE)
    order = take(order, "prepare", STORE, key="key-00002", details=Details(new_code="424242"))
    assert order.facts == {"pickup_code": "424242"}
    with pytest.raises(RuleViolation):
        take(order, "hand_over", STORE, key="key-00003", details=Details(pickup_code="000000"))
    with pytest.raises(RuleViolation):
        take(order, "hand_over", STORE, key="key-00003")
    assert take(order, "hand_over", STORE, key="key-00003", details=Details(pickup_code="424242")).state == "delivered"


def test_a_code_said_wrongly_five_times_opens_nothing_until_it_is_renewed() -> None:
    order = take(order_of(procedure="pickup"), "accept", STORE)
    order = take(order, "prepare", STORE, key="key-00002", details=Details(new_code="424242"))
    for number in range(MOST_WRONG_CODES):
        with pytest.raises(WrongCode):
            take(order, "hand_over", STORE, key="key-00003", details=Details(pickup_code=f"{number}"))
        counted = count_wrong_code(order, f"{number}", "key-00003")
        assert count_wrong_code(counted, f"{number}", "key-00003") is counted
        order = counted
    with pytest.raises(CodeLocked):
        take(order, "hand_over", STORE, key="key-00003", details=Details(pickup_code="424242"))
    renewed = renew_code(order, "131313", role="customer", actor="customer-lin", key="key-00004")
    assert renew_code(renewed, "999999", role="customer", actor="customer-lin", key="key-00004") is renewed
    with pytest.raises(WrongCode):
        take(renewed, "hand_over", STORE, key="key-00003", details=Details(pickup_code="424242"))
    after = take(renewed, "hand_over", STORE, key="key-00003", details=Details(pickup_code="131313"))
    assert (after.state, after.sequence) == ("delivered", order.sequence + 2)
    with pytest.raises(RuleViolation):
        renew_code(after, "1", role="customer", actor="customer-lin", key="key-00005")
    with pytest.raises(RuleViolation):
        renew_code(order, "1", role="supplier", actor="guanxi", key="key-00005")


@pytest.mark.parametrize("moment", ["", "tomorrow", "2026-12-01T10:00:00"])
def test_an_appointment_is_a_moment_with_a_time_zone(moment: str) -> None:
    with pytest.raises(Invalid):
        take(order_of(procedure="appointment"), "schedule", STORE, details=Details(appointment_at=moment))


def test_an_appointment_is_ahead_and_can_be_moved() -> None:
    order = order_of(procedure="appointment")
    with pytest.raises(RuleViolation):
        take(order, "schedule", STORE, details=Details(appointment_at="2026-11-02T11:00:00+08:00"))
    order = take(order, "schedule", STORE, details=Details(appointment_at="2026-12-01T10:00:00+08:00"))
    order = take(order, "schedule", STORE, key="key-00002", details=Details(appointment_at="2026-12-02T10:00:00+08:00"))
    assert (order.state, order.facts) == ("scheduled", {"appointment_at": "2026-12-02T10:00:00+08:00"})


@pytest.mark.parametrize("lines", [[3], [], [1, 9]])
def test_lines_that_do_not_exist_are_named(lines: list[int]) -> None:
    with pytest.raises(Invalid):
        take(MIXED, "cancel", CUSTOMER, lines=lines)


def test_a_cancelled_line_holds_nothing_and_what_it_held_is_known_from_before() -> None:
    after = take(MIXED, "cancel", CUSTOMER, lines=[2])
    assert [(line.escrow_minor, line.held_minor) for line in after.lines] == [(136000, 0), (0, 0)]
    assert refund_amounts(MIXED, [2]) == {
        "order/p1-1": -136000,
        "customer/customer-lin": 136000,
        "store/emei-tea/held": -2000,
        "store/emei-tea/deposit": 2000,
    }
    assert units_of(MIXED, [1, 2]) == {"listing/emei-tea/OB-TOP": 2, "offer/guanxi/HERB-TEA": 2}
    assert refund_amounts(after, [2]) == {}


def test_a_deadline_that_passed_behind_another_lines_is_looked_at_at_once() -> None:
    placed = order_of(line_of(1), line_of(2))
    order = replace(placed, lines=(placed.lines[0], replace(placed.lines[1], state="delivered")))
    late = iso(PLACED + timedelta(days=10))
    after = take(order, "complete", {"role": "system", "actor": "settlement", "at": late}, lines=[2])
    assert [line.state for line in after.lines] == ["placed", "completed"]
    assert after.clock_at == late


def test_lines_that_draw_on_one_level_are_added_up() -> None:
    order = order_of(line_of(1, quantity=2), line_of(2, quantity=3))
    assert units_of(order, [1, 2]) == {"listing/emei-tea/OB-TOP": 5}


def test_an_unpaid_order_waits_for_its_purchase_and_nobody_else() -> None:
    order = order_of(state="awaiting_payment")
    assert (allowed_steps(order, "customer"), allowed_steps(order, "store", "store/emei-tea")) == ([], [])
    assert order.clock_at == ""
    paid = apply_step(order, "pay", role="system", actor="system", at=NOW, key="paid")
    assert (paid.state, paid.escrow_minor, paid.clock_at) == ("placed", 136000, order.promised_by)


def test_the_state_of_an_order_is_that_of_its_line_furthest_behind() -> None:
    assert state_of(["completed", "shipped", "accepted"]) == "accepted"
    assert state_of(["completed", "refused"]) == "completed"
    assert state_of(["cancelled", "refused"]) == "cancelled"


def test_an_order_with_all_the_steps_that_people_may_take_still_reaches_its_end_by_its_deadlines() -> None:
    """Or its escrow would lie there for ever."""
    accepted = take(order_of(), "accept", STORE)
    full = replace(order_of(state="delivered"), history=accepted.history * 200)
    with pytest.raises(RuleViolation, match="at most 200 steps"):
        take(full, "receive", CUSTOMER)
    done = apply_step(full, "complete", role="system", actor="settlement", at=NOW, key="")
    assert (done.state, len(done.history)) == ("completed", 201)
    unanswered = replace(order_of(), history=accepted.history * 200)
    refused = apply_step(unanswered, "refuse", role="system", actor="system", at=NOW, key="deadline")
    assert refused.state == "refused"


@pytest.mark.parametrize("procedure", sorted(PROCEDURES))
def test_what_is_delivered_can_be_returned_where_its_procedure_says_so(procedure: str) -> None:
    order = order_of(procedure=procedure, state="delivered")
    delivering = next(step for step in PROCEDURES[procedure].steps if step.to_state == "delivered")
    taken = StepTaken(delivering.name, "system", "system", NOW, (1,), "", "")
    asked = replace(order, history=(taken,))
    assert can_return(asked, asked.lines[0], NOW) == (procedure not in {"appointment", "digital"})


def test_an_order_keeps_no_more_text_than_its_item_has_room_for() -> None:
    long = StepTaken("accept", "store", "packer-emei", NOW, (1,), "key-00000", "字" * 500)
    full = replace(order_of(), history=(long,) * (MOST_TEXT // 500))
    with pytest.raises(RuleViolation, match="0 are left") as refused:
        take(full, "accept", STORE, details=Details(note="one more"))
    assert refused.value.facts == {"left": 0}
    assert take(full, "accept", STORE).state == "accepted"
    with pytest.raises(RuleViolation, match="0 are left"):
        refund_part(
            replace(full, payment="paid"),
            [RefundWish(1, amount_minor=100)],
            reason="a dent",
            fulfiller="store/emei-tea",
            actor="owner",
            key="refund-0001",
            at=NOW,
            currency=Currency("TWD", 100),
        )
