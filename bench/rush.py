"""Urgent selling and the last unit: 32 buyers at once, refusals after the last unit, and a crowd in simulated time.

Buyers are threads that send purchases to the checkout's handler until a listing of 1,000 units is empty. The bare loop beside them sends the very requests of such a
purchase, recorded once and with ids of their own, by a bare client with as many threads, about a listing of its own. Both take turns of an eighth of the units, and
whoever goes first changes with every turn.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from bench.rows import Row, counted, quartiles

BUYERS, UNITS, ROUNDS, BLOCKS = 32, 1_000, 3, 8
THROUGHPUT, GROWTH = 0.9, 7
CROWD, FOR_CROWD, CROWD_RATE = 200_000, 10_000, 500
SHARDS = (1, 2, 4, 8)
_ONCE_A_SECOND = 250
"""Buyers a second for each shard, so that a sale gets so many shards."""
_BARE_SKU = "BARE"
_SKU, _PRICE, _SALE_PRICE, _DELIVERY = "RUSH", 10_000, 5_000, 8_000


def rows(_endpoint: str) -> Iterator[Row]:
    """32 buyers against the bare loop; write units of refusals; and what the simulation says."""
    yield from _against_bare_loop()
    yield from _refusals()
    yield from simulated()


def simulated() -> Iterator[Row]:
    """Throughput by shards, and a flash crowd: the same figures on any machine."""
    from bench.crowd import LATEST_SECONDS, flash_crowd, sold_at_once

    one = 0.0
    for shards in SHARDS:
        told = sold_at_once(40_000, _ONCE_A_SECOND * shards)
        one = one or told.a_second
        name = f"simulated rush: units sold a second by shards of 1,000 write units a second: {shards}"
        yield Row(name, round(told.a_second), "a second", f"1 shard: {one:.0f}", round(told.a_second / one, 2))
    grown = told.a_second / one
    yield _at_least("simulated rush: 8 shards, times 1 shard", grown, "times", GROWTH, f"1 shard: {one:.0f} a second")
    crowd = flash_crowd(CROWD, FOR_CROWD, CROWD_RATE)
    who = f"{CROWD:,} shoppers for {FOR_CROWD:,} units, {CROWD_RATE} let in a second"
    yield counted("simulated rush: units oversold", max(crowd.units - FOR_CROWD, -crowd.lowest), "units", 0, who)
    yield counted("simulated rush: units unsold", FOR_CROWD - crowd.units, "units", 0, who)
    late = f"{who}; nobody comes later than this after their turn"
    yield counted(
        "simulated rush: served out of the order of tickets", crowd.out_of_order_seconds, "s", LATEST_SECONDS, late
    )
    yield counted("simulated rush: until the last unit", round(crowd.last_at, 1), "s", None, who)


def _at_least(name: str, value: float, unit: str, goal: float, baseline: str) -> Row:
    """A row of something that must not be less than its goal."""
    return Row(name, round(value, 2), unit, baseline, None, None, goal, value >= goal)


def _against_bare_loop() -> Iterator[Row]:
    loops = Loops()
    own, bare = list[float](), list[float]()
    for number in range(ROUNDS):
        loops.stock()
        for block in range(BLOCKS):
            both = [(own, loops.buy), (bare, loops.send)]
            for told, loop in both if block % 2 else reversed(both):
                seconds = loops.timed(loop, f"{number}-{block}")
                if number or block:  # the first block warms everything up
                    told.append(UNITS / BLOCKS / seconds)
        loops.look()
    ratios = [mine / other for mine, other in zip(own, bare, strict=True)]
    name = f"rush: purchases a second, {BUYERS} buyers on one listing of {UNITS:,} units"
    told_bare = f"bare loop of the same requests: {statistics.median(bare):.1f} a second"
    ratio = statistics.median(ratios)
    value = round(statistics.median(own), 1)
    yield Row(name, value, "a second", told_bare, round(ratio, 3), quartiles(ratios), THROUGHPUT, ratio >= THROUGHPUT)
    sold = f"{ROUNDS} times {UNITS:,} units"
    yield counted("rush: units sold beyond those that were there", loops.beyond, "units", 0, sold)
    yield counted("rush: units left though buyers asked", loops.left, "units", 0, sold)


class Loops:
    """Buyers of one listing through the handler, and the same requests, bare, of another."""

    def __init__(self) -> None:
        from bench.recording import Replay, recorded

        self._levels = {sku: _listing(sku) for sku in (_SKU, _BARE_SKU)}
        self.beyond = self.left = 0
        self.stock()
        _answered(_event("recorded-warm"))
        with recorded() as requests:
            _answered(_event("recorded"))
        self._replay = Replay(requests, _id_of("recorded"))

    def stock(self) -> None:
        """Each listing has its units."""
        from mart_union.kernel.clock import utc_now
        from mart_union.stock.counting import count
        from mart_union.stock.service import get_level

        for level in self._levels.values():
            count(level, UNITS, actor="bench", reference="round", now=utc_now())
        self._sold = get_level(self._levels[_SKU]).sold

    def look(self) -> None:
        """Note whether the buyers got every unit, and no more."""
        from mart_union.stock.service import get_level

        level = get_level(self._levels[_SKU])
        sold = level.sold - self._sold
        self.beyond, self.left = max(self.beyond, sold - UNITS), max(self.left, UNITS - sold, level.reserve)

    def timed(self, loop: Callable[[str], Callable[[int], None]], name: str) -> float:
        """Seconds that as many threads as buyers take for a block of purchases."""
        one = loop(name)
        began = time.perf_counter()
        with ThreadPoolExecutor(BUYERS) as threads:
            list(threads.map(one, range(UNITS // BLOCKS)))
        return time.perf_counter() - began

    def buy(self, name: str) -> Callable[[int], None]:
        """Through the handler."""
        events = [_event(f"{name}-own-{number}") for number in range(UNITS // BLOCKS)]
        return lambda number: _answered(events[number])

    def send(self, name: str) -> Callable[[int], None]:
        """The bare requests; a conflict of transactions is tried again, as the project does."""
        prepared = [self._bare(f"{name}-bare-{number}") for number in range(UNITS // BLOCKS)]

        def one(number: int) -> None:
            for call, params in prepared[number]:
                _tried(lambda call=call, params=params: call(**params))  # type: ignore[misc]

        return one

    def _bare(self, key: str) -> list[tuple[Any, dict[str, Any]]]:
        calls = self._replay.prepared(_id_of(key))
        return [(call, json.loads(json.dumps(params).replace(_SKU, _BARE_SKU))) for call, params in calls]


def _tried(call: Callable[[], Any]) -> None:
    from botocore.exceptions import ClientError

    for _ in range(50):
        try:
            call()
        except ClientError as error:
            if "TransactionConflict" not in str(error):
                raise
        else:
            return
    raise RuntimeError("conflicts without end")


def _listing(sku: str = _SKU) -> str:
    """A listing of the scene's first store; its level."""
    from bench.scene import STORES, scene
    from mart_union.catalog import service as catalog
    from mart_union.catalog.model import Listing, listing_level
    from mart_union.kernel.clock import utc_now

    scene()
    level = listing_level(STORES[0], sku)
    category = catalog.list_categories(STORES[0])[0].id
    listing = Listing(STORES[0], sku, {"en": "Rush"}, {}, category, "tea", "goods", _PRICE, "on_sale", level)
    catalog.edit_listing(listing.store, sku, lambda before: before or listing, "bench", utc_now())
    return level


