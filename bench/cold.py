"""Cold start: a fresh interpreter imports a function and answers its first request, against the least that such a function needs.

Bytecode and templates are compiled, as the layers' builds do it, and the disk is warm. Interpreters see the packages of `layers/dependencies`
and no others, botocore with the descriptions of the layer's services only; the bare programs see the same. Times are of the processor, start of the interpreter included, waiting for the database excluded: a machine whose share of a processor is limited makes the
clock jump by tens of milliseconds.
"""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from bench.rows import Row, compared
from bench.scene import CUSTOMER, SKUS, STORES, buy, scene, total_of, wanted
from mart_union.customers.service import change_cart, join_session, start_session
from tests.gateway import gateway_event

ROOT = Path(__file__).parents[1]
RUNS = 20
DEPTHS = (0, 5, 10, 15, 20)
"""Frames that a program starts below, in turn: what starts a function on AWS has frames of its own, and Python maps memory whenever a loop
crosses the end of a 16 KB piece of stack, so that a program at one depth only would be lucky or not."""
GOAL_CLIENT, GOAL_RESOLVER = 1.2, 1.0
CLIENT, RESOLVER = "a bare boto3 client", "a bare Powertools resolver"
"""The programs to compare with: a client that makes one call, and a resolver whose route makes it."""

_CALL = """get_item(TableName="mart-union-hsinchu-catalog", Key={"pk": {"S": "UNION"}, "sk": {"S": "UNION"}})"""
_BARE = {
    "the interpreter alone": "",
    "a bare botocore client": f"""
from botocore.session import get_session
get_session().create_client("dynamodb").{_CALL}
""",
    CLIENT: f"""
import boto3
boto3.client("dynamodb").{_CALL}
""",
    RESOLVER: f"""
import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
client, api = boto3.client("dynamodb"), APIGatewayRestResolver()
@api.get("/")
def read():
    return client.{_CALL}["Item"]["pk"]
assert api.resolve(json.load(open(event)), None)["statusCode"] == 200
""",
}
_FIRST_CALL = """
from {function}.app import lambda_handler
answer = lambda_handler(json.load(open(event)), None)
assert answer["statusCode"] == 200, answer
"""
_IMPORT = """
import {function}.app
from mart_union.kernel.storage import client
client()
"""
_PROGRAM = """
import json, os, sys, time
event = sys.argv[1]
def below(frames, code):
    below(frames - 1, code) if frames else exec(code, globals())
below({frames}, {code!r})
os.write(1, str(time.process_time()).encode())
os._exit(0)
"""


@dataclass(frozen=True)
class Case:
    """A program to start cold: its code, the event of its first request, and whether goals are set for it."""

    name: str
    code: str
    event: Mapping[str, Any]
    shopper: bool = False


def rows(endpoint: str) -> Iterator[Row]:
    """The bare programs by themselves, then each function against the bare client and against the bare resolver."""
    with tempfile.TemporaryDirectory(prefix="mart-union-cold-") as name:
        folder = Path(name)
        environment = _environment(folder, endpoint)
        cases = [*_bare_cases(), *_shopper_cases(), *_other_cases()]
        times = _measure(cases, folder, environment)
    bare, functions = cases[: len(_BARE)], cases[len(_BARE) :]
    for against, goal in ((CLIENT, GOAL_CLIENT), (RESOLVER, GOAL_RESOLVER)):
        for case in [*bare, *functions]:
            name = f"cold start, of {against}: {case.name}"
            wanted_at_most = goal if case.shopper else None
            yield compared(name, times[case.name], times[against], against=against, goal=wanted_at_most)


def _bare_cases() -> list[Case]:
    return [Case(name, code, gateway_event("GET", "/")) for name, code in _BARE.items()]


