"""From which levels the units of a line come. Pure rules."""

from __future__ import annotations

from collections.abc import Iterable

from mart_union.orders.model import Line, Order


def units_between(line: Line, first: int, last: int) -> dict[str, int]:
    """How many units of each level the line's units from `first` to before `last`, counted from 0, are."""
    if not line.draws:
        return {line.level: last - first} if last > first else {}
    if line.is_bundle:
        parts = {level: units // line.quantity * (last - first) for level, units in line.draws.items()}
    else:
        parts, begin = {}, 0
        for level, units in line.draws.items():
            parts[level] = max(min(last, begin + units) - max(first, begin), 0)
            begin += units
    return {level: units for level, units in parts.items() if units}


def units_left(line: Line) -> dict[str, int]:
    """How many units of each level the line still has: the last ones come back first."""
    return units_between(line, 0, line.left_units)


def units_given_back(line: Line, units: int) -> dict[str, int]:
    """What of each level comes back with the next `units` of the line."""
    return units_between(line, line.left_units - units, line.left_units)


def sales_of(orders: Iterable[Order]) -> dict[str, str]:
    """In which urgent sale the units of a shard were sold, by shard, of all that were."""
    lines = (line for order in orders for line in order.lines if line.sale)
    return {level: line.sale for line in lines for level in line.draws}
