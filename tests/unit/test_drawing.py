"""From which levels units come, and which go back first."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mart_union.orders.draws import units_given_back, units_left
from mart_union.orders.model import Line
from mart_union.stock.drawing import draw, draw_in_order, left_in
from mart_union.stock.model import Level, Movement, brought_home, home_of, put_back, sell_held, shard_of, take_back

HOME = "listing/tea/OB"
ONE, TWO = shard_of(HOME, 1), shard_of(HOME, 2)
LEVELS = (Level(ONE, reserve=3), Level(TWO, reserve=5), Level(shard_of(HOME, 3), reserve=9, on_sale=False))
LINE = Line(1, "OB", {}, 6, 100, 600, 0, HOME, "store/tea", (), 600, "placed")


@pytest.mark.parametrize(
    ("quantity", "first", "drawn"),
    [
        (2, 0, {ONE: 2}),
        (2, 1, {TWO: 2}),
        (2, 5, {ONE: 2}),
        (4, 0, {TWO: 4}),
        (8, 1, {TWO: 5, ONE: 3}),
        (9, 0, {}),
    ],
)
def test_one_level_gives_all_units_if_one_can(quantity: int, first: int, drawn: dict[str, int]) -> None:
    assert draw(quantity, LEVELS, first=first) == drawn


@pytest.mark.parametrize(
    ("quantity", "drawn"), [(2, {ONE: 2}), (3, {ONE: 3}), (4, {ONE: 3, TWO: 1}), (8, {ONE: 3, TWO: 5}), (9, {})]
)
def test_in_order_a_level_is_emptied_before_the_next_is_touched(quantity: int, drawn: dict[str, int]) -> None:
    assert draw_in_order(quantity, LEVELS) == drawn
    assert draw_in_order(quantity, [None, *LEVELS]) == drawn


def test_levels_that_are_not_there_or_not_on_sale_have_nothing() -> None:
    assert left_in([None, *LEVELS]) == 8
    assert draw(1, [None]) == {}
    assert draw(1, []) == {}


@pytest.mark.parametrize(
    ("line", "left", "given_back"),
    [
        (LINE, {HOME: 6}, {HOME: 2}),
        (replace(LINE, draws={TWO: 5, ONE: 1}), {TWO: 5, ONE: 1}, {TWO: 1, ONE: 1}),
        (replace(LINE, draws={TWO: 5, ONE: 1}, returned=2), {TWO: 4}, {TWO: 2}),
        (replace(LINE, draws={"a": 12, "b": 6}, is_bundle=True, returned=1), {"a": 10, "b": 5}, {"a": 4, "b": 2}),
        (replace(LINE, returned=6), {}, {}),
    ],
)
def test_the_last_units_come_back_first(line: Line, left: dict[str, int], given_back: dict[str, int]) -> None:
    assert units_left(line) == left
    assert units_given_back(line, min(2, line.left_units)) == given_back


def test_what_a_shard_gets_back_goes_to_its_home_and_other_movements_stay() -> None:
    back = brought_home({level: put_back(2, "a", "r") for level in (ONE, TWO, "listing/tea/GX")})
    assert back[ONE] == back[TWO] == Movement("cancelled", "a", "r", sold=-2, moved=-2)
    assert back[HOME] == Movement("cancelled", "a", "r", reserve=4, moved=4)
    assert back["listing/tea/GX"] == put_back(2, "a", "r")
    assert brought_home({ONE: sell_held(2, "a", "r")}) == {ONE: sell_held(2, "a", "r")}
    written_off = take_back(1, "a", "r", to_reserve=False)
    assert brought_home({ONE: written_off}) == {ONE: written_off}
    assert home_of(ONE) == home_of(HOME) == HOME
