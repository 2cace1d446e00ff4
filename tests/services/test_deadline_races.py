"""A store accepts in the moment in which its time is up: it or the deadline wins, and the other one finds it so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from mart_union.ledger.service import get_balance
from mart_union.orders import service
from mart_union.orders.model import Order
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from tests.orders_examples import PLACED, order_of
from tests.services.test_orders import counts, outcome, place


@pytest.mark.parametrize("round_", range(6))
def test_of_accepting_and_the_deadline_at_once_exactly_one_wins(unique: str, round_: int) -> None:
    order = place(order_of(), unique)
    deadline = PLACED + timedelta(hours=48)

    def accept() -> Order:
        return take_step(
            order.id, "accept", "packer", "store", "key-accept", deadline, fulfiller=f"store/{order.store}"
        )

    sweeps: list[Callable[[], Order]] = [lambda: act_on_deadlines(order.id, deadline)] * 2
    acts: list[Callable[[], Order]] = [*sweeps, accept] if round_ % 2 else [accept, *sweeps]
    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(outcome, acts))
    accepted = outcomes[-1 if round_ % 2 else 0]
    after = get_order(order.id, consistent=True)
    balance = get_balance(f"customer/{order.customer}").balance_minor
    taken = [(each.step, each.role) for each in after.history if each.step != "late"]
    if after.state == "refused":
        assert (accepted, taken) == ("step-not-allowed", [("refuse", "system")])
        assert (after.escrow_minor, balance, counts(order)) == (0, 500000, [(10, 0)])
    else:
        assert (accepted, after.state, taken) == ("accept", "accepted", [("accept", "store")])
        assert (after.escrow_minor, balance, counts(order)) == (136000, 364000, [(8, 2)])
    assert after.sequence == 1 + len(after.history)


@pytest.mark.parametrize("first", ["accept", "deadline"])
def test_of_accepting_and_the_deadline_the_first_wins_though_both_have_read_the_order(
    unique: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, deadline, fulfiller = place(order_of(), unique), PLACED + timedelta(hours=48), f"store/tea-{unique}"

    def accept() -> Order:
        return take_step(order.id, "accept", "packer", "store", "key-accept", deadline, fulfiller=fulfiller)

    acts = [accept, lambda: act_on_deadlines(order.id, deadline)]
    one, other = acts if first == "accept" else reversed(acts)
    write, asked = service._commit, list[Callable[[], Order]]([one])

    def overtaken(*facts: Any) -> None:
        if asked:
            asked.pop()()  # the other one comes between this one's read and its write
        write(*facts)

    monkeypatch.setattr(service, "_commit", overtaken)
    assert outcome(other) == ("late" if first == "accept" else "step-not-allowed")
    after = get_order(order.id, consistent=True)
    state, taken = ("accepted", ["accept", "late"]) if first == "accept" else ("refused", ["refuse"])
    assert (after.state, [each.step for each in after.history]) == (state, taken)
    assert counts(order) == ([(8, 2)] if first == "accept" else [(10, 0)])
