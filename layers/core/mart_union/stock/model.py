"""Levels of stock: what they count, and how each movement changes them."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

REASONS_IN = ("received", "returned", "found", "replenishment")
REASONS_OUT = ("damaged", "lost", "expired", "own-use", "returned-to-supplier")


class Level(Struct, frozen=True):
    """The stock of one listing, offer or slot.

    Always `reserve + fenced + reserved + sold + written_off == received + corrected`, and none is below zero. What is `fenced` is kept
    for an urgent sale and sold by nothing else. `sequence` counts the changes;
    `reason`, `actor` and `reference` tell of the last one. `supply_minor` is what a unit of an offer's pool costs its sellers now (0 for own
    stock): it stands here so that a purchase can require it in the condition under which it takes the units.
    """

    id: str
    reserve: int = 0
    reserved: int = 0
    sold: int = 0
    written_off: int = 0
    received: int = 0
    corrected: int = 0
    on_sale: bool = True
    fenced: int = 0
    low_stock: int = 0
    supply_minor: int = 0
    sequence: int = 0
    reason: str = ""
    actor: str = ""
    reference: str = ""
    at: str = ""

    def balances(self) -> bool:
        """Whether the level's counts agree with each other."""
        placed = self.reserve + self.fenced + self.reserved + self.sold + self.written_off
        return min(self.reserve, self.fenced) >= 0 and placed == self.received + self.corrected


class Movement(Struct, frozen=True):
    """How one change moves the counts of a level, why, by whom and for what."""

    reason: str
    actor: str
    reference: str
    reserve: int = 0
    fenced: int = 0
    reserved: int = 0
    sold: int = 0
    written_off: int = 0
    received: int = 0
    corrected: int = 0


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


COUNTS = ("reserve", "fenced", "reserved", "sold", "written_off", "received", "corrected")


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


def take(quantity: int, actor: str, reference: str, *, fenced: int = 0) -> Movement:
    """Sold at once: paid in the same transaction. `fenced` of the units come from what is kept for an urgent sale."""
    return Movement("sold", actor, reference, reserve=fenced - quantity, fenced=-fenced, sold=quantity)


def hold(quantity: int, actor: str, reference: str, *, fenced: int = 0) -> Movement:
    """Reserved for an unpaid purchase; `fenced` of the units come from what is kept for an urgent sale."""
    return Movement("reserved", actor, reference, reserve=fenced - quantity, fenced=-fenced, reserved=quantity)


def fence(quantity: int, actor: str, reference: str) -> Movement:
    """Kept for an urgent sale, out of the reserve."""
    return Movement("fenced", actor, reference, reserve=-quantity, fenced=quantity)


def unfence(quantity: int, actor: str, reference: str) -> Movement:
    """Left over from an urgent sale, back in the reserve."""
    return Movement("unfenced", actor, reference, reserve=quantity, fenced=-quantity)


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


def stock_in_movement(quantity: int, reason: str, actor: str, reference: str) -> Movement:
    """Goods were laid in."""
    return Movement(reason, actor, reference, received=quantity, reserve=quantity)


def stock_out_movement(quantity: int, reason: str, actor: str, reference: str) -> Movement:
    """Goods were taken out for another reason than a sale."""
    return Movement(reason, actor, reference, written_off=quantity, reserve=-quantity)


def counted(level: Level, quantity: int, actor: str, reference: str) -> Movement:
    """A count found `quantity` units for sale, those kept for an urgent sale among them: a correction, not a receipt."""
    difference = max(quantity - level.fenced, 0) - level.reserve
    return Movement("counted", actor, reference, reserve=difference, corrected=difference)
