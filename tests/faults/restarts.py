"""The whole network stopped and started, and its functions killed, in the middle of the demo's story; then both unions are checked.

It is played by a process of its own (`interrupted.py`), for it needs the real clock and a network's folder of its own.
"""

from __future__ import annotations

import contextlib
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
_SECONDS = 3600
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
        told, ending = Path(folder, "told.log"), ["it did not come to its end in time"]
        try:
            with log.open("w") as output, told.open("w") as cells, contextlib.suppress(subprocess.TimeoutExpired):
                run = subprocess.run(
                    command, env=environment, cwd=ROOT, stdout=cells, stderr=output, timeout=_SECONDS, check=False,
                )  # fmt: skip
                ending = [f"it ended with {run.returncode}"] if run.returncode else []
        finally:  # also when the run is broken off: no network is left behind
            clean = [sys.executable, "-m", "infra.local", "clean"]
            subprocess.run(clean, env=environment, cwd=ROOT, capture_output=True, check=False)
        for each in (json.loads(line) for line in told.read_text().splitlines() if line.startswith("{")):
            if "note" in each:
                yield Tale((f"              {each['note']}",), 0, 0)
            else:
                yield one_cell(each["cell"], each["problems"])
        if ending:
            yield one_cell(NAME, [*ending, *log.read_text()[-3000:].splitlines()])
