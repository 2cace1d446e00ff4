"""What the network on this laptop consists of: folders, ports, keys, unions; kept in `.local/`."""

from __future__ import annotations

import json
import os
import platform
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("MART_UNION_STATE") or ROOT / ".local").resolve()
SAMPLE = Path(__file__).resolve().parent / "sample"
CENTER_REGION = "us-east-1"
CENTER_STACK = "mart-union-center"
DEFAULT_PORT = 8080
DEFAULT_EMULATOR_PORT = 4566
DEFAULT_CARD_PORT = 8420
PASSWORD = "Local-network-1"  # noqa: S105 - of every account on a laptop; printed, and good for nothing else


class Trouble(Exception):
    """Something that the person at the laptop can put right; its text says what and how, in one line."""


@dataclass(frozen=True)
class Network:
    """Ports and keys of this laptop's network; the same from start to start."""

    port: int
    emulator_port: int
    access_key_id: str
    secret_access_key: str
    card_port: int = DEFAULT_CARD_PORT

    @property
    def endpoint(self) -> str:
        """The emulator's address."""
        return f"http://127.0.0.1:{self.emulator_port}"

    @property
    def center_url(self) -> str:
        """The service center's address, at the edge."""
        return f"http://localhost:{self.port}"

    @property
    def card_url(self) -> str:
        """The card desk's address."""
        return f"http://localhost:{self.card_port}"

    def union_url(self, union: str) -> str:
        """A union's address, at the edge."""
        return f"http://{union}.localhost:{self.port}"

    def client(self, service: str, region: str) -> Any:
        """A client of one of the emulator's services."""
        config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})
        return self.session(region).client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    def session(self, region: str) -> boto3.Session:
        """A session with the emulator's own keys, whatever the person's own AWS settings are."""
        return boto3.Session(self.access_key_id, self.secret_access_key, region_name=region)

    def environment(self, region: str) -> dict[str, str]:
        """The environment for tools that talk to the emulator: no setting or key of a real AWS account gets in."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
        return mine | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }


@dataclass(frozen=True)
class SampleUnion:
    """A union of the sample network, as the first lines of its `union.json` say."""

    id: str
    names: dict[str, str]
    region: str
    currency: str
    currency_step: int
    time_zone: str
    languages: tuple[str, ...]

    @property
    def stack(self) -> str:
        """The name of the union's stack."""
        return f"mart-union-{self.id}"


def sample_unions() -> list[SampleUnion]:
    """The unions of the sample network, in the order of their ids."""
    unions = []
    for path in sorted(SAMPLE.glob("*/union.json")):
        facts = json.loads(path.read_text())
        unions.append(
            SampleUnion(
                id=facts["union"],
                names=facts["names"],
                region=facts["aws_region"],
                currency=facts["currency"],
                currency_step=facts["currency_step"],
                time_zone=facts["time_zone"],
                languages=tuple(facts["languages"]),
            )
        )
    if not unions:
        raise Trouble(f"no sample union in {SAMPLE.relative_to(ROOT)}; each needs a folder with union.json")
    return unions


def runtime() -> str:
    """The Lambda runtime that this interpreter stands for: the emulator runs functions on it."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def architecture() -> str:
    """The Lambda name of this machine's processor."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def read(name: str) -> dict[str, Any]:
    """A JSON file of `.local/`, {} when it is not there."""
    path = STATE / name
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write(name: str, value: Mapping[str, Any]) -> None:
    """Write a JSON file of `.local/`, whole or not at all, readable only by its owner."""
    STATE.mkdir(exist_ok=True)
    path = STATE / name
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    temporary.replace(path)


def load(port: int | None = None, emulator_port: int | None = None) -> Network:
    """The network as it was set up before, or a new one; ports that are asked for replace those from before."""
    kept = read("ports.json")
    network = Network(
        port=port or kept.get("port") or _free_port(DEFAULT_PORT),
        emulator_port=emulator_port or kept.get("emulator_port") or _free_port(DEFAULT_EMULATOR_PORT),
        access_key_id=kept.get("access_key_id") or "AKIA" + secrets.token_hex(8).upper(),
        secret_access_key=kept.get("secret_access_key") or secrets.token_urlsafe(30),
        card_port=kept.get("card_port") or _free_port(DEFAULT_CARD_PORT),
    )
    if asdict(network) != kept:
        write("ports.json", asdict(network))
    return network


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port(wanted: int) -> int:
    if is_free(wanted):
        return wanted
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])
