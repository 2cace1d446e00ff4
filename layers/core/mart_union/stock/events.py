"""What stock tells the union: a level falls to its low mark, runs out, or is back. Each crossing once."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from mart_union.kernel.events import Event
from mart_union.stock.model import BROUGHT, SET_ASIDE, Level, home_of

_FIELDS = set(Level.__struct_fields__) - {"id"}


def events_of(
    pk: str, sk: str, old: dict[str, Any] | None, new: dict[str, Any] | None, event_id: str, at: str
) -> list[Event]:
    """The event of one change of the Stock table, if a level crossed a mark by it. A level that is new with stock is back.

    What a sale keeps in shards is still the listing's: neither that it is set aside, nor a shard that is empty, crosses a mark.
    """
    before, after = level_of_image(pk, sk, old), level_of_image(pk, sk, new)
    if after is None or home_of(after.id) != after.id or after.reason == SET_ASIDE:
        return []
    name = crossing(_reserve_before(before, after), after.reserve, after.low_stock)
    return [Event(event_id, name, f"level/{after.id}", after.sequence, at, asdict(after))] if name else []


def _reserve_before(before: Level | None, after: Level) -> int:
    """What was for sale before: when an urgent sale has ended, more than its mark, since what was kept for it counted, too."""
    if before is None:
        return 0
    return max(before.reserve, after.low_stock + 1) if after.reason == BROUGHT else before.reserve


def level_of_image(pk: str, sk: str, image: dict[str, Any] | None) -> Level | None:
    """The level that an image of the table's stream shows, None if it shows something else."""
    if image is None or sk != "LEVEL":
        return None
    return Level(pk.removeprefix("LEVEL#"), **{name: value for name, value in image.items() if name in _FIELDS})


def crossing(before: int, after: int, low_stock: int) -> str:
    """The mark that a reserve crossed on its way: StockOut, StockBack, StockLow, or '' for none."""
    if before > 0 and after == 0:
        return "StockOut"
    if before == 0 and after > 0:
        return "StockBack"
    if before > low_stock >= after:
        return "StockLow"
    return ""
