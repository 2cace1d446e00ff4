"""Runs localstripe as a process of its own, bound to this machine: `python stripe_process.py --port N`.

localstripe (GPL) listens on every interface and keeps its store in the shared temporary folder; both are put right here, from outside. The
store is the file that LOCALSTRIPE_STORE names, or nothing on disk.
"""

from __future__ import annotations

import builtins
import os
import runpy
import socket
import sys
from typing import Any

_open = builtins.open


class _Loopback(socket.socket):
    """A socket that takes "every address" for this machine's own."""

    def bind(self, address: Any) -> None:
        super().bind(("::ffff:127.0.0.1", address[1]) if address[0] == "::" else address)


_store = os.environ.get("LOCALSTRIPE_STORE", "")


def _open_elsewhere(file: Any, *arguments: Any, **options: Any) -> Any:
    is_store = str(file) == "/tmp/localstripe.pickle"  # noqa: S108 - the name that localstripe has for it
    return _open((_store or os.devnull) if is_store else file, *arguments, **options)


if __name__ == "__main__":
    socket.socket = _Loopback  # type: ignore[misc]
    builtins.open = _open_elsewhere
    sys.argv = ["localstripe", *([] if _store else ["--from-scratch"]), *sys.argv[1:]]
    runpy.run_module("localstripe", run_name="__main__", alter_sys=True)
