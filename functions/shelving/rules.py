"""Which shelves an event makes stale."""

from __future__ import annotations

from mart_union.kernel.events import Event

FRONT = "front"


def stale_shelves(event: Event) -> frozenset[str]:
    """`front`, `store/<id>` or `category/<id>`, none for an event that no shelf shows.

    What is in the event does not matter, only of what it tells: the shelf is built from what is there then. A pool's levels say nothing
    here, since the links of its sellers follow (LinkChanged).
    """
    kind, _, rest = event.entity.partition("/")
    if event.name == "UnionChanged":
        return frozenset({FRONT})
    if event.name == "StoreChanged":
        return frozenset({FRONT, f"store/{rest}"})
    if event.name == "CategoryChanged":
        store, _, category = rest.partition("/")
        return frozenset({f"store/{store}"} if store else {FRONT, f"category/{category}"})
    if event.name in {"ListingChanged", "LinkChanged"}:
        return frozenset({f"store/{event.data['store']}"})
    if event.name in {"StockOut", "StockBack"} and kind == "level" and rest.startswith("listing/"):
        return frozenset({f"store/{rest.split('/')[1]}"})
    return frozenset()
