"""The steps of a browsing sequence, recorded only where the shopper has agreed."""

from __future__ import annotations

from mart_union.customers.service import keep_view
from mart_union.web.request import Request


def record(request: Request, kind: str, store: str = "", sku: str = "") -> None:
    """Record a view if the browser's consent says yes and it has a session. A page is shown even when its view could not be kept."""
    if request.cookies.get("mu_consent") == "yes" and request.session:
        keep_view(request.session, kind, request.path, store, sku)
