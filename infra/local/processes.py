"""The two processes of the local network, the emulator and the edge: started apart, found again by their id, stopped kindly."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from infra.local.network import STATE, Trouble, read, write


def running(name: str) -> int | None:
    """The id of a process that was started under a name and still runs; a process that took over its id does not count."""
    kept = read(f"{name}.pid.json")
    if kept and _started_at(kept["pid"]) == kept["started_at"]:
        return int(kept["pid"])
    return None


def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], *, answers: Callable[[], bool], seconds: float
) -> None:
    """Start a process of its own session, its output in `<name>.log`, and wait until it answers.

    Raises:
        Trouble: it ended, or did not answer in time.
    """
    STATE.mkdir(exist_ok=True)
    log = STATE / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    write(f"{name}.pid.json", {"pid": process.pid, "started_at": _started_at(process.pid)})
    deadline = time.monotonic() + seconds
    while not answers():
        if process.poll() is not None:
            raise Trouble(f"the {name} ended at once: {_last_line(log)} (all of it in {log})")
        if time.monotonic() > deadline:
            raise Trouble(f"the {name} did not answer within {seconds:.0f} s; see {log}")
        time.sleep(0.1)


def stop(name: str, *, seconds: float) -> bool:
    """End a process with SIGTERM and wait until it is gone; False when it was not running.

    Raises:
        Trouble: it is still there; it is not killed, since it may be saving its data.
    """
    pid = running(name)
    if pid is None:
        (STATE / f"{name}.pid.json").unlink(missing_ok=True)
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while running(name):
        if time.monotonic() > deadline:
            raise Trouble(f"the {name} (process {pid}) is still saving after {seconds:.0f} s; try again in a moment")
        time.sleep(0.1)
    (STATE / f"{name}.pid.json").unlink(missing_ok=True)
    return True


def end_all_in(folder: Path, *, seconds: float) -> int:
    """Wait until no program that lies in a folder runs as this person; those that still do after so many seconds are ended with SIGTERM, and counted."""
    deadline = time.monotonic() + seconds
    while left := _running_in(folder):
        if time.monotonic() > deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            return len(left)
        time.sleep(0.2)
    return 0


def _running_in(folder: Path) -> list[int]:
    """The processes whose program, or the script that an interpreter runs, lies in a folder."""
    command = ["ps", "-axww", "-o", "pid=", "-o", "uid=", "-o", "args="]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    found = []
    for line in answer.stdout.splitlines():
        pid, user, program = line.split(None, 2)
        script = program.partition(" ")[2]
        if int(user) == os.getuid() and any(each.startswith(f"{folder}{os.sep}") for each in (program, script)):
            found.append(int(pid))
    return found


def _started_at(pid: int) -> str:
    """When a process started, '' when there is none or it has ended and only waits to be collected."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    state, _, moment = answer.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else moment.strip()


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
