"""`python -m tests.machine --steps 2000 --seed 7`: trade at random and check every invariant after each step. A seed repeats a run."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import tests.conftest  # noqa: F401 - the environment of a union
from tests.faults import chance

os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"
chance.take_over()

from tests.machine.running import run  # noqa: E402 - the clock and the ids come first

_APART = 1_000_000
"""Between the seeds of two workers: no run makes so many rounds."""


def main() -> int:
    """Trade; 1 if an invariant broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.machine", description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000, help="how many steps at least")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="reproduces a run")
    parser.add_argument("--workers", type=int, default=1, help="how many processes share the steps; 0: one a core")
    options = parser.parse_args()
    workers = options.workers or os.cpu_count() or 1
    return run(options.steps, options.seed) if workers == 1 else _share_out(options.steps, options.seed, workers)


def _share_out(steps: int, seed: int, workers: int) -> int:
    """Each worker makes its share of the steps in a union of its own, under a seed of its own."""
    command = [sys.executable, "-m", "tests.machine", "--steps", str(-(-steps // workers)), "--seed"]
    running = [subprocess.Popen([*command, str(seed + number * _APART)]) for number in range(workers)]
    return max(worker.wait() for worker in running)


if __name__ == "__main__":
    sys.exit(main())
