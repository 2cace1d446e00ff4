"""Listings that draw on something else than their own level: a bundle that is bought, a bookable service that is looked at and booked."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import browse.app
from bench import sizes
from bench.operations import WRITE_GOAL, Budget, Operation, read
from bench.scene import SKUS, STORES, buy, scene, total_of
from mart_union.catalog import service as catalog
from mart_union.catalog.model import Listing, listing_level
from mart_union.catalog.slots import Times, open_slots
from mart_union.checkout.model import Wanted
from mart_union.kernel.clock import utc_now
from mart_union.stock.slots import MOST_AHEAD

_PARTS = dict.fromkeys(SKUS[:3], 1)
_DAYS, _TIMES = 14, tuple(f"{hour:02}:00" for hour in range(8, 18))


def of_kinds() -> list[Operation]:
    """What is sold from parts, and for times."""
    _shop()
    return [_bundle(), _booking(), _next_times()]


def _bundle() -> Operation:
    why = "2 requests, whatever it is made of: 0.5 x (1 + m + 2) read, 2 x (k + m + 3) write; k = 3 parts, m = 1"
    budget = Budget(2, why, 0.5 * (1 + 1 + 2), 3 + 1 + 3, more=sizes.placed(1, 1))
    return _sold("checkout of a bundle of 3 parts", "SET", budget)


def _booking() -> Operation:
    why = "2 requests: 0.5 x (1 + m + 2) read, 2 x (k + m + 3) write; k = 1 slot, m = 1"
    return _sold("checkout of a time", "TOUR", Budget(2, why, 0.5 * (1 + 1 + 2), 1 + 1 + 3, more=sizes.placed(1, 1)))


def _sold(name: str, sku: str, budget: Budget) -> Operation:
    wishes = [Wanted(STORES[0], sku, 1, _shop() if sku == "TOUR" else "")]
    total = total_of(wishes)

    def handler(event: dict[str, Any], _context: Any) -> object:
        return buy(wishes, scene(), event["key"], total)

    return Operation(name, handler, lambda key: key, lambda key, _subject: {"key": key}, WRITE_GOAL, budget)


def _next_times() -> Operation:
    why = f"1 batch read and 1 query, 2 where the month has fewer than {MOST_AHEAD} slots ahead; 0.5 a 4 KB, {MOST_AHEAD} levels of 0.33 KB"
    path = f"/api/listings/{STORES[0]}/TOUR/slots"
    return read("next times of a service", browse.app.lambda_handler, path, Budget(3, why, 0.5 * 2 + 2.5))


@cache
def _shop() -> str:
    """A bundle and a bookable service of the first store; answers with the first of its times."""
    scene()
    now, store = utc_now() - timedelta(minutes=1), STORES[0]
    facts = ("tea.oolong", "tea")
    names = {"zh-TW": "茶禮盒", "en": "Gift box"}
    level = listing_level(store, "SET")
    catalog.save_listing(
        Listing(store, "SET", names, {}, *facts, "goods", 400_000, "on_sale", level, parts=_PARTS), "owner", now
    )
    level = listing_level(store, "TOUR")
    tour = Listing(store, "TOUR", names, {}, *facts, "service", 90_000, "on_sale", level, slot_minutes=60)
    catalog.save_listing(tour, "owner", now)
    first, last = ((now + timedelta(days=days)).date().isoformat() for days in (1, _DAYS))
    return open_slots(store, "TOUR", Times(first, last, _TIMES, 500), actor="owner", now=now).opened[-1]
