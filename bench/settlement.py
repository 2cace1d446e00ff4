"""Settlement of 1,000, 10,000 and 100,000 payables over 100 parties: what a payable takes, in time and write units, and transactions.

A party takes something of its own, however many payables it has: its statement's head, its transfer, its payout. So the plain quotient falls
as a party has more payables, and says nothing of how settlement grows. What is compared is what a payable takes beyond its party's
own, which is measured in the same run with parties that have one payable each. The quotient is told, too, under the same goal.

The emulator looks through a whole table for each query of an index, which DynamoDB does not. So the time is that of a run without its
queries: everything that the code does, and its transactions. Compared are medians over all parties of all runs of a size, which are made in
turn with runs of one payable a party.

`python -m bench.settlement --payables 1000 10000` measures these sizes only, and prints their rows.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from bench.profiles import by_package
from bench.rows import Row, counted
from bench.tables import as_text
from bench.union import emulator, make_bucket, make_tables, settle

RUNS = {1_000: 15, 10_000: 3, 100_000: 1}
"""How often each size is settled: the smaller, the more of its time is the parties' own, and the more noise is left."""

PARTIES = 100
EARLY = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 12, 24, 4, tzinfo=UTC)
GOAL = 1.1
BATCH = 25


@dataclass(frozen=True)
class Settled:
    """What settling some payables took: seconds without queries, in all and of each party's own job; write units, transactions."""

    payables: int
    seconds: float
    of_parties: tuple[float, ...]
    units: float
    transactions: int


