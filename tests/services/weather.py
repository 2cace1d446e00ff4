"""Rough weather between threads and the tables: conflicts, throttling and lost answers, by chance of a seed."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota

from mart_union.kernel import storage
from mart_union.kernel.errors import (
    Busy,
    Conflict,
    KeyReused,
    OutOfStock,
    PaymentOutstanding,
    PriceChanged,
    StepNotAllowed,
)
from mart_union.kernel.storage import STORAGE_ERRORS

T = TypeVar("T")

KINDS = ("conflict", "throttled", "lost")
THREADS = 8
_MOST_PATIENCE = 60
_FINAL = (KeyReused, PaymentOutstanding, PriceChanged, StepNotAllowed)


@contextmanager
def rough(seed: int, share: float = 0.15, kinds: Sequence[str] = KINDS) -> Iterator[Counter[str]]:
    """A share of all requests, of any thread, is refused for a conflict or as too many, or carried out and not answered; how many of each."""
    chance, lock, session = random.Random(seed), threading.Lock(), URLLib3Session(timeout=(2, 10))
    struck: Counter[str] = Counter()

    def strike(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        with lock:
            kind = chance.choice(kinds) if chance.random() < share else ""
            is_transaction = "TransactWriteItems" in str(request.headers.get("X-Amz-Target"))
            kind = "throttled" if kind == "conflict" and not is_transaction else kind
            struck[kind] += 1
        if kind == "lost":
            session.send(request)
            raise ReadTimeoutError(endpoint_url=request.url)
        return _refused(kind, request) if kind else None

    events = storage.client().meta.events
    events.register_first("before-send.dynamodb", strike, unique_id="rough")
    try:
        yield struck
    finally:
        events.unregister("before-send.dynamodb", unique_id="rough")


def _refused(kind: str, request: AWSPreparedRequest) -> AWSResponse:
    body: dict[str, Any] = {"__type": "com.amazonaws#ProvisionedThroughputExceededException", "message": "rough"}
    if kind == "conflict":
        others = len(json.loads(request.body)["TransactItems"]) - 1
        reasons = [{"Code": "TransactionConflict", "Message": "rough"}, *[{"Code": "None"}] * others]
        body = {"__type": "com.amazonaws#TransactionCanceledException", "CancellationReasons": reasons}
    answer = AWSResponse(request.url, 400, {"x-amzn-requestid": "rough"}, None)
    answer._content = json.dumps(body).encode()
    return answer


def insist(action: Callable[[], T]) -> T | OutOfStock:
    """What an action gives in the end, when it is repeated as long as nobody answers or others come first; or that it is out of stock."""
    for _ in range(_MOST_PATIENCE):
        try:
            return action()
        except OutOfStock as error:
            return error
        except _FINAL:
            raise
        except (Busy, Conflict, *STORAGE_ERRORS) as error:
            last = error
    raise AssertionError("never answered") from last


def all_at_once(actions: Iterable[Callable[[], T]], *, seed: int = 7) -> list[T | OutOfStock]:
    """What each of some actions gives in the end, eight at a time, while the weather strikes at nearly every third request."""
    wanted = list(actions)
    with pytest.MonkeyPatch.context() as patches, rough(seed, 0.3) as struck, ThreadPoolExecutor(THREADS) as threads:
        patches.setattr(RetryQuota, "acquire", lambda *_: True)  # each caller stands for a process with its own ration
        patches.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
        answers = list(threads.map(insist, wanted))
    assert sum(struck[kind] for kind in KINDS) > 0
    return answers
