"""How many messages wait in queues."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import get_session
from msgspec import Struct


class QueueCount(Struct, frozen=True):
    """A queue and about how many messages wait in it (SQS counts approximately)."""

    queue: str
    messages: int


@cache
def _client() -> Any:
    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
    return get_session().create_client("sqs", config=config)


def count_messages(urls: Sequence[str]) -> list[QueueCount]:
    """The queues under these addresses by name, in the order given. One request each."""
    return [_count(url) for url in urls]


def _count(url: str) -> QueueCount:
    wanted = "ApproximateNumberOfMessages"
    answer = _client().get_queue_attributes(QueueUrl=url, AttributeNames=[wanted])
    return QueueCount(url.rsplit("/", 1)[-1], int(answer["Attributes"][wanted]))
