"""Replenishments: ordered from a supplier under the store's terms, booked in as they come, and cancelled for the rest.

A receipt is one transaction: the replenishment under the sequence it was read with, and a movement of each level. So units come in once a key, whatever is
repeated or cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import listing_level
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, KeyReused, NotFound
from mart_union.kernel.ids import derived_id, input_hash
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.replenishment import (
    Receipt,
    Replenishment,
    find_receipt,
    ordered,
    received,
    without_rest,
)
from mart_union.mediation.supply_terms import get_terms
from mart_union.mediation.tables import (
    ReplenishmentItem,
    asked_list,
    replenishment_items,
    replenishment_key,
    replenishments_list,
)
from mart_union.stock.model import stock_in_movement
from mart_union.stock.service import add_movement, get_levels

REASON = "replenishment"


def place_replenishment(
    store: str, supplier: str, wanted: Mapping[str, int], *, key: str, actor: str, now: datetime, note: str = ""
) -> Replenishment:
    """Order goods from a supplier, at the prices of the store's terms. The same key again gives what it made, as it is now.

    Raises:
        NotFound: the store has no terms with this supplier.
        Invalid, RuleViolation: as `ordered` tells.
        KeyReused: the key was used for another replenishment.
    """
    name = derived_id("replenishment", store, key)
    request = input_hash([supplier, wanted, note])
    before = _find(store, name)
    if before is None:
        made = ordered(
            get_terms(store, supplier),
            wanted,
            replenishment=name,
            request=request,
            actor=actor,
            note=note,
            now=now,
            time_zone=settings().time_zone,
            currency=settings().currency,
        )
        if _create(made, actor, now):
            return made
        before = get_replenishment(store, name)
    if before.request != request:
        raise KeyReused("this key was used for another replenishment; nothing was changed")
    return before


def _create(made: Replenishment, actor: str, now: datetime) -> bool:
    transaction = WriteTransaction()
    for item in replenishment_items(made):
        transaction.create(item, refuse(_Overtaken, "it was made just now"))
    add_audit(transaction, f"store/{made.store}", actor, "replenishment ordered", f"replenishment/{made.id}", now)
    try:
        transaction.commit()
    except _Overtaken:
        return False
    return True


class _Overtaken(Conflict):
    """Another change of the replenishment came first: read it again and repeat."""


def get_replenishment(store: str, replenishment: str) -> Replenishment:
    """A replenishment of a store.

    Raises:
        NotFound: there is none of this id.
    """
    found = _find(store, replenishment)
    if found is None:
        raise NotFound(f"{store} has no replenishment {replenishment}")
    return found


def _find(store: str, replenishment: str) -> Replenishment | None:
    item = find(ReplenishmentItem, *replenishment_key(store, replenishment), consistent=True)
    return None if item is None else item.document


def list_replenishments(store: str, month: str = "", cursor: str = "") -> Page[Replenishment]:
    """A page of a store's open replenishments by the day on which they are expected, or of those placed in a month (`yyyy-mm`) of which nothing is to come.

    Raises:
        Invalid: the cursor is unknown.
    """
    return _page(replenishments_list(store, month), cursor)


def list_asked(supplier: str, month: str = "", cursor: str = "") -> Page[Replenishment]:
    """A page of what stores have ordered from a supplier for their own stock, likewise.

    Raises:
        Invalid: the cursor is unknown.
    """
    return _page(asked_list(supplier, month), cursor)


def _page(register: str, cursor: str) -> Page[Replenishment]:
    page = read_page(ReplenishmentItem.by_store.query, register, cursor=cursor, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def receive(
    store: str, replenishment: str, units: Mapping[str, int], *, key: str, actor: str, now: datetime, more: bool = False
) -> Replenishment:
    """Book in units by SKU that came: they are in the reserve of their listings' levels then. The same key again books nothing in.

    Raises:
        NotFound: there is no such replenishment, or no level of a listing any more.
        Invalid, RuleViolation: as `received` tells.
        KeyReused: the key was used for another receipt.
        Busy: other changes kept winning.
    """
    receipt = Receipt(key, input_hash([units, more]), iso(now), actor, dict(units))

    def book() -> Replenishment:
        before = get_replenishment(store, replenishment)
        if find_receipt(before, key, receipt.request) is not None:
            return before
        after = received(before, receipt, more=more)
        _write(before, after, actor, "replenishment received", now, units)
        return after

    return retried(book, on=_Overtaken, what="this replenishment")


def cancel_rest(store: str, replenishment: str, *, actor: str, now: datetime) -> Replenishment:
    """Expect nothing more of a replenishment; the same again changes nothing.

    Raises:
        NotFound: there is none of this id.
        RuleViolation: all of it has come.
        Busy: other changes kept winning.
    """

    def cancel() -> Replenishment:
        before = get_replenishment(store, replenishment)
        after = without_rest(before, now)
        if after != before:
            _write(before, after, actor, "replenishment cancelled", now, {})
        return after

    return retried(cancel, on=_Overtaken, what="this replenishment")


def _write(
    before: Replenishment, after: Replenishment, actor: str, action: str, now: datetime, units: Mapping[str, int]
) -> None:
    levels = {sku: listing_level(after.store, sku) for sku in units}
    missing = sorted(set(levels.values()) - get_levels(levels.values(), consistent=True).keys())
    if missing:
        raise NotFound(f"there is no stock level {missing[0]}")
    transaction = WriteTransaction()
    for item in replenishment_items(after):
        overtaken = refuse(_Overtaken, "another change of the replenishment came first")
        transaction.put(item, condition=ReplenishmentItem.sequence == before.sequence, refusal=overtaken)
    for sku, quantity in units.items():
        movement = stock_in_movement(quantity, REASON, actor, f"replenishment/{after.id}")
        add_movement(transaction, levels[sku], movement, now)
    add_audit(transaction, f"store/{after.store}", actor, action, f"replenishment/{after.id}", now)
    transaction.commit()
