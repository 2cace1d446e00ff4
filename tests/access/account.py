"""Emulated accounts of these tests' own: what others leave behind is neither told nor changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.emulated import emulators
from tests.faults.place import drop_clients, forget_what_processes_keep

_QUIETLY = {"SFTP_ENABLED": "0", "LOG_LEVEL": "WARNING"}


@contextmanager
def emulator(settings: Mapping[str, str]) -> Iterator[str]:
    """The address of an emulated account, started with these settings, ended and forgotten afterwards."""
    with emulators(1, _QUIETLY | dict(settings)) as (address,):
        yield address


@contextmanager
def all_clients_at(address: str) -> Iterator[None]:
    """Every client made meanwhile talks to this account; afterwards to the one before."""
    before = os.environ.get("AWS_ENDPOINT_URL")
    os.environ["AWS_ENDPOINT_URL"] = address
    drop_clients()
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("AWS_ENDPOINT_URL", None)
        else:
            os.environ["AWS_ENDPOINT_URL"] = before
        drop_clients()
        forget_what_processes_keep()
