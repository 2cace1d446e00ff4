"""Pages of a query: the cursor leads on, and only where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mart_union.kernel.errors import Invalid
from mart_union.kernel.paging import Page, read_page


class Result:
    """What PynamoDB's query gives back: items, and the key where it stopped."""

    def __init__(self, items: list[str], last_evaluated_key: dict[str, Any] | None) -> None:
        self.items = items
        self.last_evaluated_key = last_evaluated_key

    def __iter__(self) -> Iterator[str]:
        return iter(self.items)


class Query:
    """Items of one partition, in pages, by the rules of DynamoDB's Query: a full page has a key even when nothing follows."""

    def __init__(self, count: int) -> None:
        self.items = [f"{number:03d}" for number in range(count)]
        self.asked: list[dict[str, Any]] = []

    def __call__(self, key: str, **options: Any) -> Result:
        self.asked.append(options)
        items = self.items if options["scan_index_forward"] else self.items[::-1]
        after = options["last_evaluated_key"]
        start = items.index(after["sk"]["S"]) + 1 if after else 0
        found = items[start : start + options["limit"]]
        full = len(found) == options["limit"]
        return Result(found, {"pk": {"S": key}, "sk": {"S": found[-1]}} if full else None)


def read_all(query: Query, **options: Any) -> list[str]:
    found: list[str] = []
    page = read_page(query, "p", **options)
    while page.next:
        found += page.items
        page = read_page(query, "p", cursor=page.next, **options)
    return [*found, *page.items]


def test_a_short_page_has_no_next() -> None:
    assert read_page(Query(3), "p", limit=5, newest_first=False) == Page(("000", "001", "002"), "")


def test_pages_are_newest_first_unless_asked_otherwise() -> None:
    assert read_page(Query(3), "p", limit=2).items == ("002", "001")
    assert read_page(Query(3), "p", limit=2, newest_first=False).items == ("000", "001")


@given(count=st.integers(0, 40), limit=st.integers(1, 12), newest_first=st.booleans())
def test_following_the_cursors_shows_every_item_once_in_order(count: int, limit: int, newest_first: bool) -> None:
    query = Query(count)
    assert read_all(query, limit=limit, newest_first=newest_first) == sorted(query.items, reverse=newest_first)


def test_a_cursor_is_safe_in_a_query_string() -> None:
    cursor = read_page(Query(30), "阿里山/茶?&=", limit=20).next
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?# ")


def test_the_options_of_the_query_are_passed_on() -> None:
    query = Query(1)
    read_page(query, "p", filter_condition="on sale")
    assert query.asked[0]["filter_condition"] == "on sale"
    assert query.asked[0]["page_size"] == query.asked[0]["limit"] == 50


@pytest.mark.parametrize("cursor", ["x", "!!!!", "e30x", "bnVsbA", "WzFd", "eyJwayI6MX0", "頁二", "\ud800"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    query = Query(3)
    with pytest.raises(Invalid, match="cursor"):
        read_page(query, "p", cursor=cursor)
    assert query.asked == []


@given(st.text(min_size=1))
def test_no_text_sent_as_a_cursor_is_an_unexpected_error(cursor: str) -> None:
    with suppress(Invalid):
        read_page(lambda key, **options: Result([], None), "p", cursor=cursor)
