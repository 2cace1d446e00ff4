"""Rounds over a clock index, without tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict
from mart_union.ledger.jobs import Progress
from mart_union.settlement import rounds
from mart_union.settlement.rounds import HOURS, Outcome, Round, go_round

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
HOURLY = Round("job", timedelta(hours=1), timedelta(days=2), HOURS)
DUE = {"2026-11-22T10": ["damaged", "first"], "2026-11-22T11": ["taken"], "2026-11-22T12": ["last"]}


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> dict[str, Progress]:
    kept = {"job": Progress("2026-11-22T09")}
    monkeypatch.setattr(rounds.jobs, "get_progress", lambda job: kept[job])
    monkeypatch.setattr(
        rounds.jobs, "set_checkpoint", lambda job, until, left=(): kept.update({job: Progress(until, tuple(left))})
    )
    return kept


def test_what_cannot_be_acted_on_holds_up_no_other_and_is_looked_at_again(checkpoints: dict[str, Progress]) -> None:
    acted: list[str] = []

    def act(item: str) -> bool:
        if item == "damaged":
            raise KeyError("a document that cannot be read")
        if item == "taken":
            raise Conflict("somebody else was first")
        acted.append(item)
        return True

    done = go_round(HOURLY, NOW, lambda hour, _, __: DUE.get(hour, []), act)
    assert (done, acted) == (Outcome(2, 2), ["first", "last"])
    assert checkpoints["job"] == Progress("2026-11-22T11", ("2026-11-22T10",))


def test_what_fails_for_good_costs_one_query_a_round_until_it_is_mended(checkpoints: dict[str, Progress]) -> None:
    asked: list[str] = []
    damaged = {"2026-11-22T10": ["damaged"]}

    def list_due(hour: str, _until: str, _limit: int) -> list[str]:
        asked.append(hour)
        return damaged.get(hour, [])

    def act(_item: str) -> bool:
        raise KeyError("a document that cannot be read")

    for later in (0, 1000, 1001):
        asked.clear()
        done = go_round(HOURLY, NOW + timedelta(hours=later), list_due, act)
        assert done == Outcome(0, 1)
    assert asked == ["2026-11-22T10", "2027-01-03T03", "2027-01-03T04", "2027-01-03T05"]
    damaged.clear()
    assert go_round(HOURLY, NOW + timedelta(hours=1001), list_due, act) == Outcome(0, 0)
    assert checkpoints["job"] == Progress("2027-01-03T04")


def test_more_failures_than_can_be_noted_are_all_looked_at_again(checkpoints: dict[str, Progress]) -> None:
    first = datetime(2026, 11, 22, 9, tzinfo=UTC)
    hours = [iso(first + timedelta(hours=number))[:HOURS] for number in range(130)]
    tried: list[str] = []

    def act(item: str) -> bool:
        tried.append(item)
        raise KeyError("a database that is away")

    for _ in range(2):
        tried.clear()
        now = first + timedelta(hours=200)
        done = go_round(HOURLY, now, lambda hour, _, __: [hour] if hour in hours else [], act)
        assert (done, sorted(tried)) == (Outcome(0, 130), hours)
    assert checkpoints["job"] == Progress(hours[100], tuple(hours[:100]))


def test_a_round_that_ends_at_a_failure_goes_on_in_that_bucket_and_forgets_nothing(
    checkpoints: dict[str, Progress],
) -> None:
    acted: list[str] = []
    is_silent = True

    def act(item: str) -> bool:
        if item == "damaged":
            raise KeyError("a document that cannot be read")
        if item == "taken" and is_silent:
            raise Conflict("nobody answers")
        acted.append(item)
        return True

    def go(later: int) -> Outcome:
        moment = NOW + timedelta(hours=later)
        return go_round(HOURLY, moment, lambda hour, _, __: DUE.get(hour, []), act, ends_at=Conflict)

    assert (go(0), acted) == (Outcome(1, 2, ended=True), ["first"])
    assert checkpoints["job"] == Progress("2026-11-22T11", ("2026-11-22T10",))
    acted.clear()
    is_silent = False
    assert (go(1), acted) == (Outcome(3, 1), ["first", "taken", "last"])
    assert checkpoints["job"] == Progress("2026-11-22T12", ("2026-11-22T10",))


def test_a_round_that_ends_in_a_bucket_that_was_left_looks_at_the_others_next_time(
    checkpoints: dict[str, Progress],
) -> None:
    checkpoints["job"] = Progress("2026-11-22T12", ("2026-11-22T10", "2026-11-22T11"))

    def act(_item: str) -> bool:
        raise Conflict("nobody answers")

    done = go_round(HOURLY, NOW, lambda hour, _, __: DUE.get(hour, []), act, ends_at=Conflict)
    assert done == Outcome(0, 1, ended=True)
    assert checkpoints["job"] == Progress("2026-11-22T12", ("2026-11-22T10", "2026-11-22T11"))
