"""From which of several levels units are taken: a listing's own and its shards. Pure rules."""

from __future__ import annotations

from collections.abc import Sequence

from mart_union.stock.model import Level


def left_in(levels: Sequence[Level | None]) -> int:
    """How many units the levels have for sale together."""
    return sum(level.reserve for level in levels if level is not None and level.on_sale)


def draw(quantity: int, levels: Sequence[Level | None], *, first: int = 0) -> dict[str, int]:
    """How many units to take from which level, {} when they have too few together. Pure: the same levels give the same answer.

    The one after another is asked, from the `first` on, whether it has them all; only where none has, they are taken from several. So buyers
    who begin at different shards do not meet at one.
    """
    begin = first % len(levels) if levels else 0
    asked = [level for level in (*levels[begin:], *levels[:begin]) if level is not None and level.on_sale]
    enough = next((level for level in asked if level.reserve >= quantity), None)
    return draw_in_order(quantity, asked) if enough is None else {enough.id: quantity}


def draw_in_order(quantity: int, levels: Sequence[Level | None]) -> dict[str, int]:
    """How many units to take from which level, each emptied before the next is touched, {} when they have too few together."""
    drawn: dict[str, int] = {}
    if left_in(levels) < quantity:
        return drawn
    for level in (level for level in levels if level is not None and level.on_sale):
        units = min(level.reserve, quantity - sum(drawn.values()))
        if units:
            drawn[level.id] = units
    return drawn
