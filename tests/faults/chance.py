"""Time and chance under the harness: a clock that stands still until it is moved, new ids that can be told from all others.

`take_over` comes before anything of the project that tells the time or makes ids is imported.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
from datetime import UTC, datetime, timedelta

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
"""The hour in which every story begins: all that a command and its repeats do falls into one hour."""

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d[T_ ]?\d\d):?\d\d(:?\d\d(\.\d+)?)?(Z|\+00:00)?(?=[^\d:]|$)")
_MADE = re.compile(r"zzzz[0-9a-z]{16}|made-[0-9]{16}")
_TRIES = (
    (re.compile(r'(?<=\\"runs\\":)\d+'), "<tries>"),
    (re.compile(r'"begun": \{"N": "\d+"\}'), '"begun": <tries>'),
    (re.compile(r'(?<=\\"sequence\\":)\d+(?=\}"\}.*"pk": \{"S": "UPLOAD#)'), "<tries>"),
    (re.compile(r'(?<="pk": \{"S": "UPLOAD#)(.*)"sequence": \{"N": "\d+"\}'), r'\1"sequence": <tries>'),
    (
        re.compile(r'("pk": \{"S": "(?:CART#|CUSTOMER#).*)"sequence": \{"N": "\d+"\}, "sk": \{"S": "CART"\}'),
        r'\1"sequence": <tries>, "sk": {"S": "CART"}',
    ),
    (re.compile(r'(?<=\],"sequence":)\d+(?=\}$)'), "<tries>"),
    (re.compile(r'"fields":\{[^{}]*\}'), '"fields":<signed>'),
)
"""What counts tries rather than effects: tickets of rebuilt shelves, claims of an upload, writings of a cart; and what is signed by the second."""

_ROWS = re.compile(r'\\?"applied\\?":(\d+),\\?"unchanged\\?":(\d+)')
"""A row that a cut-off run has applied is unchanged to the one that goes on."""

_SECONDS = re.compile(r'"(expires_at|claimed_until)": \{"N": "(\d+)"\}')

_now = START
_numbers = itertools.count()


def now() -> datetime:
    """The moment that the clock shows."""
    return _now


def set_clock(moment: datetime) -> None:
    """Let the clock show a moment."""
    global _now  # noqa: PLW0603 - the one clock of the process
    _now = moment


def move_clock(seconds: float) -> None:
    """Let time pass."""
    set_clock(_now + timedelta(seconds=seconds))


def _new_id() -> str:
    return f"zzzz{os.getpid() % 10**8:08d}{next(_numbers):08d}"


def take_over() -> None:
    """Put the harness's clock and ids in the place of the real ones, and make waiting cost no time.

    The SDK rations a client's repeats over its life; here each run stands for a process of its own, with its own ration.
    """
    from types import SimpleNamespace

    import botocore.endpoint
    from botocore.retries.quota import RetryQuota

    RetryQuota.acquire = lambda *_: True

    from mart_union.kernel import clock, ids

    clock.utc_now = now
    ids.new_id = _new_id
    secrets.token_urlsafe = secrets.token_hex = lambda *_: f"made-{next(_numbers):016d}"  # type: ignore[assignment]
    secrets.randbelow = lambda _: 424_242

    from mart_union.kernel import retry

    at_once = SimpleNamespace(sleep=lambda _: None)
    retry.time = at_once  # type: ignore[assignment]
    botocore.endpoint.time = at_once


def _worked_through(match: re.Match[str]) -> str:
    return f"applied or unchanged: {int(match[1]) + int(match[2])}"


def plain(text: str) -> str:
    """A text without what may differ between two runs of one story: ids made by chance, moments within the hour, counts of tries."""
    text = _SECONDS.sub(lambda match: f'"{match[1]}": {{"N": "{int(match[2]) // 3600} h"}}', text)
    text = _ROWS.sub(_worked_through, text)
    for pattern, plainly in _TRIES:
        text = pattern.sub(plainly, text)
    return _MADE.sub("<made>", _MOMENT.sub(r"\1", text))
