"""A whole network of the tests' own: other ports and another folder than the person's, gone afterwards.

`MART_UNION_NETWORK=.local/network.json` runs the tests against a network that is up already.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_SECONDS = 900
ROOT = Path(__file__).parents[1]
PERSONS_OWN = dict(os.environ)
"""The settings of whoever runs the tests, as they were before the tests made their own."""


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `network.json` says of a network with its sample data."""
    given = os.environ.get("MART_UNION_NETWORK")
    if given:
        yield json.loads(Path(given).read_text())
        return
    state = tmp_path_factory.mktemp("network")
    try:
        run_command(state, "up", "--port", str(free_port()), "--emulator-port", str(free_port()))
        yield json.loads((state / "network.json").read_text())
    finally:
        run_command(state, "clean")


def run_command(state: Path, *arguments: str) -> str:
    """What a command of the local network prints; it fails the test when the command fails."""
    environment = PERSONS_OWN | {
        "MART_UNION_STATE": str(state),
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("layers/core", "functions", ".")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "infra.local", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        log = state / "trouble.log"
        pytest.fail(f"{done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}", pytrace=False)
    return done.stdout
