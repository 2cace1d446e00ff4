"""Which of the sellers' own shops sent a request: by its signature, or by the token of its feed."""

from __future__ import annotations

import hmac

from standardwebhooks import Webhook, WebhookVerificationError

from mart_union.kernel.errors import NotFound, RuleViolation, Unauthenticated
from mart_union.mediation.service import feed_token_of, get_shop, secret_of
from mart_union.mediation.shop_model import Shop
from mart_union.web.request import Request


def sender_of(request: Request) -> Shop:
    """The shop whose secret signed the request.

    Raises:
        Unauthenticated: no shop's secret did, or too long ago.
        RuleViolation: the shop is paused.
    """
    shop = get_shop(request.params["shop"])
    try:
        Webhook(secret_of(shop.id)).verify(request.text, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError) as error:
        raise Unauthenticated(
            "the signature does not verify: sign with the shop's secret (Standard Webhooks)"
        ) from error
    return _active(shop)


def reader_of(request: Request, token: str) -> Shop:
    """The shop of the path, if the token is that of its feed; who has none learns nothing of which shops there are.

    Raises:
        Unauthenticated: it is no shop's token.
        RuleViolation: the shop is paused.
    """
    refusal = Unauthenticated("this feed wants its token: the shop's page shows the address")
    try:
        shop = get_shop(request.params["shop"])
    except NotFound as error:
        raise refusal from error
    if not hmac.compare_digest(token.encode(), feed_token_of(shop.id).encode()):
        raise refusal
    return _active(shop)


def _active(shop: Shop) -> Shop:
    if shop.state != "active":
        raise RuleViolation("this shop is paused")
    return shop
