"""The union's own rules of urgent selling under a crowd, in simulated time, with DynamoDB's limit of a partition; `make bench` plays it in full."""

from __future__ import annotations

import pytest

from bench.crowd import LATEST_SECONDS, UNITS_A_SECOND, flash_crowd, sold_at_once


def test_throughput_grows_with_the_shards() -> None:
    one, *more = [sold_at_once(4_000, 250 * shards) for shards in (1, 2, 4, 8)]
    assert one.a_second == pytest.approx(UNITS_A_SECOND / 2, rel=0.02)
    assert [round(each.a_second / one.a_second, 1) for each in more] == pytest.approx([2, 4, 8], rel=0.1)
    assert more[-1].a_second >= 7 * one.a_second
    assert [(each.units, each.lowest, len(each.refused)) for each in (one, *more)] == [(4_000, 0, 1_000)] * 4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_flash_crowd_is_served_in_the_order_of_its_tickets_none_oversold_none_undersold(seed: int) -> None:
    told = flash_crowd(6_000, 300, 50, seed, within_seconds=10)
    assert (told.units, told.lowest, len(told.served)) == (300, 0, 300)
    assert len(told.refused) > 5_000
    assert told.too_early > 200
    assert told.out_of_order_seconds <= LATEST_SECONDS
    assert told.last_at == pytest.approx(300 / 50 / 0.95, rel=0.3)  # one of twenty does not come


def test_a_line_over_several_gates_sells_every_unit_once() -> None:
    told = flash_crowd(3_000, 1_000, 400, within_seconds=1)
    assert (told.units, told.lowest, told.served == sorted(told.served)) == (1_000, 0, False)
    assert told.out_of_order_seconds <= LATEST_SECONDS


def test_the_same_seed_gives_the_same_figures() -> None:
    assert flash_crowd(500, 50, 10, 7) == flash_crowd(500, 50, 10, 7)
