"""From an item of the Catalog table, before and after a change, to the domain event that tells of it."""

from __future__ import annotations

from typing import Any

from mart_union.kernel.events import Event


def events_of(
    pk: str, sk: str, old: dict[str, Any] | None, new: dict[str, Any] | None, event_id: str, at: str
) -> list[Event]:
    """The event of a change of the union, an enterprise, a store, a category or a listing: its whole snapshot. Other items tell nothing.

    Nothing in the catalog is personal: who applied for an enterprise stands there by an opaque id.

    `old` and `new` are the item's attributes with documents decoded. A change that leaves the document as it was is no event.
    """
    if sk.startswith("RATING#"):
        return [] if new is None else [_rated(pk, sk, new, event_id, at)]
    named = _name(pk, sk)
    if named is None or new is None or (old is not None and old.get("document") == new.get("document")):
        return []
    name, entity = named
    return [Event(event_id, name, entity, int(new.get("sequence", 1)), at, new["document"])]


def _rated(pk: str, sk: str, new: dict[str, Any], event_id: str, at: str) -> Event:
    """A listing has a review more, or one less where one was taken down."""
    entity = f"rating/{pk.partition('#')[2]}/{sk.removeprefix('RATING#')}"
    told = {"stars": int(new["stars"]), "reviews": int(new["reviews"])}
    return Event(event_id, "ListingRated", entity, int(new["sequence"]), at, told)


def _name(pk: str, sk: str) -> tuple[str, str] | None:
    kind, _, owner = pk.partition("#")
    if kind == "STORE" and sk.startswith("LISTING#"):
        return "ListingChanged", f"listing/{owner}/{sk.removeprefix('LISTING#')}"
    if kind == "CATEGORIES":
        return "CategoryChanged", f"category/{owner}/{sk}"
    names = {
        "UNION": ("UnionChanged", "union"),
        "STORE": ("StoreChanged", f"store/{owner}"),
        "ENTERPRISE": ("EnterpriseChanged", f"enterprise/{owner}"),
    }
    return names.get(kind)
