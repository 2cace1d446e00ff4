"""How long a fresh interpreter takes to import what a handler needs: `python -m bench.imports`. One line a case, in milliseconds."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

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
    """Milliseconds from starting an interpreter to the end of `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=60)  # noqa: S603 - our own code
    return (time.perf_counter() - start) * 1000


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
