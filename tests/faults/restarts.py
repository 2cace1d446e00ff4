"""The whole network stopped and started, and its functions killed, in the middle of the demo's story; then both unions are checked.

It is played by a process of its own (`interrupted.py`), for it needs the real clock and a network's folder of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT
from tests.faults.scenes import Tale, one_cell
from tests.laptop import PERSONS_OWN, free_port

NAME = "the network stopped and started in the middle of the story"
_SECONDS = 1800
_FOLDERS = ("layers/core", "functions", ".")


def try_restarts(seed: int) -> Iterator[Tale]:
    """A cell for each interruption that the story went on after, and one for each union's invariants at its end."""
    with tempfile.TemporaryDirectory(prefix="mart-union-", ignore_cleanup_errors=True) as folder:
        log = Path(folder, "interrupted.log")
        environment = PERSONS_OWN | {
            "MART_UNION_STATE": str(Path(folder, "network")),
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in _FOLDERS),
        }
        command = [sys.executable, "-m", "tests.faults.interrupted", str(seed), str(free_port()), str(free_port())]
        try:
            with log.open("w") as output:
                run = subprocess.run(
                    command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=output, text=True, timeout=_SECONDS, check=False,
                )  # fmt: skip
        finally:  # also when the run is broken off: no network is left behind
            clean = [sys.executable, "-m", "infra.local", "clean"]
            subprocess.run(clean, env=environment, cwd=ROOT, capture_output=True, check=False)
        told = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        for each in told:
            yield one_cell(each["cell"], each["problems"])
        if run.returncode:
            yield one_cell(NAME, log.read_text()[-3000:].splitlines())
