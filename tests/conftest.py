"""The environment in which every test imports the project: a union in New Taiwan dollars, and an emulator on a free port."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.emulated import emulators
from tests.laptop import network

if TYPE_CHECKING:
    from mart_union.kernel.storage import Item

__all__ = ["network"]

ROOT = Path(__file__).parents[1]
UNION = {
    "UNION_ID": "hsinchu",
    "CURRENCY": "TWD",
    "CURRENCY_STEP": "100",
    "TIME_ZONE": "Asia/Taipei",
    "LANGUAGES": "zh-TW,en",
    "UNION_BUCKET": "mart-union-test",
    "UNION_BUS": "mart-union-hsinchu",
    "CENTER_URL": "http://center.example",
    "POOL_ISSUER": "http://pool.example",
    "POOL_CLIENT_ID": "web",
    "POOL_REGION": "eu-west-1",
    "UNION_SECRET": "mart-union/hsinchu",
    "EMAIL_SENDER": "union@hsinchu.example",
    "RESERVATION_SECONDS": "600",
    "ALLOW_LOOPBACK_SHOPS": "true",
    "CARD_KEY": "",
    "CARD_SCRIPT": "",
    "CARD_API": "",
    "AWS_REGION": "ap-northeast-1",
    "AWS_DEFAULT_REGION": "ap-northeast-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "POWERTOOLS_SERVICE_NAME": "test",
}
FUNCTION_SETTINGS = {
    "API_URL": "https://abc123.execute-api.ap-northeast-1.amazonaws.com/union",
    "TOKEN_URL": "http://pool.example/oauth2/token",
    "SILENT_MINUTES": "5",
    "OPERATOR_GROUP": "network-operator",
}
os.environ.update(UNION | FUNCTION_SETTINGS)
for variable in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "PUBLIC_URL"):
    os.environ.pop(variable, None)


hypothesis.settings.register_profile(
    "unhurried", deadline=None
)  # how long an example takes says how busy the machine is
hypothesis.settings.load_profile("unhurried")


class _ByFile(LoadScopeScheduling):
    """Processes that share the tests take whole files, and one of them all that wants the network, so that it comes up once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "network" if file.startswith(("tests/integration/", "tests/browser/")) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How tests are shared out."""
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """The address of an emulated AWS account of this test run's own."""
    with emulators(1) as (address,):
        yield address


def union_tables() -> list[type[Item]]:
    """The union's seven tables, each as the model of any item in it."""
    from mart_union.catalog.tables import CatalogItem
    from mart_union.checkout.tables import PurchaseItem
    from mart_union.customers.tables import CustomersItem
    from mart_union.ledger.tables import LedgerItem
    from mart_union.mediation.tables import MediationItem
    from mart_union.orders.tables import OrdersItem
    from mart_union.stock.tables import StockItem

    return [CatalogItem, PurchaseItem, CustomersItem, LedgerItem, MediationItem, OrdersItem, StockItem]


@pytest.fixture(scope="session")
def tables(emulator: str) -> Iterator[None]:
    """The union's tables, made from the models in the emulated account, to which all clients made from now on go."""
    from mart_union.kernel import storage

    os.environ["AWS_ENDPOINT_URL"] = emulator
    storage.client.cache_clear()
    for table in union_tables():
        table.create_table(billing_mode="PAY_PER_REQUEST")
    yield
    del os.environ["AWS_ENDPOINT_URL"]
    storage.client.cache_clear()
