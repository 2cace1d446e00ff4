"""The emulator: a whole AWS account in one process, listening on this machine only, keeping its data in `.local/`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from infra.local import processes
from infra.local.network import CENTER_REGION, STATE, Network, Trouble, is_free

NAME = "emulator"
_START_SECONDS = 60
_SAVE_SECONDS = 120  # it saves all data when it is asked to end, and only then
_WORKERS_SECONDS = 30


def ensure(network: Network) -> bool:
    """Start the emulator unless it runs; True when it was started.

    Raises:
        Trouble: its port is taken, or it does not start.
    """
    if processes.running(NAME):
        return False
    if not is_free(network.emulator_port):
        raise Trouble(
            f"port {network.emulator_port} is used by another program; choose one: make up EMULATOR_PORT=<number>"
        )
    command = Path(sys.executable).parent / "ministack"
    if not command.exists():
        raise Trouble(f"{command} is missing; remove .venv and run make up again")
    _read_streams_from_their_start()
    processes.start(
        NAME, [str(command)], _environment(network), answers=lambda: healthy(network), seconds=_START_SECONDS
    )
    return True


def stop() -> bool:
    """End the emulator, and wait until its data is saved and its functions' workers have ended, too; False when it was not running."""
    stopped = processes.stop(NAME, seconds=_SAVE_SECONDS)
    processes.end_all_in(STATE / "tmp", seconds=_WORKERS_SECONDS)
    return stopped


def healthy(network: Network) -> bool:
    """Whether the emulator answers."""
    try:
        with urllib.request.urlopen(f"{network.endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _environment(network: Network) -> dict[str, str]:
    """What the emulator needs, and nothing else of the person's environment: its functions inherit it."""
    temporary = STATE / "tmp"
    _remove_later(temporary)
    temporary.mkdir(parents=True)
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "TZ", "USER") if name in os.environ}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "TMPDIR": str(temporary),
        "GATEWAY_PORT": str(network.emulator_port),
        "BIND_HOST": "127.0.0.1",  # it would listen on every interface
        "IOT_MTLS_ENABLED": "0",  # and on a second port
        "SFTP_ENABLED": "0",
        "AUTH": "true",  # IAM policies are enforced, as on AWS
        "AWS_ACCESS_KEY_ID": network.access_key_id,  # of its root; functions get keys of their own role
        "AWS_SECRET_ACCESS_KEY": network.secret_access_key,
        "MINISTACK_REGION": CENTER_REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(STATE / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(STATE / "s3"),
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
    }


def _read_streams_from_their_start() -> None:
    """Forget how far functions had read the tables' streams: the emulator saves that, but not the streams themselves.

    With the old positions, no function would hear of a change until as many changes had been made as before the stop.
    """
    path = STATE / "state" / "lambda.json"
    if not path.exists():
        return
    saved = json.loads(path.read_text())
    saved["payload"]["dynamodb_stream_positions"]["data"] = {}
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(saved))
    temporary.replace(path)


def _remove_later(folder: Path) -> None:
    """Remove the functions and layers that the last run unpacked, in the background: it can be gigabytes."""
    if folder.exists():
        old = folder.with_name(f"old-{time.time_ns()}")
        folder.rename(old)
        subprocess.Popen(["rm", "-rf", *STATE.glob("old-*")], start_new_session=True)  # noqa: S607
