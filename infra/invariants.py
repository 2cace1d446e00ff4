"""Proves the invariants (docs/invariants.md) of a union's tables as they are now: `make invariants`.

    make invariants                  every union of the network on this laptop
    make invariants UNION=hsinchu    one of them
    make invariants UNION=hsinchu LEVEL=listing/emei-tea/OB-TOP    one level of stock, told again from its journal and compared
    python -m infra.invariants hsinchu --aws    a union on AWS, with the AWS settings and region of your environment

It reads the environment of the union's settlement function and runs the checker with it, so it needs to read that function's
configuration and five tables; it writes nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.network import ROOT, Network, read

_CHECK = [sys.executable, "-m", "mart_union.settlement.check"]
_COMPARE = [sys.executable, "-m", "mart_union.settlement.journals"]


def main(arguments: list[str] | None = None) -> int:
    """Say a line for each union, and one for each difference above it; 1 if there is any, 2 if there is nothing to look at."""
    options = _options(arguments)
    if options.aws:
        try:
            line, agrees = check(options.union, boto3.client("lambda"), os.environ, options.level)
        except (BotoCoreError, ClientError) as exc:
            print(f"make invariants: {exc}", file=sys.stderr)
            return 2
        print(line)
        return 0 if agrees else 1
    network = read("network.json")
    unions = [options.union] if options.union else sorted(network.get("unions", ()))
    if not network or not set(unions) <= set(network["unions"]):
        print(f"make invariants: {options.union or 'no network'} is not up here; run `make up` first", file=sys.stderr)
        return 2
    told = [check_local(network, union, options.level) for union in unions]
    print("\n".join(line for line, _ in told))
    return 0 if all(agrees for _, agrees in told) else 1


def check_local(network: Mapping[str, Any], union: str, level: str = "") -> tuple[str, bool]:
    """What `check` says of a union of a network on this laptop, and whether nothing differs; `network` is its `network.json`."""
    region = network["unions"][union]["region"]
    port, emulator_port = (int(network[address].rpartition(":")[2]) for address in ("service_center", "emulator"))
    known = Network(port, emulator_port, network["access_key_id"], network["secret_access_key"])
    return check(union, known.client("lambda", region), known.environment(region), level)


def check(union: str, functions: Any, environment: Mapping[str, str], level: str = "") -> tuple[str, bool]:
    """What the checker says of a union, or the comparison of a `level` with its journal says of that, and whether nothing differs.

    `functions` is a client of Lambda where the union is; `environment` is what programs need to be let in there.
    """
    known = functions.get_function_configuration(FunctionName=f"mart-union-{union}-settlement")
    folders = os.pathsep.join(str(ROOT / folder) for folder in ("layers/core", "functions"))
    variables = known["Environment"]["Variables"] | {"PYTHONPATH": folders}
    command = [*_COMPARE, level] if level else _CHECK
    done = subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, check=False)
    told = (done.stdout or done.stderr).strip()
    *differences, last = told.splitlines() or ["it said nothing"]
    return "\n".join([*differences, f"{union}: {last}"]), done.returncode == 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.invariants", description="Proves a union's invariants.")
    parser.add_argument("union", nargs="?", default="", help="its id; every union of the laptop's network unless given")
    parser.add_argument("--level", default="", help="only this level of stock, against its journal")
    parser.add_argument("--aws", action="store_true", help="on AWS, not on this laptop")
    options = parser.parse_args(arguments)
    if (options.aws or options.level) and not options.union:
        parser.error("name the union")
    return options


if __name__ == "__main__":
    sys.exit(main())
