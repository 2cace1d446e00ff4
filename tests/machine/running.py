"""Histories of the machine until enough steps were made."""

from __future__ import annotations

import os
import time
import traceback
from contextlib import ExitStack

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.emulated import emulators
from tests.faults import chance
from tests.faults.place import Place, place_at
from tests.faults.wire import Wire
from tests.machine.cash import Cash
from tests.machine.clocks import Clocks
from tests.machine.disputes import Disputes
from tests.machine.machine import AFTER_A_FAULT, History
from tests.machine.suspense import Suspense
from tests.machine.trading import invocation
from tests.machine.treasury import Treasury, give_accounts
from tests.machine.urgency import Urgency
from tests.neighbours import listening

_STEPS_A_HISTORY = 50
_HISTORIES_A_ROUND = 10


class Trade(Disputes, Cash, Suspense, Treasury, Urgency, Clocks):
    """All that can happen in a union."""


def run(steps: int, first_seed: int) -> int:
    """Trade until so many steps were made; says what was done how often, and answers 1 if anything broke."""
    wire = Wire()
    wire.install()
    print(f"seed {first_seed}", flush=True)
    begun, broken = time.monotonic(), False
    with emulators(1) as (address,), listening() as neighbour, ExitStack() as stack:
        os.environ["AWS_ENDPOINT_URL"] = address
        History.place, History.wire = _begun(stack.enter_context(place_at(neighbour))), wire
        number = first_seed
        while sum(History.counts.values()) < steps and not broken:
            broken = not _round(number)
            number += 1
    for name, count in sorted(History.counts.items()):
        print(f"{count:7}  {name}")
    for pattern in sorted(History.postings):
        print(f"posted {pattern}")
    made, seconds = sum(History.counts.values()), time.monotonic() - begun
    verdict = "an invariant broke" if broken else "every invariant held after each"
    struck = sum(count for name, count in History.counts.items() if name.endswith(AFTER_A_FAULT))
    share = 100 * struck / max(made, 1)
    print(f"{struck} steps were struck by a fault, {share:.1f} of 100")
    print(f"{made} steps, {verdict}; {seconds:.0f} s, seed {first_seed}")
    return int(broken)


def _begun(place: Place) -> Place:
    """The place, with bank accounts, and with schedules that have run a moment ago: no history begins with months to look back on."""
    chance.set_clock(chance.START)
    give_accounts()
    for schedule in ("sweeper", "settlement"):
        invocation(schedule, {})()
    place.laid = place.read()
    return place


def _round(number: int) -> bool:
    """Some histories, chosen by a number; a history that breaks something is told in its shortest form."""

    @seed(number)
    @settings(
        max_examples=_HISTORIES_A_ROUND,
        stateful_step_count=_STEPS_A_HISTORY,
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    class Seeded(Trade):
        pass

    try:
        run_state_machine_as_test(Seeded)
    except Exception:
        traceback.print_exc(limit=-3)
        return False
    return True
