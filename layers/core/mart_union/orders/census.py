"""Every order, and what customers have of urgent sales, for the nightly reconciliation."""

from __future__ import annotations

from msgspec import Struct, field

from mart_union.kernel.census import scan
from mart_union.orders.model import Order
from mart_union.orders.tables import BoughtItem, OrderItem, OrdersItem


class OrdersFound(Struct, frozen=True):
    """All orders, and how many units of an urgent sale a customer has, by `<sale>#<customer>`."""

    orders: list[Order] = field(default_factory=list)
    bought: dict[str, int] = field(default_factory=dict)


def all_orders() -> OrdersFound:
    """Every order of the union, and every count of a limited sale. One scan of the table."""
    found = OrdersFound()
    for raw in scan(OrdersItem):
        if raw["sk"]["S"] == "ORDER":
            found.orders.append(OrderItem.from_raw_data(raw).document)
        elif raw["sk"]["S"] == "BOUGHT":
            found.bought[raw["pk"]["S"].partition("#")[2]] = int(BoughtItem.from_raw_data(raw).units)
    return found
