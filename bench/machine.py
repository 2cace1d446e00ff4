"""The facts of the machine that numbers hold for."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_WRITTEN = ("README.md", "docs/performance.md")
_PACKAGES = ("botocore", "boto3", "pynamodb", "aws-lambda-powertools", "msgspec", "jinja2", "ministack")


def facts() -> dict[str, str]:
    """The commit and whether files beside it were changed; processor, cores, memory, system, interpreter, packages; how busy the machine was."""
    return {
        "commit": _commit(),
        "tree": _tree(),
        "processor": _first(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": _first(Path("/proc/meminfo"), "MemTotal"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "load before": _load(),
    }


def with_load(before: dict[str, str]) -> dict[str, str]:
    """The facts with the load after the run, its own work included; and with the commit, when it is another by then."""
    after = {"load after": _load()} | ({"commit after": _commit()} if _commit() != before["commit"] else {})
    return before | after


def _commit() -> str:
    return _git("rev-parse", "--short=12", "HEAD") or "unknown: no repository"


def _tree() -> str:
    """Whether what ran is what was committed: files that are changed or not known to the repository, but for the two pages that a run writes."""
    changed = [line[3:] for line in (_git("status", "--porcelain") or "").splitlines()]
    others = [name for name in changed if name not in _WRITTEN]
    return f"dirty: {len(others)} files beside the commit ({', '.join(sorted(others)[:5])})" if others else "clean"


def _git(*words: str) -> str:
    """What git says of the folder of the project; nothing where there is none."""
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run([git, *words], cwd=_ROOT, check=False, capture_output=True, text=True, timeout=30)  # noqa: S603
    return done.stdout.rstrip()


def _load() -> str:
    return " ".join(f"{each:.2f}" for each in os.getloadavg())


def _first(path: Path, name: str) -> str:
    if not path.exists():
        return ""
    line = next((line for line in path.read_text().splitlines() if line.startswith(name)), "")
    return line.partition(":")[2].strip()
