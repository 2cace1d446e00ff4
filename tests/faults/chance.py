"""Time and chance under the harness: a clock that stands still until it is moved, new ids that can be told from all others.

`take_over` comes before anything of the project that tells the time or makes ids is imported.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

START = datetime(2026, 11, 22, 4, tzinfo=UTC)
"""The hour in which every story begins, whenever it is played: all that a command and its repeats do falls into one hour."""

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
    (re.compile(r'(?<="ticket":")eyJ[^"]*'), "<ticket>"),
    (re.compile(r'(?<="place":)\d+,"wait_seconds":\d+'), "<tries>"),
    (re.compile(r'(?<="sk": \{"S": "PLACE"\}, "turn": \{"N": ")\d+'), "<tries>"),
    (re.compile(r'"fields":\{[^{}]*\}'), '"fields":<signed>'),
    (re.compile(r'(?i)(?<= name=")(policy|x-amz-[a-z-]+)" value="[^"]*"'), r'\1" value=<signed>'),
)
"""What counts tries rather than effects: tickets of rebuilt shelves, claims of an upload, writings of a cart, places in a line; and what is signed by the second."""

_ROWS = re.compile(r'\\?"applied\\?":(\d+),\\?"unchanged\\?":(\d+)')
"""A row that a cut-off run has applied is unchanged to the one that goes on."""

_SECONDS = re.compile(r'"(expires_at|claimed_until)": \{"N": "(\d+)"\}')

_NEIGHBOURHOOD = 3
"""How far around an id is looked for what is said of it: it, those beside it, and those beside these."""

_known: frozenset[str] = frozenset()
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


def know(texts: Iterable[str]) -> None:
    """Ids in these texts were there before the story began: every run finds the same ones, so they keep their names."""
    global _known  # noqa: PLW0603 - one story is played at a time
    _known = frozenset(found for text in texts for found in _MADE.findall(text))


def plain(text: str) -> str:
    """A text without what may differ between two runs of one story: moments within the hour, counts of tries, ids made by chance.

    Those are named by the order in which they first appear, so that two that changed places are seen.
    """
    text = _settled(text)
    names: dict[str, str] = {}
    return _MADE.sub(
        lambda match: _known_or(match[0], lambda made: names.setdefault(made, f"<{len(names) + 1}>")), text
    )


def plain_together(texts: Iterable[str]) -> list[str]:
    """Texts as `plain` has them, in order, an id under one name in all of them: what is said of it, there and of those beside it.

    So the name does not hang on the order in which a run made its ids, and ids that changed places have other names.
    """
    lines = [_settled(text) for text in texts]
    about = {line: set(_MADE.findall(line)) - _known for line in lines}
    names = dict.fromkeys(set().union(*about.values()), "<made>")
    for _ in range(_NEIGHBOURHOOD):
        names = {made: _name_of(made, [line for line in lines if made in about[line]], names) for made in names}
    return sorted(
        _MADE.sub(lambda match: names.get(match[0], match[0]), line) if about[line] else line for line in lines
    )


def _name_of(made: str, lines: Iterable[str], names: Mapping[str, str]) -> str:
    """A name made of what lines say of an id, the others in them under the names that they have by now."""
    others = {**names, made: "<it>"}
    said = sorted(_MADE.sub(lambda match: others.get(match[0], match[0]), line) for line in lines)
    return f"<{sha256(repr(said).encode()).hexdigest()[:8]}>"


def _known_or(made: str, name: Callable[[str], str]) -> str:
    return made if made in _known else name(made)


def _settled(text: str) -> str:
    """Without moments and counts."""
    text = _SECONDS.sub(lambda match: f'"{match[1]}": {{"N": "{int(match[2]) // 3600} h"}}', text)
    text = _ROWS.sub(_worked_through, text)
    for pattern, plainly in _TRIES:
        text = pattern.sub(plainly, text)
    return _MOMENT.sub(r"\1", text)
