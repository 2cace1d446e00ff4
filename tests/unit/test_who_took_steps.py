"""The history of an order: each step with its role for all, and with who took it for those whose staff that is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mart_union.orders.model import Return, ReturnedLine, StepTaken
from mart_union.orders.seen import seen_returns
from mart_union.orders.views import customer_order, operated_order, store_order
from supply.orders import view_of
from tests.orders_examples import line_of, order_of

AT = "2026-11-22T04:00:00.000Z"


def took(step: str, role: str, actor: str, line: int = 1) -> StepTaken:
    return StepTaken(step, role, actor, AT, (line,))


HISTORY = (
    took("accept", "store", "manager-emei"),
    took("accept", "supplier", "member-guanxi", 2),
    took("ship", "supplier", "member-guanxi", 2),
    took("deliver", "system", "carrier/hct", 2),
    took("remind", "system", "system"),
    took("refuse", "system", "operator/op-1"),
    took("complete", "system", "settlement", 2),
    took("receive", "customer", "customer-lin", 2),
)
ROLES = ["store", "supplier", "supplier", "carrier", "system", "operator", "system", "customer"]
ORDER = replace(
    order_of(line_of(1), line_of(2, level="offer/guanxi/HERB", supplier="guanxi")), history=HISTORY, recipient=""
)


def test_a_customer_reads_roles_and_no_names() -> None:
    assert [(each.role, each.actor) for each in customer_order(ORDER, AT).history] == [(role, "") for role in ROLES]


def test_a_store_reads_who_of_its_own_staff_and_which_carrier() -> None:
    seen = store_order(ORDER).history
    assert [each.role for each in seen] == ROLES
    assert [each.actor for each in seen] == ["manager-emei", "", "", "hct", "", "", "", ""]


def test_the_operator_reads_who_of_all_staff_and_no_customers_id() -> None:
    seen = operated_order(ORDER).history
    assert [each.role for each in seen] == ROLES
    assert [each.actor for each in seen] == [
        "manager-emei",
        "member-guanxi",
        "member-guanxi",
        "hct",
        "",
        "op-1",
        "",
        "",
    ]
    assert {each.at for each in seen} == {AT}


def test_a_supplier_reads_of_its_own_lines_and_who_of_its_own_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supply.orders.fetch", lambda _: None)
    seen = view_of(ORDER, "guanxi").history
    assert [(each.role, each.actor) for each in seen] == [
        ("supplier", "member-guanxi"),
        ("supplier", "member-guanxi"),
        ("carrier", "hct"),
        ("system", ""),
        ("customer", ""),
    ]


def test_a_return_names_who_decided_in_the_same_way() -> None:
    steps = (StepTaken("accept", "store", "manager-emei", AT, ()), StepTaken("refund", "operator", "op-1", AT, ()))
    asked = Return("r1", f"store/{ORDER.store}", (ReturnedLine(1, 1),), "changed_mind", AT, "", history=steps)
    order = replace(ORDER, returns=(asked,))
    told = {
        party: [(each.role, each.actor) for each in seen_returns(order, party)[0].history]
        for party in ("", f"store/{ORDER.store}", "operator")
    }
    assert told == {
        "": [("store", ""), ("operator", "")],
        f"store/{ORDER.store}": [("store", "manager-emei"), ("operator", "")],
        "operator": [("store", "manager-emei"), ("operator", "op-1")],
    }
