"""How far a scheduled job has come, so that a late or repeated run takes up where the last one ended."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from mart_union.kernel.storage import find
from mart_union.ledger.tables import JobItem


def get_checkpoint(job: str) -> str:
    """What the job noted last, '' if it never ran to its end."""
    item = find(JobItem, *_key(job), consistent=True)
    return "" if item is None else item.done_until


class Progress(Struct, frozen=True):
    """How far a job has come, and what before that it left to be looked at again."""

    done_until: str = ""
    left: tuple[str, ...] = ()


def get_progress(job: str) -> Progress:
    """What the job noted last."""
    item = find(JobItem, *_key(job), consistent=True)
    return Progress() if item is None else Progress(item.done_until, item.left or ())


def set_checkpoint(job: str, done_until: str, left: Iterable[str] = ()) -> None:
    """Note how far the job has come, and what it left, in one write. Of two runs at once the later write stands: the next run looks at most twice at the same items."""
    JobItem(*_key(job), done_until=done_until, left=tuple(left) or None).save()


def _key(job: str) -> tuple[str, str]:
    return f"JOB#{job}", "JOB"
