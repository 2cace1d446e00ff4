"""Use cases on real tables: an emulator's DynamoDB with the union's seven tables, and names of each test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from mart_union.kernel import storage
from mart_union.kernel.ids import new_id


@pytest.fixture(scope="session", autouse=True)
def tables(emulator: str) -> Iterator[None]:
    """The union's tables, made from the models."""
    from mart_union.catalog.tables import CatalogItem
    from mart_union.checkout.tables import PurchaseItem
    from mart_union.customers.tables import CustomersItem
    from mart_union.ledger.tables import LedgerItem
    from mart_union.mediation.tables import MediationItem
    from mart_union.orders.tables import OrdersItem
    from mart_union.stock.tables import StockItem

    os.environ["AWS_ENDPOINT_URL"] = emulator
    storage.client.cache_clear()
    for table in (CatalogItem, PurchaseItem, CustomersItem, LedgerItem, MediationItem, OrdersItem, StockItem):
        table.create_table(billing_mode="PAY_PER_REQUEST")
    yield
    del os.environ["AWS_ENDPOINT_URL"]
    storage.client.cache_clear()


@pytest.fixture
def unique() -> str:
    """A name that no other test uses."""
    return new_id()[-11:]
