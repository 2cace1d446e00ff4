"""Counts of a level, and other changes that are worked out from how it stands: each under the sequence that was read, or again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid
from mart_union.kernel.money import split_within
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import Also, WriteTransaction, refuse
from mart_union.stock.model import Level, Movement, apply, counted
from mart_union.stock.service import MOST_UNITS, add_rewritten, get_level, get_levels, level_of
from mart_union.stock.tables import LevelItem, level_key


class _Overtaken(Conflict):
    """Another movement came between reading and writing: read again and repeat."""


_overtaken = refuse(_Overtaken, "another movement came first")

Beside = Callable[[WriteTransaction, Collection[str]], None]
"""Adds something to the transaction of a count; it is told which shards that writes, since a transaction names an item once."""


def count(
    level: str,
    quantity: int,
    *,
    actor: str,
    reference: str,
    now: datetime,
    low_stock: int | None = None,
    on_sale: bool | None = None,
    supply_minor: int | None = None,
    supply_tiers: str | None = None,
    before: Level | None = None,
    shards: Callable[[], Iterable[str]] = tuple,
    alike: bool = False,
    key: str = "",
    cut_off_since: str = "",
    also: Beside | None = None,
) -> bool:
    """Set a level to what was counted, as a correction, making the level if it is new; says whether anything was written.

    What is given as None stays as it is. Repeating it writes nothing. A sale at the same moment is not lost: the count is applied to
    what was read, under its sequence, or tried again. `before` is the level as its caller has just read it, sequence 0 for none: it is
    read again only when it has changed since. What was counted includes what its shards have for sale: `shards` reads which it has, is asked
    after the level was read, and only where the level ever gave units away; since those go and come with a change of the level, the count
    holds for one moment. Where less was counted than they have, the level has nothing left and they are cut in the same transaction to what was counted, each in
    proportion to what it has: nothing is sold that is not there. With `alike` they say of sale, price and mark what the level does. A `key` counts once: after it wrote it changes nothing, whatever was sold since; keys come in an order, and one does not count
    after a later one. A count that found nothing to correct, and has nothing `also`, leaves no key: who goes on with counts that were `cut_off_since` a moment does not count what
    has moved since then. What `also` adds is written with the level, if that is, or under a key, and refuses first.

    Raises:
        Invalid: the quantity is negative or too large.
        Conflict: it was counted under a later key, or has moved since the counts were cut off; nothing was changed.
        Busy: other changes kept winning.
    """
    _require_units(quantity)
    given = {"low_stock": low_stock, "on_sale": on_sale, "supply_minor": supply_minor, "supply_tiers": supply_tiers}
    says = {name: value for name, value in given.items() if value is not None}
    counting = _Count(quantity, actor, reference, iso(now), says, shards, alike, key, cut_off_since)
    cut: list[_Rewritten] = []

    def change(before: Level) -> Level:
        after, cut[:] = counting.of(before)
        return after

    def add(transaction: WriteTransaction) -> None:
        if also is not None:
            also(transaction, {shard.id for shard, _ in cut})
        for shard, after in cut:
            add_rewritten(transaction, shard, after, _overtaken)

    def must(before: Level, after: Level) -> bool:
        return bool(cut) or (also is not None and before.counted != after.counted)

    return rewrite(level, change, before, add, anyway=must)


_Rewritten = tuple[Level, Level]  # before and after


class _Count(Struct, frozen=True):
    """What was counted of a level, by whom and when, what it shall say beside its counts, and under which key; as `count` says."""

    quantity: int
    actor: str
    reference: str
    at: str
    says: dict[str, Any]
    shards: Callable[[], Iterable[str]]
    alike: bool
    key: str
    cut_off_since: str

    def of(self, before: Level) -> tuple[Level, list[_Rewritten]]:
        """The level as the count leaves it, and the shards that it cuts; as it stands, and none, if the key has counted it.

        Raises:
            Conflict: it was counted under a later key, or has moved since the counts were cut off.
        """
        if self.key and before.counted == self.key:
            return before, []
        _require_current(before, self.key, self.cut_off_since)
        aside = _aside(before, self.shards) if before.moved else []
        units = sum(shard.reserve for shard in aside)
        after = apply(before, counted(before, self.quantity, self.actor, self.reference, units), self.at)
        noted = {"counted": self.key} if self.key else {}
        return Level(**(asdict(after) | self.says | noted)), self._cut(aside)

    def _cut(self, aside: list[Level]) -> list[_Rewritten]:
        says = self.says if self.alike else {}
        return _cut(aside, self.quantity, self.actor, self.reference, self.at, says)


def _cut(
    shards: Iterable[Level], quantity: int, actor: str, reference: str, at: str, settings: dict[str, Any]
) -> list[_Rewritten]:
    """The shards that have to give up units where less was counted than they all have for sale: what was counted is split over them by what they have."""
    having = [shard for shard in shards if shard.reserve]
    has = [shard.reserve for shard in having]
    if quantity >= sum(has):
        return []
    left = zip(having, split_within(quantity, has), strict=True)
    cut = [(shard, apply(shard, counted(shard, units, actor, reference), at)) for shard, units in left]
    return [(shard, Level(**(asdict(after) | settings))) for shard, after in cut if after.reserve < shard.reserve]


def add_first_count(
    transaction: WriteTransaction,
    level: str,
    quantity: int,
    *,
    actor: str,
    reference: str,
    now: datetime,
    low_stock: int,
    on_sale: bool,
    supply_minor: int = 0,
    supply_tiers: str = "",
    key: str = "",
) -> None:
    """Add a new level, with what was counted of it, under a `key` where there is one, to a transaction: one item. The commit raises Conflict if the
    level is there already.

    Raises:
        Invalid: the quantity is negative or too large.
    """
    _require_units(quantity)
    price = {"supply_minor": supply_minor, "supply_tiers": supply_tiers}
    before = Level(level, low_stock=low_stock, on_sale=on_sale, counted=key, **price)  # type: ignore[arg-type]
    after = apply(before, counted(before, quantity, actor, reference), iso(now))
    add_rewritten(transaction, before, after, _overtaken)


def _require_current(before: Level, key: str, cut_off_since: str) -> None:
    if key and before.counted > key:
        raise Conflict("a later upload has counted its stock")
    if cut_off_since and before.at > cut_off_since:
        raise Conflict("its stock has moved since this upload began, which was cut off: send it again")


def _require_units(quantity: int) -> None:
    if not 0 <= quantity <= MOST_UNITS:
        message = f"the quantity must be a whole number from 0 to {MOST_UNITS}"
        raise Invalid(message, errors=[{"field": "quantity", "reason": message}])


def _aside(home: Level, shards: Callable[[], Iterable[str]]) -> list[Level]:
    """A level's shards while it is as it was read: then nothing came from them, and nothing went there."""
    found = get_levels(shards(), consistent=True)
    if _find_level(home.id).sequence != home.sequence:
        raise _overtaken({})
    return [found[name] for name in sorted(found)]


