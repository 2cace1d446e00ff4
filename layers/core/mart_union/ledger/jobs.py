"""How far a scheduled job has come, so that a late or repeated run takes up where the last one ended."""

from __future__ import annotations

from mart_union.kernel.storage import find
from mart_union.ledger.tables import JobItem


def get_checkpoint(job: str) -> str:
    """What the job noted last, '' if it never ran to its end."""
    item = find(JobItem, *_key(job), consistent=True)
    return "" if item is None else item.done_until


def set_checkpoint(job: str, done_until: str) -> None:
    """Note how far the job has come. Of two runs at once the later write stands: the next run looks at most twice at the same items."""
    JobItem(*_key(job), done_until=done_until).save()


def _key(job: str) -> tuple[str, str]:
    return f"JOB#{job}", "JOB"
