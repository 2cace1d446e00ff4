"""Cold start: a fresh interpreter imports a function and answers its first request, against the least that such a function needs.

Bytecode and templates are compiled, as the layers' builds do it, and the disk is warm. Functions see the packages of `layers/dependencies`
and no others, with botocore's descriptions trimmed as in the layer. The bare programs see the same packages as they are installed; two of them
once more with the layer's. Times are of the processor, start of the interpreter included, waiting for the database excluded: a machine
whose share of a processor is limited makes the clock jump by tens of milliseconds.
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
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

from bench.first_calls import Case, neighbours, other_cases
from bench.imports import TIMED, shares
from bench.rows import Row, compared
from bench.scene import CUSTOMER, SKUS, STORES, buy, scene, total_of, wanted
from bench.union import SETTINGS
from mart_union.customers.service import change_cart, join_session, start_session
from tests.gateway import gateway_event

ROOT = Path(__file__).parents[1]
_DEPENDENCIES = ROOT / "layers" / "dependencies"
RUNS = 20
DEPTHS = (0, 5, 10, 15, 20)
"""Frames that a program starts below, in turn: what starts a function on AWS has frames of its own, and Python maps memory whenever a loop
crosses the end of a 16 KB piece of stack, so that a program at one depth only would be lucky or not."""
GOAL_CLIENT, GOAL_RESOLVER = 1.2, 1.0
CLIENT, RESOLVER = "a bare boto3 client", "a bare Powertools resolver"
"""The programs to compare with: a client that makes one call, and a resolver whose route makes it."""

_CALL = """get_item(TableName="mart-union-hsinchu-catalog", Key={"pk": {"S": "UNION"}, "sk": {"S": "UNION"}})"""
_BOTO3 = f"""
import boto3
boto3.client("dynamodb").{_CALL}
"""
_POWERTOOLS = f"""
import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
client, api = boto3.client("dynamodb"), APIGatewayRestResolver()
@api.get("/")
def read():
    return client.{_CALL}["Item"]["pk"]
assert api.resolve(json.load(open(event)), None)["statusCode"] == 200
"""
_BOTOCORE = f"""
from botocore.session import get_session
get_session().create_client("dynamodb").{_CALL}
"""
_FIRST_CALL = """
from {function}.app import lambda_handler
answer = lambda_handler(json.load(open(event)), None)
assert answer["statusCode"] == 200, answer
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


def rows(endpoint: str) -> Iterator[Row]:
    """The bare programs and each function, against the bare client and against the bare resolver."""
    with tempfile.TemporaryDirectory(prefix="mart-union-cold-") as name, neighbours() as settings:
        cases = [*_bare_cases(), *_shopper_cases(), *other_cases()]
        starts = Starts(cases, Path(name), {**settings, "AWS_ENDPOINT_URL": endpoint})
        times = starts.times()
        profiles: dict[str, str] = {}
        for against, goal in ((CLIENT, GOAL_CLIENT), (RESOLVER, GOAL_RESOLVER)):
            for case in cases:
                named, own = f"cold start, of {against}: {case.name}", goal if case.shopper else None
                row = compared(named, times[case.name], times[against], against=against, goal=own)
                if row.met is False and case.name not in profiles:
                    profiles[case.name] = starts.profile(case)
                yield replace(row, profile=profiles[case.name]) if row.met is False else row


def _bare_cases() -> list[Case]:
    event = gateway_event("GET", "/")
    return [
        Case("the interpreter alone", "", event),
        Case("a bare botocore client, packages of the layer", _BOTOCORE, event),
        Case(f"{CLIENT}, packages of the layer", _BOTO3, event),
        Case(f"{RESOLVER}, packages of the layer", _POWERTOOLS, event),
        Case(CLIENT, _BOTO3, event, packages="installed"),
        Case(RESOLVER, _POWERTOOLS, event, packages="installed"),
    ]


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


class Starts:
    """Starts of programs, with their packages and requests in a folder, and settings for all of them."""

    def __init__(self, cases: list[Case], folder: Path, settings: Mapping[str, str]) -> None:
        self._cases, self._folder, self._paths = cases, folder, _paths(folder)
        self._shared = {**SETTINGS, **settings, "PATH": os.environ["PATH"], "HOME": str(folder)}

    def times(self) -> dict[str, list[float]]:
        """Processor milliseconds of every case, all in turn, so that a busy moment falls on all of them."""
        times: dict[str, list[float]] = {case.name: [] for case in self._cases}
        for number in range(-1, RUNS):
            for case in self._cases:
                _, spent = self._run(case, DEPTHS[number % len(DEPTHS)])
                if number >= 0:  # the first round warms the disk
                    times[case.name].append(spent)
        return times

    def profile(self, case: Case) -> str:
        """What the imports of a case take, in starts at each depth."""
        timed = replace(case, code=TIMED.format(code=case.code))
        starts = [self._run(timed, frames) for frames in DEPTHS]
        return shares([(json.loads(told.splitlines()[-1]), spent) for told, spent in starts])

    def _run(self, case: Case, frames: int) -> tuple[str, float]:
        """What a start said on its standard error, and its processor milliseconds."""
        event = self._folder / "event.json"
        event.write_text(json.dumps(case.event))
        program = _PROGRAM.format(frames=frames, code=case.code)
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-S", "-c", program, str(event)],
            env={**self._shared, "PYTHONPATH": self._paths[case.packages]},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(f"a cold start failed: {done.stdout}{done.stderr}")
        return done.stderr, float(done.stdout.split()[-1]) * 1000


def _paths(folder: Path) -> dict[str, str]:
    """Where a program finds packages: as they are installed, or as on AWS, in the two layers with the functions beside them."""
    installed, packages, core, functions = (folder / each for each in ("installed", "packages", "core", "functions"))
    _link_packages(installed)
    _link_packages(packages)
    _trim(packages / "botocore")
    _build_core(core)
    router = folder / "router"
    router.mkdir()
    _link(router, "chalice")  # without what it requires for its command line, as the function's own build does it
    shutil.copytree(ROOT / "functions", functions, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(functions, quiet=2)
    layer = (packages, core, functions)
    return {
        "installed": str(installed),
        "layer": os.pathsep.join(map(str, layer)),
        "layer and Chalice": os.pathsep.join(map(str, (*layer, router))),
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
    """The packages that the functions' layer has, and no others."""
    folder.mkdir()
    lock = (_DEPENDENCIES / "requirements.txt").read_text()
    for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE):
        _link(folder, name)


def _link(folder: Path, name: str) -> None:
    package = distribution(name)
    for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
        (folder / top).symlink_to(str(package.locate_file(top)))


def _trim(botocore: Path) -> None:
    """Trim the descriptions as the layer's build does, in a copy of those that it leaves."""
    services = _DEPENDENCIES / "services.txt"
    _open_up(botocore)
    data = botocore / "data"
    source = data.resolve()
    data.unlink()
    wanted_only = {*services.read_text().split(), *(each.name for each in source.iterdir() if each.is_file())}
    others = shutil.ignore_patterns(*({each.name for each in source.iterdir()} - wanted_only))
    shutil.copytree(source, data, ignore=lambda path, names: others(path, names) if Path(path) == source else set())
    command = [sys.executable, str(_DEPENDENCIES / "trim.py"), str(data), str(services)]
    subprocess.run(command, check=True, timeout=60)  # noqa: S603 - our own


def _open_up(link: Path) -> None:
    """Make of a link to a folder a folder of links to what is in it."""
    target = link.resolve()
    link.unlink()
    link.mkdir()
    for each in target.iterdir():
        (link / each.name).symlink_to(each)
