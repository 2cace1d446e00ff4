"""Lists at size: a supplier's of 100,000 rows, and a store's catalog.

Rows are applied by the importer of uploads, a chunk after the other. Beside it the very items that it makes are written by bare batches of 25 with as many threads, under other keys, part
by part in turn.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from bench.budgets import asked_of, write_units
from bench.mediation import at_once, seconds_of
from bench.recording import Request, bare_client, recorded
from bench.rows import Row, counted, quartiles

THREADS, RATE, ROUNDS = 8, 0.85, 10
SUPPLIER, STORE = "lister-of-the-bench", "catalog-of-the-bench"


@dataclass(frozen=True)
class _List:
    """A kind of list: whose it is, what applies its rows, a row's cells beside its id and title, and how many rows a part of it has."""

    name: str
    owner: str
    importer: Callable[[], Any]
    cells: dict[str, str]
    part: int


def rows(_endpoint: str) -> Iterator[Row]:
    """A supplier's list and a store's catalog: new rows beside bare writes, and the same rows again."""
    from catalog_import.supply import OfferImport
    from mart_union.catalog.importing import ListingImport
    from mart_union.kernel.clock import utc_now

    now = utc_now()
    _open(now)
    offer = {"supply_price": "150 TWD", "suggested_price": "230 TWD", "granted_to": "everyone"}
    listing = {"product_type": "Tea", "price": "230 TWD"}
    yield from _rows_of(
        _List("a supplier's list", f"supplier/{SUPPLIER}", lambda: OfferImport(SUPPLIER), offer, 10_000), now
    )
    yield from _rows_of(_List("a store's catalog", f"store/{STORE}", lambda: ListingImport(STORE), listing, 2_000), now)


def _open(now: datetime) -> None:
    """A union, an approved supplier, and a store."""
    from bench.mediation import sell_in
    from bench.scene import scene
    from mart_union.mediation import service as mediation

    scene()
    mediation.apply_supplier(SUPPLIER, names={"en": "Lister"}, texts={}, registration="2", applicant="m", now=now)
    mediation.decide_supplier(SUPPLIER, True, "operator", now)
    sell_in(STORE, now)


def _rows_of(what: _List, now: datetime) -> Iterator[Row]:
    with recorded() as asked:
        _apply(what, "KNOWN", now)
    items, own, bare = _items_of(asked), list[float](), list[float]()
    for number in range(ROUNDS):
        own.append(what.part / seconds_of(partial(_apply, what, f"OWN{number}", now)))
        bare.append(what.part / seconds_of(partial(_write_bare, json.loads(items.replace("KNOWN", f"BARE{number}")))))
    name = f"uploads: {what.name} of {ROUNDS * what.part:,} rows"
    against = f"bare batches of 25 of the same items, {THREADS} threads: {statistics.median(bare):.1f} a second"
    ratios = [one / other for one, other in zip(own, bare, strict=True)]
    ratio, value = round(statistics.median(ratios), 3), round(statistics.median(own), 1)
    new = Row(f"{name}: new rows a second", value, "a second", against, ratio, quartiles(ratios), RATE, ratio >= RATE)
    yield new if new.met else replace(new, profile=asked_of(asked))
    with recorded() as requests:
        again = what.part / seconds_of(partial(_apply, what, "KNOWN", now))
    name = f"uploads: {what.name} of {what.part:,} rows, unchanged"
    yield counted(f"{name}: write units", write_units(requests), "units", 0, "nothing differs")
    each = f"{len(requests) / what.part:.2f} requests a row"
    yield Row(f"{name}: rows a second", round(again, 1), "a second", each)


def _apply(what: _List, prefix: str, now: datetime) -> None:
    from catalog_import.work import CHUNK, read_ahead
    from mart_union.catalog.upload_model import Upload
    from mart_union.kernel.clock import iso

    importer = what.importer()
    upload = Upload("bench", what.owner, "owner", "STARTED", iso(now))
    parts = (range(start, min(start + CHUNK, what.part)) for start in range(0, what.part, CHUNK))
    chunks = ([importer.read(_sheet_row(what, prefix, number)) for number in part] for part in parts)
    for chunk in read_ahead(chunks):
        outcome = importer.apply(chunk, upload, now)
        if outcome.refused:
            raise RuntimeError(f"the import refused {outcome.refused[0]}")


def _sheet_row(what: _List, prefix: str, number: int) -> Any:
    from mart_union.catalog.files import Row as SheetRow

    known = {"id": f"{prefix}-{number:06d}", "title": f"仙草茶包 {number}", "union_category": "tea", "quantity": "40"}
    cells = known | what.cells
    return SheetRow(number + 2, cells, tuple(cells.values()))


def _items_of(requests: Sequence[Request]) -> str:
    """The puts of recorded transactions, table and item, as JSON; of the list's rows, not of what stands once."""
    written = [each["Put"] for request in requests for each in request.params.get("TransactItems", []) if "Put" in each]
    return json.dumps([[put["TableName"], put["Item"]] for put in written if "KNOWN" in json.dumps(put["Item"])])


def _write_bare(puts: Sequence[tuple[str, dict[str, Any]]]) -> None:
    client = bare_client()
    batches = [puts[start : start + 25] for start in range(0, len(puts), 25)]

    def write(number: int) -> None:
        request: dict[str, list[Any]] = {}
        for table, item in batches[number]:
            request.setdefault(table, []).append({"PutRequest": {"Item": item}})
        client.batch_write_item(RequestItems=request)

    at_once(write, len(batches))