@dataclass
class Counts:
    """What a run asked of the database."""

    transactions: int = 0
    units: float = 0
    query_seconds: float = 0
    _began: float = 0

    def ask(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Have the database tell what a write takes."""
        return params | {"ReturnConsumedCapacity": "TOTAL"}

    def told(self, parsed: dict[str, Any], **_: Any) -> None:
        """Count a write."""
        found = parsed.get("ConsumedCapacity") or []
        self.units += sum(each["CapacityUnits"] for each in (found if isinstance(found, list) else [found]))

    def sent(self, **_: Any) -> None:
        """Count a transaction."""
        self.transactions += 1

    def asked(self, **_: Any) -> None:
        """A query begins."""
        self._began = time.perf_counter()

    def answered(self, **_: Any) -> None:
        """A query has ended."""
        self.query_seconds += time.perf_counter() - self._began


def rows(_endpoint: str, sizes: Sequence[int] = tuple(RUNS)) -> Iterator[Row]:
    """What a payable takes beyond its party's own, of each size against the size that differs most; transactions; plain quotients."""
    days = ((EARLY.date() + timedelta(days=number)).isoformat() for number in itertools.count(1))
    own, measured = _measure(sizes, days)
    made = list(_rows(own, measured))
    profile = _profiled(days) if any(row.met is False and row.unit == "ms" for row in made) else ""
    for row in made:
        yield replace(row, profile=profile) if row.met is False and row.unit == "ms" else row


def _rows(own: Settled, measured: Sequence[Settled]) -> Iterator[Row]:
    job = statistics.median(own.of_parties) * 1000
    yield counted("settlement: a party's own job, time", job, "ms", None, "with one payable")
    yield counted("settlement: a party's own, write units", own.units / PARTIES, "units", None, "with one payable")
    times = {
        each.payables: _beyond(statistics.median(each.of_parties) * 1000 * PARTIES, job * PARTIES, each.payables)
        for each in measured
    }
    units = {each.payables: _beyond(each.units, own.units, each.payables) for each in measured}
    whole_times = {each.payables: each.seconds * 1000 / each.payables for each in measured}
    whole_units = {each.payables: each.units / each.payables for each in measured}
    for each in measured:
        size = each.payables
        name = f"settlement: {size:,} payables of {PARTIES} parties"
        yield _against_others(f"{name}, time a payable beyond the party's own", times, size, "ms")
        yield _against_others(f"{name}, write units a payable beyond the party's own", units, size, "units")
        bound = ceil(size / 90) + 3 * PARTIES
        yield counted(f"{name}, transactions", each.transactions, "transactions", bound, "⌈N/90⌉ + 3S")
        yield _against_others(f"{name}, time a payable in all", whole_times, size, "ms")
        yield _against_others(f"{name}, write units a payable in all", whole_units, size, "units")


def _beyond(whole: float, own: float, size: int) -> float:
    return (whole - own) / (size - PARTIES)


def _against_others(name: str, values: dict[int, float], size: int, unit: str) -> Row:
    """A size's value against the farthest of the others', whichever of the two is larger."""
    value = values[size]

    def apart(other: int) -> float:
        return max(value, values[other]) / min(value, values[other]) if min(value, values[other]) > 0 else float("inf")

    other = max((each for each in values if each != size), key=apart, default=size)
    against = f"{other:,} payables: {values[other]:.3f} {unit}"
    return Row(name, round(value, 3), unit, against, round(apart(other), 3), None, GOAL, apart(other) <= GOAL)


def _measure(sizes: Sequence[int], days: Iterator[str]) -> tuple[Settled, list[Settled]]:
    """Parties with one payable each, and each size: its runs together. A first run warms everything up."""
    _open_accounts()
    _settle(next(days), PARTIES)
    own, found = list[Settled](), dict[int, list[Settled]]()
    for size in sizes:
        for _ in range(RUNS.get(size, 1)):
            own.append(_settle(next(days), PARTIES))
            found.setdefault(size, []).append(_settle(next(days), size))
    return _together(own), [_together(runs) for runs in found.values()]


def _profiled(days: Iterator[str]) -> str:
    """Where the time of parties goes that have one payable, ten and a hundred each; queries are in it, as waiting."""
    told = []
    for each in (1, 10, 100):
        profiler = cProfile.Profile()
        settled = _settle(next(days), each * PARTIES, profiler)
        told.append(f"{each} a party: {settled.transactions} transactions, {by_package(profiler)}")
    return f"cProfile, {PARTIES} parties: {'; '.join(told)}"


def _together(runs: Sequence[Settled]) -> Settled:
    """Runs of one size: the median of their seconds, every party's; each asks for the same transactions, and the most units count."""
    return Settled(
        runs[0].payables,
        statistics.median(each.seconds for each in runs),
        tuple(seconds for each in runs for seconds in each.of_parties),
        max(each.units for each in runs),
        max(each.transactions for each in runs),
    )


def _settle(day: str, size: int, profiler: cProfile.Profile | None = None) -> Settled:
    """Make payables that fall due on a day, then settle them and send the payouts, which a profiler may watch."""
    from mart_union.kernel import storage
    from mart_union.ledger.due import list_due_parties
    from mart_union.settlement.payouts import send_payouts
    from mart_union.settlement.statements import settle_party

    _owe(day, size)
    found = list_due_parties(day).items
    counts, events = Counts(), storage.client().meta.events
    hooks = [
        ("provide-client-params.dynamodb.TransactWriteItems", counts.ask),
        ("provide-client-params.dynamodb.UpdateItem", counts.ask),
        ("after-call.dynamodb.TransactWriteItems", counts.told),
        ("after-call.dynamodb.UpdateItem", counts.told),
        ("before-send.dynamodb.TransactWriteItems", counts.sent),
        ("before-send.dynamodb.Query", counts.asked),
        ("after-call.dynamodb.Query", counts.answered),
    ]
    for event, hook in hooks:
        events.register(event, hook)
    of_parties = list[float]()
    began = time.perf_counter()
    try:
        with profiler or nullcontext():
            for each in found:
                started = time.perf_counter() - counts.query_seconds
                while not settle_party(each, NOW).is_done:
                    pass
                of_parties.append(time.perf_counter() - counts.query_seconds - started)
            send_payouts(NOW)
        seconds = time.perf_counter() - began - counts.query_seconds
    finally:
        for event, hook in hooks:
            events.unregister(event, hook)
    return Settled(size, seconds, tuple(of_parties), counts.units, counts.transactions)


def _open_accounts() -> None:
    """Verified accounts of the parties."""
    from mart_union.customers.destinations import decide_destination, set_destination
    from mart_union.customers.model import DestinationFields

    for number in range(PARTIES):
        made = set_destination(f"store/bench-{number}", DestinationFields("Bench", "000123456", "822"), "bench", EARLY)
        decide_destination(made.party, made.id, True, "operator", EARLY)


def _owe(day: str, size: int) -> None:
    """Payables of the parties as settlement finds them, and their marks; in batches, since nobody asks how long that takes."""
    from mart_union.kernel.storage import client
    from mart_union.ledger.due import mark_due
    from mart_union.ledger.model import Payable
    from mart_union.ledger.tables import PayableItem, payable_key

    payables = [
        Payable(
            f"{day}-{each}", f"store/bench-{each % PARTIES}", f"o{each}", 10_000, day, "completion", f"t-{day}-{each}"
        )
        for each in range(size)
    ]
    for start in range(0, size, BATCH):
        puts = []
        for payable in payables[start : start + BATCH]:
            due = {"due_pk": f"{day}#{payable.party}", "due_sk": payable.id}
            item = PayableItem(*payable_key(payable.id), document=payable, **due)
            puts.append({"PutRequest": {"Item": item.serialize()}})
        left = client().batch_write_item(RequestItems={PayableItem.Meta.table_name: puts})["UnprocessedItems"]
        if left:
            raise RuntimeError("the emulator left items out")
    mark_due(payables, EARLY)


def main() -> None:
    """Measure the sizes that are named."""
    parser = argparse.ArgumentParser(description="Measure what settlement takes.")
    parser.add_argument("--payables", type=int, nargs="+", default=tuple(RUNS), help="sizes, each above 100")
    known = parser.parse_args()
    with emulator() as endpoint:
        settle(endpoint)
        make_tables()
        make_bucket()
        print(as_text(list(rows(endpoint, known.payables))))


if __name__ == "__main__":
    main()
