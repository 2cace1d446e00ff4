"""The routes of the union's operator."""

from __future__ import annotations

from typing import Any

from mart_union.catalog.service import union_names
from mart_union.web.api import Api
from mart_union.web.words import name_union_with
from operate import (
    accounts,
    applicants,
    carriers,
    categories,
    decisions,
    escalations,
    fees,
    machine,
    mails,
    money,
    pages,
    parcels,
    payouts,
    purchases,
    reports,
    stores,
    union,
)

api = Api("operate")
for subject in (
    union,
    categories,
    carriers,
    parcels,
    fees,
    accounts,
    applicants,
    stores,
    purchases,
    money,
    payouts,
    escalations,
    decisions,
    reports,
    mails,
    machine,
    pages,
):
    subject.add_routes(api)
name_union_with(union_names)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request."""
    return api.handle(event, context)
