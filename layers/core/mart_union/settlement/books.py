"""The nightly reconciliation: loads the books, looks twice, keeps the report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec
from msgspec import Struct, field

from mart_union.catalog.census import shards_named
from mart_union.checkout.census import all_purchases
from mart_union.kernel.bucket import get_object, put_object
from mart_union.kernel.clock import iso, local_date
from mart_union.kernel.errors import Invalid
from mart_union.kernel.functions import invoke_later
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import ReportEntry
from mart_union.ledger.reports import keep_report
from mart_union.orders.census import all_orders
from mart_union.settlement.checks.transfers import balances_until, check_balances
from mart_union.settlement.differences import Difference
from mart_union.settlement.provider_days import compare_waiting, last_told_day, note_compared, reported_differences
from mart_union.settlement.reconciliation import Books, differences
from mart_union.stock.census import whole_stock

_JOB = "reconcile"
_MOST_LOOKS = 5
_STREAM_KEEPS = timedelta(hours=24)  # a movement that is not in the journal by then never will be
_KINDS = frozenset({"received", "sent", "returned"})
_NEWEST = "reconciliation/newest.json"
RECONCILE = "reconcile"
"""The task by which the settlement function is asked for a reconciliation out of turn."""


class Report(Struct, frozen=True):
    """What a reconciliation looked at and what it found.

    `day` is the day that it closes, as a rule yesterday: its balances are those of all transfers until that day was over, by kind of
    account, and what providers reported until then is compared. The rest of the books have no past, and are compared as they are now.
    """

    at: str
    transfers: int
    orders: int
    purchases: int
    levels: int
    statements: int
    differences: tuple[Difference, ...]
    day: str = ""
    balances: dict[str, int] = field(default_factory=dict)


def ask_reconciliation(day: str = "") -> None:
    """Have the settlement function reconcile the books of a day, or of the last that is over; `last_report` tells what it found, a little later."""
    invoke_later("settlement", {"task": RECONCILE} | ({"day": day} if day else {}))


def reconcile(now: datetime, day: str = "") -> Report:
    """Compare the union's books with each other and with what providers report, and keep the report as that of the day (the last that is over,
    by an hour, if none is named). Scans of four tables, and a batch read of the listings with an urgent sale: for a nightly job.

    Of a day that is not over, by an hour, the card processor's report is left out: it may not have told all.

    Raises:
        Invalid: there is no such day, or it has not come.
    """
    closed = checked_day(day, local_date(now, settings().time_zone)) if day else last_told_day(now)
    return _reconcile(now, closed, reported_differences(closed, now))


def _reconcile(now: datetime, closed: date, reported: Sequence[Difference]) -> Report:
    books, found = agreed_differences(now)
    balances = balances_until(books.ledger, closed, settings().time_zone)
    found += check_balances(balances, closed)
    report = Report(
        at=iso(now),
        transfers=len(books.ledger.transfers),
        orders=len(books.orders),
        purchases=len(books.purchases),
        levels=len(books.levels),
        statements=len(books.ledger.statements),
        differences=(*found, *reported),
        day=closed.isoformat(),
        balances=balances,
    )
    _keep(report, newest=closed >= last_told_day(now))
    return report


def checked_day(text: str, today: date) -> date:
    """A day (yyyy-mm-dd) that has come.

    Raises:
        Invalid: it has not, or it is none.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"'{text}' is not a day", errors=[{"field": "day", "reason": "is not a day"}]) from error
    if day > today:
        raise Invalid(f"{text} has not come yet", errors=[{"field": "day", "reason": "has not come yet"}])
    return day


def keep_bank_report(report: str, day: str, entries: Sequence[ReportEntry], now: datetime) -> None:
    """Keep what the bank reports of a day, to be compared by every reconciliation from now on. The same again changes nothing.

    Raises:
        Invalid: there is no such day or it has not come, or an entry is of an unknown kind or not above zero.
        KeyReused: a report of this id said something else.
    """
    checked_day(day, local_date(now, settings().time_zone))
    wrong = [each.id for each in entries if each.kind not in _KINDS or each.amount_minor <= 0]
    if wrong:
        reason = f"{wrong[0]} is not received, sent or returned, or its amount not above zero"
        raise Invalid(reason, errors=[{"field": "data.entries", "reason": reason}])
    keep_report("bank", day, report, entries)


def agreed_differences(now: datetime | None = None) -> tuple[Books, list[Difference]]:
    """The books and what they disagree on; with the moment of looking, journals that have been behind their levels for a day, too.

    A scan sees no single moment, so a purchase that is made meanwhile can look like a difference: what differs is looked at
    again, and only what differs each time is told, by its invariant and subject. Twice is enough where it differs in the same way; books that
    move on are looked at up to five times, so that what is really wrong in them is told, too.
    """
    books = load_books(now)
    found = differences(books)
    for _ in range(_MOST_LOOKS - 1):
        if not found:
            break
        before = found
        books = load_books(now)
        subjects = {(each.invariant, each.subject) for each in before}
        found = [each for each in differences(books) if (each.invariant, each.subject) in subjects]
        if set(found) <= set(before):
            break
    return books, found


def reconcile_daily(now: datetime) -> Report | None:
    """The report of the last day that is over, if it has not been made yet; from an hour after midnight on, when providers have told all
    of that day. It names what their reports of all days since the last one that was compared differ in.

    It is made again when a report that could not be had before was compared since; None when there is nothing new.
    """
    last = last_told_day(now)
    compared = compare_waiting(now)
    if jobs.get_checkpoint(_JOB) >= last.isoformat() and not compared.until:
        return None
    report = _reconcile(now, last, compared.found)
    note_compared(compared)
    jobs.set_checkpoint(_JOB, last.isoformat())
    return report


def last_report(day: str = "") -> Report:
    """The newest report, or that of a day.

    Raises:
        NotFound: there has been no such reconciliation yet.
    """
    key = f"reconciliation/{day}.json" if day else _NEWEST
    return msgspec.json.decode(get_object(key), type=Report)


def load_books(now: datetime | None = None) -> Books:
    """The books as they are; without the moment that this is, no journal is said to be behind its level."""
    ledger, found, purchases, stock = whole_ledger(), all_orders(), list(all_purchases()), whole_stock()
    return Books(
        ledger,
        found.orders,
        purchases,
        stock.levels,
        settings().time_zone,
        settings().currency.step,
        settings().currency.code,
        journals=stock.journals,
        bought=found.bought,
        caught_up=iso(now - _STREAM_KEEPS) if now else "",
        named=shards_named(level.id for level in stock.levels if level.reserve or level.sale),
    )


def _keep(report: Report, *, newest: bool) -> None:
    text = msgspec.json.encode(report).decode()
    for key in (f"reconciliation/{report.day}.json", *([_NEWEST] if newest else [])):
        put_object(key, text, "application/json")
