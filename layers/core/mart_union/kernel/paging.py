"""Pages of a query: a bounded number of items, and an opaque cursor for the next page."""

from __future__ import annotations

import base64
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from pynamodb.exceptions import QueryError

from mart_union.kernel.errors import Invalid
from mart_union.kernel.storage import code_of

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    """Some items in order, and the cursor to send for those that follow ('' when there are none)."""

    items: tuple[T, ...]
    next: str = ""


def read_page(
    query: Any, key: str, *, cursor: str = "", limit: int = 50, newest_first: bool = True, **options: Any
) -> Page[Any]:
    """One page of a PynamoDB `query` (of a model or an index) over the partition `key`.

    Raises:
        Invalid: the cursor is not one that this query gave.
    """
    result = query(
        key,
        limit=limit,
        page_size=limit,
        last_evaluated_key=_decode(cursor),
        scan_index_forward=not newest_first,
        **options,
    )
    try:
        items = tuple(result)
    except QueryError as error:
        if cursor and code_of(error) == "ValidationException":  # a key of another partition
            raise _unknown_cursor() from error
        raise
    return Page(items, _encode(result.last_evaluated_key) if len(items) >= limit else "")


def scan_page(scan: Any, limit: int, segment: int, segments: int, cursor: str = "") -> Page[Any]:
    """One page of a segment of a PynamoDB `scan` (of a model or an index), in no order: for jobs that go through all there is.

    Raises:
        Invalid: the cursor is not one that this scan gave.
    """
    key = _decode(cursor)
    result = scan(limit=limit, page_size=limit, segment=segment, total_segments=segments, last_evaluated_key=key)
    items = tuple(result)
    return Page(items, _encode(result.last_evaluated_key))


def _encode(key: dict[str, Any] | None) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=") if key else ""


def _decode(cursor: str) -> dict[str, dict[str, str]] | None:
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(text, type=dict[str, dict[str, str]])
    except (ValueError, msgspec.DecodeError) as error:
        raise _unknown_cursor() from error


def _unknown_cursor() -> Invalid:
    return Invalid(
        "the cursor is not one of ours: leave it out to start at the beginning",
        errors=[{"field": "cursor", "reason": "unknown"}],
    )
