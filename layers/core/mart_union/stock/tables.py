"""The Stock table.

| question | key | requests | units |
|---|---|---|---|
| a level | `LEVEL#<level>`/`LEVEL` | 1 | 0.5 read |
| a slot's level | `SLOTS#<store>/<sku>#<yyyymm>`/`<yyyymmddThhmmZ>` | 1 | 0.5 read |
| a listing's slots in a month of UTC, by time | `SLOTS#<store>/<sku>#<yyyymm>` | 1 a page | by size: 0.5 a dozen |
| a command on a level that came before | `LEVEL#<level>`/`COMMAND#<key>` | 1 | 0.5 read |
| a level's movements, newest first | `JOURNAL#<level>#<sequence // 1000>`/`<sequence>` | 1 a block of 1,000 | by size |

No index. A level is changed by conditional updates only; the stream of this table writes the journal from the level's old and new
image. A journal partition holds a thousand movements and no more. A month has as many slots of a listing as its staff opened: never more than its
44,640 minutes.
"""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from mart_union.kernel.storage import Document, Item, Whole, table_name
from mart_union.stock.model import JournalEntry
from mart_union.stock.slotting import is_slot, slot_level, slots_of

BLOCK = 1000


class StockItem(Item):
    """Any item of the table."""

    class Meta:
        table_name = table_name("stock")


class LevelItem(StockItem):
    """A level: plain counts, so that updates can add to them under a condition."""

    reserve = Whole(default=0)
    reserved = Whole(default=0)
    sold = Whole(default=0)
    written_off = Whole(default=0)
    received = Whole(default=0)
    corrected = Whole(default=0)
    moved = Whole(default=0)
    on_sale = BooleanAttribute(default=True)
    low_stock = Whole(default=0)
    supply_minor = Whole(default=0)
    supply_tiers = UnicodeAttribute(null=True)
    kept = Whole(default=0)
    sale = UnicodeAttribute(default="")
    counted = UnicodeAttribute(default="")
    sequence = Whole(default=0)
    reason = UnicodeAttribute(default="")
    actor = UnicodeAttribute(default="")
    reference = UnicodeAttribute(default="")
    at = UnicodeAttribute(default="")


class CommandItem(StockItem):
    """A stock command that was carried out, so that its repeat gets the first answer."""

    request = UnicodeAttribute()
    reserve_after = Whole()


class JournalItem(StockItem):
    """One recorded movement."""

    document = Document(JournalEntry)


def level_key(level: str) -> tuple[str, str]:
    """The key of a level. A slot's stands among those of its listing and month."""
    if is_slot(level):
        owner, slot = slots_of(level)
        return slots_key(owner, slot[:6]), slot
    return f"LEVEL#{level}", "LEVEL"


def command_key(level: str, key: str) -> tuple[str, str]:
    """The key of a command on a level, by its idempotency key."""
    return f"LEVEL#{level}", f"COMMAND#{key}"


def level_under(pk: str, sk: str) -> str:
    """The id of the level that stands under a key, '' if something else does."""
    if pk.startswith("SLOTS#"):
        store, _, sku = pk.removeprefix("SLOTS#").rpartition("#")[0].partition("/")
        return slot_level(store, sku, sk)
    return pk.removeprefix("LEVEL#") if sk == "LEVEL" else ""


def slots_key(owner: str, month: str) -> str:
    """The partition of a listing's (`<store>/<sku>`) slots of a month (`yyyymm`, UTC)."""
    return f"SLOTS#{owner}#{month}"


def journal_key(level: str, sequence: int) -> tuple[str, str]:
    """The key of a movement."""
    return f"JOURNAL#{level}#{sequence // BLOCK:06d}", f"{sequence:012d}"
