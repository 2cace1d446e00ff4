"""Time: always aware, always UTC inside; a union's own time zone only where a rule names a day."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mart_union.kernel.errors import Invalid

Clock = Callable[[], datetime]

_ATTEMPT_DAYS = 14
_MONTH = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])")


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC with milliseconds: sorts as text in order of time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """The moment that `iso` wrote."""
    return datetime.fromisoformat(text)


def local_text(moment: datetime, time_zone: str) -> str:
    """A moment for people, as day and minute of a union's time zone: `2026-12-01 18:30`."""
    return moment.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M")


def local_date(moment: datetime, time_zone: str) -> date:
    """The calendar day of a moment in a union's time zone."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def bounds_of_day(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """When a day of a union's time zone begins and when the next one does, in UTC: 23 or 25 hours later where clocks change."""
    zone = ZoneInfo(time_zone)
    begin, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))
    return begin, end


def attempt_expires_at(moment: datetime) -> int:
    """When the note of an attempt to tell somebody of something may be forgotten, two weeks after it was made, in seconds as the tables count them."""
    return int((moment + timedelta(days=_ATTEMPT_DAYS)).timestamp())


def checked_month(text: str) -> str:
    """A month as it is written, `yyyy-mm`.

    Raises:
        Invalid: it is none.
    """
    if not _MONTH.fullmatch(text):
        message = "write a month as yyyy-mm"
        raise Invalid(message, errors=[{"field": "month", "reason": message}])
    return text


def checked_day(text: str) -> str:
    """A day as it is written, `yyyy-mm-dd`.

    Raises:
        Invalid: it is none.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        message = "write a day as yyyy-mm-dd"
        raise Invalid(message, errors=[{"field": "day", "reason": message}]) from error
