"""When nobody decides on a return: its taker is reminded once, and then the operator hears of it or it is accepted; pure rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.procedures import ReturnDeadline, ReturnRules
from mart_union.kernel.clock import from_iso, iso
from mart_union.orders.model import Order, StepTaken
from mart_union.orders.own import LARGEST, checked_procedure, described
from mart_union.orders.proving import return_problems
from mart_union.orders.return_decisions import Decision, state_by_history
from mart_union.orders.return_rules import has_open_return
from mart_union.orders.return_waits import act_by, comes_next, next_return_look, send_by
from mart_union.orders.returns import decide_return, send_return
from mart_union.orders.shipped import PROCEDURES, get_procedure
from mart_union.orders.steps import pursue
from tests.unit.test_return_rules import NOW, RULES, STORE, asked, delivered

DEADLINES = (
    ReturnDeadline("requested", 3, "accept"),
    ReturnDeadline("sent", 10, grace_days=4),
    ReturnDeadline("received", 2, grace_days=1),
)
PATIENT = replace(RULES, deadlines=DEADLINES)
ASKED_AT = from_iso(NOW)


def days(count: float) -> str:
    return iso(ASKED_AT + timedelta(days=count))


def pursued(order: Order, day: float) -> Order:
    return pursue(order, ASKED_AT + timedelta(days=day))


def decided(order: Order, decision: str, day: float = 0) -> Order:
    wish = Decision(decision, answer="no" if decision == "refuse" else "")
    who = {**STORE, "at": days(day)}
    return decide_return(order, order.returns[0].id, wish, key=f"{decision}-0001", **who).order  # type: ignore[arg-type]


def sent(day: float = 0) -> Order:
    order = decided(asked(delivered(PATIENT)), "accept")
    return send_return(order, order.returns[0].id, "post", "RR 1", key="sent-00001", at=days(day))


def steps(order: Order) -> list[str]:
    return [taken.step for taken in order.returns[0].history]


def test_who_does_not_answer_is_reminded_once_and_then_what_was_asked_for_is_accepted() -> None:
    order = asked(delivered(PATIENT))
    assert (act_by(order, order.returns[0]), next_return_look(order)) == (days(3), days(3))
    assert pursued(order, 2.9) is order
    reminded = pursued(order, 3)
    assert reminded.sequence == order.sequence + 1
    assert (reminded.returns[0].state, steps(reminded)) == ("requested", ["remind"])
    assert comes_next(reminded, reminded.returns[0]) == (days(5), "accept")
    assert (act_by(reminded, reminded.returns[0]), pursued(reminded, 4.9)) == (days(3), reminded)
    accepted = pursued(reminded, 5)
    assert (accepted.returns[0].state, steps(accepted)) == ("accepted", ["remind", "accept"])
    taken = accepted.returns[0].history[-1]
    assert (taken.role, taken.actor, taken.at) == ("system", "system", days(5))
    assert state_by_history(accepted.returns[0]) == "accepted"
    assert next_return_look(accepted) == days(5 + 14)  # now it waits for the customer


def test_what_was_sent_and_nobody_receives_is_the_operators_to_know_of_once() -> None:
    order = sent(day=1)
    assert next_return_look(order) == days(11)
    escalated = pursued(pursued(order, 11), 15)
    assert (escalated.returns[0].state, steps(escalated)) == ("sent", ["accept", "send", "remind", "escalate"])
    assert state_by_history(escalated.returns[0]) == "sent"
    assert pursued(escalated, 300) is escalated
    assert next_return_look(escalated) == ""


def test_goods_that_came_have_a_time_of_their_own_whatever_was_told_before() -> None:
    reminded = pursued(sent(), 10)
    received = decided(reminded, "receive", 11)
    assert comes_next(received, received.returns[0]) == (days(13), "remind")
    assert comes_next(pursued(received, 13), pursued(received, 13).returns[0]) == (days(14), "escalate")


def test_a_sweeper_that_comes_late_leaves_the_time_that_a_reminder_gives() -> None:
    reminded = pursued(asked(delivered(PATIENT)), 30)
    assert comes_next(reminded, reminded.returns[0]) == (days(32), "accept")


def test_a_decision_ends_the_waiting_and_sets_the_clock_of_its_order() -> None:
    order = asked(delivered(PATIENT))
    assert order.clock_at == days(3)
    window = decided(order, "refuse").clock_at
    assert window == iso(from_iso(NOW) + timedelta(days=6))  # the return window of seven days, of which one was over
    assert decided(order, "accept").clock_at == window
    assert next_return_look(decided(order, "refuse")) == ""


def test_returns_for_which_the_same_is_due_are_seen_to_together_and_others_after_them() -> None:
    order = asked(asked(delivered(PATIENT)), key="return-0002")
    both = pursued(order, 3)
    assert [[taken.step for taken in each.history] for each in both.returns] == [["remind"], ["remind"]]
    late = replace(both, returns=(replace(both.returns[0], history=()), both.returns[1]))
    first = pursued(late, 5)
    assert [[taken.step for taken in each.history] for each in first.returns] == [["remind"], ["remind"]]
    assert first.clock_at == days(5)
    assert [each.state for each in pursued(first, 5).returns] == ["requested", "accepted"]


UNION_DAYS = {"requested": (3, 5, "accept"), "sent": (14, 17, "escalate"), "received": (3, 5, "escalate")}


@pytest.mark.parametrize("state", UNION_DAYS)
def test_where_the_rules_name_no_deadline_the_unions_hold(state: str) -> None:
    order = asked(delivered(RULES))
    if state != "requested":
        order = decided(order, "accept")
    if state == "sent":
        order = send_return(order, order.returns[0].id, "post", "RR 1", key="sent-00001", at=days(0))
    if state == "received":
        order = decided(order, "receive")
    reminded_on, over_on, then = UNION_DAYS[state]
    assert (act_by(order, order.returns[0]), next_return_look(order)) == (days(reminded_on), days(reminded_on))
    assert pursued(order, reminded_on - 0.1) is order
    reminded = pursued(order, reminded_on)
    assert comes_next(reminded, reminded.returns[0]) == (days(over_on), then)
    assert steps(pursued(reminded, over_on))[-2:] == ["remind", then]


def test_a_replacement_that_nobody_sends_is_the_operators_to_know_of_whatever_the_rules_name() -> None:
    there = decided(decided(asked(delivered(RULES)), "accept"), "receive")
    wish = Decision("replace", stock="reserve")
    who = {**STORE, "at": days(1)}
    order = decide_return(there, there.returns[0].id, wish, key="replace-1", **who).order  # type: ignore[arg-type]
    assert next_return_look(order) == days(8)
    escalated = pursued(pursued(order, 8), 10)
    assert (steps(escalated)[-2:], next_return_look(escalated)) == (["remind", "escalate"], "")


@pytest.mark.parametrize("version", [1, 2])
def test_a_return_under_an_older_version_is_answered_in_time_as_well(version: int) -> None:
    order = replace(delivered(), own_procedure=None, procedure="carrier", procedure_version=version)
    order = asked(order, "other" if version == 1 else "defective")
    assert (order.clock_at, pursued(pursued(order, 3), 5).returns[0].state) == (days(3), "accepted")


@pytest.mark.parametrize("rules", [RULES, PATIENT])
def test_what_is_accepted_and_never_sent_is_over_three_weeks_later_whatever_the_procedure_names(
    rules: ReturnRules,
) -> None:
    order = decided(asked(delivered(rules)), "accept", 1)
    [waiting] = order.returns
    assert (act_by(order, waiting), send_by(order, waiting), next_return_look(order)) == ("", days(22), days(15))
    assert pursued(order, 14.9) is order
    reminded = pursued(order, 15)
    assert (steps(reminded), send_by(reminded, reminded.returns[0])) == (["accept", "remind_customer"], days(22))
    assert pursued(reminded, 21.9) is reminded
    over = pursued(reminded, 22)
    assert (over.returns[0].state, steps(over)) == ("refused", ["accept", "remind_customer", "lapse"])
    assert (state_by_history(over.returns[0]), send_by(over, over.returns[0])) == ("refused", "")
    assert (has_open_return(order), has_open_return(over)) == (True, False)
    assert pursued(over, 300) is over


def test_a_reminder_that_comes_late_leaves_the_customer_a_week() -> None:
    order = decided(asked(delivered(PATIENT)), "accept", 1)
    reminded = pursued(order, 40)
    assert send_by(reminded, reminded.returns[0]) == days(47)


def test_a_procedure_may_say_how_long_its_customers_have_to_send() -> None:
    soon = replace(RULES, deadlines=(ReturnDeadline("accepted", 2, "lapse", 3),))
    order = decided(asked(delivered(soon)), "accept", 1)
    assert send_by(order, order.returns[0]) == days(6)
    assert return_problems(soon) == []


def test_goods_that_were_sent_again_otherwise_have_their_time_from_then_on() -> None:
    order = sent()
    again = send_return(order, order.returns[0].id, "post", "RR 2", key="sent-00002", at=days(4))
    assert (again.returns[0].tracking_number, steps(again)) == ("RR 2", ["accept", "send", "send"])
    assert (state_by_history(again.returns[0]), next_return_look(again)) == ("sent", days(14))


@pytest.mark.parametrize(
    ("deadline", "problem"),
    [
        (
            ReturnDeadline("replaced", 3),
            "a return that is replaced does not wait for anybody, as requested, sent, received, replacing, accepted do",
        ),
        (ReturnDeadline("accepted", 3), "a return that is accepted waits for its customer, and ends in lapse"),
        (ReturnDeadline("sent", 3, "lapse"), "a return that is sent ends in one of accept, escalate"),
        (ReturnDeadline("sent", 0), "a return that is sent has 1 to 60 days"),
        (ReturnDeadline("sent", 61), "a return that is sent has 1 to 60 days"),
        (ReturnDeadline("sent", 3, grace_days=0), "a return that is sent has 1 to 60 days from the reminder on"),
        (ReturnDeadline("sent", 3, "refund"), "a return that is sent ends in one of accept, escalate"),
        (ReturnDeadline("sent", 3, "accept"), "a return that is sent cannot be accepted by itself"),
    ],
)
def test_a_deadline_that_cannot_be_kept_is_named(deadline: ReturnDeadline, problem: str) -> None:
    assert return_problems(replace(RULES, deadlines=(deadline,))) == [problem]


def test_two_deadlines_of_one_state_are_named() -> None:
    twice = replace(RULES, deadlines=(ReturnDeadline("sent", 3), ReturnDeadline("sent", 4)))
    assert return_problems(twice) == ["returns that are sent have two deadlines"]


@pytest.mark.parametrize("name", ["carrier", "carrier_cash", "pickup", "pickup_cash", "made_to_order"])
def test_each_shipped_procedure_of_goods_has_deadlines_from_its_third_version_on(name: str) -> None:
    newest, second = PROCEDURES[name], get_procedure(name, 2)
    assert newest.returns is not None
    assert second.returns is not None
    assert (newest.version, second.returns.deadlines) == (3, ())
    assert newest == replace(second, version=3, returns=replace(second.returns, deadlines=newest.returns.deadlines))
    assert [(each.state, each.days, each.then, each.grace_days) for each in newest.returns.deadlines] == [
        ("requested", 3, "accept", 2),
        ("sent", 14, "escalate", 3),
        ("received", 3, "escalate", 2),
        ("replacing", 7, "escalate", 2),
    ]
    own = checked_procedure("ours", described(newest))
    assert own.returns == newest.returns
    assert LARGEST == 6_000


def test_a_step_that_only_told_is_none_of_those_that_lead_somewhere() -> None:
    [there] = pursued(sent(), 10).returns
    first = StepTaken("escalate", "system", "system", NOW, ())
    assert state_by_history(replace(there, history=(first, *there.history))) == "sent"
