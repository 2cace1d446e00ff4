"""When what a party is owed falls due."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from mart_union.ledger.periods import days_between, due_day

SUNDAY_EVENING_IN_TAIPEI = datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC)
MONDAY_IN_TAIPEI = datetime(2026, 11, 22, 16, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "on_sunday", "on_monday"),
    [
        ("at_once", "2026-11-22", "2026-11-23"),
        ("daily", "2026-11-23", "2026-11-24"),
        ("weekly", "2026-11-23", "2026-11-30"),
        ("biweekly", "2026-11-23", "2026-12-07"),
        ("monthly", "2026-12-01", "2026-12-01"),
    ],
)
def test_a_period_names_the_day_on_which_it_is_paid(period: str, on_sunday: str, on_monday: str) -> None:
    assert due_day(SUNDAY_EVENING_IN_TAIPEI, period, "Asia/Taipei").isoformat() == on_sunday
    assert due_day(MONDAY_IN_TAIPEI, period, "Asia/Taipei").isoformat() == on_monday


def test_the_day_is_the_unions_own() -> None:
    assert due_day(MONDAY_IN_TAIPEI, "at_once", "UTC") == date(2026, 11, 22)


@pytest.mark.parametrize("day", range(1, 32))
def test_a_weekly_day_is_a_monday_within_a_week_and_a_biweekly_one_of_an_even_fortnight(day: int) -> None:
    moment = datetime(2026, 12, day, tzinfo=UTC)
    weekly, biweekly = due_day(moment, "weekly", "UTC"), due_day(moment, "biweekly", "UTC")
    assert (weekly.weekday(), 1 <= (weekly - moment.date()).days <= 7) == (0, True)
    assert (biweekly.weekday(), 1 <= (biweekly - moment.date()).days <= 14) == (0, True)
    assert (biweekly - date(1970, 1, 5)).days % 14 == 0


def test_a_months_payout_in_december_is_in_january() -> None:
    assert due_day(datetime(2026, 12, 31, tzinfo=UTC), "monthly", "UTC") == date(2027, 1, 1)


def test_an_unknown_period_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'yearly' is not a settlement period"):
        due_day(MONDAY_IN_TAIPEI, "yearly", "UTC")


def test_days_between_include_both_ends_and_none_when_the_last_is_before_the_first() -> None:
    assert days_between(date(2026, 11, 29), date(2026, 12, 1)) == [
        date(2026, 11, 29),
        date(2026, 11, 30),
        date(2026, 12, 1),
    ]
    assert days_between(date(2026, 12, 1), date(2026, 11, 30)) == []
