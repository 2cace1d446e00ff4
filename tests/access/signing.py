"""What machines sign, rightly and wrongly (Standard Webhooks)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks.webhooks import Webhook

from mart_union.checkout import card_port
from mart_union.kernel.secrets import derived_webhook_key, webhook_key
from mart_union.mediation.service import secret_of
from tests.access.callers import CARDS, CARRIER, OTHER_CARRIER, Caller, strange_key

_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_OF_CARDS = "stripe-signature"


def sign(event: dict[str, Any], caller: Caller, shop: str, other_shop: str, *, flaw: str = "") -> None:
    """Sign an event's body with the caller's own key; who is no machine signs nothing. A flaw makes the signature a wrong one."""
    headers = event["headers"]
    for name in [name for name in headers if name.lower() in {*_HEADERS, _OF_CARDS}]:
        del headers[name]
    if not caller.machine:
        return
    if caller.name == CARDS:
        headers[_OF_CARDS] = _signed_by_processor(event["body"] or "", flaw)
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


def _signed_by_processor(text: str, flaw: str) -> str:
    """Stripe's signature (https://docs.stripe.com/webhooks#verify-manually)."""
    key = "a-strange-key" if flaw == "of a strange key" else card_port.read_secret("stripe_webhook_key")
    at = int(datetime.now(UTC).timestamp()) - (360 if flaw == "too old" else 0)
    signed = f"{at}.{text}{' ' if flaw == 'of another body' else ''}"
    digest = hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return f"t={at},{'v0' if flaw == 'of another scheme' else 'v1'}={digest}"
