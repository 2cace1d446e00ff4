"""Deploys to AWS: the service center, or a union that has joined. `make deploy` says what is missing.

    make deploy                       the service center, in the region of your AWS settings
    make deploy UNION=hsinchu         a union, as its file unions/hsinchu.json says

It needs AWS credentials (any way the AWS SDKs read them), the Python of the Lambda runtime (python3.13, or RUNTIME), and for
a union that `python -m infra.join` has been run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.join import CENTER_STACK, secret_name
from infra.overrides import overrides

ROOT = Path(__file__).resolve().parents[1]
_NEEDED = ("union", "region", "center_region", "currency", "currency_step", "time_zone", "languages", "email_sender")


class Missing(Exception):
    """What a deployment still needs; the text says it in one line."""


def main(arguments: list[str] | None = None) -> int:
    """Check what is needed, build, and deploy after showing the changes."""
    options = _options(arguments)
    try:
        runtime = _runtime()
        account = _account()
        if options.union:
            facts = _union_facts(options.union)
            parameters = _union_parameters(facts)
            where, environment, stack = facts["region"], "union", f"mart-union-{options.union}"
        else:
            where, environment, stack = _region(), "default", CENTER_STACK
            parameters = {"DomainPrefix": os.environ.get("DOMAIN_PREFIX", f"mart-union-{account}")}
    except Missing as exc:
        print(f"make deploy: {exc}", file=sys.stderr)
        return 1
    parameters |= {"Runtime": runtime, "Architecture": os.environ.setdefault("ARCHITECTURE", "arm64")}
    os.environ["RUNTIME"] = runtime  # the layers' Makefiles do not see parameters
    print(f"Deploying {stack} to {where} in account {account} with {runtime}.")
    return _build(environment, parameters) or _deploy(environment, stack, where, parameters)


def _runtime() -> str:
    runtime = os.environ.get("RUNTIME", "python3.13")
    if shutil.which(runtime) is None:
        raise Missing(f"{runtime} is not here, and packages are built for it; install it, or say RUNTIME=python3.12")
    return runtime


def _account() -> str:
    try:
        return str(boto3.client("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as exc:
        raise Missing(f"AWS does not know you: {exc} (set AWS_PROFILE, or sign in with: aws sso login)") from exc


def _region() -> str:
    region = boto3.Session().region_name
    if not region:
        raise Missing("no region is set; say AWS_REGION=us-east-1 or another")
    return region


def _union_facts(union: str) -> dict[str, Any]:
    path = ROOT / "unions" / f"{union}.json"
    if not path.exists():
        raise Missing(f"{path.relative_to(ROOT)} is missing; it is a JSON object with {', '.join(_NEEDED)}")
    facts: dict[str, Any] = json.loads(path.read_text())
    lacking = [name for name in _NEEDED if name not in facts]
    if lacking:
        raise Missing(f"{path.relative_to(ROOT)} lacks {', '.join(lacking)}")
    return facts


def _union_parameters(facts: Mapping[str, Any]) -> dict[str, str]:
    center = _center_outputs(facts["center_region"])
    _check_secret(facts)
    parameters = {
        "UnionId": facts["union"],
        "Currency": facts["currency"],
        "CurrencyStep": str(facts["currency_step"]),
        "TimeZone": facts["time_zone"],
        "Languages": ",".join(facts["languages"]),
        "EmailSender": facts["email_sender"],
        "CenterUrl": facts.get("center_url") or center["ApiUrl"],
        "SecretName": secret_name(facts["union"]),
        **{name: center[name] for name in ("PoolIssuer", "PoolClientId", "PoolRegion", "TokenUrl")},
    }
    if facts.get("public_url"):  # SAM refuses an empty value
        parameters["PublicUrl"] = facts["public_url"]
    if facts.get("card_key"):
        parameters["CardKey"] = facts["card_key"]
    return parameters


def _center_outputs(region: str) -> dict[str, str]:
    try:
        stacks = boto3.client("cloudformation", region_name=region).describe_stacks(StackName=CENTER_STACK)["Stacks"]
    except (BotoCoreError, ClientError) as exc:
        raise Missing(f"there is no service center in {region}; run make deploy there first ({exc})") from exc
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}


def _check_secret(facts: Mapping[str, Any]) -> None:
    try:
        boto3.client("secretsmanager", region_name=facts["region"]).describe_secret(
            SecretId=secret_name(facts["union"])
        )
    except (BotoCoreError, ClientError) as exc:
        raise Missing(
            f"{facts['union']} has not joined yet; run: python -m infra.join {facts['union']} --help"
        ) from exc


def _build(environment: str, parameters: Mapping[str, str]) -> int:
    return _sam("build", "--config-env", environment, "--parameter-overrides", *overrides(parameters))


def _deploy(environment: str, stack: str, region: str, parameters: Mapping[str, str]) -> int:
    where = ("--stack-name", stack, "--region", region)
    return _sam("deploy", "--config-env", environment, *where, "--parameter-overrides", *overrides(parameters))


def _sam(*arguments: str) -> int:
    command = [str(Path(sys.executable).parent / "sam"), *arguments]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": tools, "SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make deploy", description="Deploy the service center or a union to AWS.")
    parser.add_argument("union", nargs="?", default="", help="the union's id; none for the service center")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
