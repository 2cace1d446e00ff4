"""Every order, for the nightly reconciliation."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.kernel.census import scan
from mart_union.orders.model import Order
from mart_union.orders.tables import OrderItem


def all_orders() -> Iterator[Order]:
    """Every order of the union. A scan of the table."""
    return (OrderItem.from_raw_data(raw).document for raw in scan(OrderItem) if raw["sk"]["S"] == "ORDER")
