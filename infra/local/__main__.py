"""`python -m infra.local up|deploy|down|clean|token`: the local network's commands, as the Makefile calls them."""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from botocore.exceptions import BotoCoreError

from infra.join import Refused
from infra.local import people
from infra.local import up as steps
from infra.local.network import STATE, Trouble, load, read
from infra.local.pages import table


def main(arguments: list[str] | None = None) -> int:
    """Run one command; trouble is one line, and all that was known of it is in `.local/trouble.log`."""
    options = _options(arguments)
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)

    try:
        if options.command == "token":
            print(_token(options.email))
        else:
            with _alone():
                _run(options, say)
    except (Trouble, Refused) as exc:
        print(f"make {options.command}: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"make {options.command}: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except Exception as exc:
        log = STATE / "trouble.log"
        log.write_text(traceback.format_exc())
        print(f"make {options.command}: {type(exc).__name__}: {exc} (more in {log})", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace, say: steps.Say) -> None:
    if options.command == "up":
        steps.up(load(options.port, options.emulator_port), say)
        say("the network is up")
        print(table(read("network.json")))
    elif options.command == "deploy":
        steps.deploy(load(), say)
        say("deployed")
    else:
        steps.down(say)
        if options.command == "clean":
            steps.clean(STATE)
            say(f"removed {STATE}")


def _token(email: str) -> str:
    """An access token of one of the sample's people.

    Raises:
        Trouble: there is no network yet, nobody of this e-mail address, or nobody answers.
    """
    network = read("network.json")
    if not network:
        raise Trouble("there is no network yet; make up makes one")
    found = next((each for each in people.accounts(network) if each["email"] == email), None)
    if found is None:
        known = ", ".join(each["email"] for each in people.accounts(network))
        raise Trouble(f"say EMAIL=<one of these>: {known}")
    try:
        return people.sign_in(network, email, found["password"])
    except BotoCoreError as exc:
        raise Trouble("the network does not answer; make up starts it") from exc


@contextmanager
def _alone() -> Iterator[None]:
    """One command at a time on this checkout.

    Raises:
        Trouble: another one runs.
    """
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise Trouble("another make up, down or clean is at work in this folder") from exc
        yield


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """End with the message and without a lecture on usage."""
        self.exit(2, f"make: {message}\n")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m infra.local", description="The network on a laptop.")
    parser.add_argument("command", choices=["up", "deploy", "down", "clean", "token"])
    parser.add_argument("--port", type=_port, help="of the pages, 8080 or a free one unless given")
    parser.add_argument("--emulator-port", type=_port, help="of the emulator, 4566 or a free one unless given")
    parser.add_argument("--email", default="", help="of whom the token is")
    return parser.parse_args(arguments)


def _port(text: str) -> int | None:
    if not text:
        return None
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1024 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
