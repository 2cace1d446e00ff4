"""Which shards listings name, for the nightly reconciliation."""

from __future__ import annotations

from collections.abc import Iterable

from mart_union.catalog.model import Listing
from mart_union.catalog.refs import listing_ref
from mart_union.kernel.storage import fetch_all
from mart_union.stock.model import home_of

_OWN = "listing/"


def shards_named(levels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The shards that may have units of a listing by what it says itself, by its level, for the listings of which some levels are shards.

    One consistent batch read a hundred listings; none where no shard is among the levels.
    """
    homes = sorted({home_of(level) for level in levels if level.startswith(_OWN) and home_of(level) != level})
    keys = [home.removeprefix(_OWN).partition("/") for home in homes]
    found: list[Listing | None] = fetch_all([listing_ref(store, sku) for store, _, sku in keys], consistent=True)
    return {home: listing.shard_levels if listing else () for home, listing in zip(homes, found, strict=True)}
