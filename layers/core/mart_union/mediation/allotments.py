"""Allotments: units of an offer's pool that its supplier sets aside for one seller, in the shard of the pool's level named for the store.

The seller's purchases draw on its allotment first and then on the pool; nobody else's draw on it. What is given back goes to the pool.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.service import get_store
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, RuleViolation
from mart_union.kernel.ids import input_hash
from mart_union.kernel.retry import retried
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.model import Offer
from mart_union.mediation.offers import add_changed_offer, get_offer, require_unchanged
from mart_union.stock import service as stock
from mart_union.stock.model import Level, allot, apply, shard_of

MOST_AT_ONCE, MOST_EVER = 20, 200
_MOST_UNITS = 10**9


class Allotment(Struct, frozen=True):
    """What is set aside for a store of an offer's pool: left for sale, reserved for unpaid purchases, and sold of it so far."""

    store: str
    reserve: int
    reserved: int
    sold: int


class _Overtaken(Conflict):
    """The offer or the allotment has changed since it was read: read again and repeat."""


_overtaken = refuse(_Overtaken, "another change came first")


def allotments_of(offer: Offer, levels: dict[str, Level]) -> tuple[Allotment, ...]:
    """An offer's allotments by the levels of the moment."""
    found = ((store, levels.get(shard_of(offer.level, store)) or Level("")) for store in offer.allotments)
    return tuple(Allotment(store, level.reserve, level.reserved, level.sold) for store, level in found)


def set_allotment(
    supplier: str, sku: str, store: str, quantity: int, *, actor: str, key: str, now: datetime
) -> Allotment:
    """Let so many units of an offer's pool stand aside for a store from now on, whatever did before; none ends its allotment.

    The units move between the pool and the allotment in one transaction, and only if the offer is as it was read; a new allotment is on the
    offer in the same one, and reaches the store's listings with it. A repeat under the same key moves nothing, whatever was sold since, and gives the
    allotment as it is now.

    Raises:
        Invalid: the quantity is negative or too large.
        NotFound: there is no such offer or store.
        RuleViolation: the offer is not granted to the store, or has too many allotments.
        OutOfStock: the pool has fewer units than are to be added.
        KeyReused: the key was used for another quantity.
        Busy: other changes kept winning.
    """
    if not 0 <= quantity <= _MOST_UNITS:
        message = f"the quantity must be a whole number from 0 to {_MOST_UNITS}"
        raise Invalid(message, errors=[{"field": "quantity", "reason": message}])

    def set_it() -> Allotment:
        offer = get_offer(supplier, sku)
        shard = shard_of(offer.level, store)
        command = stock.Command(shard, key, input_hash([shard, quantity]))
        is_repeated = stock.was_carried_out(command)
        before = stock.get_levels([shard], consistent=True).get(shard) or Level(shard)
        if is_repeated:
            return Allotment(store, before.reserve, before.reserved, before.sold)
        if quantity and store not in offer.allotments:
            _check_new(offer, store)
        after = _moved(before, offer, quantity, actor, now)
        transaction = WriteTransaction()
        stock.add_command(transaction, command, after.reserve, _overtaken)
        _add_changes(transaction, offer, _with(offer, store, quantity), before, after, actor, now)
        transaction.commit()
        return Allotment(store, after.reserve, after.reserved, after.sold)

    return retried(set_it, on=_Overtaken, what="this allotment")


def _check_new(offer: Offer, store: str) -> None:
    if not offer.is_granted_to(store, get_store(store).classification):
        raise RuleViolation(f"{offer.sku} is not granted to {store}", offer=offer.sku, store=store)
    if len(offer.allotments) >= MOST_AT_ONCE or len({*offer.allotments_made, store}) > MOST_EVER:
        raise RuleViolation(f"an offer has at most {MOST_AT_ONCE} allotments: end another first", most=MOST_AT_ONCE)


def _moved(before: Level, offer: Offer, quantity: int, actor: str, now: datetime) -> Level:
    """The allotment with so many units for sale, under what the offer says; the same one if it has them."""
    if before.reserve == quantity:
        return before
    after = apply(before, allot(quantity - before.reserve, actor, f"allotment/{offer.sku}"), iso(now))
    on_sale = offer.state == "on_offer"
    price = {"supply_minor": offer.supply_minor, "supply_tiers": offer.supply_price.schedule}
    return replace(after, on_sale=on_sale, low_stock=offer.low_stock, **price)


def _with(offer: Offer, store: str, quantity: int) -> Offer:
    """The offer with the store among those that have an allotment, or without it; the same one if nothing changes."""
    if (store in offer.allotments) == (quantity > 0):
        return offer
    others = set(offer.allotments) - {store}
    if not quantity:
        return replace(offer, allotments=tuple(sorted(others)), sequence=offer.sequence + 1)
    made = tuple(sorted({*offer.allotments_made, store}))
    return replace(offer, allotments=tuple(sorted({*others, store})), allotments_made=made, sequence=offer.sequence + 1)


def _add_changes(
    transaction: WriteTransaction, offer: Offer, changed: Offer, before: Level, after: Level, actor: str, now: datetime
) -> None:
    if changed == offer:
        require_unchanged(transaction, offer, _overtaken)
    else:
        add_changed_offer(transaction, offer, changed, _overtaken)
    if after != before:
        stock.add_rewritten(transaction, before, after, _overtaken)
        given = allot(before.reserve - after.reserve, actor, after.reference)
        stock.add_movement(transaction, offer.level, given, now)
    if changed != offer or after != before:
        add_audit(transaction, f"supplier/{offer.supplier}", actor, "allotment set", before.id, now)