def _event(key: str, price: int = _PRICE) -> dict[str, Any]:
    from bench.scene import CUSTOMER, STORES, scene
    from tests.gateway import gateway_event

    lines = [{"store": STORES[0], "sku": _SKU, "quantity": 1}]
    body = {"lines": lines, "recipient": scene(), "total_minor": price + _DELIVERY}
    headers = {"Idempotency-Key": f"rush-{key}", "Content-Type": "application/json"}
    return gateway_event("POST", "/api/purchases", body=body, headers=headers, subject=CUSTOMER)


def _id_of(key: str) -> str:
    from bench.scene import CUSTOMER
    from mart_union.kernel.ids import derived_id

    return derived_id("purchase", CUSTOMER, f"rush-{key}")


def _answered(event: dict[str, Any], expected: int = 201) -> None:
    import checkout.app
    from tests.gateway import CONTEXT

    answer = checkout.app.lambda_handler(event, CONTEXT)
    if answer["statusCode"] != expected:
        raise RuntimeError(f"{answer['statusCode']} instead of {expected}: {answer['body']}")


def _refusals() -> Iterator[Row]:
    """What a refusal writes once nothing is left: of a listing as ever, and of an urgent sale."""
    from bench.scene import STORES
    from mart_union.catalog.urgent import end_urgent_sale, start_urgent_sale
    from mart_union.catalog.urgent_terms import SaleTerms
    from mart_union.kernel.clock import iso, utc_now
    from mart_union.stock.counting import count

    level, now = _listing(), utc_now()
    count(level, 1, actor="bench", reference="last", now=now)
    _answered(_event("last-unit"))
    _answered(_event("first-refusal"), 409)  # this process does not know yet that it is sold out, and tries
    yield _written("a listing that is known to be sold out", [_event(f"refused-{number}") for number in range(BUYERS)])
    count(level, 2, actor="bench", reference="sale", now=now)
    window = iso(now - timedelta(minutes=1)), iso(now + timedelta(days=1))
    terms = SaleTerms(_SALE_PRICE, *window, quantity=2)
    sale = start_urgent_sale(STORES[0], _SKU, terms, actor="bench", key=f"rush-{iso(now)}", now=now).urgent
    for number in range(2):
        _answered(_event(f"in-sale-{number}", _SALE_PRICE))
    yield _written(
        "an urgent sale that is sold out",
        [_event(f"refused-in-sale-{number}", _SALE_PRICE) for number in range(BUYERS)],
    )
    if sale is not None:
        end_urgent_sale(STORES[0], _SKU, sale.id, actor="bench", now=utc_now())


def _written(what: str, events: Sequence[dict[str, Any]]) -> Row:
    """Requests that write, done or refused: DynamoDB takes units for those, too."""
    from tests.services.capacity import measured

    with measured() as capacity, ThreadPoolExecutor(BUYERS) as threads:
        list(threads.map(lambda event: _answered(event, 409), events))
    writes = len(capacity.writes) / len(events)
    why = f"{len(events)} buyers at once, {len(capacity.requests) / len(events):g} requests each"
    return counted(f"rush: write requests of a refusal, {what}", writes, "requests", 0, why)
