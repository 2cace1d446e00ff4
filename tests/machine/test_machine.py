"""Trading at random keeps every invariant, step by step, and all of what can happen does. `make faults` makes a hundred thousand steps."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

STEPS = 2_000
SEED = 1


@pytest.fixture(scope="module")
def told() -> str:
    """What a run of the machine tells."""
    command = [sys.executable, "-m", "tests.machine", "--steps", str(STEPS), "--seed", str(SEED)]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "layers/core", ROOT / "functions", ROOT)))}
    run = subprocess.run(command, check=False, cwd=ROOT, env=known, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-6000:]
    return run.stdout


def test_every_invariant_holds_after_each_of_two_thousand_steps(told: str) -> None:
    made, _, verdict = told.splitlines()[-1].partition(" steps, ")
    assert int(made) >= STEPS
    assert verdict.startswith("every invariant held after each")


@pytest.mark.parametrize(
    "name",
    [
        "buy by account, done",
        "buy by bank_transfer, done",
        "bank pays, done",
        "cancel, done",
        "change an offer, done",
        "customer: receive, done",
        "refund an amount, done",
        "return: receive, done",
        "settle, done",
        "settlement's job, done",
        "shop sells, done",
        "store: refuse, done",
        "supplier: ship, done",
        "sweep after days, done",
    ],
)
def test_what_can_happen_happens(told: str, name: str) -> None:
    happened = {line.strip().partition("  ")[2].removesuffix(" after a fault") for line in told.splitlines()}
    assert name in happened
