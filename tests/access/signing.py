"""What machines sign, rightly and wrongly (Standard Webhooks)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks.webhooks import Webhook

from mart_union.kernel.secrets import derived_webhook_key, webhook_key
from mart_union.mediation.service import secret_of
from tests.access.callers import CARRIER, OTHER_CARRIER, Caller, strange_key

_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def sign(event: dict[str, Any], caller: Caller, shop: str, other_shop: str, *, flaw: str = "") -> None:
    """Sign an event's body with the caller's own key; who is no machine signs nothing. A flaw makes the signature a wrong one."""
    headers = event["headers"]
    for name in [name for name in headers if name.lower() in _HEADERS]:
        del headers[name]
    if not caller.machine:
        return
    keys = {
        "bank": lambda: webhook_key("bank_key"),
        CARRIER: lambda: _key_of_carrier(CARRIER),
        OTHER_CARRIER: lambda: _key_of_carrier(OTHER_CARRIER),
        "shop of emei-tea": lambda: secret_of(shop),
        "shop of jianshi-outdoor": lambda: secret_of(other_shop),
    }
    key = strange_key() if flaw == "of a strange key" else keys[caller.machine]()
    at = datetime.now(UTC) - timedelta(minutes=6 if flaw == "too old" else 0)
    body = (event["body"] or "") + (" " if flaw == "of another body" else "")
    signed_id = "msg_of_another" if flaw == "of another id" else "msg_of_the_matrix"
    signature = Webhook(key).sign(signed_id, at, body)
    headers |= dict(zip(_HEADERS, ("msg_of_the_matrix", str(int(at.timestamp())), signature), strict=True))


def _key_of_carrier(name: str) -> str:
    return derived_webhook_key("carrier_key", name.replace(" ", "/"))
