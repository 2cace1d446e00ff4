"""The mediation center at size: an offer with 1,000 links that changes or runs out, and a rule that links 10,000 offers.

What is counted does not depend on the machine. The lag of a change is the time from the event's handling to the commit of each link with its listing, which is when the stream tells of
it: what bus and queue add is not in it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from unittest.mock import patch

from bench.budgets import write_units
from bench.recording import Request, recorded
from bench.rows import Row, counted

LINKS, OFFERS = 1_000, 10_000
THREADS = 8
SUPPLIER, STORE = "maker-of-the-bench", "seller-of-the-bench"


def rows(_endpoint: str) -> Iterator[Row]:
    """Changes of an offer with many links, and a job of links."""
    from mart_union.kernel.clock import utc_now

    now = utc_now()
    _open(now)
    yield from _changes(now)
    yield from _job(now)


def _open(now: datetime) -> None:
    """A union and an approved supplier."""
    from bench.scene import scene
    from mart_union.mediation import service as mediation

    scene()
    mediation.apply_supplier(SUPPLIER, names={"en": "Maker"}, texts={}, registration="1", applicant="m", now=now)
    mediation.decide_supplier(SUPPLIER, True, "operator", now)


def _offer(sku: str, **changes: Any) -> Any:
    from msgspec.structs import replace as changed

    from mart_union.mediation.model import Offer

    titles = {"zh-TW": "仙草茶包 20 入", "en": "Grass Jelly Tea Bags, 20"}
    made = Offer(SUPPLIER, sku, titles, {}, "tea", "goods", 15_000, 23_000, 18_000, 2, ("everyone",), low_stock=5)
    return changed(made, **changes)


def sell_in(store: str, now: datetime) -> None:
    """Open a store."""
    from mart_union.catalog.model import Store
    from mart_union.catalog.tables import StoreItem, store_key
    from mart_union.kernel.clock import iso

    made = Store(store, "enterprise-of-the-bench", {"en": store}, {}, "food-drink", "open", iso(now))
    StoreItem(*store_key(store), document=made, sequence=1).save()


def at_once(work: Callable[[int], object], number: int) -> None:
    """Do some work for each number, by as many threads as the project itself takes."""
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(number)))


def _changes(now: datetime) -> Iterator[Row]:
    from mart_union.catalog.model import OfferReference
    from mart_union.kernel.events import Event
    from mart_union.mediation import service as mediation
    from mart_union.mediation.model import Terms
    from mart_union.stock.counting import count

    offer = _offer("MANY")
    mediation.save_offer(offer, 10**6, "owner", now)

    def link(number: int) -> None:
        store = f"{STORE}-{number}"
        sell_in(store, now)
        terms = Terms("tea", markup_basis_points=4_000)
        mediation.make_link(store, "MANY", OfferReference(SUPPLIER, "MANY"), terms, "owner", now)

    at_once(link, LINKS)
    mediation.save_offer(_offer("MANY", supply_minor=16_000), None, "owner", now)
    changed = Event("bench", "OfferChanged", f"offer/{SUPPLIER}/MANY", 2, "", {})
    why = "a link, its copy in an index, its listing, and a check of its store's deposit: 2 + 1 + 2 + 2"
    yield from _followed("a new price", partial(mediation.apply_offer_change, changed), 7, why)
    count(offer.level, 0, actor="owner", reference="bench", now=now)
    out = Event("bench", "StockOut", f"level/{offer.level}", 2, "", {})
    why = "a link, its copy in an index, and a check of its store's deposit: 2 + 1 + 2"
    yield from _followed("a pool that runs out", partial(mediation.apply_stock_change, out), 5, why)
    with recorded() as requests:
        mediation.apply_offer_change(changed)
    told = "told of the same change again, of which nothing is left to do"
    yield counted(f"mediation: {LINKS:,} links: writes where nothing differs", write_units(requests), "units", 0, told)


def _followed(what: str, follow: Callable[[], None], units: int, why: str) -> Iterator[Row]:
    """The rows of a change that all links take over."""
    from mart_union.mediation import linked

    committed: list[float] = []
    whole = linked.put_in_step

    def put(*arguments: Any) -> bool:
        wrote = whole(*arguments)
        if wrote:
            committed.append(time.perf_counter() - began)
        return wrote

    with recorded() as requests, patch.object(linked, "put_in_step", put):
        began = time.perf_counter()
        follow()
    name = f"mediation: {what} of an offer with {LINKS:,} links"
    yield counted(f"{name}: links that took it over", len(committed), "links", LINKS, "each once")
    yield counted(f"{name}: transactions a link", _transactions(requests) / LINKS, "transactions", 1, "1 a link")
    yield counted(f"{name}: write units a link", write_units(requests) / LINKS, "units", units, why)
    others = len(requests) - _transactions(requests)
    read = "each page of 100 twice, a query and batch reads of 100 each time: what links depend on, and a page without any at the end"
    yield counted(f"{name}: reads", others, "requests", None, read)
    low, high = statistics.median(committed), statistics.quantiles(committed, n=100)[98]
    yield Row(f"{name}: lag, p50", round(1000 * low), "ms", f"{THREADS} threads")
    yield Row(f"{name}: lag, p99", round(1000 * high), "ms", f"{THREADS} threads")


def _transactions(requests: Sequence[Request]) -> int:
    return sum(request.operation == "TransactWriteItems" for request in requests)


@dataclass
class _Worked:
    """What the parts of a job have cost: their seconds, how many transactions, and units written."""

    seconds: list[float] = field(default_factory=list)
    transactions: int = 0
    units: float = 0


def _job(now: datetime) -> Iterator[Row]:
    from msgspec import structs

    from mart_union.mediation.job_model import LinkRule

    _offer_many(now)
    sell_in(STORE, now)
    rule = LinkRule("tea", SUPPLIER, words="rule", markup_basis_points=4_000)
    job, cost = _work(rule, "rule-of-the-bench", now)
    name = f"mediation: a rule that links {OFFERS:,} offers"
    yield counted(f"{name}: refused", job.refused, "offers", 0, f"{job.linked:,} linked, of {job.looked:,} looked at")
    parts = job.sequence - 1
    goal = -(-OFFERS // 20) + 2 * parts
    why = f"1 for 20 links, or for the rest of a part, and 1 a part; {parts} parts"
    yield counted(f"{name}: transactions", cost.transactions, "transactions", goal, why)
    each = (
        "2 + 1 the link and its copy in an index, 2 the listing, 2 a check of the offer; and a twentieth of 2 + 2 + 2"
    )
    yield counted(f"{name}: write units a link", cost.units / OFFERS, "units", 8, each)
    rate = f"one part of 100 after the other; a part takes {1000 * statistics.median(cost.seconds):.0f} ms, the longest {1000 * max(cost.seconds):.0f}"
    yield Row(f"{name}: links a second", round(OFFERS / sum(cost.seconds), 1), "a second", rate)
    again, more = _work(structs.replace(rule, words="rule-00"), "rule-of-the-bench-again", now)
    name = f"mediation: a rule for {again.looked:,} offers that are linked already"
    yield counted(f"{name}: unchanged", again.unchanged, "offers", again.looked, "none is linked twice")
    own = "the job's own progress: 2 + 1 its item and the copy in an index"
    yield counted(f"{name}: write units a part", more.units / (again.sequence - 1), "units", 3, own)


def _offer_many(now: datetime) -> None:
    """The offers that the rule is for, as a list makes them."""
    from mart_union.mediation.service import OFFERS_AT_ONCE, make_offers

    made = [(_offer(f"RULE-{number:05d}"), 10) for number in range(OFFERS)]
    groups = [made[start : start + OFFERS_AT_ONCE] for start in range(0, OFFERS, OFFERS_AT_ONCE)]
    at_once(lambda number: make_offers(groups[number], "owner", now, upload="bench"), len(groups))


def _work(rule: Any, key: str, now: datetime) -> tuple[Any, _Worked]:
    """A job of a rule when each of its events has come, and what that cost. What was asked is let go after each part."""
    from mart_union.kernel.events import Event
    from mart_union.mediation import service as mediation

    job, cost = mediation.start_link_job(STORE, rule, "owner", key, now), _Worked()
    while job.state == "running":
        told = Event("bench", "LinkJobChanged", f"link-job/{STORE}/{job.id}", job.sequence, "", {})
        with recorded() as requests:
            cost.seconds.append(seconds_of(partial(mediation.work_link_job, told, now)))
        cost.transactions += _transactions(requests)
        cost.units += write_units(requests)
        job = mediation.get_link_job(STORE, job.id)
    return job, cost


def seconds_of(work: Callable[[], object]) -> float:
    """How long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
