"""Building and deploying the stacks with the same tool and templates as on AWS; what has not changed is left alone."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.local.network import CENTER_REGION, ROOT, STATE, Network, Trouble, architecture, read, runtime, write
from infra.overrides import overrides

_DEPLOYED = "deployed.json"
_FAILED = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"}
_COMPLETE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_BEGUN = re.compile(r"EXECUTE_COMPLETE|EXECUTE_IN_PROGRESS|_IN_PROGRESS state")
"""The tool asks twice when an answer is slow, and then hears that what it asked for is being done already."""
_FINISH_SECONDS = 90
_NEVER_MADE = "REVIEW_IN_PROGRESS"  # a change set was made, and nothing else
_SOURCES = ("layers", "functions")


@dataclass(frozen=True)
class Template:
    """A template and where it is built."""

    name: str
    path: Path

    @property
    def built(self) -> Path:
        """The template that `build` writes."""
        return STATE / "build" / self.name / "stack" / "template.yaml"


CENTER = Template("center", ROOT / "template.yaml")
UNION = Template("union", ROOT / "infra" / "union.yaml")


def build(network: Network, template: Template) -> bool:
    """Build a template's functions and layers; False when nothing they are made of has changed since.

    Raises:
        Trouble: the build failed; the last lines say why.
    """
    source = _digest(_files(template))
    record = f"build-{template.name}.json"
    if read(record).get("source") == source and template.built.exists():
        return False
    _sam(
        network,
        template,
        CENTER_REGION,
        "build",
        "--template", str(template.path),
        "--build-dir", str(template.built.parent),
        "--cache-dir", str(STATE / "cache" / template.name),
        "--cached",
        "--parallel",
        "--parameter-overrides", *overrides({"Runtime": runtime(), "Architecture": architecture()}),
    )  # fmt: skip
    write(record, {"source": source})
    return True


def deploy(network: Network, template: Template, stack: str, region: str, parameters: Mapping[str, str]) -> bool:
    """Deploy a built template as a stack; False when the stack already is what would be deployed.

    A stack that an interrupted deployment left in a state that cannot be updated is deleted first.

    Raises:
        Trouble: the deployment failed; the text names the resource.
    """
    given = {"Runtime": runtime(), "Architecture": architecture(), **parameters}
    mark = hashlib.sha256(f"{read(f'build-{template.name}.json')}{sorted(given.items())}".encode()).hexdigest()
    state = _settled(network, stack, region)
    if state in _COMPLETE and read(_DEPLOYED).get(stack) == mark:
        return False
    if state in _FAILED or state.endswith("_IN_PROGRESS"):
        _delete(network, stack, region)
    arguments = [
        "--template-file", str(template.built),
        "--stack-name", stack,
        "--region", region,
        "--s3-bucket", _artifact_bucket(network, region),
        "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        "--parameter-overrides", *overrides(given),
    ]  # fmt: skip
    try:
        _sam(network, template, region, "deploy", *arguments)
    except Trouble as exc:
        if not _BEGUN.search(str(exc)):
            raise
        _settled(network, stack, region)
        _sam(network, template, region, "deploy", *arguments)
    write(_DEPLOYED, read(_DEPLOYED) | {stack: mark})
    return True


def _settled(network: Network, stack: str, region: str) -> str:
    """A stack's status once nothing is being done to it; one that was cut off by the emulator's end stays in progress."""
    deadline = time.monotonic() + _FINISH_SECONDS
    while (state := status(network, stack, region)).endswith("_IN_PROGRESS") and state != _NEVER_MADE:
        if time.monotonic() > deadline:
            return state
        time.sleep(1)
    return "" if state == _NEVER_MADE else state


def status(network: Network, stack: str, region: str) -> str:
    """A stack's status, '' when there is no such stack."""
    found = _describe(network, stack, region)
    return str(found["StackStatus"]) if found else ""


def outputs(network: Network, stack: str, region: str) -> dict[str, str]:
    """A stack's outputs, {} when there is no such stack."""
    found = _describe(network, stack, region) or {}
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def _describe(network: Network, stack: str, region: str) -> dict[str, Any] | None:
    try:
        stacks = network.client("cloudformation", region).describe_stacks(StackName=stack)["Stacks"]
    except ClientError as exc:
        if "does not exist" in str(exc):
            return None
        raise
    return dict(stacks[0]) if stacks else None


def _delete(network: Network, stack: str, region: str) -> None:
    cloudformation = network.client("cloudformation", region)
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def _artifact_bucket(network: Network, region: str) -> str:
    s3, name = network.client("s3", region), f"mart-union-artifacts-{region}"
    try:
        s3.head_bucket(Bucket=name)
    except ClientError:
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **place)
    return name


def _sam(network: Network, template: Template, region: str, command: str, *arguments: str) -> None:
    """Run the tool in a folder of the template's own: what it keeps of one build it would remove in another's.

    The configuration `local` does not exist, so that nothing of samconfig.toml, which is for AWS, is taken.
    """
    folder = template.built.parent.parent
    folder.mkdir(parents=True, exist_ok=True)
    line = [str(Path(sys.executable).parent / "sam"), command, "--config-env", "local", *arguments]
    done = subprocess.run(
        line, cwd=folder, env=network.environment(region) | _built_for(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    STATE.mkdir(exist_ok=True)
    with (STATE / "sam.log").open("a") as log:
        log.write(f"$ {' '.join(line)}\n{done.stdout}\n")
    if done.returncode:
        raise Trouble(f"sam {command} failed: {_reason(done.stdout)} (all of it in {STATE / 'sam.log'})")


def _built_for() -> dict[str, str]:
    """What the layers' Makefiles need to know; as parameters of the template they would not get it."""
    return {"RUNTIME": runtime(), "PLATFORM": "host"}


def _reason(output: str) -> str:
    """The line of the tool's output that says most about a failure."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "FAILED" in line or line.startswith(("Error", "Build Failed"))]
    return " ".join((telling or lines or ["no output"])[-1].split())[:400]


def _files(template: Template) -> Iterator[Path]:
    yield template.path
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256(f"{runtime()} {architecture()}".encode())
    for path in paths:
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
