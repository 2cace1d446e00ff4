"""Levels of stock: what they count, and how each movement changes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import replace

REASONS_IN = ("received", "returned", "found", "replenishment")
REASONS_OUT = ("damaged", "lost", "expired", "own-use", "returned-to-supplier")
REASONS = (
    *REASONS_IN,
    *REASONS_OUT,
    *("sold", "reserved", "paid", "released", "cancelled", "returned-unsaleable", "replaced"),
    *("set-aside", "brought", "allotted", "counted", "opened", "resized", "closed", "paused", "resumed"),
)
"""Every reason that a journal names."""


class Level(Struct, frozen=True):
    """The stock of one listing, offer or slot, or a shard of it: units that were moved out of it and are sold by themselves.

    Always `reserve + reserved + sold + written_off == received + corrected + moved`, and none of the first five is below zero. `moved` is
    what came from the level's shards or home, less what went there: over a level and its shards it adds up to nothing. `sequence` counts the changes;
    `reason`, `actor` and `reference` tell of the last one. `supply_minor` is what a unit of an offer's pool costs its sellers now (0 for own
    stock), and `supply_tiers` what units cost by volume, as text ('': the same each): they stand here so that a purchase can require them in the
    condition under which it takes the units. `kept` is how many units the level gave
    to the shards of an urgent sale that has not ended, and `sale` which sale a shard holds units for. `counted` is the key of the last count that came with
    one, so that it is not made twice.
    """

    id: str
    reserve: int = 0
    reserved: int = 0
    sold: int = 0
    written_off: int = 0
    received: int = 0
    corrected: int = 0
    moved: int = 0
    on_sale: bool = True
    low_stock: int = 0
    supply_minor: int = 0
    supply_tiers: str = ""
    kept: int = 0
    sale: str = ""
    counted: str = ""
    sequence: int = 0
    reason: str = ""
    actor: str = ""
    reference: str = ""
    at: str = ""

    def balances(self) -> bool:
        """Whether the level's counts agree with each other."""
        placed = self.reserve + self.reserved + self.sold + self.written_off
        return self.reserve >= 0 and placed == self.received + self.corrected + self.moved


class Movement(Struct, frozen=True):
    """How one change moves the counts of a level, why, by whom and for what."""

    reason: str
    actor: str
    reference: str
    reserve: int = 0
    reserved: int = 0
    sold: int = 0
    written_off: int = 0
    received: int = 0
    corrected: int = 0
    moved: int = 0


class JournalEntry(Struct, frozen=True):
    """One movement of a level as it was recorded, with the reserve after it."""

    level: str
    sequence: int
    at: str
    reason: str
    actor: str
    reference: str
    reserve_after: int
    moved: dict[str, int]


COUNTS = ("reserve", "reserved", "sold", "written_off", "received", "corrected", "moved")


def availability_of(reserve: int, low_stock: int) -> str:
    """How a reserve stands to its low-stock mark: `in_stock` above it, `low_stock` at it and under, `out_of_stock` at nothing."""
    if reserve <= 0:
        return "out_of_stock"
    return "low_stock" if reserve <= low_stock else "in_stock"


def shard_of(level: str, name: int | str) -> str:
    """The id of a level's shard: those of an urgent sale are counted from 1, an allotment of a pool is named for its store."""
    return f"{level}#{name}"


def home_of(level: str) -> str:
    """The level of which a shard is one; any other level itself."""
    return level.partition("#")[0]


def apply(level: Level, movement: Movement, at: str) -> Level:
    """The level after a movement. The caller has checked that the reserve suffices."""
    counts = {name: getattr(level, name) + getattr(movement, name) for name in COUNTS}
    return replace(
        level,
        **counts,
        sequence=level.sequence + 1,
        reason=movement.reason,
        actor=movement.actor,
        reference=movement.reference,
        at=at,
    )


