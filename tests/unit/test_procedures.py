"""Procedures as data: each is proved by walking it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.model import Store
from mart_union.catalog.procedures import Step
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import NotFound, PaymentOutstanding, StepNotAllowed
from mart_union.kernel.ids import input_hash
from mart_union.orders.model import ENDED, Order
from mart_union.orders.pictures import chart_of, mermaid_of
from mart_union.orders.procedures import PAID_FOR, allowed_steps, find_procedure, promised_by
from mart_union.orders.proving import ROLES, shape_problems, stranding_problems
from mart_union.orders.shipped import PROCEDURES, STARTS, get_procedure
from mart_union.orders.steps import Details, apply_step, due_steps, find_late, remind
from tests.orders_examples import PLACED, order_of
from tests.procedure_paths import covered, edges, paths

DETAILS = Details(
    "windcity-express", "WX-1", "123456", "2027-01-01T10:00:00+08:00", "https://example/course", "", "123456"
)
NAMES = sorted(PROCEDURES)


@pytest.mark.parametrize("name", NAMES)
def test_every_procedure_passes_its_check(name: str) -> None:
    assert [*stranding_problems(PROCEDURES[name]), *shape_problems(PROCEDURES[name])] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_paths_of_a_graph_make_every_move_that_it_has(name: str) -> None:
    procedure = PROCEDURES[name]
    made = covered(procedure, "awaiting_payment") | covered(procedure, "placed")
    assert made == {(state, step.name) for state, step in edges(procedure)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", STARTS)
def test_every_path_ends_with_the_money_settled_or_refunded(name: str, start: str) -> None:
    for path in paths(PROCEDURES[name], start):
        order, at = order_of(procedure=name, state=start), PLACED
        for number, step in enumerate(path):
            at += timedelta(hours=1)
            order = taken(order, step, at, f"{number}")
            assert order.state == step.to_state
        assert (order.state in ENDED, order.escrow_minor, order.clock_at) == (True, 0, "")
        assert path[-1].effect in {"refund", "complete", "release"}
        assert [each.step for each in order.history] == [step.name for step in path]


def taken(order: Order, step: Step, at: datetime, key: str) -> Order:
    role = step.roles[0]
    fulfiller = "store/emei-tea" if role == "store" else ""
    return apply_step(order, step.name, role=role, actor="x", at=iso(at), key=key, fulfiller=fulfiller, details=DETAILS)


@pytest.mark.parametrize("name", NAMES)
def test_in_every_state_each_role_may_do_what_the_graph_says_and_nothing_else(name: str) -> None:
    procedure = PROCEDURES[name]
    for state in {state for state, _ in edges(procedure)}:
        order = order_of(procedure=name, state=state)
        for role in sorted(ROLES - {"supplier"}):
            fulfiller = "store/emei-tea" if role == "store" else ""
            expected = [step.name for origin, step in edges(procedure) if origin == state and role in step.roles]
            assert sorted(allowed_steps(order, role, fulfiller)) == sorted(expected)
            for step in procedure.steps:
                if step.name in expected:
                    continue
                with pytest.raises(StepNotAllowed) as refused:
                    apply_step(order, step.name, role=role, actor="x", at=iso(PLACED), key="k", fulfiller=fulfiller)
                assert sorted(refused.value.facts["allowed"]) == sorted(expected)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_begun_or_handed_over_that_a_card_may_not_pay(name: str) -> None:
    for state, step in edges(PROCEDURES[name]):
        order = replace(order_of(procedure=name, state=state), payment="authorized")
        if step.to_state in PAID_FOR:
            with pytest.raises(PaymentOutstanding):
                taken(order, step, PLACED, "k")


@pytest.mark.parametrize("name", NAMES)
def test_an_order_that_nobody_touches_ends_by_its_deadlines_alone(name: str) -> None:
    order = order_of(procedure=name)
    for number in range(5):
        if order.state in ENDED:
            break
        moment = from_iso(order.clock_at)
        assert due_steps(order, moment - timedelta(milliseconds=1)) == []
        while (told := find_late(remind(order, moment), moment)) is not order:
            order = told
            moment = from_iso(order.clock_at)
        ((step, lines),) = due_steps(order, moment)
        order = apply_step(order, step, role="system", actor="system", at=iso(moment), key=f"{number}", lines=lines)
    assert (order.state, order.escrow_minor, order.clock_at) == ("refused", 0, "")


def test_a_version_stays_what_it_was_and_an_unknown_one_is_named() -> None:
    for name in NAMES:
        assert get_procedure(name, PROCEDURES[name].version) is PROCEDURES[name]
    with pytest.raises(NotFound) as refused:
        get_procedure("carrier", 99)
    assert refused.value.facts == {
        "procedures": ["appointment", "carrier", "carrier_cash", "digital", "made_to_order", "pickup", "pickup_cash"]
    }


def test_the_picture_shows_every_step_and_deadline() -> None:
    picture = mermaid_of(PROCEDURES["carrier"])
    assert picture.startswith("stateDiagram-v2\n    [*] --> awaiting_payment\n    [*] --> placed\n")
    assert "    accepted --> shipped: ship (store, supplier)\n" in picture
    assert "    note right of placed: 48 h, then refuse\n" in picture
    assert "    note right of accepted: 168 h after the promised day, then cancel\n" in picture
    assert "    note right of delivered: return window, then complete\n" in picture


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_has_every_step_from_every_state_and_every_deadline(name: str) -> None:
    procedure = PROCEDURES[name]
    chart = chart_of(procedure.steps, procedure.deadlines)
    drawn = [(chart.states[arrow.begin], arrow.step.name, chart.states[arrow.end]) for arrow in chart.arrows]
    told = [(state, step.name, step.to_state) for step in procedure.steps for state in step.from_states]
    assert sorted(drawn) == sorted(told)
    timed = [arrow.deadline for arrow in chart.arrows if arrow.deadline]
    assert sorted(timed, key=str) == sorted(procedure.deadlines, key=str)
    assert [chart.states[place] for place in chart.starts] == ["awaiting_payment", "placed"]
    assert {chart.states[place] for place in chart.endings} == {step.to_state for step in procedure.steps} & ENDED
    assert [arrow.begin for arrow in chart.arrows] == sorted(arrow.begin for arrow in chart.arrows)


def test_a_name_means_the_stores_own_procedure_or_a_shipped_one() -> None:
    own = replace(PROCEDURES["digital"], name="fast", version=3)
    store = Store("emei-tea", "xu", {}, {}, "food-drink", "open", "2026-01-01T00:00:00.000Z", procedures=(own,))
    assert (find_procedure(store, "fast"), find_procedure(store, "digital")) == (own, PROCEDURES["digital"])
    with pytest.raises(NotFound) as refused:
        find_procedure(store, "teleport")
    assert refused.value.facts == {"procedures": sorted({*PROCEDURES, "fast"})}


def test_who_waits_too_long_is_told_once_each_and_then_the_deadline_acts() -> None:
    order = taken(order_of(procedure="made_to_order"), PROCEDURES["made_to_order"].steps[3], PLACED, "a")
    order = taken(order, PROCEDURES["made_to_order"].steps[4], PLACED, "b")
    promised = from_iso(order.promised_by)
    seen = []
    for _ in range(4):
        moment = from_iso(order.clock_at)
        just_before = moment - timedelta(milliseconds=1)
        assert find_late(remind(order, just_before), just_before) is order
        if (after := find_late(remind(order, moment), moment)) is order:
            break
        seen.append((after.history[-1].step, moment - promised, after.state, after.escrow_minor))
        order = after
    assert seen == [
        ("late", timedelta(0), "making", order.escrow_minor),
        ("remind", timedelta(hours=1), "making", order.escrow_minor),
        ("escalate", timedelta(days=7), "making", order.escrow_minor),
    ]
    assert due_steps(order, promised + timedelta(days=30)) == [("refuse", (1,))]
    assert order.clock_at == iso(promised + timedelta(days=30))


def test_a_store_promises_the_end_of_a_day_of_the_unions_time_zone() -> None:
    late_evening = datetime(2026, 11, 2, 17, 0, tzinfo=UTC)  # already the 3rd in Taipei
    assert promised_by(2, late_evening) == "2026-11-05T15:59:59.000Z"


def test_acceptance_runs_out_two_days_after_payment_for_carriers() -> None:
    assert order_of().clock_at == iso(PLACED + timedelta(hours=48))


def test_a_published_version_never_changes_because_orders_are_pinned_to_it() -> None:
    versions = [(name, version) for name in NAMES for version in range(1, PROCEDURES[name].version + 1)]
    prints = {each: input_hash(get_procedure(*each))[:12] for each in versions}
    assert prints == {
        ("appointment", 1): "03a1b274c2c6",
        ("carrier", 1): "b2b0de17881b",
        ("carrier", 2): "34ceed4328eb",
        ("carrier", 3): "59c91ac1c990",
        ("carrier_cash", 1): "7248c0d709bf",
        ("carrier_cash", 2): "481667676386",
        ("carrier_cash", 3): "cd2911f6d795",
        ("digital", 1): "307150f4aab3",
        ("made_to_order", 1): "cabd98fde335",
        ("made_to_order", 2): "273ef254740c",
        ("made_to_order", 3): "6f14aee3a42e",
        ("pickup", 1): "a1e8fa377b64",
        ("pickup", 2): "a31cc3f2be38",
        ("pickup", 3): "e47f6a623229",
        ("pickup_cash", 1): "0b377061bfaf",
        ("pickup_cash", 2): "80333e4bd22c",
        ("pickup_cash", 3): "c2509feca6fe",
    }
