"""A supplier is late by when its lines had to leave in order to arrive as promised, whatever the step is called by which they leave."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.kernel.clock import from_iso, iso
from mart_union.mediation.supply_orders import supply_order_of
from mart_union.orders.model import Order, StepTaken
from tests.orders_examples import line_of, order_of

STEPS = [("carrier", "ship"), ("pickup", "prepare"), ("appointment", "perform"), ("digital", "provide")]


def mediated(procedure: str) -> Order:
    """An order with a line of the store's and one of a supplier's, a day on its way."""
    return replace(order_of(line_of(1), line_of(2, supplier="guanxi"), procedure=procedure), transit_days=1)


def moment(order: Order, hours: float) -> str:
    return iso(from_iso(order.promised_by) + timedelta(hours=hours))


@pytest.mark.parametrize(("hours", "late"), [(-25, False), (-24, False), (-23, True), (1, True)])
@pytest.mark.parametrize(("procedure", "step"), STEPS)
def test_it_is_late_that_leaves_too_late_to_arrive(procedure: str, step: str, hours: int, late: bool) -> None:
    order = mediated(procedure)
    sent = replace(order, history=(StepTaken(step, "supplier", "member", moment(order, hours), (2,)),))
    assert supply_order_of(sent, "guanxi").late is late


def test_what_the_store_sends_late_is_not_the_suppliers_delay_and_what_was_found_late_is_once() -> None:
    order = mediated("carrier")
    steps = [StepTaken("ship", "store", "packer", moment(order, 5), (1,))]
    assert not supply_order_of(replace(order, history=tuple(steps)), "guanxi").late
    steps.append(StepTaken("late", "system", "system", moment(order, 1), (2,)))
    assert supply_order_of(replace(order, history=tuple(steps)), "guanxi").late
