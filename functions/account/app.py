"""The routes of customers' accounts."""

from __future__ import annotations

from typing import Any

from account import destinations, enterprises, invitations, me, pages, signing
from mart_union.catalog.unions import union_names
from mart_union.web.api import Api
from mart_union.web.words import name_union_with

api = Api("account")
for subject in (signing, pages, me, destinations, enterprises, invitations):
    subject.add_routes(api)
name_union_with(union_names)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request."""
    return api.handle(event, context)
