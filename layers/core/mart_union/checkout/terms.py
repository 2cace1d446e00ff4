"""The terms that hold for a cart, read in one batch, with levels where those matter; and buying under them until they stand still."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from mart_union.catalog.model import Listing
from mart_union.catalog.refs import listing_ref, store_ref, union_ref
from mart_union.checkout.drafting import Asked
from mart_union.checkout.model import Wanted
from mart_union.checkout.pricing import Terms
from mart_union.customers.refs import recipient_ref
from mart_union.kernel.errors import Conflict, NotFound, OutOfStock, SupplyPriceMoved
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import Ref, fetch_all
from mart_union.orders.limits import bought_ref
from mart_union.stock.model import home_of
from mart_union.stock.refs import level_ref

T = TypeVar("T")

_SHORT_SECONDS = 60
_MOST_SHORT = 500
_short: dict[str, float] = {}
"""Levels that were too short for a purchase of this process, and when."""


def read_terms(wishes: Sequence[Wanted], now: datetime, *, recipient_of: Asked | None = None) -> Terms:
    """The terms that hold now, urgent sales among them, in one batch read, and the check that the recipient is the customer's own.

    Raises:
        NotFound: the union is not described yet, or the recipient is not the customer's.
    """
    stores = sorted({wish.store for wish in wishes})
    refs: list[Ref[Any]] = [
        union_ref(),
        *map(store_ref, stores),
        *(listing_ref(store, sku) for store, sku in sorted({(wish.store, wish.sku) for wish in wishes})),
    ]
    refs += [recipient_ref(recipient_of.recipient)] if recipient_of else []
    union, *found = fetch_all(refs)
    if union is None:
        raise NotFound("the union has not been described yet: its operator does that first")
    postcode = None
    if recipient_of:
        recipient = found.pop()
        if recipient is None or recipient.customer != recipient_of.customer:
            raise NotFound("there is no such recipient among yours")
        postcode = recipient.postcode
    stored = {(each.store, each.sku): each for each in found[len(stores) :] if each is not None}
    return Terms(
        union=union,
        stores={store.id: store for store in found[: len(stores)] if store is not None},
        listings={key: listing.at(now) for key, listing in stored.items()},
        stored=stored,
        now=now,
        postcode=postcode,
    )


def with_levels(wishes: Sequence[Wanted], terms: Terms, customer: str = "", *, consistent: bool = False) -> Terms:
    """The same terms with the levels that what is wanted may be taken from (listings', shards', parts', slots'), and what the customer has of limited
    urgent sales, in one more batch read."""
    sold = list(_sold(wishes, terms))
    levels = sorted({level for item in sold for level in item.sold_from})
    sales = sorted({item.urgent.id for item in sold if item.urgent and item.urgent.per_customer and customer})
    refs: list[Ref[Any]] = [*map(level_ref, levels), *(bought_ref(sale, customer) for sale in sales)]
    found = fetch_all(refs, consistent=consistent)
    bought = dict(filter(None, found[len(levels) :]))
    known = {level.id: level for level in found[: len(levels)] if level}
    listings = {key: listing.at(terms.now, known) for key, listing in terms.stored.items()}
    return replace(terms, listings=listings, levels=known, bought=bought)


def place_under(wishes: Sequence[Wanted], terms: Terms, place: Callable[[Terms], T], customer: str = "") -> T:
    """What `place` makes under these terms; under the same with their levels where those matter, and again when those have just moved.

    The levels matter while an urgent sale runs, for it is not known which shards have units left, nor whether any has; and where a level was short a moment ago,
    for what is sold out is refused by a read, without a write.

    Raises:
        Busy: others kept taking the last units of one shard after another.
    """
    known = [with_levels(wishes, terms, customer) if _levels_matter(wishes, terms) else terms]

    def attempt() -> T:
        current = known.pop() if known else with_levels(wishes, terms, customer, consistent=True)
        try:
            return place(current)
        except SupplyPriceMoved as moved:
            raise _Look(moved.detail) from moved
        except OutOfStock as short:
            _keep_short(str(short.facts.get("level")))
            if not _may_be_had(short, current):
                raise
            raise _Look(short.detail) from short

    return retried(attempt, on=_Look, what="this stock")


def _levels_matter(wishes: Sequence[Wanted], terms: Terms) -> bool:
    since = time.monotonic() - _SHORT_SECONDS
    wanted = list(_sold(wishes, terms))
    return any(item.urgent or any(_short.get(level, since) > since for level in item.sold_from) for item in wanted)


def _sold(wishes: Sequence[Wanted], terms: Terms) -> Iterator[Listing]:
    """The listings that are wanted, each as it is sold at the time that is."""
    for wish in wishes:
        if (listing := terms.listings.get((wish.store, wish.sku))) is not None:
            yield listing.in_slot(wish.slot)


def _keep_short(level: str) -> None:
    if len(_short) >= _MOST_SHORT:
        _short.clear()
    _short[level] = time.monotonic()


class _Look(Conflict):
    """The levels have moved since they were read, or were not read: look at them."""


def _may_be_had(short: OutOfStock, terms: Terms) -> bool:
    """Whether another level may have what one lacks: it is a shard or has some, and has moved since it was read, or was not read."""
    level = str(short.facts.get("level"))
    is_sharded = any(home_of(level) == listing.level and listing.shard_levels for listing in terms.listings.values())
    read = terms.levels.get(level)
    return is_sharded and (read is None or read.reserve != short.facts.get("left"))
