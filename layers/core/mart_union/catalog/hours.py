"""Opening hours of a store. Pure rules."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

Hours = dict[str, tuple[str, str] | None]
"""Opening and closing time (HH:MM in the union's time zone) by day of the week; None or absent: closed that day."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def hours_include(hours: Hours, moment: datetime, time_zone: str) -> bool:
    """Whether opening hours include a moment; without hours it is always open. A closing time before the opening is after midnight."""
    if not hours:
        return True
    local = moment.astimezone(ZoneInfo(time_zone))
    clock = local.strftime("%H:%M")
    today, yesterday = hours.get(DAYS[local.weekday()]), hours.get(DAYS[local.weekday() - 1])
    if today and (today[0] <= clock < today[1] or (today[1] < today[0] <= clock)):
        return True
    return bool(yesterday and yesterday[1] < yesterday[0] and clock < yesterday[1])


def told_hours(hours: Hours) -> str:
    """Opening hours in a few characters, such as `mon,tue 09:00-18:00; sat 10:00-22:00`; '' is always open, `never` always closed."""
    days: dict[tuple[str, str], list[str]] = {}
    for day in DAYS:
        times = hours.get(day)
        if times:
            days.setdefault(times, []).append(day)
    told = "; ".join(f"{','.join(names)} {opens}-{closes}" for (opens, closes), names in days.items())
    return told or ("never" if hours else "")


def read_hours(told: str) -> Hours:
    """The hours that `told_hours` wrote."""
    if told == "never":
        return dict.fromkeys(DAYS)
    hours: Hours = {}
    for part in filter(None, told.split("; ")):
        days, _, times = part.partition(" ")
        opens, _, closes = times.partition("-")
        hours |= dict.fromkeys(days.split(","), (opens, closes))
    return hours
