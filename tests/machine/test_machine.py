"""Trading at random keeps every invariant, step by step, and all of what can happen does. `make faults` makes a hundred thousand steps."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.services.ledger_events.document import documented_patterns

STEPS = 2_000
SEED = 1
AFTER_A_FAULT = " after a fault"


@pytest.fixture(scope="module")
def told() -> str:
    """What a run of the machine tells."""
    command = [sys.executable, "-m", "tests.machine", "--steps", str(STEPS), "--seed", str(SEED)]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "layers/core", ROOT / "functions", ROOT)))}
    run = subprocess.run(command, check=False, cwd=ROOT, env=known, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-6000:]
    return run.stdout


def test_every_invariant_holds_after_each_of_two_thousand_steps(told: str) -> None:
    made, _, verdict = told.splitlines()[-1].partition(" steps, ")
    assert int(made) >= STEPS
    assert verdict.startswith("every invariant held after each")


def test_faults_strike_at_least_one_step_in_twenty(told: str) -> None:
    [(struck, share)] = re.findall(r"^(\d+) steps were struck by a fault, (\d+\.\d) of 100$", told, re.MULTILINE)
    assert int(struck) == sum(int(count) for count, name in counted(told) if name.endswith(AFTER_A_FAULT))
    assert float(share) >= 5


@pytest.mark.parametrize(
    "name",
    [
        "ask for a return, done",
        "bank pays, done",
        "bank returns a payout, done",
        "buy by account, done",
        "buy by bank_transfer, done",
        "buy by card, done",
        "cancel, done",
        "cards: OrderAccepted, done",
        "cards: OrderCancelled, done",
        "cards: TransferPosted, done",
        "cards: TransferVoided, done",
        "change a price, done",
        "change an offer, done",
        "change rates, done",
        "customer: receive, done",
        "end an urgent sale, done",
        "get in line, done",
        "refund an amount, done",
        "return: accept, done",
        "return: receive, done",
        "set an allotment, done",
        "settle, done",
        "settlement's job, done",
        "shop sells, done",
        "start an urgent sale, done",
        "stock in, done",
        "stock out, done",
        "store: accept, done",
        "store: refuse, done",
        "store: ship, done",
        "stream, done",
        "supplier: accept, done",
        "supplier: ship, done",
        "sweep after days, done",
        "the processor tells of an intent, done",
        "top up, done",
        "withdraw a deposit, done",
        "withdraw, done",
    ],
)
def test_what_can_happen_happens(told: str, name: str) -> None:
    assert name in {name.removesuffix(AFTER_A_FAULT) for _, name in counted(told)}


@pytest.mark.parametrize(
    "name",
    [
        "bank pays, done",
        "buy by card, done",
        "cards: TransferPosted, done",
        "settle, done",
        "settlement's job, done",
        "store: accept, done",
        "stream, done",
    ],
)
def test_what_happens_is_struck(told: str, name: str) -> None:
    assert f"{name}{AFTER_A_FAULT}" in {name for _, name in counted(told)}


def test_every_posting_is_of_an_event_of_the_ledgers_document(told: str) -> None:
    posted = set(re.findall(r"^posted (.+)$", told, re.MULTILINE))
    assert len(posted) > 20
    assert posted - documented_patterns() == set()


def counted(told: str) -> list[tuple[str, str]]:
    """How often each thing happened, and its name."""
    return re.findall(r"^ *(\d+)  (.+)$", told, re.MULTILINE)
