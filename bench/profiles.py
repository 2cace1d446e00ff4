"""Where a handler's time goes: a profile of some of its calls, by package."""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.operations import Operation

CALLS = 40
_LEAST = 2
_SOCKET = ("_socket", "select.poll", "select.epoll", "_ssl")


def profile(operation: Operation, calls: int = CALLS) -> str:
    """The shares of each package in the time of some calls, the largest first; made ready outside of it."""
    profiler = cProfile.Profile()
    for number in range(calls):
        key = f"profile-{operation.name}-{number}".replace(" ", "-").replace(",", "")
        event = operation.event(key, operation.subject(key))
        profiler.enable()
        operation.answer(event)
        profiler.disable()
    return f"cProfile, {calls} calls: {by_package(profiler)}"


def by_package(profiler: cProfile.Profile) -> str:
    """The shares of each package in what was profiled, the largest first."""
    shares: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        shares[_package(file, name)] += own
    whole = sum(shares.values())
    return ", ".join(
        f"{name} {100 * own / whole:.0f} %" for name, own in shares.most_common() if 100 * own / whole >= _LEAST
    )


def _package(file: str, name: str) -> str:
    if file == "~":
        return "waiting for the database" if any(each in name for each in _SOCKET) else "built-in functions"
    parts = Path(file).parts
    for place, inner in (("site-packages", 1), ("functions", 0), ("mart_union", 1)):
        if place in parts:
            at = len(parts) - 1 - parts[::-1].index(place)
            return parts[at + 1] if place == "site-packages" else f"our {'/'.join(parts[at : at + 1 + inner])}"
    return "the standard library"
