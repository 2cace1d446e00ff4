"""Rough weather between threads and the tables: conflicts, throttling and lost answers, by chance of a seed."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

from mart_union.kernel import storage

KINDS = ("conflict", "throttled", "lost")


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
