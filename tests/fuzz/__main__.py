"""`make fuzz`: requests that clients send and that nobody should, for every operation of every API. A seed sends the same ones again."""

from __future__ import annotations

import argparse
import os
import sys
import time

import pytest


def main() -> int:
    """Send requests; 1 if any answer was not as it has to be."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="sends the same requests again")
    parser.add_argument("--examples", type=int, default=100, help="so many requests for each operation")
    parser.add_argument("--only", default="", help="only operations whose name (`POST /api/cart/lines`) contains this")
    wanted = parser.parse_args()
    os.environ |= {f"FUZZ_{name.upper()}": str(value) for name, value in vars(wanted).items()}
    return int(pytest.main(["-q", "--tb=short", "-p", "no:cacheprovider", "tests/fuzz"]))


if __name__ == "__main__":
    sys.exit(main())
