"""The routes that everyone may take."""

from __future__ import annotations

from typing import Any

from browse import data, pages, reviews, wishes
from mart_union.catalog.unions import union_names
from mart_union.web.api import Api
from mart_union.web.words import name_union_with

api = Api("browse")
for subject in (pages, data, reviews, wishes):
    subject.add_routes(api)
name_union_with(union_names)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request."""
    return api.handle(event, context)
