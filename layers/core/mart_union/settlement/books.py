"""The nightly reconciliation: loads the books, looks twice, keeps the report."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from mart_union.checkout.census import all_purchases
from mart_union.kernel.bucket import get_object, put_object
from mart_union.kernel.clock import iso, local_date
from mart_union.kernel.functions import invoke_later
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.ledger.census import whole_ledger
from mart_union.orders.census import all_orders
from mart_union.settlement.reconciliation import Books, Difference, differences
from mart_union.stock.census import all_levels

_JOB = "reconcile"
_NEWEST = "reconciliation/newest.json"
RECONCILE = "reconcile"
"""The task by which the settlement function is asked for a reconciliation out of turn."""


class Report(Struct, frozen=True):
    """What a reconciliation looked at and what it found."""

    at: str
    transfers: int
    orders: int
    purchases: int
    levels: int
    statements: int
    differences: tuple[Difference, ...]


def ask_reconciliation() -> None:
    """Have the settlement function reconcile the books now; `last_report` tells what it found, a little later."""
    invoke_later("settlement", {"task": RECONCILE})


def reconcile(now: datetime) -> Report:
    """Compare the union's books with each other, and keep the report. Scans of four tables: for a nightly job."""
    books, found = agreed_differences()
    report = Report(
        at=iso(now),
        transfers=len(books.ledger.transfers),
        orders=len(books.orders),
        purchases=len(books.purchases),
        levels=len(books.levels),
        statements=len(books.ledger.statements),
        differences=tuple(found),
    )
    _keep(report, now)
    return report


def agreed_differences() -> tuple[Books, list[Difference]]:
    """The books and what they disagree on.

    A scan sees no single moment, so a purchase that is made meanwhile can look like a difference: what differs is looked at
    again, and only what differs in the same way both times is told.
    """
    books = load_books()
    found = differences(books)
    if found:
        books = load_books()
        again = set(differences(books))
        found = [difference for difference in found if difference in again]
    return books, found


def reconcile_daily(now: datetime) -> Report | None:
    """The day's reconciliation, if it has not been made yet."""
    today = local_date(now, settings().time_zone).isoformat()
    if jobs.get_checkpoint(_JOB) >= today:
        return None
    report = reconcile(now)
    jobs.set_checkpoint(_JOB, today)
    return report


def last_report() -> Report:
    """The newest report.

    Raises:
        NotFound: there has been no reconciliation yet.
    """
    return msgspec.json.decode(get_object(_NEWEST), type=Report)


def load_books() -> Books:
    """The books as they are now."""
    return Books(whole_ledger(), list(all_orders()), list(all_purchases()), list(all_levels()))


def _keep(report: Report, now: datetime) -> None:
    text = msgspec.json.encode(report).decode()
    day = local_date(now, settings().time_zone).isoformat()
    for key in (f"reconciliation/{day}.json", _NEWEST):
        put_object(key, text, "application/json")
