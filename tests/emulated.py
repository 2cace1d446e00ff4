"""Emulated AWS accounts of a run's own, each a process on a free port that is ended afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.laptop import free_port

_SECONDS = 30


@contextmanager
def emulators(count: int, settings: Mapping[str, str] | None = None) -> Iterator[list[str]]:
    """The addresses of so many emulated accounts, started together; what they hold is gone afterwards.

    Raises:
        RuntimeError: one ended by itself (with the end of its log), or did not answer in time.
    """
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(count)]
        ports = [free_port() for _ in folders]
        started = [stack.enter_context(_started(*each, settings or {})) for each in zip(folders, ports, strict=True)]
        for folder, port, process in zip(folders, ports, started, strict=True):
            _wait(f"http://127.0.0.1:{port}/_ministack/health", process, folder / "log")
        yield [f"http://127.0.0.1:{port}" for port in ports]


@contextmanager
def _started(folder: Path, port: int, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0"}
    own |= {"STATE_DIR": str(folder), "S3_DATA_DIR": str(folder)}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "ministack"]
        process = subprocess.Popen(command, env={**os.environ, **own, **settings}, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the emulator stopped: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the emulator did not answer within {_SECONDS} s")