def make_level(level: str, *, actor: str, reference: str, now: datetime, low_stock: int, on_sale: bool) -> None:
    """Make a level with nothing in reserve; one that is there stays as it is.

    Raises:
        Busy: other changes kept winning.
    """

    def make(before: Level) -> Level:
        if before.sequence:
            return before
        made = apply(before, counted(before, 0, actor, reference), iso(now))
        return replace(made, low_stock=low_stock, on_sale=on_sale)

    rewrite(level, make)


def set_on_sale(level: str, on_sale: bool, *, actor: str, now: datetime) -> bool:
    """Let a level be sold, or refuse every sale of it from this moment; says whether that was a change.

    Raises:
        NotFound: there is no such level.
    """
    get_level(level)
    movement = Movement("resumed" if on_sale else "paused", actor, "")

    def change(before: Level) -> Level:
        return replace(apply(before, movement, iso(now)), on_sale=on_sale)

    return rewrite(level, change)


def rewrite(
    level: str,
    change: Callable[[Level], Level],
    read: Level | None = None,
    also: Also = lambda _: None,
    *,
    anyway: Callable[[Level, Level], bool] = lambda _, __: False,
) -> bool:
    """Replace a level by what `change` makes of it, if that differs in more than who, why, when and for what; says whether it did. `read` is how it stood
    just before; what `also` adds is written with it, and refuses first. `anyway` says, of the level before and after, what is written though it does not differ."""
    known = [] if read is None else [read]

    def attempt() -> bool:
        before = known.pop() if known else _find_level(level)
        after = change(before)
        if before.sequence and _facts_aside(before) == _facts_aside(after) and not anyway(before, after):
            return False
        transaction = WriteTransaction()
        also(transaction)
        add_rewritten(transaction, before, after, _overtaken)
        transaction.commit()
        return True

    return retried(attempt, on=_Overtaken, what="this level")


def _find_level(level: str) -> Level:
    """The level as it is now; without a sequence when there is none yet."""
    item = find(LevelItem, *level_key(level), consistent=True)
    return Level(level) if item is None else level_of(item)


def _facts_aside(level: Level) -> Level:
    return replace(level, counted="", sequence=0, reason="", actor="", reference="", at="")
