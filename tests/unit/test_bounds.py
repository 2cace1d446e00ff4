"""What was kept before a procedure's bounds were does nobody any harm: what has left its fulfiller goes on, and a store bears what it laid on others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.procedures import Deadline, Procedure, ReturnReason, ReturnRules, Step
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import StepNotAllowed
from mart_union.orders.bounds import within_bounds
from mart_union.orders.model import ENDED, SYSTEM, Order, StepTaken
from mart_union.orders.procedures import SUPPLIED_DAYS, deadline_of, procedure_of
from mart_union.orders.proving import shape_problems, stranding_problems
from mart_union.orders.return_rules import return_until
from mart_union.orders.shipped import AT_THE_DOOR, COMPLETE, PROCEDURES
from mart_union.orders.steps import apply_step, due_steps
from tests.orders_examples import PLACED, line_of, order_of

CARRIER, CASH = PROCEDURES["carrier"], PROCEDURES["carrier_cash"]
ANYWHERE = ("placed", "accepted", "shipped", "delivered")


def changed(of: Procedure, step: str, *from_states: str, **changes: object) -> Procedure:
    steps = tuple(replace(s, from_states=from_states, **changes) if s.name == step else s for s in of.steps)
    return replace(of, name="ours", steps=steps)


def waiting(of: Procedure, state: str, step: str) -> Procedure:
    """The procedure with another step for what waits in a state, an hour later."""
    deadlines = tuple(Deadline(state, step, hours=1) if d.state == state else d for d in of.deadlines)
    return replace(of, deadlines=deadlines)


LATE_CANCEL = changed(CARRIER, "cancel", *ANYWHERE)
BY_THE_CLOCK = waiting(changed(CARRIER, "refuse", *ANYWHERE), "shipped", "refuse")
AFTER_ALL = waiting(waiting(LATE_CANCEL, "delivered", "cancel"), "shipped", "cancel")
NEVER_DONE = replace(AFTER_ALL, steps=tuple(s for s in AFTER_ALL.steps if s.name != COMPLETE.name))
BACKWARDS = replace(
    CARRIER, name="ours", steps=(*CARRIER.steps, Step("undo", "Undo", ("shipped",), "placed", ("customer",)))
)
AT_A_WORD = changed(CASH, "turn_away", "shipped", roles=("customer", "system"))
IN_AN_HOUR = waiting(replace(CASH, name="ours"), "shipped", "turn_away")


@pytest.mark.parametrize("kept", [LATE_CANCEL, BY_THE_CLOCK, AFTER_ALL, NEVER_DONE, BACKWARDS, AT_A_WORD, IN_AN_HOUR])
def test_a_procedure_that_was_kept_before_is_used_as_one_that_passes_the_check(kept: Procedure) -> None:
    assert stranding_problems(kept) != []
    used = within_bounds(kept)
    assert (stranding_problems(used), shape_problems(used), within_bounds(used)) == ([], [], used)
    assert (used.name, used.version, used.title) == (kept.name, kept.version, kept.title)


def test_what_keeps_to_the_bounds_is_used_as_it_is() -> None:
    for procedure in PROCEDURES.values():
        assert within_bounds(procedure) is procedure


def test_what_may_be_paid_at_the_door_is_refused_there_by_those_who_stand_there() -> None:
    assert within_bounds(AT_A_WORD).step("turn_away") == AT_THE_DOOR
    assert within_bounds(IN_AN_HOUR).deadlines == CASH.deadlines


def under(procedure: Procedure, state: str, **line: object) -> Order:
    """A supplier's line in a state, an hour after it came there."""
    order = order_of(replace(line_of(supplier="guanxi"), **line), state=state)
    taken = StepTaken("deliver" if state == "delivered" else "ship", "supplier", "packer", iso(PLACED), (1,))
    return replace(order, procedure="ours", own_procedure=procedure, history=(taken,))


@pytest.mark.parametrize("state", ["shipped", "delivered"])
@pytest.mark.parametrize(("role", "step"), [("customer", "cancel"), ("system", "cancel")])
def test_nobody_cancels_what_its_supplier_has_sent(state: str, role: str, step: str) -> None:
    order = under(AFTER_ALL, state)
    with pytest.raises(StepNotAllowed):
        apply_step(order, step, role=role, actor="c", at=iso(PLACED), key="cancel-0001")


def test_the_clock_brings_what_was_sent_on_and_never_back() -> None:
    for procedure in (BY_THE_CLOCK, NEVER_DONE, IN_AN_HOUR):
        sent = under(procedure, "shipped")
        assert due_steps(sent, PLACED + timedelta(hours=2)) == []
        assert deadline_of(sent, sent.lines[0]) == (iso(PLACED + timedelta(days=30)), "deliver")
    there = under(NEVER_DONE, "delivered")
    assert deadline_of(there, there.lines[0]) == (iso(PLACED + timedelta(days=7)), "complete")
    done = apply_step(there, "complete", role=SYSTEM, actor="settlement", at=iso(PLACED), key="")
    assert done.state in ENDED


def test_a_reason_of_the_stores_own_lays_nothing_on_others() -> None:
    [defective] = [one for one in CARRIER.returns.reasons if one.name == "defective"] if CARRIER.returns else []
    whim = ReturnReason("changed_mind", "I have changed my mind", "supplier", "carrier")
    odd = replace(CARRIER, name="ours", returns=ReturnRules((whim, defective), days=365))
    rules = procedure_of(under(odd, "delivered")).returns
    assert rules == ReturnRules((replace(whim, fault="store", way_back="store"), defective), days=365)


@pytest.mark.parametrize(("supplier", "days"), [("guanxi", SUPPLIED_DAYS), ("", 365)])
def test_a_supplier_waits_for_its_money_sixty_days_at_most(supplier: str, days: int) -> None:
    taken = StepTaken("deliver", "system", "system", iso(PLACED), (1,))
    order = replace(order_of(line_of(supplier=supplier), state="delivered"), return_window_days=365, history=(taken,))
    until = return_until(order, order.lines[0])
    assert from_iso(until) - PLACED == timedelta(days=days)
    assert deadline_of(order, order.lines[0]) == (until, "complete")
