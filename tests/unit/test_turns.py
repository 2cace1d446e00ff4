"""Whose turn it is: gates give one turn after another, never more a second than the rate, and now where nobody waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mart_union.checkout.turns import (
    VALID_SECONDS,
    Ticket,
    gates_for,
    microseconds,
    moment_of,
    next_turn,
    step_of,
)

NOW = microseconds(datetime(2026, 11, 22, 4, 0, tzinfo=UTC))
SECOND = 10**6


def test_where_nobody_waits_the_turn_is_now() -> None:
    assert next_turn(None, NOW, 500_000) == (NOW, NOW + 500_000)
    assert next_turn(NOW - 1, NOW, 500_000) == (NOW, NOW + 500_000)


def test_turns_of_a_crowd_are_a_step_apart_and_a_pause_is_not_saved_up() -> None:
    next_at, turns = None, []
    for _ in range(5):
        turn, next_at = next_turn(next_at, NOW, 200_000)
        turns.append(turn - NOW)
    assert turns == [0, 200_000, 400_000, 600_000, 800_000]
    assert next_turn(next_at, NOW + 60 * SECOND, 200_000)[0] == NOW + 60 * SECOND


@pytest.mark.parametrize("rate", [1, 3, 99, 100, 101, 250, 1_000, 4_000])
def test_all_gates_together_let_the_rate_in(rate: int) -> None:
    gates, step = gates_for(rate), step_of(rate)
    assert gates == -(-rate // 100)
    assert gates * SECOND / step == pytest.approx(rate, rel=1e-3)
    turns = []
    for _ in range(gates):
        next_at = None
        for _ in range(2 * SECOND // step):
            turn, next_at = next_turn(next_at, NOW, step)
            turns.append(turn - NOW)
    assert sum(turn < SECOND for turn in turns) in range(rate - gates, rate + gates + 1)


def test_a_ticket_tells_its_place_and_wait_from_the_clock_alone() -> None:
    ticket = Ticket("t1", "s1", "c1", NOW + 10 * SECOND, 20)
    assert [(ticket.place(at), ticket.wait_seconds(at)) for at in (NOW, NOW + 9_500_000, NOW + 10 * SECOND)] == [
        (200, 10),
        (10, 1),
        (0, 0),
    ]
    assert ticket.place(NOW + 60 * SECOND) == 0
    assert ticket.expires == NOW + (10 + VALID_SECONDS) * SECOND


def test_moments_are_whole_microseconds() -> None:
    moment = datetime(2026, 11, 22, 4, 0, 0, 123_456, tzinfo=UTC)
    assert moment_of(microseconds(moment)) == moment
    assert microseconds(moment + timedelta(microseconds=1)) == microseconds(moment) + 1
