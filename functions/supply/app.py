"""The routes of suppliers, and those by which sellers' own shops report what they sold and show, and fetch what to show."""

from __future__ import annotations

from typing import Any

from mart_union.catalog.service import union_names
from mart_union.mediation.service import get_supplied_order, get_supplier
from mart_union.orders.responses import list_supplier_responses
from mart_union.parties.responses import ResponseRoutes
from mart_union.parties.staff import StaffRoutes
from mart_union.parties.webhook_pages import WebhookPages
from mart_union.parties.webhooks import WebhookRoutes
from mart_union.web.access import SUPPLIER, SUPPLIER_OWNER
from mart_union.web.api import Api
from mart_union.web.words import name_union_with
from supply import (
    allotments,
    applying,
    dashboard,
    feeds,
    money,
    offers,
    orders,
    parcels,
    replenishments,
    returns,
    sales,
    showing,
    taken_back,
    uploads,
)

api = Api("supply")
for subject in (
    applying,
    dashboard,
    offers,
    allotments,
    uploads,
    orders,
    parcels,
    returns,
    replenishments,
    money,
    sales,
    taken_back,
    showing,
    feeds,
):
    subject.add_routes(api)
webhooks = WebhookRoutes("supplier", lambda order, supplier: get_supplied_order(supplier, order))
staff = StaffRoutes("supplier", lambda supplier: get_supplier(supplier).names)
for routes in (webhooks, WebhookPages(webhooks), staff):
    routes.add(api, "/supply/{supplier}", SUPPLIER_OWNER, SUPPLIER)
ResponseRoutes("supplier", list_supplier_responses).add(api, "/supply/{supplier}", SUPPLIER, SUPPLIER)
name_union_with(union_names)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request."""
    return api.handle(event, context)
