"""Bundles: listings that are made of others of the same store. What may be a part of one, and how staff write it."""

from __future__ import annotations

import re

from mart_union.catalog.model import SKU, Listing
from mart_union.catalog.refs import listing_ref
from mart_union.kernel.errors import Invalid, PartRefused, RuleViolation
from mart_union.kernel.storage import fetch_all

MOST_PARTS = 10
MOST_UNITS = 999
_PART = re.compile(r"^([^:]+):([0-9]{1,9})$", re.ASCII)


def checked_parts(listing: Listing, before: Listing | None) -> Listing:
    """The listing itself, if it is no bundle, or its parts may be what they have become. One batch read where they changed.

    A part that is withdrawn, paused or sold out later makes the bundle unavailable: its level refuses the sale.

    Raises:
        Invalid: too many parts, or units that are no whole number from 1 to 999.
        RuleViolation: the listing would draw on something else than before (its own stock, parts, slots): that would be left behind.
        PartRefused: a part is `unknown`, the bundle `itself`, another `bundle`, `bookable`, `mediated` (its supplier's stock is shared) or
            `withdrawn`.
    """
    if before is not None and before.drawn_on != listing.drawn_on:
        message = f"{listing.sku} draws on its {before.drawn_on}, as it was made: use another item number"
        raise RuleViolation(message, sku=listing.sku)
    if listing.parts == (before.parts if before is not None else {}):
        return listing
    if len(listing.parts) > MOST_PARTS or not all(0 < units <= MOST_UNITS for units in listing.parts.values()):
        raise _unclear(f"a bundle has at most {MOST_PARTS} parts, of each 1 to {MOST_UNITS} units")
    skus = sorted(listing.parts)
    found = fetch_all([listing_ref(listing.store, sku) for sku in skus if SKU.match(sku)], consistent=True)
    parts = {part.sku: part for part in found if part is not None}
    for sku in skus:
        reason = "itself" if sku == listing.sku else _reason_against(parts.get(sku))
        if reason:
            raise PartRefused(f"{sku} cannot be a part of {listing.sku} ({reason})", part=sku, reason=reason)
    return listing


def _reason_against(part: Listing | None) -> str:
    if part is None:
        return "unknown"
    if part.offer is not None:
        return "mediated"
    if part.parts:
        return "bundle"
    if part.slot_minutes:
        return "bookable"
    return "withdrawn" if part.state == "withdrawn" else ""


def read_parts(text: str) -> dict[str, int]:
    """The parts that a form names, such as `OB-TOP:1 CUP-S:2`; blanks, commas and line breaks part them.

    Raises:
        Invalid: something else stands there, or an item twice.
    """
    parts: dict[str, int] = {}
    for word in text.replace(",", " ").split():
        match = _PART.match(word.upper())
        if match is None or match[1] in parts:
            raise _unclear(f"'{word}' is not one more item and its units, such as OB-TOP:2")
        parts[match[1]] = int(match[2])
    return parts


def write_parts(parts: dict[str, int]) -> str:
    """The text that `read_parts` reads."""
    return " ".join(f"{sku}:{units}" for sku, units in parts.items())


def _unclear(reason: str) -> Invalid:
    return Invalid(f"parts: {reason}", errors=[{"field": "parts", "reason": reason}])
