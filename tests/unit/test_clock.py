"""Time: UTC inside, the union's zone where a rule names a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mart_union.kernel.clock import bounds_of_day, from_iso, iso, local_date, utc_now

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_the_present_is_aware_and_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    taipei = timezone(timedelta(hours=8))
    assert iso(datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=taipei)) == "2026-11-22T17:02:03.456Z"


@given(MOMENTS, MOMENTS)
def test_moments_sort_as_text_in_the_order_of_time(left: datetime, right: datetime) -> None:
    if left <= right:
        assert iso(left) <= iso(right)


@given(MOMENTS)
def test_a_moment_is_read_back_to_the_millisecond(moment: datetime) -> None:
    assert moment - from_iso(iso(moment)) < timedelta(milliseconds=1)


def test_the_unions_day_begins_at_its_own_midnight() -> None:
    assert local_date(datetime(2026, 11, 22, 15, 59, tzinfo=UTC), "Asia/Taipei") == date(2026, 11, 22)
    assert local_date(datetime(2026, 11, 22, 16, 0, tzinfo=UTC), "Asia/Taipei") == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("day", "zone", "begin", "end"),
    [
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"),
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"),
        ("2026-11-23", "Asia/Taipei", "2026-11-22T16:00:00.000Z", "2026-11-23T16:00:00.000Z"),
    ],
)
def test_a_day_ends_when_the_next_begins_though_clocks_change(day: str, zone: str, begin: str, end: str) -> None:
    assert tuple(map(iso, bounds_of_day(date.fromisoformat(day), zone))) == (begin, end)
