"""Trying again: a bounded number of times, with jitter, and a named refusal at the end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from mart_union.kernel.errors import Busy

T = TypeVar("T")

MOST_TRIES = 8
_FIRST_PAUSE_SECONDS = 0.02


def retried(
    action: Callable[[], T], *, on: type[Exception] | tuple[type[Exception], ...], what: str, most: int = MOST_TRIES
) -> T:
    """What `action` gives, tried again after each `on`, with a pause that grows and varies.

    Raises:
        Busy: the last try came back, too; `what` names what was contended for.
    """
    for attempt in range(most):
        try:
            return action()
        except on as error:
            last = error
        time.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise Busy(f"many changes meet on {what}; try again in a moment", reason="crowded") from last
