"""References to levels, for reads that other capabilities make together with their own."""

from __future__ import annotations

from mart_union.kernel.storage import Ref
from mart_union.stock.model import Level
from mart_union.stock.service import level_of
from mart_union.stock.tables import LevelItem, level_key


def level_ref(level: str) -> Ref[Level]:
    """A level as it was a moment ago."""
    return Ref(LevelItem, *level_key(level), level_of)
