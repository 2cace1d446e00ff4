"""The union of the bench: its settings, and an emulated AWS account of its own with its tables."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = {
    "UNION_ID": "hsinchu",
    "CURRENCY": "TWD",
    "CURRENCY_STEP": "100",
    "TIME_ZONE": "Asia/Taipei",
    "LANGUAGES": "zh-TW,en",
    "UNION_BUCKET": "mart-union-bench",
    "UNION_BUS": "mart-union-hsinchu",
    "CENTER_URL": "http://center.example",
    "API_URL": "https://abc123.execute-api.ap-northeast-1.amazonaws.com/union",
    "TOKEN_URL": "http://pool.example/oauth2/token",
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
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_LOG_LEVEL": "WARNING",
}
"""What a function finds in its environment. The log is quiet, so that no line to a terminal is timed."""


def settle(endpoint: str = "", region: str = "") -> None:
    """Put the settings into this process's environment. To be called before the project's own code is imported."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PUBLIC_URL"):
        os.environ.pop(name, None)
    os.environ.update(SETTINGS)
    if endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
    if region:
        os.environ.update({"AWS_REGION": region, "AWS_DEFAULT_REGION": region})


@contextmanager
def emulator() -> Iterator[str]:
    """The address of an emulator of this run's own; its data is gone afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="mart-union-bench-") as folder, Path(folder, "log").open("wb") as log:
        own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING"}
        environment = {**os.environ, **own, "STATE_DIR": folder, "S3_DATA_DIR": folder}
        command = [sys.executable, "-m", "ministack"]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)  # noqa: S603 - our own
        try:
            _wait(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError("the emulator stopped before it answered")
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=1):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the emulator did not answer within a minute")


def make_tables() -> None:
    """The union's seven tables, from the models."""
    from mart_union.catalog.tables import CatalogItem
    from mart_union.checkout.tables import PurchaseItem
    from mart_union.customers.tables import CustomersItem
    from mart_union.ledger.tables import LedgerItem
    from mart_union.mediation.tables import MediationItem
    from mart_union.orders.tables import OrdersItem
    from mart_union.stock.tables import StockItem

    for table in (CatalogItem, PurchaseItem, CustomersItem, LedgerItem, MediationItem, OrdersItem, StockItem):
        table.create_table(billing_mode="PAY_PER_REQUEST")


def make_bucket() -> None:
    """The union's bucket. Regions share the names of buckets: one a run."""
    from botocore.session import get_session

    region = {"LocationConstraint": os.environ["AWS_REGION"]}
    get_session().create_client("s3").create_bucket(Bucket=SETTINGS["UNION_BUCKET"], CreateBucketConfiguration=region)
