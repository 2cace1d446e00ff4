"""When what a party is owed falls due: days of the union's time zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from mart_union.kernel.clock import local_date
from mart_union.ledger.model import SETTLEMENT_PERIODS

_SOME_MONDAY = date(1970, 1, 5)  # two-week periods are counted from here, so that every union and year agrees on them


def due_day(completed_at: datetime, period: str, time_zone: str) -> date:
    """The day on which an order completed at a moment is paid out.

    `at_once` is the same day, `daily` the next, `weekly` the next Monday, `biweekly` the next Monday of an even
    fortnight, `monthly` the first of the next month. A Monday's completion waits for the Monday after.

    Raises:
        ValueError: there is no such period.
    """
    day = local_date(completed_at, time_zone)
    if period == "at_once":
        return day
    if period == "daily":
        return day + timedelta(days=1)
    if period == "weekly":
        return day + timedelta(days=7 - day.weekday())
    if period == "biweekly":
        return day + timedelta(days=14 - (day - _SOME_MONDAY).days % 14)
    if period == "monthly":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    raise ValueError(f"'{period}' is not a settlement period; use one of {', '.join(SETTLEMENT_PERIODS)}")


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
