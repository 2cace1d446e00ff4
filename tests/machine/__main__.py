"""`python -m tests.machine --steps 2000 --seed 7`: trade at random and check every invariant after each step. A seed repeats a run."""

from __future__ import annotations

import argparse
import os
import sys
import time

import tests.conftest  # noqa: F401 - the environment of a union
from tests.faults import chance

os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"
chance.take_over()

from tests.machine.running import run  # noqa: E402 - the clock and the ids come first


def main() -> int:
    """Trade; 1 if an invariant broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.machine", description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000, help="how many steps at least")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="reproduces a run")
    options = parser.parse_args()
    return run(options.steps, options.seed)


if __name__ == "__main__":
    sys.exit(main())
