"""Every purchase, for the nightly reconciliation."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.checkout.model import Purchase
from mart_union.checkout.tables import PurchaseItem
from mart_union.kernel.census import scan


def all_purchases() -> Iterator[Purchase]:
    """Every purchase of the union. A scan of the table."""
    return (PurchaseItem.from_raw_data(raw).document for raw in scan(PurchaseItem) if raw["sk"]["S"] == "PURCHASE")
