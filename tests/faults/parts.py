"""Batches of which a service carries out only a part, and answers that end before they are whole."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Entry = tuple[str, Any]
"""A table's name and what is asked of it; of a bus or a queue, '' and the event or message."""
_OF_ENTRIES = frozenset({"PutEvents", "SendMessageBatch"})


def divided(operation: str, body: bytes) -> tuple[bytes, list[Entry]]:
    """A batch's body without every other entry, from the first on, and the entries left out; no body when nothing stays."""
    asked = json.loads(body)
    entries = _entries(operation, asked)
    taken, left = entries[1::2], entries[::2]
    if not taken:
        return b"", left
    if operation in _OF_ENTRIES:
        return json.dumps({**asked, "Entries": [entry for _, entry in taken]}).encode(), left
    return json.dumps({**asked, "RequestItems": _by_table(operation, taken, asked["RequestItems"])}).encode(), left


def _entries(operation: str, asked: dict[str, Any]) -> list[Entry]:
    if operation in _OF_ENTRIES:
        return [("", entry) for entry in asked["Entries"]]
    return [
        (table, entry)
        for table, part in asked["RequestItems"].items()
        for entry in (part["Keys"] if operation == "BatchGetItem" else part)
    ]


def _by_table(operation: str, entries: Sequence[Entry], asked: dict[str, Any]) -> dict[str, Any]:
    tables: dict[str, list[Any]] = {}
    for table, entry in entries:
        tables.setdefault(table, []).append(entry)
    if operation == "BatchGetItem":
        return {table: {**asked.get(table, {}), "Keys": keys} for table, keys in tables.items()}
    return tables


def with_the_rest(operation: str, answer: dict[str, Any], left: Sequence[Entry]) -> bytes:
    """The service's answer, with what it gives back."""
    if operation == "PutEvents":
        taken = answer.get("Entries", [])
        failed = {"ErrorCode": "ThrottlingException", "ErrorMessage": "by the harness"}
        entries = [taken[number // 2] if number % 2 else failed for number in range(len(taken) + len(left))]
        return json.dumps({"FailedEntryCount": len(left), "Entries": entries}).encode()
    if operation == "SendMessageBatch":
        failed_ones = [{"Id": each["Id"], "SenderFault": False, "Code": "ServiceUnavailable"} for _, each in left]
        return json.dumps({"Successful": [], **answer, "Failed": failed_ones}).encode()
    word = "UnprocessedKeys" if operation == "BatchGetItem" else "UnprocessedItems"
    empty = {"Responses": {}} if operation == "BatchGetItem" else {}
    return json.dumps({**empty, **answer, word: _by_table(operation, left, {})}).encode()


def with_body(request: Any, body: bytes) -> AWSPreparedRequest:
    """The same request with another body."""
    headers = request.headers.copy()
    headers["Content-Length"] = str(len(body))
    return AWSPreparedRequest(request.method, request.url, headers, body, request.stream_output)


class _Stream(io.BytesIO):
    """What botocore reads a body from."""

    def stream(self, size: int = 1 << 16, **_: Any) -> Any:
        """The body in pieces."""
        while piece := self.read(size):
            yield piece


def cut_short(answer: AWSResponse) -> AWSResponse:
    """An answer whose connection ends in the middle of its body, whatever length it had announced."""
    whole = answer.raw.read()
    return AWSResponse(answer.url, answer.status_code, answer.headers, _Stream(whole[: len(whole) // 2]))
