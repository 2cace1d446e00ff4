"""Use cases of stock: movements inside a purchase's transaction, stock in and out by hand. Counts are in `counting`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    Conflict,
    Invalid,
    KeyReused,
    MartUnionError,
    NotFound,
    OutOfStock,
    RuleViolation,
    SupplyPriceMoved,
)
from mart_union.kernel.ids import input_hash
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import Ref, fetch_all, find, find_all
from mart_union.kernel.transaction import Refusal, WriteTransaction, refuse
from mart_union.stock.model import (
    COUNTS,
    REASONS_IN,
    REASONS_OUT,
    Level,
    Movement,
    apply,
    stock_in_movement,
    stock_out_movement,
)
from mart_union.stock.tables import (
    CommandItem,
    LevelItem,
    command_key,
    level_key,
    level_under,
)

MOST_UNITS = 10**9
LONGEST_REFERENCE = 200


class _Overtaken(Conflict):
    """Another movement came between reading and writing: read again and repeat."""


_overtaken = refuse(_Overtaken, "another movement came first")


def get_level(level: str) -> Level:
    """A level as it is now.

    Raises:
        NotFound: there is no such level.
    """
    item = find(LevelItem, *level_key(level), consistent=True)
    if item is None:
        raise NotFound(f"there is no stock level {level}")
    return level_of(item)


def get_levels(levels: Iterable[str], *, consistent: bool = False) -> dict[str, Level]:
    """Levels by id, those that exist. One batch read a hundred; twice the units when consistent."""
    refs = [Ref(LevelItem, *level_key(level), level_of) for level in levels]
    return {level.id: level for level in fetch_all(refs, consistent=consistent) if level is not None}


def level_of(item: LevelItem) -> Level:
    """The level that an item holds."""
    values = item.attribute_values
    facts: dict[str, Any] = {
        name: int(values.get(name) or 0) for name in (*COUNTS, "low_stock", "supply_minor", "kept", "sequence")
    }
    facts |= {
        name: values.get(name) or ""
        for name in ("supply_tiers", "sale", "counted", "reason", "actor", "reference", "at")
    }
    return Level(id=level_under(item.pk, item.sk), on_sale=bool(values.get("on_sale", True)), **facts)


def add_movement(
    transaction: WriteTransaction,
    level: str,
    movement: Movement,
    now: datetime,
    *,
    supply_minor: int | None = None,
    supply_tiers: str = "",
    also: Sequence[Action] = (),
    only: tuple[Condition, Refusal] | None = None,
) -> None:
    """Add a movement to a transaction: one conditional update, which needs no read and never lets a count go below zero.

    A movement that takes from the reserve to sell requires that the level is on sale, and, when `supply_minor` is given, that the
    pool's supply price and its tiers are still those. The commit raises OutOfStock with what is left, or SupplyPriceMoved. `also` changes what else the level says,
    and `only` is a condition more, with the refusal where one does not hold.
    """
    supply = None if supply_minor is None else (supply_minor, supply_tiers)
    condition, actions = _expression(movement, now, supply)
    refusal = _short(level, movement, supply)
    if only is not None:
        condition, refusal = condition & only[0], only[1]
    item = LevelItem(*level_key(level))
    transaction.update(item, [*actions, *also] if also else actions, condition=condition, refusal=refusal)


def add_shard(transaction: WriteTransaction, shard: str, movement: Movement, now: datetime, *, sale: str = "") -> None:
    """Add to a transaction what a shard gets from its home, to be sold in a sale; the shard is made if it is new, and on sale."""
    actions = [LevelItem.sequence.add(1), LevelItem.on_sale.set(True), LevelItem.sale.set(sale), *_facts(movement, now)]
    transaction.update(LevelItem(*level_key(shard)), [*actions, *_added(movement)])


def add_rewritten(transaction: WriteTransaction, before: Level, after: Level, refusal: Refusal) -> None:
    """Add a level in place of the one that was read, sequence 0 for none, to a transaction, which commits only if that is still the one."""
    is_as_read = LevelItem.sequence == before.sequence if before.sequence else _unmade()
    transaction.put(item_of(after), condition=is_as_read, refusal=refusal)


@cache
def _unmade() -> Condition:
    """That there is no level yet: one condition for all, so that a transaction with many new ones writes its text once."""
    return LevelItem.sequence.does_not_exist()


@lru_cache(maxsize=64)
def _expression(movement: Movement, now: datetime, supply: tuple[int, str] | None) -> tuple[Condition, list[Any]]:
    """What a movement requires and does. Most lines of a purchase move their levels alike: they share it."""
    sells = movement.reason in {"sold", "reserved"}
    condition = LevelItem.sequence.exists()
    if sells:
        condition &= LevelItem.on_sale == True  # noqa: E712 - a condition of DynamoDB, not of Python
    if sells and supply is not None:
        price, tiers = supply
        condition &= LevelItem.supply_minor == price
        condition &= LevelItem.supply_tiers == tiers if tiers else LevelItem.supply_tiers.does_not_exist()
    for name in ("reserve", "reserved", "sold"):
        change = getattr(movement, name)
        if change < 0:
            condition &= getattr(LevelItem, name) >= -change
    return condition, [LevelItem.sequence.add(1), *_facts(movement, now), *_added(movement)]


def _added(movement: Movement) -> list[Any]:
    return [getattr(LevelItem, name).add(getattr(movement, name)) for name in COUNTS if getattr(movement, name)]


def _facts(movement: Movement, now: datetime) -> list[Any]:
    return [
        LevelItem.reason.set(movement.reason),
        LevelItem.actor.set(movement.actor),
        LevelItem.reference.set(movement.reference),
        LevelItem.at.set(iso(now)),
    ]


def _short(level: str, movement: Movement, supply: tuple[int, str] | None = None) -> Refusal:
    def refusal(found: dict[str, Any]) -> MartUnionError:
        wanted, left = -movement.reserve, int(found.get("reserve") or 0)
        asked = int(found.get("supply_minor") or 0), found.get("supply_tiers") or ""
        if supply is not None and found and left >= wanted and asked != supply:
            return SupplyPriceMoved("the supplier's terms have just changed; look at the listing again", level=level)
        reserve = left if found.get("on_sale", True) else 0
        return OutOfStock(
            f"{_only(reserve)} left for sale, {wanted} {'was' if wanted == 1 else 'were'} asked for",
            level=level,
            left=reserve,
            wanted=wanted,
        )

    return refusal


def _only(units: int) -> str:
    return {0: "none is", 1: "only 1 is"}.get(units, f"only {units} are")


def stock_in(level: str, quantity: int, *, reason: str, actor: str, reference: str, key: str, now: datetime) -> int:
    """Lay goods in; answers with what is in reserve then. The same key again gives the first answer.

    Raises:
        Invalid: the quantity is not a positive whole number, or the reference longer than 200 characters.
        RuleViolation: the reason is unknown.
        NotFound: there is no such level.
        KeyReused: the key was used for something else.
    """
    _check(quantity, reason, REASONS_IN, reference)
    return _command(level, stock_in_movement(quantity, reason, actor, reference), key, now)


def stock_out(level: str, quantity: int, *, reason: str, actor: str, reference: str, key: str, now: datetime) -> int:
    """Take goods out for another reason than a sale; answers with what is left in reserve. The same key again gives the first answer.

    Raises:
        Invalid, RuleViolation, NotFound, KeyReused: as for `stock_in`.
        OutOfStock: the reserve is smaller than the quantity; nothing is taken.
    """
    _check(quantity, reason, REASONS_OUT, reference)
    return _command(level, stock_out_movement(quantity, reason, actor, reference), key, now)


def _check(quantity: int, reason: str, reasons: tuple[str, ...], reference: str) -> None:
    if not 0 < quantity <= MOST_UNITS:
        message = f"the quantity must be a whole number from 1 to {MOST_UNITS}"
        raise Invalid(message, errors=[{"field": "quantity", "reason": message}])
    if reason not in reasons:
        raise RuleViolation(f"'{reason}' is not a reason here; use one of {', '.join(reasons)}", reasons=list(reasons))
    if len(reference) > LONGEST_REFERENCE:
        message = f"the reference must have at most {LONGEST_REFERENCE} characters"
        raise Invalid(message, errors=[{"field": "reference", "reason": message}])


def _command(level: str, movement: Movement, key: str, now: datetime) -> int:
    request = input_hash([level, movement])

    def carry_out() -> int:
        before = _answered(level, key, request)
        if isinstance(before, int):
            return before
        if before.reserve + movement.reserve < 0:
            raise _short(level, movement)({"reserve": before.reserve})
        return _carry_out(before, movement, key, request, now)

    return retried(carry_out, on=_Overtaken, what="this level")


class Command(Struct, frozen=True):
    """A command on a level: its idempotency key, and a hash of what it asks for."""

    level: str
    key: str
    request: str


def was_carried_out(command: Command) -> bool:
    """Whether a command was carried out before. One consistent read.

    Raises:
        KeyReused: the key was used for something else.
    """
    found = find(CommandItem, *command_key(command.level, command.key), consistent=True)
    if found is not None:
        _require_same(found, command.request)
    return found is not None


def _require_same(found: CommandItem, request: str) -> None:
    if found.request != request:
        raise KeyReused("this key was used for another stock movement; nothing was changed")


def add_command(transaction: WriteTransaction, command: Command, reserve_after: int, refusal: Refusal) -> None:
    """Add to the transaction that carries a command out that it was, so that its repeat is known; refused if it is a repeat."""
    key = command_key(command.level, command.key)
    transaction.create(CommandItem(*key, request=command.request, reserve_after=reserve_after), refusal)


def _answered(level: str, key: str, request: str) -> int | Level:
    """The answer given before, or the level to work on."""
    command, item = find_all([(CommandItem, *command_key(level, key)), (LevelItem, *level_key(level))])
    if command is not None:
        _require_same(command, request)
        return int(command.reserve_after)
    if item is None:
        raise NotFound(f"there is no stock level {level}")
    return level_of(item)


def _carry_out(before: Level, movement: Movement, key: str, request: str, now: datetime) -> int:
    after = apply(before, movement, iso(now))
    transaction = WriteTransaction()
    transaction.update(
        LevelItem(*level_key(before.id)),
        [LevelItem.sequence.set(after.sequence), *_facts(movement, now), *_new_counts(before, after)],
        condition=LevelItem.sequence == before.sequence,
        refusal=_overtaken,
    )
    add_command(transaction, Command(before.id, key, request), after.reserve, _overtaken)
    transaction.commit()
    return after.reserve


def _new_counts(before: Level, after: Level) -> list[Any]:
    changed = (name for name in COUNTS if getattr(before, name) != getattr(after, name))
    return [getattr(LevelItem, name).set(getattr(after, name)) for name in changed]


def item_of(level: Level) -> LevelItem:
    """The item that holds a level."""
    values = asdict(level) | {"supply_tiers": level.supply_tiers or None}
    return LevelItem(*level_key(values.pop("id")), **values)


def add_settings(
    transaction: WriteTransaction,
    level: str,
    *,
    reason: str,
    actor: str,
    now: datetime,
    low_stock: int | None = None,
    on_sale: bool | None = None,
    supply_minor: int | None = None,
    supply_tiers: str | None = None,
) -> None:
    """Change what a level says beside its counts, in the transaction that changes its listing or offer. What is None stays as it is.

    The commit raises NotFound if there is no such level.
    """
    given = {"low_stock": low_stock, "on_sale": on_sale, "supply_minor": supply_minor}
    settings = [getattr(LevelItem, name).set(value) for name, value in given.items() if value is not None]
    if supply_tiers is not None:
        settings.append(LevelItem.supply_tiers.set(supply_tiers) if supply_tiers else LevelItem.supply_tiers.remove())
    actions = [LevelItem.sequence.add(1), *settings, *_facts(Movement(reason, actor, ""), now)]
    missing = refuse(NotFound, f"there is no stock level {level}")
    transaction.update(LevelItem(*level_key(level)), actions, condition=LevelItem.sequence.exists(), refusal=missing)
