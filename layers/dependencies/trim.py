"""Leave of botocore's descriptions what the functions call, without its prose: `python trim.py <botocore/data> <services.txt>`.

A client reads the description of its service and the table of all endpoints of all services when it is made: 20 ms of every cold start.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any


def trim(data: Path, services: set[str]) -> None:
    """Remove the descriptions of other services, what documents the rest, and the others' endpoints."""
    prefixes = set()
    for folder in [each for each in data.iterdir() if each.is_dir()]:
        if folder.name not in services:
            shutil.rmtree(folder)
            continue
        for model in folder.glob("*/service-2.json.gz"):
            described = _without_prose(json.loads(gzip.decompress(model.read_bytes())))
            prefixes.add(described["metadata"]["endpointPrefix"])
            _replace(model, model.with_suffix(""), described)
        for examples in folder.glob("*/examples-1.json*"):
            examples.unlink()
    endpoints = data / "endpoints.json"
    table = json.loads(endpoints.read_text(encoding="utf-8"))
    for partition in table["partitions"]:
        partition["services"] = {name: known for name, known in partition["services"].items() if name in prefixes}
    _replace(endpoints, endpoints, table)


def _without_prose(described: Any) -> Any:
    """The description with empty `documentation`: botocore reads some of it. A member of that name is an object, and stays."""
    if isinstance(described, dict):
        return {
            name: "" if name == "documentation" and isinstance(value, str) else _without_prose(value)
            for name, value in described.items()
        }
    return [_without_prose(each) for each in described] if isinstance(described, list) else described


def _replace(old: Path, new: Path, content: Any) -> None:
    old.unlink()
    new.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    trim(Path(sys.argv[1]), set(Path(sys.argv[2]).read_text(encoding="utf-8").split()))
