"""The domain events of the Mediation table, made from an item's old and new image."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mart_union.kernel.events import Event
from mart_union.stock.events import crossing

Image = dict[str, Any] | None


def events_of(pk: str, sk: str, old: Image, new: Image, event_id: str, at: str) -> list[Event]:
    """The event that a changed supplier, offer, link, job of links, shop or standing of a deposit makes; other items, removals and repeats of a sequence make none.

    A link of which there is little or nothing left now makes a second one, LinkStockLow: so each seller is told by a message of its own.
    """
    if new is None or (old is not None and old["sequence"] == new["sequence"]):
        return []
    named = _name(pk, sk)
    if named is None:
        return []
    name, entity = named
    made = Event(event_id, name, entity, int(new["sequence"]), at, new["document"])
    return [made, replace(made, id=f"{event_id}.low", name="LinkStockLow")] if _has_run_low(name, old, new) else [made]


def _has_run_low(name: str, old: Image, new: Image) -> bool:
    """Whether a link that is sold now has less than before: what shoppers can have of it fell to its pool's mark, or to nothing."""
    if name != "LinkChanged" or not old or not new or new["document"].get("state") != "linked":
        return False
    before, after = (str(image["document"].get("availability")) for image in (old, new))
    return crossing(before, after) in {"StockLow", "StockOut"}


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
    if kind == "LINKJOBS":
        return "LinkJobChanged", f"link-job/{owner}/{sk}"
    if kind == "STANDING":
        return "DepositStandingChanged", f"deposit/{owner}"
    if kind == "SHOP" and what == "SHOP":
        return "ShopChanged", f"shop/{owner}"
    return None
