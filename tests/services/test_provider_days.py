"""The card processor's reports, day after day: no day twice, none passed over, though clocks change and it is silent for days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from mart_union.checkout.card_port import Movement
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import NotFound, ProviderUnavailable
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.settlement import books, provider_report
from mart_union.settlement.provider_days import compare_waiting, note_compared
from mart_union.settlement.provider_report import provider_differences
from tests.services.buckets import own_bucket
from tests.services.card_payments import amounts


class Processor:
    """A card processor's report, of movements that are only fees."""

    def __init__(self, movements: list[Movement]) -> None:
        self.told = movements
        self.silent_on: set[str] = set()

    def movements(self, begin: datetime, end: datetime) -> Iterator[Movement]:
        is_a_days = end - begin < timedelta(days=2)
        if is_a_days and any(iso(begin) <= f"{day}T12:00:00.000Z" < iso(end) for day in self.silent_on):
            raise ProviderUnavailable("the card processor does not answer")
        return (each for each in self.told if iso(begin) <= each.at < iso(end))

    def balance(self) -> int:
        return sum(each.amount_minor - each.fee_minor for each in self.told)


@pytest.fixture
def processor(unique: str, tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processor]:
    made = Processor([])
    in_berlin = replace(settings(), time_zone="Europe/Berlin")
    for module in ("provider_report", "provider_days", "books"):
        monkeypatch.setattr(f"mart_union.settlement.{module}.settings", lambda: in_berlin)
    monkeypatch.setattr(provider_report, "card_provider", lambda: made)
    monkeypatch.setattr(provider_report, "cards_are_offered", lambda: True)
    kept: dict[str, str] = {}
    monkeypatch.setattr(jobs, "get_checkpoint", lambda job: kept.get(job, ""))
    monkeypatch.setattr(jobs, "set_checkpoint", lambda job, until: kept.update({job: until}))
    with own_bucket():
        yield made


def fee(name: str, at: str) -> Movement:
    return Movement(name, "stripe_fee", -100, 0, "", f"{at}.000Z")


def posted(name: str) -> bool:
    try:
        return amounts(f"provider-fee-{name}") == {"provider/stripe": 100, "union/provider-fees": -100}
    except NotFound:
        return False


@pytest.mark.parametrize(
    ("day", "last_hour", "after", "next_day"),
    [
        ("2026-10-25", "2026-10-25T22:30:00", "2026-10-25T23:30:00", "2026-10-26"),
        ("2026-03-29", "2026-03-29T21:30:00", "2026-03-29T22:30:00", "2026-03-30"),
    ],
)
def test_a_fee_of_a_days_last_hour_is_that_days_though_clocks_change(
    unique: str, processor: Processor, day: str, last_hour: str, after: str, next_day: str
) -> None:
    mine, other = f"a{unique}", f"b{unique}"
    processor.told = [fee(mine, last_hour), fee(other, after)]
    provider_differences(day)
    assert (posted(mine), posted(other)) == (True, False)
    provider_differences(next_day)
    assert posted(other)


def test_days_that_nobody_compared_are_compared_in_order_and_one_that_fails_is_waited_for(
    unique: str, processor: Processor
) -> None:
    names = {day: f"{day}-{unique}" for day in range(10, 16)}
    processor.told = [fee(name, f"2026-06-{day}T12:00:00") for day, name in names.items()]

    def run(day: int) -> books.Report | None:
        return books.reconcile_daily(datetime(2026, 6, day, 3, tzinfo=UTC))

    first = run(11)
    assert first is not None
    assert (first.day, [day for day, name in names.items() if posted(name)]) == ("2026-06-10", [10])
    processor.silent_on = {"2026-06-12"}
    late = run(15)
    assert late is not None
    assert (late.day, [day for day, name in names.items() if posted(name)]) == ("2026-06-14", [10, 11])
    assert "2026-06-12 could not be compared" in late.differences[-1].detail
    assert run(15) is None
    processor.silent_on = set()
    again = run(15)
    assert again is not None
    assert [day for day, name in names.items() if posted(name)] == [10, 11, 12, 13, 14]
    assert [each for each in again.differences if "could not" in each.detail] == []
    assert run(15) is None


def test_after_weeks_of_silence_seven_days_are_compared_a_run(unique: str, processor: Processor) -> None:
    now = datetime(2026, 6, 30, 3, tzinfo=UTC)
    jobs.set_checkpoint("provider_reports", "2026-06-09")
    until = []
    for _ in range(4):
        compared = compare_waiting(now)
        note_compared(compared)
        until.append(compared.until)
    assert until == ["2026-06-16", "2026-06-23", "2026-06-29", ""]


def test_a_movement_that_was_posted_as_another_amount_is_named_and_holds_up_no_other(
    unique: str, processor: Processor
) -> None:
    changed, other = f"a{unique}", f"b{unique}"
    processor.told = [fee(changed, "2026-07-01T08:00:00")]
    provider_differences("2026-07-01")
    processor.told = [replace(processor.told[0], amount_minor=-200), fee(other, "2026-07-01T09:00:00")]
    [named] = [each for each in provider_differences("2026-07-01") if changed in each.subject]
    assert "another amount before" in named.detail
    assert posted(other)
