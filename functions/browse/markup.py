"""What search engines read of a listing's page (schema.org). A data block: browsers do not run it, so the content policy lets it be."""

from __future__ import annotations

from typing import Any

from mart_union.catalog.model import Texts
from mart_union.catalog.showing import Shown
from mart_union.kernel.money import Currency
from mart_union.kernel.settings import settings
from mart_union.web.request import Request


def product(shown: Shown, request: Request) -> dict[str, Any]:
    """A schema.org Product with its offer; a service is a Service."""
    listing, currency = shown.listing, settings().currency
    markup: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product" if listing.kind == "goods" else "Service",
        "name": _text(listing.titles, request.language),
        "description": _text(listing.texts, request.language),
        "offers": {
            "@type": "Offer",
            "price": decimal(listing.price_minor, currency),
            "priceCurrency": currency.code,
            "availability": f"https://schema.org/{'InStock' if shown.available else 'OutOfStock'}",
            "seller": {"@type": "Organization", "name": _text(shown.store.names, request.language)},
        },
    }
    if listing.kind == "goods":
        markup |= {"sku": listing.sku}
        markup |= {"gtin": listing.gtin} if listing.gtin else {}
        markup |= {"brand": {"@type": "Brand", "name": listing.brand}} if listing.brand else {}
    return markup


def decimal(amount_minor: int, currency: Currency) -> str:
    """An amount as a plain decimal number, exactly: `380.00`."""
    whole, fraction = divmod(amount_minor, 10**currency.digits)
    return f"{whole}.{fraction:0{currency.digits}d}" if currency.digits else str(whole)


def _text(texts: Texts, language: str) -> str:
    return next((texts[tag] for tag in (language, *settings().languages) if texts.get(tag)), "")
