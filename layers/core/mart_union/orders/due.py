"""What the clock lists, an hour at a time (`2026-11-22T09`, UTC), a page of it at a query, earliest first: orders that the sweeper sees to, orders that
settlement completes, and responses. Whatever is acted on leaves its hour."""

from __future__ import annotations

from typing import Any

from mart_union.kernel.paging import Page, read_page
from mart_union.orders.tables import RESPONSES_CLOCK, WINDOWS_CLOCK, OrdersItem


def page_of_due(hour: str, until: str, cursor: str = "", limit: int = 1_000) -> Page[str]:
    """A page of the orders in whose clock something but their completion stood in an hour, at or before a moment (ISO).

    Raises:
        Invalid: the cursor is not one of ours.
    """
    return _orders(_page(hour, until, cursor, limit))


def page_of_windows_over(hour: str, until: str, cursor: str = "", limit: int = 1_000) -> Page[str]:
    """A page of the orders whose return window was over in an hour, at or before a moment (ISO).

    Raises:
        Invalid: the cursor is not one of ours.
    """
    return _orders(_page(f"{WINDOWS_CLOCK}{hour}", until, cursor, limit))


def page_of_unanswered(hour: str, until: str, cursor: str = "", limit: int = 1_000) -> Page[tuple[str, str]]:
    """A page of the responses, each as its order and its id, whose time to be answered was over in an hour, at or before a moment (ISO).

    Raises:
        Invalid: the cursor is not one of ours.
    """
    page = _page(f"{RESPONSES_CLOCK}{hour}", until, cursor, limit)
    return Page(tuple((_order(item), item.sk.removeprefix("RESPONSE#")) for item in page.items), page.next)


def _page(partition: str, until: str, cursor: str, limit: int) -> Page[Any]:
    passed = OrdersItem.clock_sk <= f"{until}~"
    query = OrdersItem.clock.query
    return read_page(query, partition, cursor=cursor, limit=limit, newest_first=False, range_key_condition=passed)


def _orders(page: Page[Any]) -> Page[str]:
    return Page(tuple(map(_order, page.items)), page.next)


def _order(item: Any) -> str:
    return str(item.pk).removeprefix("ORDER#")
