"""`make faults`: every command, every request, every fault. A seed chooses the cells of a shorter run, and gives the same ones again."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

import tests.conftest  # noqa: F401 - the environment of a union
from tests.faults import chance

os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"
chance.take_over()

from tests.faults.harness import run  # noqa: E402 - the clock and the ids come first


def main() -> int:
    """Try the cells; 1 if any failed."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="reproduces a run")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes, each with an emulator")
    parser.add_argument("--sample", type=int, default=0, help="only so many cells of each story, chosen by the seed")
    parser.add_argument("--short", action="store_true", help="one cell of each of a sixth of the stories")
    parser.add_argument("--only", default="", help="only scenes whose name contains this")
    parser.add_argument("--fault", default="", help="only faults whose name contains this")
    parser.add_argument("--load-seconds", type=float, default=30, help="how long workers are killed under load")
    parser.add_argument("--no-network", action="store_true", help="without the network that is stopped and started")
    parser.add_argument("--verbose", action="store_true", help="say which cell is tried")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the emulators end, too
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
