"""Emulated accounts of these tests' own: what others leave behind is neither told nor changed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import _wait
from tests.faults.place import drop_clients, forget_what_processes_keep
from tests.laptop import free_port

_QUIETLY = {"BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "LOG_LEVEL": "WARNING"}


@contextmanager
def emulator(settings: Mapping[str, str]) -> Iterator[str]:
    """The address of an emulated account, started with these settings, ended and forgotten afterwards."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        own = {"GATEWAY_PORT": str(port), "STATE_DIR": folder, "S3_DATA_DIR": folder}
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env={**os.environ, **_QUIETLY, **own, **settings},
                cwd=folder,
                stdout=output,
                stderr=output,
            )
        try:
            _wait(f"http://127.0.0.1:{port}/_ministack/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


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
