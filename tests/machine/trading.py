"""What the machine does: requests as their callers send them, schedules as they fire, streams as they deliver."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.faults import chance
from tests.faults.commands import kinds_routed_to
from tests.faults.place import State
from tests.faults.wire import Effect
from tests.gateway import CONTEXT, gateway_event
from tests.neighbours import sign

Answer = dict[str, Any]
Command = Callable[[], Answer]

_SENT = ("sqs", "SendMessageBatch")
_PUBLISHED = ("events", "PutEvents")
_OF_CARDS = frozenset(kinds_routed_to("cards"))
_STREAM = "arn:aws:dynamodb:ap-northeast-1:000000000000:table/{table}/stream/2026-11-22T00:00:00.000"


def request(
    function: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    subject: str = "",
    role: str = "",
    key: str = "",
    signed: str = "",
    shop: str = "",
    carrier: str = "",
) -> Command:
    """A request to a function; its repeat is the very same, and is signed anew."""

    def send() -> Answer:
        headers = {"Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        if signed == "signature_stripe":
            headers["Stripe-Signature"] = signed
        elif signed:
            moment = str(int(time.time()))  # the library looks at the real clock
            headers |= {"webhook-id": key, "webhook-timestamp": moment, "webhook-signature": signed}
        event = gateway_event(method, path, body=body, headers=headers, subject=subject, role=role)
        event["pathParameters"] = {"shop": shop} if shop else {"carrier": carrier} if carrier else None
        sign(event)
        answer: Answer = _handler(function)(event, CONTEXT)
        return answer

    return send


class Undelivered(Exception):
    """A queue or stream has to deliver some messages again."""


def invocation(function: str, event: Mapping[str, Any]) -> Command:
    """A schedule's tick, a stream's batch or a queue's batch: it answers 200, or raises."""

    def invoke() -> Answer:
        failed = _handler(function)(dict(event), CONTEXT)
        if failed and failed.get("batchItemFailures"):
            raise Undelivered("messages of the batch failed")
        return {"statusCode": 200, "body": "{}"}

    return invoke


def messages_in(effects: Iterable[Effect]) -> list[str]:
    """The bodies of the messages that a command put into queues."""
    sent = (json.loads(body) for service, operation, body in effects if (service, operation) == _SENT)
    return [entry["MessageBody"] for batch in sent for entry in batch["Entries"]]


def card_news_in(effects: Iterable[Effect]) -> list[str]:
    """The bodies of the messages that the cards' queue gets of the events that a command sent to the bus, by the union's rule."""
    sent = (json.loads(body)["Entries"] for service, operation, body in effects if (service, operation) == _PUBLISHED)
    return [
        json.dumps({"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])})
        for entries in sent
        for entry in entries
        if entry["DetailType"] in _OF_CARDS
    ]


def queue_batch(body: str) -> dict[str, Any]:
    """A batch of a queue with one message."""
    record = {"messageId": "message-1", "body": body, "eventSource": "aws:sqs", "awsRegion": "ap-northeast-1"}
    return {"Records": [record | {"receiptHandle": "r", "attributes": {}, "messageAttributes": {}}]}


def records_between(before: State, after: State, table: str) -> list[dict[str, Any]]:
    """The records that a table's stream has of the change from one state to another."""
    changed = [
        key
        for key in sorted(before.items.keys() | after.items.keys())
        if key[0].endswith(table) and before.items.get(key) != after.items.get(key)
    ]
    return [_record(key, before.items.get(key), after.items.get(key)) for key in changed]


def _record(key: tuple[str, str, str], old: Any, new: Any) -> dict[str, Any]:
    table, pk, sk = key
    stream = {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "ApproximateCreationDateTime": chance.now().timestamp()}
    stream |= ({"OldImage": old} if old else {}) | ({"NewImage": new} if new else {})
    name = "REMOVE" if not new else "MODIFY" if old else "INSERT"
    source = {
        "eventSource": "aws:dynamodb",
        "eventSourceARN": _STREAM.format(table=table),
        "awsRegion": "ap-northeast-1",
    }
    return {"eventID": f"{pk}|{sk}|{len(json.dumps(new or ''))}", "eventName": name, "dynamodb": stream, **source}


def batches(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records as a consumer gets them: those of one table together."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_table.setdefault(record["eventSourceARN"], []).append(record)
    return [{"Records": each} for each in by_table.values()]


def _handler(function: str) -> Callable[[dict[str, Any], Any], Any]:
    handler: Callable[[dict[str, Any], Any], Any] = importlib.import_module(f"{function}.app").lambda_handler
    return handler
