"""The domain events of the Mediation table, made from an item's old and new image."""

from __future__ import annotations

from typing import Any

from mart_union.kernel.events import Event

Image = dict[str, Any] | None


def events_of(pk: str, sk: str, old: Image, new: Image, event_id: str, at: str) -> list[Event]:
    """The event that a changed supplier, offer, link, shop or standing of a deposit makes; other items, removals and repeats of a sequence make none."""
    if new is None or (old is not None and old["sequence"] == new["sequence"]):
        return []
    named = _name(pk, sk)
    if named is None:
        return []
    name, entity = named
    return [Event(event_id, name, entity, int(new["sequence"]), at, new["document"])]


def _name(pk: str, sk: str) -> tuple[str, str] | None:
    """Event and entity by the item's key."""
    kind, _, owner = pk.partition("#")
    what, _, name = sk.partition("#")
    if kind == "SUPPLIER":
        return (
            ("OfferChanged", f"offer/{owner}/{name}") if what == "OFFER" else ("SupplierChanged", f"supplier/{owner}")
        )
    if kind == "OFFER" and what == "LINK":
        return "LinkChanged", f"link/{name.replace('#', '/')}"
    if kind == "STANDING":
        return "DepositStandingChanged", f"deposit/{owner}"
    if kind == "SHOP" and what == "SHOP":
        return "ShopChanged", f"shop/{owner}"
    return None