def take(quantity: int, actor: str, reference: str) -> Movement:
    """Sold at once: paid in the same transaction."""
    return Movement("sold", actor, reference, reserve=-quantity, sold=quantity)


def hold(quantity: int, actor: str, reference: str) -> Movement:
    """Reserved for an unpaid purchase."""
    return Movement("reserved", actor, reference, reserve=-quantity, reserved=quantity)


def set_aside(quantity: int, actor: str, reference: str) -> Movement:
    """Moved out of the reserve to the level's shards, or back from one."""
    return Movement("set-aside", actor, reference, reserve=-quantity, moved=-quantity)


def bring(quantity: int, actor: str, reference: str) -> Movement:
    """Moved into the reserve from the level's home or shards."""
    return Movement("brought", actor, reference, reserve=quantity, moved=quantity)


def allot(quantity: int, actor: str, reference: str) -> Movement:
    """Moved between a pool and a seller's allotment of it: into the reserve, or out of it where the quantity is negative."""
    return Movement("allotted", actor, reference, reserve=quantity, moved=quantity)


def sell_held(quantity: int, actor: str, reference: str) -> Movement:
    """A reservation was paid."""
    return Movement("paid", actor, reference, reserved=-quantity, sold=quantity)


def release(quantity: int, actor: str, reference: str) -> Movement:
    """A reservation ended unpaid."""
    return Movement("released", actor, reference, reserved=-quantity, reserve=quantity)


def put_back(quantity: int, actor: str, reference: str) -> Movement:
    """Sold, then cancelled before it left."""
    return Movement("cancelled", actor, reference, sold=-quantity, reserve=quantity)


def take_back(quantity: int, actor: str, reference: str, *, to_reserve: bool) -> Movement:
    """Sold, then given back by the customer: into the reserve, or written off."""
    if to_reserve:
        return Movement("returned", actor, reference, sold=-quantity, reserve=quantity)
    return Movement("returned-unsaleable", actor, reference, sold=-quantity, written_off=quantity)


def take_instead(quantity: int, actor: str, reference: str) -> Movement:
    """Taken to replace as many sold ones that came back and cannot be sold again: these are written off, those count as sold in their place."""
    return Movement("replaced", actor, reference, reserve=-quantity, written_off=quantity)


def stock_in_movement(quantity: int, reason: str, actor: str, reference: str) -> Movement:
    """Goods were laid in."""
    return Movement(reason, actor, reference, received=quantity, reserve=quantity)


def stock_out_movement(quantity: int, reason: str, actor: str, reference: str) -> Movement:
    """Goods were taken out for another reason than a sale."""
    return Movement(reason, actor, reference, written_off=quantity, reserve=-quantity)


def counted(level: Level, quantity: int, actor: str, reference: str, aside: int = 0) -> Movement:
    """A count found `quantity` units for sale, `aside` of them in the level's shards: a correction, not a receipt."""
    difference = max(quantity - aside, 0) - level.reserve
    return Movement("counted", actor, reference, reserve=difference, corrected=difference)


def brought_home(movements: Mapping[str, Movement], running: Collection[str] = ()) -> dict[str, Movement]:
    """The same movements by level, but that what a shard gets back goes to its home, unless it is one of those of a sale that is `running`: a shard is
    sold from for a time only.

    What falls on one level is added up, since a transaction names an item once.
    """
    found: dict[str, Movement] = {}
    for level, movement in movements.items():
        parts = {level: movement}
        if movement.reserve > 0 and home_of(level) != level and level not in running:
            back = movement.reserve
            at_home = Movement(movement.reason, movement.actor, movement.reference, reserve=back, moved=back)
            parts = {level: replace(movement, reserve=0, moved=movement.moved - back), home_of(level): at_home}
        for name, part in parts.items():
            found[name] = _sum(found[name], part) if name in found else part
    return found


def _sum(one: Movement, other: Movement) -> Movement:
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in COUNTS})
