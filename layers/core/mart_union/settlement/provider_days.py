"""Day after day of the card processor's reports: each is compared once, and none is passed over, however long nobody could ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec import Struct

from mart_union.checkout.payers import CARDS
from mart_union.kernel.clock import local_date
from mart_union.kernel.errors import MartUnionError
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.ledger.periods import days_between
from mart_union.settlement.differences import Difference
from mart_union.settlement.provider_report import provider_differences

_JOB = "provider_reports"
_LAG = timedelta(hours=1)
"""Providers have told all of a day an hour after it was over."""

_MOST_DAYS = 7
"""So many days fit into one run; after a longer outage the next runs go on."""


class Compared(Struct, frozen=True):
    """What was found on the days that were compared, and on one that could not be; `until` is the last that was, '' for none."""

    found: tuple[Difference, ...] = ()
    until: str = ""


def last_told_day(now: datetime) -> date:
    """The last day of the union's time zone of which providers have told all."""
    return local_date(now - _LAG, settings().time_zone) - timedelta(days=1)


def compare_waiting(now: datetime) -> Compared:
    """Compare every day since the last one that was compared, in order, seven at most; the first ever is the last one that is told.

    A day whose report cannot be had is named, and waited for: no later one is compared before it. `note_compared` ends it.
    """
    found: list[Difference] = []
    until, last = "", last_told_day(now)
    for day in _waiting(last):
        try:
            found += provider_differences(day.isoformat())
        except MartUnionError as error:
            found.append(_not_compared(day, error))
            break
        until = day.isoformat()
    return Compared(tuple(found), until)


def note_compared(compared: Compared) -> None:
    """Note how far the comparison came, once what it found has been kept."""
    if compared.until:
        jobs.set_checkpoint(_JOB, compared.until)


def reported_differences(day: date, now: datetime) -> list[Difference]:
    """What the report of one day and the ledger disagree on, for a reconciliation that does not end because the processor is silent: that,
    too, is a difference then. Nothing of a day of which it may not have told all."""
    if day > last_told_day(now):
        return []
    try:
        return provider_differences(day.isoformat())
    except MartUnionError as error:
        return [_not_compared(day, error)]


def _waiting(last: date) -> Iterator[date]:
    done = jobs.get_checkpoint(_JOB)
    first = date.fromisoformat(done) + timedelta(days=1) if done else last
    yield from days_between(first, last)[:_MOST_DAYS]


def _not_compared(day: date, error: MartUnionError) -> Difference:
    return Difference(1, CARDS, f"the processor's report of {day} could not be compared: {error.detail}")
