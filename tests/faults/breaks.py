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
class Catcher:
    """Who looks at a break, by which command; `blind` says why it cannot see one of this kind, and then it must pass."""

    command: tuple[str, ...]
    blind: str = ""


@dataclass(frozen=True)
class Break:
    """What is broken: a text of a file and what takes its place; and how harness, checker and matrix look at it."""

    file: str
    text: str
    instead: str
    says: str
    catchers: Mapping[str, Catcher]


_MATRIX_ASKS_WHO = "it asks who may, one request at a time, not what becomes of stock or money"
_BOOKS_AGREE = "it reads books, and they agree whoever was let in"


def _harness(scene: str, *more: str) -> Catcher:
    return Catcher(("-m", "tests.faults", "--no-network", "--seed", "4", "--only", scene, *more))


def _checker(blind: str = "") -> Catcher:
    return Catcher(("-m", "tests.faults.rush"), blind)


def _matrix(routes: str, blind: str = "") -> Catcher:
    options = ("-q", "-p", "no:cacheprovider", "--tb=line")
    return Catcher(("-m", "pytest", *options, "tests/access/test_matrix.py", "-k", routes), blind)


BREAKS = {
    "stock-condition": Break(
        f"{_CORE}/stock/service.py",
        "            condition &= getattr(LevelItem, name) >= -change\n",
        "            pass\n",
        "the checkout's transaction no longer requires that the reserve suffices",
        {
            "harness": _harness("workers killed under load", "--load-seconds", "6"),
            "checker": _checker(),
            "matrix": _matrix("checkout and purchases", _MATRIX_ASKS_WHO),
        },
    ),
    "transfer-exists-once": Break(
        f"{_CORE}/ledger/service.py",
        'transaction.create(item, refuse(Conflict, f"transfer {transfer.id} has been made already"))',
        "transaction.put(item)",
        "a transfer is written without the condition that it does not exist",
        {
            "harness": _harness("payments POST /api/payments/webhooks/{provider} (post-bank-notice)"),
            "checker": _checker(),
            "matrix": _matrix("webhooks", _MATRIX_ASKS_WHO),
        },
    ),
    "whose-purchase": Break(
        f"{_CORE}/checkout/paying.py",
        """        if purchase.customer != subject:
            raise NotFound(f"there is no purchase {purchase_id} of yours")
        if purchase.facts""",
        "        if purchase.facts",
        "whoever is signed in may pay for a purchase, whose it is is no longer asked",
        {
            "harness": _harness("payments POST /pay/{purchase}"),
            "checker": _checker(),
            "matrix": _matrix("purchase and pay"),
        },
    ),
    "membership-check": Break(
        f"{_CORE}/web/access.py",
        "(not self.roles or caller.role in self.roles))\n",
        "(not self.roles or caller.role in self.roles or self.kind == 'store'))\n",
        "the routes of a store's staff no longer look at the caller's role",
        {
            "harness": _harness("manage POST /api/manage/{store}/stock"),
            "checker": _checker(_BOOKS_AGREE),
            "matrix": _matrix("manage and stock"),
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
    return max([_look(who, catcher, broken, copy) for who, catcher in broken.catchers.items()])


def _look(who: str, catcher: Catcher, broken: Break, copy: Path) -> int:
    """Let a catcher look at the whole tree and at the broken one; 1 if it says of either what it should not."""
    file = copy / broken.file
    whole = file.read_text()
    passes = _run(catcher.command, copy)
    file.write_text(whole.replace(broken.text, broken.instead))
    try:
        fails = _run(catcher.command, copy)
    finally:
        file.write_text(whole)
    caught = passes.returncode == 0 and fails.returncode == 1
    wrong = passes.returncode != 0 or fails.returncode != (0 if catcher.blind else 1)
    verdict = "catches it" if caught else f"cannot see it: {catcher.blind}" if catcher.blind else "DOES NOT CATCH IT"
    print(f"  {who}: {'WRONG: ' if wrong and catcher.blind else ''}{verdict}")
    print(f"      $ python {shlex.join(catcher.command)}")
    for when, run in (("whole", passes), ("broken", fails)):
        lines = run.stdout.strip().splitlines() or run.stderr.strip().splitlines() or [""]
        shown = [line for line in lines if "invariant" in line or "stranger" in line][:2] if when == "broken" else []
        for line in [*shown, lines[-1]]:
            print(f"      {when:6}  {line.strip()[:200]}", flush=True)
    return int(wrong)


def _run(command: tuple[str, ...], copy: Path) -> subprocess.CompletedProcess[str]:
    folders = os.pathsep.join(str(copy / folder) for folder in ("layers/core", "functions", "."))
    environment = PERSONS_OWN | {"PYTHONPATH": folders, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
