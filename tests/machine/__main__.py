"""`python -m tests.machine --steps 2000 --seed 7`: trade at random and check every invariant after each step. A seed repeats a run."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import tests.conftest  # noqa: F401 - the environment of a union
from tests.faults import chance

os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"
chance.take_over()

from tests.machine.running import run  # noqa: E402 - the clock and the ids come first

_APART = 1_000_000
"""Between the seeds of two workers: no run makes so many rounds."""

_MADE = re.compile(r"^(\d+) steps, ", re.MULTILINE)


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
    """Each worker makes its share of the steps in a union of its own, under a seed of its own. 1 unless every one of them ended well."""
    command = [sys.executable, "-m", "tests.machine", "--steps", str(-(-steps // workers)), "--seed"]
    with ThreadPoolExecutor(workers) as pool:
        ended = list(pool.map(lambda number: _worker([*command, str(seed + number * _APART)]), range(workers)))
    failed = sum(code != 0 for code, _ in ended)  # also one that a signal has ended: its code is below zero
    made = sum(made for _, made in ended)
    verdict = f"{failed} of them failed" if failed else "every invariant held after each step"
    print(f"{made} steps by {workers} workers, {verdict}; seed {seed}")
    return int(failed > 0)


def _worker(command: list[str]) -> tuple[int, int]:
    """How a worker ended, and how many steps it made; what it tells is told when it has ended."""
    run = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    print(run.stdout, end="", flush=True)
    made = _MADE.search(run.stdout)
    if run.returncode:
        print(f"the worker of seed {command[-1]} ended with {run.returncode}", flush=True)
    return run.returncode, int(made[1]) if made else 0


if __name__ == "__main__":
    sys.exit(main())
