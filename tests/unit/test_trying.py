"""Trying a procedure on orders of the past."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from mart_union.catalog.procedures import Deadline
from mart_union.kernel.clock import from_iso, iso
from mart_union.orders.model import Order
from mart_union.orders.shipped import PROCEDURES
from mart_union.orders.steps import Details, apply_step, due_steps
from mart_union.orders.trying import TriedOrder, endings, try_on
from tests.orders_examples import PLACED, order_of

CARRIER = PROCEDURES["carrier"]
STORE = "store/emei-tea"


def after(order: Order, step: str, role: str, hours: float, **details: str) -> Order:
    fulfiller = STORE if role == "store" else ""
    at = iso(PLACED + timedelta(hours=hours))
    given = Details(**details)
    return apply_step(order, step, role=role, actor="x", at=at, key=f"{hours}", fulfiller=fulfiller, details=given)


def shipped_and_received(*, accepted: float = 36) -> Order:
    """Accepted after a day and a half unless told, shipped in the 39th hour, received four days later."""
    order = after(order_of(), "accept", "store", accepted)
    order = after(order, "ship", "store", 39, carrier="windcity-express", tracking_number="WX-1")
    return after(order, "receive", "customer", 135)


def test_an_order_goes_the_way_it_went_under_the_procedure_that_it_had() -> None:
    order = shipped_and_received()
    tried = try_on(order, CARRIER)
    assert tried == TriedOrder("p1-1", "carrier", "completed", "completed")
    assert tried.is_same


def test_a_shorter_deadline_would_have_come_before_what_was_done() -> None:
    strict = replace(CARRIER, deadlines=(Deadline("placed", "refuse", hours=24), *CARRIER.deadlines[1:]))
    tried = try_on(shipped_and_received(), strict)
    assert (tried.would_end, tried.overtaken) == ("refused", ("refuse",))
    assert tried.refused == ("accept", "ship", "receive")


def test_steps_and_needs_that_differ_are_named() -> None:
    tried = try_on(shipped_and_received(accepted=12), PROCEDURES["pickup"])
    # accepted as before; nobody prepared it, so the store's three days after the promise pass
    assert (tried.would_end, tried.refused) == ("cancelled", ("ship", "receive"))
    coded = replace(
        CARRIER, steps=tuple(replace(s, needs=("access",)) if s.name == "accept" else s for s in CARRIER.steps)
    )
    assert try_on(shipped_and_received(), coded).missing == ("access",)


def test_what_deadlines_did_is_left_to_those_of_the_other_procedure() -> None:
    order = order_of()
    moment = from_iso(order.clock_at)
    ((step, lines),) = due_steps(order, moment)
    ended = apply_step(order, step, role="system", actor="system", at=iso(moment), key="d", lines=lines)
    assert ended.state == "refused"
    assert try_on(ended, CARRIER).is_same
    lenient = replace(
        CARRIER,
        deadlines=(Deadline("placed", "accept", hours=48), *CARRIER.deadlines[1:]),
        steps=tuple(
            replace(s, roles=("store", "supplier", "system")) if s.name == "accept" else s for s in CARRIER.steps
        ),
    )
    assert try_on(ended, lenient).would_end == "cancelled"


def test_endings_are_counted() -> None:
    same = try_on(shipped_and_received(), CARRIER)
    other = try_on(shipped_and_received(), PROCEDURES["pickup"])  # a day was the time to answer
    assert endings([same, same, other]) == {"completed": 2, "refused": 1}
