"""The day and month that a page or list of the operator is about."""

from __future__ import annotations

from datetime import date

from mart_union.kernel.clock import local_date, utc_now
from mart_union.kernel.settings import settings
from mart_union.web.request import Request


def today() -> date:
    """The calendar day in the union's time zone."""
    return local_date(utc_now(), settings().time_zone)


def day_of(request: Request) -> str:
    """The day that the query names (yyyy-mm-dd); today, in the union's time zone, when it names none.

    Raises:
        Invalid: it is not a day.
    """
    return request.day() or today().isoformat()


def month_of(request: Request) -> str:
    """The month that the query names (yyyy-mm); this month, in the union's time zone, when it names none.

    Raises:
        Invalid: it is not a month.
    """
    return request.month() or f"{today():%Y-%m}"
