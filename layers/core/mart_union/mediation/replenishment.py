"""Terms of a store with a supplier, and replenishments: goods that a store orders for its own stock. Pure rules.

What is owed for a replenishment is between the store and the supplier: no money of the union moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from mart_union.kernel.clock import iso, local_date
from mart_union.kernel.errors import Invalid, KeyReused, RuleViolation
from mart_union.kernel.money import Currency, amount_text

MOST_SUPPLIED = 50
"""Listings of one supplier's terms, and lines of a replenishment: a receipt moves a level each, and a transaction has a hundred writes."""

MOST_RECEIPTS = 50
MOST_UNITS = 10**9
LONGEST_LEAD_DAYS = 730


class Supplied(Struct, frozen=True):
    """What a supplier supplies for a listing of the store: the price of a unit in minor units, and the supplier's own number of it."""

    unit_minor: int
    number: str = ""


class SupplierTerms(Struct, frozen=True):
    """A store's terms with a supplier: what it supplies by SKU, how many days it needs, the least that an order comes to.

    `names` are those of a supplier that is not one of the union's (`joined` is false); it is the store's own record, whoever takes on the same id in
    the union later. `contact` is the opaque id of the person to speak to there, '' for nobody.
    """

    store: str
    supplier: str
    supplies: dict[str, Supplied]
    lead_days: int
    minimum_minor: int
    names: dict[str, str] = field(default_factory=dict)
    joined: bool = True
    contact: str = ""
    sequence: int = 1


class ReplenishmentLine(Struct, frozen=True):
    """Units of a listing that were ordered, came, and are not wanted any more."""

    sku: str
    ordered: int
    unit_minor: int
    received: int = 0
    cancelled: int = 0

    @property
    def outstanding(self) -> int:
        """Units that are still to come."""
        return max(self.ordered - self.received - self.cancelled, 0)


class Receipt(Struct, frozen=True):
    """Units by SKU that came together. `key` and `request` are of the command that booked them in."""

    key: str
    request: str
    at: str
    actor: str
    units: dict[str, int]


class Replenishment(Struct, frozen=True):
    """Goods ordered from a supplier for a store's own stock. `key` and `request` are of the command that ordered them; amounts are minor units."""

    id: str
    store: str
    supplier: str
    joined: bool
    lines: tuple[ReplenishmentLine, ...]
    total_minor: int
    placed_at: str
    expected_on: str
    placed_by: str
    request: str
    note: str = ""
    receipts: tuple[Receipt, ...] = ()
    cancelled_at: str = ""
    sequence: int = 1

    @property
    def is_open(self) -> bool:
        """Whether anything is still to come."""
        return any(line.outstanding for line in self.lines)

    @property
    def state(self) -> str:
        """ordered, partly_received, received, cancelled (nothing came), or closed (some came, the rest was cancelled)."""
        came = any(line.received for line in self.lines)
        if self.is_open:
            return "partly_received" if came else "ordered"
        if not self.cancelled_at:
            return "received"
        return "closed" if came else "cancelled"


def checked_terms(terms: SupplierTerms) -> SupplierTerms:
    """The terms themselves, if they can be meant.

    Raises:
        Invalid: too many listings, a price or the least amount below zero, a number too long, or days out of bounds.
    """
    _need(len(terms.supplies) <= MOST_SUPPLIED, "supplies", f"at most {MOST_SUPPLIED} listings")
    for sku, supplied in terms.supplies.items():
        _need(0 <= supplied.unit_minor <= MOST_UNITS, f"supplies.{sku}", "a price of 0 or more")
        _need(len(supplied.number) <= 64, f"supplies.{sku}", "a number of at most 64 characters")
    _need(0 <= terms.lead_days <= LONGEST_LEAD_DAYS, "lead_days", f"0 to {LONGEST_LEAD_DAYS} days")
    _need(0 <= terms.minimum_minor <= MOST_UNITS, "minimum_minor", "an amount of 0 or more")
    return terms


