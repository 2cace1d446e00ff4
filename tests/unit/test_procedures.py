"""Procedures as data: each is proved by walking it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.model import Store
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import NotFound
from mart_union.kernel.ids import input_hash
from mart_union.orders.model import ENDED, Order
from mart_union.orders.procedures import (
    PROCEDURES,
    Deadline,
    Procedure,
    Step,
    allowed_steps,
    current_version,
    get_procedure,
    mermaid_of,
    promised_by,
)
from mart_union.orders.proving import check_procedure
from mart_union.orders.steps import Details, apply_step, due_steps
from tests.orders_examples import PLACED, order_of

DETAILS = Details(
    "windcity-express", "WX-1", "123456", "2027-01-01T10:00:00+08:00", "https://example/course", "", "123456"
)
NAMES = sorted(PROCEDURES)


def walks(order: Order, at: datetime, depth: int = 0) -> Iterator[Order]:
    """Every order that any sequence of allowed steps can end in; the same state is entered again at most twice."""
    moved = False
    for role, fulfiller in (("customer", ""), ("store", "store/emei-tea"), ("system", "")):
        for step in allowed_steps(order, role, fulfiller):
            if sum(taken.step == step for taken in order.history) >= 2:
                continue
            moved = True
            after = apply_step(
                order, step, role=role, actor="x", at=iso(at), key=f"{depth}", fulfiller=fulfiller, details=DETAILS
            )
            yield from walks(after, at + timedelta(hours=1), depth + 1)
    if not moved:
        yield order


@pytest.mark.parametrize("name", NAMES)
def test_every_procedure_passes_its_check(name: str) -> None:
    assert check_procedure(PROCEDURES[name]) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", ["awaiting_payment", "placed"])
def test_every_walk_ends_with_the_money_settled_or_refunded(name: str, start: str) -> None:
    ends = list(walks(order_of(procedure=name, state=start), PLACED))
    assert len(ends) >= 4
    for end in ends:
        last = PROCEDURES[name].step(end.history[-1].step)
        assert end.state in ENDED
        assert end.escrow_minor == 0
        assert last is not None
        assert last.effect in {"refund", "complete", "release"}
        assert end.clock_at == ""


@pytest.mark.parametrize("name", NAMES)
def test_an_order_that_nobody_touches_ends_by_its_deadlines_alone(name: str) -> None:
    order = order_of(procedure=name)
    for number in range(5):
        if order.state in ENDED:
            break
        moment = from_iso(order.clock_at)
        assert due_steps(order, moment - timedelta(milliseconds=1)) == []
        ((step, lines),) = due_steps(order, moment)
        order = apply_step(order, step, role="system", actor="system", at=iso(moment), key=f"{number}", lines=lines)
    assert (order.state, order.escrow_minor, order.clock_at) == ("refused", 0, "")


def broken(**changes: object) -> list[str]:
    return check_procedure(replace(PROCEDURES["digital"], **changes))  # type: ignore[arg-type]


def with_step(step: Step) -> list[str]:
    return broken(steps=(*PROCEDURES["digital"].steps, step))


def test_the_check_names_what_is_wrong() -> None:
    assert with_step(Step("lose", "Lose", ("delivered",), "shipped", ("store",))) == [
        "no ending is reached from shipped",
        "an order can stay shipped for ever",
    ]
    assert with_step(Step("x", "X", ("accepted",), "refused", ("store",), effect="refund")) == [
        "accepted is left by a step and never reached"
    ]
    assert with_step(Step("keep", "Keep", ("placed",), "refused", ("store",))) == [
        "keep does not settle the money as its ending calls for"
    ]
    assert with_step(Step("steal", "Steal", ("placed",), "completed", ("store",), effect="refund")) == [
        "steal does not settle the money as its ending calls for"
    ]
    assert with_step(Step("pay", "Pay", ("awaiting_payment",), "placed", ("system",), effect="payment")) == [
        "two steps are called pay"
    ]
    assert with_step(Step("back", "Back", ("refused",), "placed", ("store",))) == ["back leaves an ending"]
    assert with_step(Step("free", "Free", ("awaiting_payment",), "placed", ("store",))) == [
        "free leaves awaiting_payment without payment"
    ]
    assert broken(deadlines=(Deadline("delivered", "complete", return_window=True),)) == [
        "an order can stay placed for ever"
    ]
    assert broken(deadlines=(*PROCEDURES["digital"].deadlines, Deadline("placed", "provide", hours=1))) == [
        "the system cannot take provide from placed"
    ]


def test_a_version_stays_what_it_was_and_an_unknown_one_is_named() -> None:
    for name in NAMES:
        assert get_procedure(name, current_version(name)) is PROCEDURES[name]
    with pytest.raises(NotFound) as refused:
        get_procedure("carrier", 99)
    assert refused.value.facts == {
        "procedures": ["appointment", "carrier", "carrier_cash", "digital", "pickup", "pickup_cash"]
    }
    with pytest.raises(NotFound):
        current_version("teleport")


def test_the_picture_shows_every_step_and_deadline() -> None:
    picture = mermaid_of(PROCEDURES["carrier"])
    assert picture.startswith("stateDiagram-v2\n    [*] --> awaiting_payment\n    [*] --> placed\n")
    assert "    accepted --> shipped: ship (store, supplier)\n" in picture
    assert "    note right of placed: 48 h, then refuse\n" in picture
    assert "    note right of accepted: 168 h after the promised day, then cancel\n" in picture
    assert "    note right of delivered: return window, then complete\n" in picture


def test_a_store_promises_the_end_of_a_day_of_the_unions_time_zone() -> None:
    store = Store("emei-tea", "xu", {}, {}, "food-drink", "open", "2026-01-01T00:00:00.000Z", lead_days=2)
    late_evening = datetime(2026, 11, 2, 17, 0, tzinfo=UTC)  # already the 3rd in Taipei
    assert promised_by(store, late_evening) == "2026-11-05T15:59:59.000Z"


def test_acceptance_runs_out_two_days_after_payment_for_carriers() -> None:
    assert order_of().clock_at == iso(PLACED + timedelta(hours=48))


def test_a_procedure_without_steps_is_no_procedure() -> None:
    assert check_procedure(Procedure("empty", 1, "Empty", (), ())) == [
        "no ending is reached from awaiting_payment",
        "no ending is reached from placed",
        "an order can stay placed for ever",
    ]


def test_a_published_version_never_changes_because_orders_are_pinned_to_it() -> None:
    prints = {(name, PROCEDURES[name].version): input_hash(PROCEDURES[name])[:12] for name in NAMES}
    assert prints == {
        ("appointment", 1): "03a1b274c2c6",
        ("carrier", 1): "1e54f7f6fa97",
        ("carrier_cash", 1): "e59673d215b7",
        ("digital", 1): "307150f4aab3",
        ("pickup", 1): "151730c09bf3",
        ("pickup_cash", 1): "a82de0f2487d",
    }
