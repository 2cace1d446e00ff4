"""`make fuzz`: requests that clients send and that nobody should, for every operation of every API. A seed sends the same ones again."""

from __future__ import annotations

import argparse
import os
import sys
import time

import tests.conftest  # noqa: F401 - the environment of a union

os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")

from tests.faults.place import open_place
from tests.fuzz.run import Run, fuzz_union


def main() -> int:
    """Send requests; 1 if any answer was not as it has to be."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="sends the same requests again")
    parser.add_argument("--examples", type=int, default=100, help="so many requests for each operation")
    parser.add_argument("--only", default="", help="only operations whose name (`POST /api/cart/lines`) contains this")
    wanted = parser.parse_args()
    started = time.monotonic()
    with open_place() as place:
        run = Run(place, seed=wanted.seed, examples=wanted.examples)
        fuzz_union(run, wanted.only)
    tally = run.tally
    print(tally.report())
    print(dict(sorted(tally.statuses.items())))
    print(
        f"{tally.operations} operations, {tally.requests} requests, {tally.compared} refusals compared, "
        f"{len(tally.findings)} findings, in {time.monotonic() - started:.0f} s; seed {wanted.seed}"
    )
    return bool(tally.findings)


if __name__ == "__main__":
    sys.exit(main())
