"""How much processor time a fresh interpreter takes to import what a handler needs: `python -m bench.imports`. In milliseconds.

Processor time and not the clock's: a machine whose share of a processor is limited makes the clock jump by tens of milliseconds.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

RUNS = 31

_DATACLASSES = """
from dataclasses import dataclass
@dataclass
class Line:
    sku: str
    quantity: int
@dataclass
class Cart:
    lines: list[Line]
    total_minor: int
"""
_MODELS = """
from pydantic import BaseModel
class Line(BaseModel):
    sku: str
    quantity: int
class Cart(BaseModel):
    lines: list[Line]
    total_minor: int
"""
_BODY = """'{"lines": [{"sku": "OB-TOP", "quantity": 1}], "total_minor": 38000}'"""
_RESOLVER = "from aws_lambda_powertools.event_handler import APIGatewayRestResolver\n"

CASES = {
    "the interpreter alone": "",
    "msgspec: decode a body into dataclasses": f"import msgspec\n{_DATACLASSES}\nmsgspec.json.decode({_BODY}, type=Cart)",
    "pydantic: decode a body into models": f"{_MODELS}\nCart.model_validate_json({_BODY})",
    "Powertools resolver": f"{_RESOLVER}APIGatewayRestResolver()",
    "Powertools resolver with its validation": f"{_RESOLVER}APIGatewayRestResolver(enable_validation=True)",
}


def measure(code: str) -> float:
    """Milliseconds of processor time that an interpreter takes from its start to the end of `code`."""
    before = _spent()
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=60)  # noqa: S603 - our own code
    return (_spent() - before) * 1000


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure every case in turn, so that a busy moment falls on all of them, and print median and quartiles."""
    for code in CASES.values():
        measure(code)  # compiled bytecode and a warm disk
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(RUNS):
        for name, code in CASES.items():
            times[name].append(measure(code))
    for name, values in times.items():
        low, median, high = statistics.quantiles(values, n=4)
        print(f"{name}: median {median:.0f}, quartiles {low:.0f} to {high:.0f} ({RUNS} runs)")


if __name__ == "__main__":
    main()
