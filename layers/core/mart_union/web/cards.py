"""Pages on which a card is given to its processor: the processor's script, and what the browser may load for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from mart_union.kernel.settings import settings

_BANKS = "https://hooks.stripe.com"


class CardField(Struct, frozen=True):
    """What a page needs to ask for a card: the processor's publishable key and the address of its script.

    `secret` lets the page bring the customer to their bank for one payment.
    """

    key: str
    script: str
    secret: str = ""


def card_field(secret: str = "") -> CardField | None:
    """What a page needs to ask for a card; None where the union takes none."""
    known = settings()
    return CardField(known.card_key, known.card_script, secret) if known.card_key else None


def card_headers() -> dict[str, str]:
    """The headers of such a page: what is loaded from the processor, and from nobody else."""
    known = settings()
    if not known.card_key:
        return {}
    script, api = _origin(known.card_script), _origin(known.card_api)
    policy = (
        f"default-src 'self'; img-src 'self' data: https:; script-src 'self' {script}; "
        f"connect-src 'self' {script} {api}; frame-src {script} {_BANKS}; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy}


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
