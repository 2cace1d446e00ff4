"""The routes of the financial service unit."""

from __future__ import annotations

from typing import Any

from mart_union.catalog.service import union_names
from mart_union.web.api import Api
from mart_union.web.words import name_union_with
from payments import requests, suspense, webhooks

api = Api("payments")
for subject in (requests, suspense, webhooks):
    subject.add_routes(api)
name_union_with(union_names)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request."""
    return api.handle(event, context)
