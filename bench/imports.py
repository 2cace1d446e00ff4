"""How much processor time a fresh interpreter takes to import what a handler needs: `python -m bench.imports`. In milliseconds.

`shares` says of a cold start of the bench what its imports took.

Processor time and not the clock's: a machine whose share of a processor is limited makes the clock jump by tens of milliseconds.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

RUNS = 31
_LEAST = 2
"""Milliseconds; what takes less is told together."""

_FUNCTIONS = Path(__file__).parents[1] / "functions"

TIMED = """
import _frozen_importlib, time
own_ms, inside = {{}}, [0.0]
def timed(name, *others, load=_frozen_importlib._find_and_load):
    began = time.process_time()
    inside.append(0.0)
    try:
        return load(name, *others)
    finally:
        took = time.process_time() - began
        own_ms[name] = own_ms.get(name, 0.0) + 1000 * (took - inside.pop())
        inside[-1] += took
_frozen_importlib._find_and_load = timed
{code}
os.write(2, json.dumps(own_ms).encode())
"""
"""A program that tells on its standard error what each module's import took of the processor's time, without those that it imports itself. The clock's time,
as `-X importtime` has it, says nothing on a busy machine."""

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


def shares(starts: Sequence[tuple[dict[str, float], float]]) -> str:
    """What imports took of some starts of one program, by package, the largest first, in medians of milliseconds.

    A start is what each module took that `TIMED` told of, and the processor time of the whole program. What imports do not take is the interpreter,
    making the client, and the first call.
    """
    taken = [_by_package(modules) for modules, _ in starts]
    medians = {name: statistics.median(each.get(name, 0.0) for each in taken) for name in set[str]().union(*taken)}
    rest = statistics.median(whole - sum(each.values()) for each, (_, whole) in zip(taken, starts, strict=True))
    large = sorted(((ms, name) for name, ms in medians.items() if ms >= _LEAST), reverse=True)
    small = sum(ms for ms in medians.values() if ms < _LEAST)
    parts = [*(f"{name} {ms:.0f}" for ms, name in large), f"other packages {small:.0f}"]
    return f"Imports in {len(starts)} starts, processor ms: {', '.join(parts)}; interpreter, client and first call {rest:.0f}"


def _by_package(modules: dict[str, float]) -> dict[str, float]:
    taken: dict[str, float] = {}
    for module, own in modules.items():
        taken[_package(module)] = taken.get(_package(module), 0.0) + own
    return taken


def _package(module: str) -> str:
    first = module.partition(".")[0]
    if first == "mart_union" or (_FUNCTIONS / first).is_dir():
        return "our own modules"
    return "the standard library" if first in sys.stdlib_module_names else first


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
