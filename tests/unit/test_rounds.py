"""Rounds over a clock index, without tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mart_union.kernel.errors import Conflict
from mart_union.settlement import rounds
from mart_union.settlement.rounds import HOURS, Outcome, Round, go_round

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
DUE = {"2026-11-22T10": ["damaged", "first"], "2026-11-22T11": ["taken"], "2026-11-22T12": ["last"]}


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    kept = {"job": "2026-11-22T09"}
    monkeypatch.setattr(rounds.jobs, "get_checkpoint", lambda job: kept[job])
    monkeypatch.setattr(rounds.jobs, "set_checkpoint", lambda job, until: kept.update({job: until}))
    return kept


def test_what_cannot_be_acted_on_holds_up_no_other_and_is_looked_at_again(checkpoints: dict[str, str]) -> None:
    acted: list[str] = []

    def act(item: str) -> bool:
        if item == "damaged":
            raise KeyError("a document that cannot be read")
        if item == "taken":
            raise Conflict("somebody else was first")
        acted.append(item)
        return True

    done = go_round(
        Round("job", timedelta(hours=1), timedelta(days=2), HOURS), NOW, lambda hour, _, __: DUE.get(hour, []), act
    )
    assert (done, acted) == (Outcome(2, 2), ["first", "last"])
    assert checkpoints["job"] == "2026-11-22T10"
