"""From which levels the units of a cart come, where several of its lines may draw on one. Pure rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.model import Listing
from mart_union.checkout.model import Wanted
from mart_union.stock.model import Level


class Sources(Struct, frozen=True):
    """How many units of which level each wish takes; and of each wish for which too little is left (`short`), how many that is."""

    draws: dict[Wanted, dict[str, int]]
    short: dict[Wanted, int]


def find_sources(
    wanted: Iterable[Wanted],
    listings: Mapping[tuple[str, str], Listing],
    levels: Mapping[str, Level],
    *,
    first: int = 0,
) -> Sources:
    """Let one wish after another take its units, so that what several want of one level is added up. Levels that were not read have enough.

    Bundles come first: they draw on their parts' own levels only, while a part alone may have some left of an urgent sale, too. `first` is where
    buyers in an urgent sale begin.
    """
    found, left = Sources({}, {}), dict(levels)
    known = [
        (wish, listings[wish.store, wish.sku].in_slot(wish.slot))
        for wish in wanted
        if (wish.store, wish.sku) in listings
    ]
    for wish, listing in sorted(known, key=lambda pair: not pair[1].parts):
        drawn = listing.drawn(wish.quantity, left, first=first)
        if not drawn:
            found.short[wish] = listing.left_of(left)
        else:
            found.draws[wish] = drawn
        for level in drawn.keys() & left.keys():
            left[level] = replace(left[level], reserve=left[level].reserve - drawn[level])
    return found
