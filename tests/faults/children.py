"""Processes of the harness's own, and how they end: killed by it, done, or in a way that nobody meant."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

KILLED, DONE = "killed", "done"
_TROUBLE = 70


def in_a_child(work: Callable[[], object]) -> NoReturn:
    """Work in a process that was just forked, and end it; what goes wrong is told on the terminal, and by how it ends."""
    code = _TROUBLE
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


def how_it_ended(child: int) -> str:
    """Wait for a child: KILLED by SIGKILL, DONE, or another end in words."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return KILLED if number == signal.SIGKILL else f"ended by {signal.Signals(number).name}"
    code = os.waitstatus_to_exitcode(status)
    return DONE if code == 0 else f"ended by itself with {code}"
