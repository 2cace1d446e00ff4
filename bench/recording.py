"""What a handler asked of the database, recorded at botocore's own hooks, to be asked again by a bare client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.session import get_session

from mart_union.kernel import storage
from mart_union.kernel.ids import derived_id, new_id

METHODS = {
    "GetItem": "get_item",
    "BatchGetItem": "batch_get_item",
    "Query": "query",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
    "BatchWriteItem": "batch_write_item",
    "TransactWriteItems": "transact_write_items",
}


@dataclass(frozen=True)
class Request:
    """One request to the database, and what it answered."""

    operation: str
    params: dict[str, Any]
    answer: dict[str, Any]


@contextmanager
def recorded() -> Iterator[list[Request]]:
    """The requests of the function's client in this block, in order."""
    requests: list[Request] = []

    def ask(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["bench"] = json.loads(json.dumps(params))  # a request's own: several threads may ask at once

    def told(parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        requests.append(Request(model.name, context["bench"], parsed))

    events = storage.client().meta.events
    events.register_last("provide-client-params.dynamodb.*", ask, unique_id="bench-ask")
    events.register_last("after-call.dynamodb.*", told, unique_id="bench-told")
    try:
        yield requests
    finally:
        events.unregister("provide-client-params.dynamodb.*", unique_id="bench-ask")
        events.unregister("after-call.dynamodb.*", unique_id="bench-told")


class Replay:
    """Recorded requests, asked again about another subject: the same but for its id in keys and documents."""

    def __init__(self, requests: list[Request], subject: str) -> None:
        self._operations = [METHODS[request.operation] for request in requests]
        self._template = json.dumps([request.params for request in requests], ensure_ascii=False)
        self._subject = subject
        self._derived = _created_beside(requests, subject)
        self.client = bare_client()

    def prepared(self, subject: str) -> list[tuple[Any, dict[str, Any]]]:
        """Calls for a subject, ready to be made; a write's token is its own, so that none passes for a repeat."""
        text = self._template.replace(self._subject, subject) if self._subject else self._template
        for name in self._derived:
            text = text.replace(name, derived_id(name, subject))
        params = json.loads(text)
        for each in params:
            if "ClientRequestToken" in each:
                each["ClientRequestToken"] = new_id()
        return [(getattr(self.client, name), each) for name, each in zip(self._operations, params, strict=True)]


def _created_beside(requests: list[Request], subject: str) -> list[str]:
    """The ids of new items that do not have the subject's own id in theirs, but one made from it: each replay needs others."""
    writes = [each["Put"] for request in requests for each in request.params.get("TransactItems", []) if "Put" in each]
    created = [write["Item"]["pk"]["S"] for write in writes if "not_exists" in write.get("ConditionExpression", "")]
    return [key.partition("#")[2] for key in created if subject not in key]


def bare_client() -> Any:
    """A botocore client with the function's own settings: same timeouts, same retries, no validation of parameters."""
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 4},
        parameter_validation=False,
    )
    return get_session().create_client("dynamodb", config=config)
