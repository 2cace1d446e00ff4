"""What stock tells the union: a level falls to its low mark, runs out, or is back above either. Each crossing once."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict, replace

from mart_union.kernel.events import Event
from mart_union.stock.model import Level, availability_of, home_of
from mart_union.stock.slotting import is_slot
from mart_union.stock.tables import level_under

_FIELDS = set(Level.__struct_fields__) - {"id"}


def events_of(
    pk: str, sk: str, old: dict[str, Any] | None, new: dict[str, Any] | None, event_id: str, at: str
) -> list[Event]:
    """The event of one change of the Stock table, if a level crossed a mark by it. A level that is new with stock is back.

    What was kept for a sale in shards counts as the listing's until the sale has ended: neither that it is kept, nor a shard that is empty, crosses
    a mark. The end does, if less comes back than the level's mark is away. A seller's allotment of a pool is a level by itself, with the pool's
    mark. A slot crosses none: that a time is booked is no shortage.
    """
    before, after = level_of_image(pk, sk, old), level_of_image(pk, sk, new)
    is_of_a_sale = after is not None and after.id.startswith("listing/") and home_of(after.id) != after.id
    if after is None or is_of_a_sale or is_slot(after.id):
        return []
    name = crossing("out_of_stock" if before is None else _availability(before), _availability(after))
    return [Event(event_id, name, f"level/{after.id}", after.sequence, at, _told(after))] if name else []


def _told(level: Level) -> dict[str, Any]:
    """The level without its last movement's reference: what staff wrote there is for the journal, and may name somebody."""
    return asdict(replace(level, reference=""))


def _availability(level: Level) -> str:
    """How it stands to its own mark, with what it gave to a sale that has not ended."""
    return availability_of(level.reserve + level.kept, level.low_stock)


def level_of_image(pk: str, sk: str, image: dict[str, Any] | None) -> Level | None:
    """The level that an image of the table's stream shows, None if it shows something else."""
    level = level_under(pk, sk)
    if image is None or not level:
        return None
    return Level(level, **{name: value for name, value in image.items() if name in _FIELDS})


def crossing(before: str, after: str) -> str:
    """The event of a change from one availability to another: StockOut, StockLow (from above the mark), StockBack, or '' for none.

    A mark that is raised over the reserve, or lowered under it, is crossed as by a sale or a receipt.
    """
    if before == after:
        return ""
    if after == "out_of_stock":
        return "StockOut"
    return "StockLow" if before == "in_stock" else "StockBack"
