"""The steps of a return: asked for, decided on, sent, received, looked at, refunded or replaced; each once, and only in its turn."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.kernel.errors import AmountOutOfRange, Invalid, KeyReused, NotFound, StepNotAllowed
from mart_union.orders.model import Order, Shipment, StepTaken
from mart_union.orders.refunding import Change
from mart_union.orders.refunds import all_given_back
from mart_union.orders.return_decisions import Decision, ReturnForm, allowed_decisions, state_by_history
from mart_union.orders.return_rules import returnable_units
from mart_union.orders.returns import decide_return, send_return
from mart_union.orders.seen import seen_returns
from tests.orders_examples import line_of
from tests.unit.test_return_rules import NOW, STORE, TWD, asked, delivered

UNIT = line_of().charged_minor // 2  # its delivery is in the store's one share


def decide(order: Order, decision: str, *, key: str = "", **facts: Any) -> Change:
    wish, identity = Decision(decision, **facts), order.returns[-1].id
    return decide_return(order, identity, wish, key=key or f"{decision}-0001", **STORE)  # type: ignore[arg-type]


def send(order: Order, carrier: str = "post", number: str = "RR 1") -> Order:
    return send_return(order, order.returns[-1].id, carrier, number, key="sent-00001", at=NOW)


def received(**line: Any) -> Order:
    """An order with a return whose goods have come."""
    accepted = decide(asked(delivered(**line)), "accept").order
    return decide(accepted, "receive").order


def test_a_return_that_is_sent_tells_by_whom_and_every_step_with_who_took_it_when() -> None:
    accepted = decide(asked(delivered(), wants="replacement"), "accept").order
    sent = send(accepted)
    [there] = decide(sent, "receive").order.returns
    assert (there.state, there.carrier, there.tracking_number, there.wants) == (
        "received",
        "post",
        "RR 1",
        "replacement",
    )
    assert [(taken.step, taken.role, taken.actor, taken.at) for taken in there.history] == [
        ("accept", "store", "manager", NOW),
        ("send", "customer", "customer-lin", NOW),
        ("receive", "store", "manager", NOW),
    ]
    assert state_by_history(there) == "received"
    assert send(sent) is sent
    with pytest.raises(KeyReused):
        send(sent, number="RR 2")


def test_what_is_handed_in_is_received_without_having_been_sent() -> None:
    assert received().returns[0].state == "received"


@pytest.mark.parametrize(("carrier", "number"), [("", "RR 1"), ("Post!", "RR 1"), ("post", ""), ("post", "#")])
def test_goods_are_sent_by_a_carrier_with_a_number(carrier: str, number: str) -> None:
    accepted = decide(asked(delivered()), "accept").order
    with pytest.raises(Invalid):
        send(accepted, carrier, number)


def test_what_was_written_wrongly_is_said_again_under_another_key_until_the_goods_have_come() -> None:
    wrong = send(decide(asked(delivered()), "accept").order, number="RR 1")
    with pytest.raises(KeyReused):
        send(wrong, number="RR 2")

    def correct(order: Order) -> Order:
        return send_return(order, order.returns[0].id, "post", "RR 2", key="sent-00002", at=NOW)

    right = correct(wrong)
    [there] = right.returns
    assert (there.state, there.tracking_number, right.sequence) == ("sent", "RR 2", wrong.sequence + 1)
    assert [taken.step for taken in there.history] == ["accept", "send", "send"]
    assert correct(right) is right
    assert send(right, number="RR 1") is right  # the first try, told again late
    came = decide(right, "receive").order
    with pytest.raises(StepNotAllowed):
        send_return(came, there.id, "post", "RR 3", key="sent-00003", at=NOW)


@pytest.mark.parametrize(
    ("role", "step", "end"),
    [
        ("operator", "refund", "refunded"),
        ("operator", "refuse", "refused"),
        ("operator", "receive", ""),
        ("operator", "accept", ""),
        ("store", "receive", "received"),
        ("store", "refund", ""),
        ("system", "lapse", ""),
    ],
)
def test_what_was_sent_leads_where_those_may_lead_it_who_took_the_step(role: str, step: str, end: str) -> None:
    [there] = send(decide(asked(delivered()), "accept").order).returns
    taken = StepTaken(step, role, role, NOW, ())
    assert state_by_history(replace(there, history=(*there.history, taken))) == end


def test_only_what_was_accepted_is_sent() -> None:
    with pytest.raises(StepNotAllowed):
        send(asked(delivered()))
    with pytest.raises(NotFound):
        send_return(asked(delivered()), "none", "post", "RR 1", key="k", at=NOW)


@pytest.mark.parametrize(
    ("taken", "allowed"),
    [
        ((), ["accept", "refuse"]),
        (("accept",), ["refuse", "receive"]),
        (("accept", "receive"), ["refuse", "refund", "replace"]),
        (("accept", "receive", "refund"), []),
        (("accept", "receive", "replace"), ["refund", "ship"]),
        (("accept", "receive", "replace", "refund"), []),
        (("accept", "receive", "replace", "ship"), []),
        (("accept", "receive", "refuse"), []),
        (("refuse",), []),
    ],
)
def test_in_each_state_the_decisions_that_are_next_are_allowed_and_all_others_refused_by_name(
    taken: tuple[str, ...], allowed: list[str]
) -> None:
    order = asked(delivered())
    facts = {"refuse": {"answer": "no"}, "refund": {"stock": "reserve"}, "replace": {"stock": "reserve"}}
    facts["ship"] = {"tracking_number": "RR 2"}
    for number, step in enumerate(taken):
        how = {} if (number, step) == (3, "refund") else facts.get(step, {})  # in place of a replacement
        order = decide(order, step, **how).order
    assert allowed_decisions(order, order.returns[0]) == allowed
    for decision in {"accept", "refuse", "receive", "refund", "replace", "ship"} - {*allowed, *taken}:
        with pytest.raises(StepNotAllowed) as refused:
            decide(order, decision, **facts.get(decision, {}))
        assert refused.value.facts == {"allowed": allowed, "state": order.returns[0].state}


def test_a_decision_under_its_key_again_changes_nothing_and_another_under_it_is_refused() -> None:
    refunded = decide(received(), "refund", stock="reserve").order
    assert decide(refunded, "refund", stock="reserve").order is refunded
    assert decide(refunded, "accept").order is refunded
    with pytest.raises(KeyReused):
        decide(refunded, "refuse", key="refund-0001", answer="no")
    for other in ({"stock": "written_off"}, {"stock": "written_off", "amount_minor": 10_000, "answer": "torn"}):
        with pytest.raises(KeyReused):
            decide(refunded, "refund", **other)
    with pytest.raises(StepNotAllowed):
        decide(refunded, "refund", key="refund-0002", stock="reserve")


@pytest.mark.parametrize("stock", ["", "attic"])
def test_what_came_is_looked_at_before_it_is_refunded_or_replaced(stock: str) -> None:
    for decision in ("refund", "replace"):
        with pytest.raises(Invalid, match="reserve or written_off"):
            decide(received(), decision, stock=stock)


def test_good_ones_are_refunded_whole_and_damaged_ones_in_part_with_the_reason() -> None:
    whole = decide(received(), "refund", stock="reserve")
    assert (whole.order.refunds[0].amount_minor, whole.order.lines[0].withheld_minor) == (UNIT, 0)
    change = decide(received(), "refund", stock="written_off", amount_minor=10_000, answer="the lid is scratched")
    order = change.order
    [given], [there], [line] = order.refunds, order.returns, order.lines
    assert (given.amount_minor, given.lines[0].withheld_minor) == (10_000, UNIT - 10_000)
    assert (there.state, there.stock, there.answer) == ("refunded", "written_off", "the lid is scratched")
    assert (line.returned, line.refunded_minor, line.withheld_minor) == (1, 10_000, UNIT - 10_000)
    again = asked(order, key="return-0002")
    second = decide(decide(decide(again, "accept").order, "receive").order, "refund", stock="reserve")
    assert second.order.refunds[1].amount_minor == UNIT
    assert second.order.lines[0].left_units == 0


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"stock": "written_off", "amount_minor": 10_000}, Invalid),
        ({"stock": "reserve", "amount_minor": 10_000, "answer": "scratched"}, Invalid),
        ({"stock": "written_off", "amount_minor": UNIT, "answer": "scratched"}, Invalid),
        ({"stock": "written_off", "amount_minor": 50, "answer": "scratched"}, Invalid),
        ({"stock": "written_off", "amount_minor": -100, "answer": "scratched"}, AmountOutOfRange),
    ],
)
def test_a_part_goes_back_of_damaged_goods_only_with_a_reason_and_less_than_all(
    facts: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        decide(received(), "refund", **facts)


def test_a_replacement_takes_another_one_for_each_that_is_damaged_and_moves_no_money() -> None:
    order = received()
    damaged, good = decide(order, "replace", stock="written_off"), decide(order, "replace", stock="reserve")
    assert (dict(damaged.replaced), dict(damaged.units), damaged.amounts) == ({line_of().level: 1}, {}, {})
    assert dict(good.replaced) == {}
    [line] = damaged.order.lines
    assert (line, damaged.order.refunds) == (order.lines[0], ())
    assert returnable_units(damaged.order, line) == 1
    shipped = decide(damaged.order, "ship", carrier="post", tracking_number="RR 2").order
    assert shipped.shipments == (Shipment("1", (1,), "post", "RR 2", NOW),)
    assert (shipped.returns[0].state, shipped.returns[0].replacement) == ("replaced", "1")
    assert returnable_units(shipped, line) == 2


def test_of_a_line_from_several_levels_the_replacement_leaves_their_home() -> None:
    draws = {"listing/emei-tea/OB-TOP#1": 1, "listing/emei-tea/OB-TOP": 1}
    order = received(draws=draws)
    assert dict(decide(order, "replace", stock="written_off").replaced) == {"listing/emei-tea/OB-TOP": 1}


def test_what_its_supplier_does_not_take_back_the_store_cannot_replace() -> None:
    bought = delivered(fulfiller="supplier/guanxi", accepts_returns=False)
    assert asked(bought).returns[0].taker == "supplier/guanxi"  # it is defective
    whim = asked(bought, "too_small")
    there = decide(decide(whim, "accept").order, "receive").order
    assert allowed_decisions(there, there.returns[0]) == ["refuse", "refund"]


@pytest.mark.parametrize("state", ["cancelled", "refused"])
def test_of_what_was_given_back_whole_nothing_goes_back_a_second_time(state: str) -> None:
    there = received()
    replacing = decide(there, "replace", stock="written_off").order
    for order, allowed in ((asked(delivered()), ["refuse"]), (there, ["refuse"]), (replacing, ["refuse"])):
        back = replace(order, lines=(replace(all_given_back(order, order.lines[0]), state=state),))
        assert allowed_decisions(back, back.returns[0]) == allowed
        for decision, facts in (("refund", {"stock": "reserve"}), ("replace", {"stock": "reserve"}), ("accept", {})):
            with pytest.raises(StepNotAllowed):
                decide(back, decision, key="again-0001", **facts)
        over = decide(back, "refuse", answer="you have it back")
        assert (over.order.returns[0].state, over.amounts, over.units, over.replaced) == ("refused", {}, {}, {})
        assert (state_by_history(over.order.returns[0]), over.order.lines) == ("refused", back.lines)


def test_a_replacement_that_is_to_be_sent_is_not_refused_while_its_line_is_the_customers() -> None:
    replacing = decide(received(), "replace", stock="written_off").order
    assert allowed_decisions(replacing, replacing.returns[0]) == ["refund", "ship"]
    with pytest.raises(StepNotAllowed):
        decide(replacing, "refuse", answer="no")


def test_a_return_whose_steps_could_not_be_taken_is_nowhere() -> None:
    [there] = received().returns
    skipped = replace(there, history=(StepTaken("refund", "store", "manager", NOW, ()), *there.history))
    assert state_by_history(skipped) == ""
    assert state_by_history(replace(there, history=(*there.history, StepTaken("fly", "store", "m", NOW, ())))) == ""


def test_a_form_has_its_amount_as_people_write_it() -> None:
    form = ReturnForm("r1", "refund", "scratched", "written_off", "100")
    assert form.decided(TWD).amount_minor == 10_000
    assert ReturnForm("r1", "accept").decided(TWD).amount_minor == 0


def test_a_reader_sees_each_step_and_what_went_back() -> None:
    refunded = decide(received(), "refund", stock="reserve").order
    [seen] = seen_returns(refunded, "store/emei-tea")
    assert (seen.refunded_minor, [taken.step for taken in seen.history]) == (UNIT, ["accept", "receive", "refund"])
    assert seen.allowed == ()
