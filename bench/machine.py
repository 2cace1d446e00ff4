"""The facts of the machine that numbers hold for."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("botocore", "boto3", "pynamodb", "aws-lambda-powertools", "msgspec", "jinja2", "ministack")


def facts() -> dict[str, str]:
    """Processor, cores, memory, system, interpreter, packages, and how busy the machine was."""
    return {
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
    """The facts with the load after the run: its own work is in it, too."""
    return before | {"load after": _load()}


def _load() -> str:
    return " ".join(f"{each:.2f}" for each in os.getloadavg())


def _first(path: Path, name: str) -> str:
    if not path.exists():
        return ""
    line = next((line for line in path.read_text().splitlines() if line.startswith(name)), "")
    return line.partition(":")[2].strip()
