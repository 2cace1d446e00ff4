"""The steps of a browsing sequence, recorded only where the shopper has agreed."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from mart_union.customers.service import record_view
from mart_union.kernel.errors import Busy
from mart_union.web.request import Request

logger = Logger(child=True)


def record(request: Request, kind: str, store: str = "", sku: str = "") -> None:
    """Record a view if the browser's consent says yes and it has a session. A page is shown even when its view could not be kept."""
    if request.cookies.get("mu_consent") != "yes" or not request.session:
        return
    try:
        record_view(request.session, kind, request.path, store, sku)
    except Busy:
        logger.warning("a view was not kept", kind=kind)
