"""Runs localstripe as a process of its own, bound to this machine and writing nothing to disk: `python stripe_process.py --port N`.

localstripe (GPL) listens on every interface and keeps its store in the shared temporary folder; both are put right here, from outside.
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


def _open_nothing(file: Any, *arguments: Any, **options: Any) -> Any:
    return _open(os.devnull if str(file).endswith("localstripe.pickle") else file, *arguments, **options)


if __name__ == "__main__":
    socket.socket = _Loopback  # type: ignore[misc]
    builtins.open = _open_nothing
    sys.argv = ["localstripe", "--from-scratch", *sys.argv[1:]]
    runpy.run_module("localstripe", run_name="__main__", alter_sys=True)
