"""Records of a table's stream as plain values: what an item was, and what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord, DynamoDBStreamEvent
from msgspec import Struct

from mart_union.kernel.clock import iso

Image = dict[str, Any]


class Change(Struct, frozen=True):
    """One change of one item. Attributes are plain; `document` is decoded. An item that is new has no `old`, one removed no `new`."""

    table: str
    pk: str
    sk: str
    old: Image | None
    new: Image | None
    event_id: str
    at: str


def changes_of(event: dict[str, Any]) -> Iterator[Change]:
    """The changes of a stream's batch, in their order."""
    return (_change(record) for record in DynamoDBStreamEvent(event).records)


def _change(record: DynamoDBRecord) -> Change:
    stream = record.dynamodb
    assert stream is not None  # noqa: S101 - every record of a table's stream has it
    made_at = datetime.fromtimestamp(stream.get("ApproximateCreationDateTime") or 0, UTC)
    return Change(
        table=_table(record.event_source_arn or ""),
        pk=stream.keys["pk"],
        sk=stream.keys["sk"],
        old=_plain(stream.old_image),
        new=_plain(stream.new_image),
        event_id=record.event_id or "",
        at=iso(made_at),
    )


def _table(arn: str) -> str:
    """`orders` from `arn:aws:dynamodb:…:table/mart-union-hsinchu-orders/stream/…`."""
    return arn.split("/")[1].rpartition("-")[2]


def _plain(image: dict[str, Any]) -> Image | None:
    if not image:
        return None
    plain: Image = {name: int(value) if isinstance(value, Decimal) else value for name, value in image.items()}
    if "document" in plain:
        plain["document"] = json.loads(plain["document"])
    return plain
