"""A whole network of the tests' own: other ports and another folder than the person's, gone afterwards.

`MART_UNION_NETWORK=.local/network.json` runs the tests against a network that is up already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FUNCTION_SETTINGS, ROOT, UNION, free_port

_SECONDS = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a network."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


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
    # The functions that the network runs must not see the settings of the tests' own union.
    theirs = {*UNION, *FUNCTION_SETTINGS, "AWS_ENDPOINT_URL", "DEAD_LETTER_QUEUES"}
    kept = {name: value for name, value in os.environ.items() if name not in theirs}
    environment = kept | {
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
