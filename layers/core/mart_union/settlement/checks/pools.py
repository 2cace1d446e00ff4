"""Invariant 10: all sellers of an offer together never sell more than the supplier has, since they draw on one level and its shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.catalog.model import listing_level, offer_level
from mart_union.orders.model import Line, Order
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.units import GIVEN_BACK
from mart_union.settlement.differences import Difference
from mart_union.stock.model import home_of, shard_of
from mart_union.stock.slotting import slot_level


def check_pools(books: Books) -> Iterator[Difference]:
    """What is sold of a pool, its supplier had; a mediated line draws on its offer's pool and is fulfilled by its supplier, a store's own line
    on its listing's level, or its slot's, a bundle on those of its store's listings, and by the store."""
    sold: Counter[str] = Counter()
    for order in books.orders:
        for line in order.lines:
            yield from _check_source(order, line)
            if line.offer and line.state not in GIVEN_BACK:
                sold[line.level] += line.left_units
    had = {level.id: level.received + level.corrected - level.written_off for level in books.levels}
    for level_id, units in sold.items():
        if units > had.get(level_id, 0):
            detail = f"its sellers sold {units}, the supplier had {had.get(level_id, 0)}"
            yield Difference(10, f"level/{level_id}", detail)
    yield from _check_allotments(books)


def _check_allotments(books: Books) -> Iterator[Difference]:
    """What is left of an allotment is sold under what its pool says."""
    levels = {level.id: level for level in books.levels}
    for level in books.levels:
        home = levels.get(home_of(level.id), level)
        terms, wanted = ((each.supply_minor, each.supply_tiers, each.on_sale) for each in (level, home))
        if level.id.startswith("offer/") and level.reserve and terms != wanted:
            yield Difference(10, f"level/{level.id}", f"its price and sale are {terms}, its pool's {wanted}")


def _check_source(order: Order, line: Line) -> Iterator[Difference]:
    supplier, _, sku = line.offer.partition("/")
    own = slot_level(order.store, line.sku, line.slot) if line.slot else listing_level(order.store, line.sku)
    level = offer_level(supplier, sku) if line.offer else own
    fulfiller = f"supplier/{supplier}" if line.offer else f"store/{order.store}"
    if (line.level, line.fulfiller) != (level, fulfiller):
        detail = f"line {line.number} draws on {line.level} by {line.fulfiller}, it should be {level} by {fulfiller}"
        yield Difference(10, f"order/{order.id}", detail)
    strange = sorted(source for source in line.draws if not _may_draw(order, line, source))
    if strange:
        yield Difference(
            10, f"order/{order.id}", f"line {line.number} draws on {', '.join(strange)}, which is not its own"
        )


def _may_draw(order: Order, line: Line, source: str) -> bool:
    """Whether a line may draw on a level: a bundle on those of its store's listings, a mediated one on its pool and its store's allotment."""
    if line.is_bundle:
        return source.startswith(listing_level(order.store, ""))
    if line.offer:
        return source in {line.level, shard_of(line.level, order.store)}
    return home_of(source) == line.level
