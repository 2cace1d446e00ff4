"""Messages to the union's own queues, and how many wait in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from botocore.config import Config
from botocore.session import get_session
from msgspec import Struct

from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings

_MOST_ENTRIES = 10  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html


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


@cache
def _address(queue: str) -> str:
    answer = _client().get_queue_url(QueueName=f"mart-union-{settings().union}-{queue}")
    return str(answer["QueueUrl"])


def send_messages(queue: str, messages: Sequence[Struct], *, delay_seconds: int = 0) -> None:
    """Put messages, as JSON, into one of the union's queues. One request for ten; those that it refuses are sent again, with jitter.

    Raises:
        Busy: the queue kept refusing some.
    """
    for start in range(0, len(messages), _MOST_ENTRIES):
        entries = [
            {
                "Id": str(number),
                "MessageBody": msgspec.json.encode(message).decode(),
                "DelaySeconds": delay_seconds,
            }
            for number, message in enumerate(messages[start : start + _MOST_ENTRIES])
        ]
        _send(queue, entries)


def _send(queue: str, entries: list[dict[str, Any]]) -> None:
    left = entries

    def send_the_rest() -> None:
        nonlocal left
        answer = _client().send_message_batch(QueueUrl=_address(queue), Entries=left)
        refused = {each["Id"] for each in answer.get("Failed", [])}
        left = [entry for entry in left if entry["Id"] in refused]
        if left:
            raise _Refused

    retried(send_the_rest, on=_Refused, what="a queue")


class _Refused(Exception):
    """The queue took some of the messages only."""