def _shopper_cases() -> list[Case]:
    order = f"{buy(wanted(3, 1), scene(), 'looked-at-when-cold', total_of(wanted(3, 1))).id}-1"
    session = join_session(start_session(False).id, CUSTOMER).id
    change_cart(session, STORES[0], SKUS[0], 1)
    calls = {
        "browse": ("/api/stores", "/", f"/stores/{STORES[0]}/{SKUS[0]}"),
        "checkout": ("/api/cart", "/cart"),
        "tracking": (f"/api/orders/{order}", f"/orders/{order}"),
        "account": ("/api/me", "/account"),
    }
    return [
        Case(
            f"{function}, {_kind(path)}",
            _FIRST_CALL.format(function=function),
            gateway_event("GET", path, subject=CUSTOMER, headers={"Cookie": f"mu_session={session}"}),
            shopper=True,
        )
        for function, paths in calls.items()
        for path in paths
    ]


def _kind(path: str) -> str:
    first = "/".join(path.split("/")[:3]) if path.startswith("/api") else "/" + path.split("/")[1]
    return f"first call {first}" if path.startswith("/api") else f"first call is the page {first}"


def _other_cases() -> list[Case]:
    shoppers = {"browse", "checkout", "tracking", "account"}
    names = sorted(each.parent.name for each in (ROOT / "functions").glob("*/app.py"))
    router = {"router"}  # the service center's: other packages, no union's tables
    chosen = [name for name in names if name not in shoppers | router]
    return [Case(f"{name}, import and client", _IMPORT.format(function=name), {}) for name in chosen]


def _measure(cases: list[Case], folder: Path, environment: dict[str, str]) -> dict[str, list[float]]:
    """Processor milliseconds of every case, all in turn, so that a busy moment falls on all of them."""
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(-1, RUNS):
        for place, case in enumerate(cases):
            event = folder / f"{place}.json"
            event.write_text(json.dumps(case.event))
            spent = _run(case.code, DEPTHS[number % len(DEPTHS)], event, environment)
            if number >= 0:  # the first round compiles and warms
                times[case.name].append(spent)
    return times


def _run(code: str, frames: int, event: Path, environment: dict[str, str]) -> float:
    command = [sys.executable, "-S", "-c", _PROGRAM.format(frames=frames, code=code), str(event)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"a cold start failed: {done.stdout}{done.stderr}")
    return float(done.stdout.split()[-1]) * 1000


def _environment(folder: Path, endpoint: str) -> dict[str, str]:
    from bench.union import SETTINGS

    packages, core, functions = folder / "packages", folder / "core", folder / "functions"
    _link_packages(packages)
    _build_core(core)
    shutil.copytree(ROOT / "functions", functions, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(functions, quiet=2)
    path = os.pathsep.join(str(each) for each in (packages, core, functions))
    return {
        **SETTINGS,
        "AWS_ENDPOINT_URL": endpoint,
        "PYTHONPATH": path,
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
    }


def _build_core(folder: Path) -> None:
    """The project's own layer, as its build makes it: templates as Python, everything as bytecode."""
    from mart_union.web.pages import compile_templates

    package = folder / "mart_union"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "layers" / "core" / "mart_union", package, ignore=ignored)
    compile_templates(package / "web" / "compiled")
    compileall.compile_dir(package, quiet=2)


def _link_packages(folder: Path) -> None:
    """The packages that the functions' layer has, and no others; of the AWS services only those that it describes."""
    folder.mkdir()
    lock = (ROOT / "layers" / "dependencies" / "requirements.txt").read_text()
    for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE):
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            (folder / top).symlink_to(str(package.locate_file(top)))
    services = (ROOT / "layers" / "dependencies" / "services.txt").read_text().split()
    for depth in ("botocore", "botocore/data"):
        _open_up(folder / depth)
    for each in (folder / "botocore" / "data").iterdir():
        if each.is_dir() and each.name not in services:
            each.unlink()


def _open_up(link: Path) -> None:
    """Make of a link to a folder a folder of links to what is in it."""
    target = link.resolve()
    link.unlink()
    link.mkdir()
    for each in target.iterdir():
        (link / each.name).symlink_to(each)
