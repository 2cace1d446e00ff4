"""What requests to AWS change: tables and the bucket, which can be read and put back, and what is sent to queues, the bus, mailboxes and the
user pool, which is noted on its way. At the end what can be read of the latter is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import botocore.handlers
from botocore.session import get_session

from tests.faults.kinds import Request
from tests.faults.place import BUCKET, drop_clients

_READ_BACK = frozenset({"dynamodb", "s3"})
_CHECKS = frozenset({"InitiateAuth", "RespondToAuthChallenge"})
"""Of the user pool: they look whether a password is right."""


@dataclass
class Written:
    """What was written since it was last asked: tables and the bucket by name, and everything else as service and operation."""

    places: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)

    def ask(self, model: Any, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        """botocore's `before-call`: keep what the request is about until it is answered."""
        context["fuzzed_places"] = set(_tables(model.service_model.service_name, params))

    def note(self, model: Any, http_response: Any, context: Mapping[str, Any], **_: Any) -> None:
        """botocore's `after-call`: a request that was carried out and changes something."""
        service, operation = model.service_model.service_name, model.name
        if http_response.status_code >= 300 or Request(0, service, operation).reads or operation in _CHECKS:
            return
        if service in _READ_BACK:
            self.places |= context["fuzzed_places"]
        else:
            self.sent.append(f"{service} {operation}")

    def take(self) -> tuple[set[str], list[str]]:
        """What was written since the last time."""
        taken = self.places, self.sent
        self.places, self.sent = set(), []
        return taken


def _tables(service: str, params: Mapping[str, Any]) -> Iterator[str]:
    """The tables that a request is about, or the union's bucket."""
    if service == "s3":
        yield BUCKET
    if service == "dynamodb":
        asked = json.loads(params["body"])
        yield from asked.get("RequestItems", ())
        yield from (next(iter(item.values()))["TableName"] for item in asked.get("TransactItems", ()))
        yield from filter(None, [asked.get("TableName")])


@contextmanager
def watched(written: Written) -> Iterator[None]:
    """Note what every client of the project sends meanwhile."""
    handlers = [("before-call", written.ask), ("after-call", written.note), *botocore.handlers.BUILTIN_HANDLERS]
    with mock.patch.object(botocore.handlers, "BUILTIN_HANDLERS", handlers):
        drop_clients()  # those that are there already would not be watched
        try:
            yield
        finally:
            drop_clients()


def messages_waiting() -> int:
    """How many messages the union's queues hold."""
    sqs: Any = get_session().create_client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    urls = sqs.list_queues().get("QueueUrls", ())
    found = (sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls)
    return sum(int(count) for counts in found for count in counts.values())


def people_in_pools() -> int:
    """How many people the user pools know."""
    cognito: Any = get_session().create_client("cognito-idp", region_name="us-east-1")
    pools = cognito.list_user_pools(MaxResults=60)["UserPools"]
    pages = (page for pool in pools for page in cognito.get_paginator("list_users").paginate(UserPoolId=pool["Id"]))
    return sum(len(page["Users"]) for page in pages)
