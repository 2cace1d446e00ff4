"""Deliberate breaks: `make breaks` applies each to a copy of the tree and shows who catches it. The tree itself is never touched.

make breaks                       every break
make breaks BREAK=stock-condition one of them
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.laptop import PERSONS_OWN, ROOT

_CORE = "layers/core/mart_union"
_SECONDS = 600
_LEFT_BEHIND = (".git", ".local", ".venv", ".aws-sam", "build", "__pycache__", ".*_cache", ".hypothesis", "unions")


@dataclass(frozen=True)
class Break:
    """What is broken: a text of a file and what takes its place; and the commands that have to notice, by who they are."""

    file: str
    text: str
    instead: str
    says: str
    catchers: Mapping[str, tuple[str, ...]]


_HARNESS = ("-m", "tests.faults", "--seed", "4", "--only")
_CHECKER = ("-m", "tests.faults.rush")
_MATRIX = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", "tests/access/test_matrix.py", "-k")

BREAKS = {
    "stock-condition": Break(
        f"{_CORE}/stock/service.py",
        "            condition &= getattr(LevelItem, name) >= -change\n",
        "            pass\n",
        "the checkout's transaction no longer requires that the reserve suffices",
        {"harness": (*_HARNESS, "workers killed under load", "--load-seconds", "6"), "checker": _CHECKER},
    ),
    "transfer-exists-once": Break(
        f"{_CORE}/ledger/service.py",
        'transaction.create(item, refuse(Conflict, f"transfer {transfer.id} has been made already"))',
        "transaction.put(item)",
        "a transfer is written without the condition that it does not exist",
        {
            "harness": (*_HARNESS, "payments POST /api/payments/webhooks/{provider} (post-bank-notice)"),
            "checker": _CHECKER,
        },
    ),
    "membership-check": Break(
        f"{_CORE}/web/access.py",
        "        if self.roles and caller.role not in self.roles:\n",
        "        if self.roles and caller.role not in self.roles and self.kind != 'store':\n",
        "the routes of a store's staff no longer look at the caller's role",
        {
            "harness": (*_HARNESS, "manage POST /api/manage/{store}/stock"),
            "matrix": (*_MATRIX, "manage and stock"),
        },
    ),
}


def main() -> int:
    """Apply each break and show who catches it; 1 if one is not caught, or something is caught in a tree that is whole."""
    parser = argparse.ArgumentParser(prog="make breaks", description=__doc__)
    parser.add_argument("name", nargs="?", default="", choices=["", *BREAKS])
    wanted = parser.parse_args().name
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_LEFT_BEHIND))
        return max([_try(name, each, copy) for name, each in BREAKS.items() if wanted in {"", name}])


def _try(name: str, broken: Break, copy: Path) -> int:
    print(f"{name}: {broken.says} ({broken.file})", flush=True)
    file = copy / broken.file
    whole, missed = file.read_text(), 0
    for catcher, command in broken.catchers.items():
        file.write_text(whole)
        passes = _run(command, copy)
        file.write_text(whole.replace(broken.text, broken.instead))
        fails = _run(command, copy)
        caught = passes.returncode == 0 and fails.returncode == 1
        missed += not caught
        print(f"  {catcher}: {'catches it' if caught else 'DOES NOT CATCH IT'}: python {shlex.join(command)}")
        for when, run in (("whole", passes), ("broken", fails)):
            lines = run.stdout.strip().splitlines() or run.stderr.strip().splitlines() or [""]
            shown = (
                [line for line in lines if "invariant" in line or "stranger" in line][:2] if when == "broken" else []
            )
            for line in [*shown, lines[-1]]:
                print(f"      {when:6}  {line.strip()[:200]}", flush=True)
    file.write_text(whole)
    return int(missed > 0)


def _run(command: tuple[str, ...], copy: Path) -> subprocess.CompletedProcess[str]:
    folders = os.pathsep.join(str(copy / folder) for folder in ("layers/core", "functions", "."))
    environment = PERSONS_OWN | {"PYTHONPATH": folders, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