def ordered(
    terms: SupplierTerms,
    wanted: Mapping[str, int],
    *,
    replenishment: str,
    request: str,
    actor: str,
    note: str,
    now: datetime,
    time_zone: str,
    currency: Currency,
) -> Replenishment:
    """A replenishment under a store's terms with its supplier, expected when the supplier's days are over.

    Raises:
        Invalid: nothing is wanted, a quantity is no positive whole number, or the note is too long.
        RuleViolation: the supplier does not supply something of it, or it comes to less than the least amount; `reason` says which.
    """
    _need(0 < len(wanted) <= MOST_SUPPLIED, "lines", f"1 to {MOST_SUPPLIED} listings")
    _need(len(note) <= 500, "note", "at most 500 characters")
    for sku, quantity in wanted.items():
        _need(0 < quantity <= MOST_UNITS, f"lines.{sku}", "a whole number of 1 or more")
    unknown = sorted(wanted.keys() - terms.supplies.keys())
    if unknown:
        raise RuleViolation(f"{terms.supplier} does not supply {unknown[0]}", reason="not-supplied", skus=unknown)
    lines = tuple(ReplenishmentLine(sku, wanted[sku], terms.supplies[sku].unit_minor) for sku in sorted(wanted))
    total = sum(line.ordered * line.unit_minor for line in lines)
    if total < terms.minimum_minor:
        least, comes_to = amount_text(terms.minimum_minor, currency), amount_text(total, currency)
        message = f"{terms.supplier} takes no order of less than {least}: this one comes to {comes_to}"
        raise RuleViolation(message, reason="minimum", minimum_minor=terms.minimum_minor, total_minor=total)
    expected = local_date(now, time_zone) + timedelta(days=terms.lead_days)
    return Replenishment(
        id=replenishment,
        store=terms.store,
        supplier=terms.supplier,
        joined=terms.joined,
        lines=lines,
        total_minor=total,
        placed_at=iso(now),
        expected_on=expected.isoformat(),
        placed_by=actor,
        request=request,
        note=note,
    )


def find_receipt(replenishment: Replenishment, key: str, request: str) -> Receipt | None:
    """What a command with this key booked in before, or None.

    Raises:
        KeyReused: the key was used for another receipt.
    """
    found = next((each for each in replenishment.receipts if each.key == key), None)
    if found is not None and found.request != request:
        raise KeyReused("this key was used for another receipt; nothing was changed")
    return found


def received(before: Replenishment, receipt: Receipt, *, more: bool) -> Replenishment:
    """The replenishment after units came in; `more` lets more of them come than were still to come.

    Raises:
        Invalid: nothing came, or a quantity is no positive whole number.
        RuleViolation: something came that was not ordered, or more than was still to come, or there were too many receipts; `reason` says which.
    """
    _need(bool(receipt.units), "units", "name what came")
    for sku, quantity in receipt.units.items():
        _need(0 < quantity <= MOST_UNITS, f"units.{sku}", "a whole number of 1 or more")
    lines = {line.sku: line for line in before.lines}
    unknown = sorted(receipt.units.keys() - lines.keys())
    if unknown:
        raise RuleViolation(f"{unknown[0]} was not ordered here", reason="not-ordered", skus=unknown)
    excess = {
        sku: quantity - lines[sku].outstanding
        for sku, quantity in sorted(receipt.units.items())
        if quantity > lines[sku].outstanding
    }
    if excess and not more:
        raise RuleViolation("more came than was still to come: say so, if that is right", reason="more", excess=excess)
    if len(before.receipts) >= MOST_RECEIPTS:
        raise RuleViolation(f"a replenishment has at most {MOST_RECEIPTS} receipts", reason="receipts")
    after = (replace(line, received=line.received + receipt.units.get(line.sku, 0)) for line in before.lines)
    return replace(before, lines=tuple(after), receipts=(*before.receipts, receipt), sequence=before.sequence + 1)


def without_rest(before: Replenishment, now: datetime) -> Replenishment:
    """The replenishment with nothing more to come of it; the same when that was said before.

    Raises:
        RuleViolation: all of it has come.
    """
    if before.cancelled_at:
        return before
    if not before.is_open:
        raise RuleViolation("all of it has come: there is no rest to cancel", reason="received")
    lines = tuple(replace(line, cancelled=line.cancelled + line.outstanding) for line in before.lines)
    return replace(before, lines=lines, cancelled_at=iso(now), sequence=before.sequence + 1)


def _need(holds: bool, name: str, reason: str) -> None:
    if not holds:
        raise Invalid(f"{name} must be: {reason}", errors=[{"field": name, "reason": reason}])
