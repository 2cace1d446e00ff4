"""What is kept for an urgent sale: units that stand in shards of a level, each marked with the sale, from the sale's beginning to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mart_union.kernel.errors import Conflict
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.stock.model import Level, Movement, bring, brought_home, set_aside
from mart_union.stock.service import add_movement, add_shard, get_levels
from mart_union.stock.tables import LevelItem


class SaleMoved(Conflict):
    """An urgent sale ended, or something of it was sold or given back, between reading and writing: read again and repeat."""


_moved = refuse(SaleMoved, "the urgent sale has just ended or moved; do it again")


def add_kept(
    transaction: WriteTransaction, level: str, shares: Mapping[str, int], sale: str, *, actor: str, now: datetime
) -> None:
    """Move units out of a level's reserve into its shards, so many into each, to be sold in a sale. The commit raises OutOfStock if the reserve has
    fewer."""
    reference, quantity = f"urgent-sale/{sale}", sum(shares.values())
    movement = set_aside(quantity, actor, reference)
    add_movement(transaction, level, movement, now, also=[LevelItem.kept.set(quantity)])
    for shard, units in shares.items():
        add_shard(transaction, shard, bring(units, actor, reference), now, sale=sale)


def add_unkept(
    transaction: WriteTransaction, level: str, shards: Iterable[Level], sale: str, *, actor: str, now: datetime
) -> None:
    """Move all that the shards of a sale have left, as it was read, back into the level's reserve; from then on they are of no sale. The commit raises
    SaleMoved if one has more or less left by then."""
    reference, left = f"urgent-sale/{sale}", 0
    for shard in shards:
        movement = set_aside(shard.reserve, actor, reference)
        as_read = (LevelItem.reserve == shard.reserve, _moved)
        add_movement(transaction, shard.id, movement, now, also=[LevelItem.sale.set("")], only=as_read)
        left += shard.reserve
    add_movement(transaction, level, bring(left, actor, reference), now, also=[LevelItem.kept.set(0)])


def add_movements(
    transaction: WriteTransaction,
    movements: Mapping[str, Movement],
    now: datetime,
    sales: Mapping[str, str] | None = None,
) -> None:
    """Add movements by level to a transaction. What a shard gets back goes to its home; while the sale runs that the units were sold in (`sales`, by
    shard), it stays in the shard, to be sold in that sale again.

    One consistent read of the shards, where some are to get back what was sold in a sale. The commit raises SaleMoved if that sale has ended since.
    """
    running = _running(movements, sales or {})
    for level, movement in brought_home(movements, running).items():
        still = (LevelItem.sale == running[level], _moved) if level in running else None
        add_movement(transaction, level, movement, now, only=still)


def _running(movements: Mapping[str, Movement], sales: Mapping[str, str]) -> dict[str, str]:
    """Of the shards that get something back which was sold in a sale: those that still hold units for that sale."""
    shards = [level for level in sales if level in movements and movements[level].reserve > 0]
    found = get_levels(shards, consistent=True) if shards else {}
    return {shard: sales[shard] for shard in shards if shard in found and found[shard].sale == sales[shard]}
