"""The fuzz: a few requests for every operation of every API in `make test`, always the same ones; others, and more, by `make fuzz`."""

from __future__ import annotations

import os
import time

import pytest

from mart_union.web.center_openapi import describe_center, load_router
from mart_union.web.openapi import describe, find_apis
from tests.conftest import ROOT
from tests.faults.place import place_at
from tests.fuzz.run import Run, fuzz_all
from tests.neighbours import listening

SEED = int(os.environ.get("FUZZ_SEED", "1"))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
ONLY = os.environ.get("FUZZ_ONLY", "")


def operations() -> int:
    documents = (
        describe(find_apis(ROOT / "functions"), "0"),
        describe_center(load_router(ROOT / "functions"), "0"),
    )
    return sum(len(methods) for document in documents for methods in document["paths"].values())


@pytest.mark.filterwarnings("ignore")  # schemathesis' own
def test_no_answer_of_any_operation_is_a_5xx_or_outside_its_schema_and_no_refusal_changes_anything(
    tables: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    started = time.monotonic()
    with listening() as address, place_at(address) as place:
        tally = fuzz_all(Run(place, seed=SEED, examples=EXAMPLES), ONLY)
    with capsys.disabled():
        print(f"\n{tally.summary()}, in {time.monotonic() - started:.0f} s; seed {SEED}")
    assert tally.findings == {}, tally.report() + f"\n\nmake fuzz FUZZ='--seed {SEED} --examples {EXAMPLES}'"
    if not ONLY:
        assert tally.operations == operations()
        assert tally.requests >= tally.operations * min(EXAMPLES, 4)
        assert {200, 303, 401, 403, 404, 422} <= set(tally.statuses)
