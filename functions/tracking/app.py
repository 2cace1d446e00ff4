"""Tracking: a customer's purchases and orders, as pages and as JSON, and the reports of carriers."""

from __future__ import annotations

from typing import Any

from mart_union.catalog.unions import union_names
from mart_union.web.api import Api
from mart_union.web.words import name_union_with
from tracking import carriers, orders, pages, purchases, reports

api = Api("tracking")
name_union_with(union_names)
for subject in (purchases, orders, carriers, reports, pages):
    subject.add_routes(api)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer an API Gateway event."""
    return api.handle(event, context)
