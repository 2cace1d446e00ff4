"""The union's keys: one secret in Secrets Manager, read once a process."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cache
from typing import Any

import msgspec
from botocore.config import Config
from botocore.session import get_session

from mart_union.kernel.settings import settings

NAMES = ("client_id", "client_secret", "bank_key", "shop_key", "carrier_key", "token_key")
_TO_STANDARD_BASE64 = str.maketrans("-_", "+/")


@cache
def _keys() -> dict[str, str]:
    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})
    client: Any = get_session().create_client("secretsmanager", config=config)
    text = client.get_secret_value(SecretId=settings().secret_name)["SecretString"]
    return msgspec.json.decode(text, type=dict[str, str])


def read_secret(name: str) -> str:
    """One of the union's keys; a changed secret is seen by the next process.

    Raises:
        RuntimeError: the union's secret has no such key; the message names it.
    """
    keys = _keys()
    if name not in keys:
        raise RuntimeError(f"the union's secret has no '{name}'; infra/join.py makes it")
    return keys[name]


def webhook_key(name: str) -> str:
    """One of the union's keys as the Standard Webhooks libraries take it: `whsec_` and base64, whichever alphabet it was made in.

    Raises:
        RuntimeError: the union's secret has no such key.
    """
    return "whsec_" + read_secret(name).removeprefix("whsec_").translate(_TO_STANDARD_BASE64)


def derived_webhook_key(name: str, owner: str) -> str:
    """An owner's own webhook key: HMAC-SHA256 of the owner by one of the union's keys, so that nothing has to keep it.

    Raises:
        RuntimeError: the union's secret has no such key.
    """
    return "whsec_" + base64.b64encode(derived_key(name, owner)).decode()


def derived_key(name: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose: HMAC-SHA256 of it by one of the union's keys.

    Raises:
        RuntimeError: the union's secret has no such key.
    """
    return hmac.new(read_secret(name).encode(), purpose.encode(), hashlib.sha256).digest()


def forget_secrets() -> None:
    """Read the secret again at its next use."""
    _keys.cache_clear()
