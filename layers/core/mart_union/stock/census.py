"""Every level, for the nightly reconciliation."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.kernel.census import scan
from mart_union.stock.model import Level
from mart_union.stock.service import level_of
from mart_union.stock.tables import LevelItem


def all_levels() -> Iterator[Level]:
    """Every level of the union. A scan of the table."""
    return (level_of(LevelItem.from_raw_data(raw)) for raw in scan(LevelItem) if raw["sk"]["S"] == "LEVEL")
