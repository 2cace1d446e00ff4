"""The routes of a store's staff."""

from __future__ import annotations

from typing import Any

from manage import catalog, mediation, orders, replenishments, slots, stock, suppliers, urgent
from mart_union.catalog.service import get_store, union_names
from mart_union.orders.responses import list_open_responses
from mart_union.orders.service import get_order_for
from mart_union.parties.responses import ResponseRoutes
from mart_union.parties.staff import StaffRoutes
from mart_union.parties.webhook_pages import WebhookPages
from mart_union.parties.webhooks import WebhookRoutes
from mart_union.web.access import MANAGER, OWNER, PACKER
from mart_union.web.api import Api
from mart_union.web.words import name_union_with

api = Api("manage")
for subject in (catalog, orders, stock, slots, suppliers, replenishments, mediation, urgent):
    subject.add_routes(api)
webhooks = WebhookRoutes("store", lambda order, store: get_order_for(order, "store", f"store/{store}"))
staff = StaffRoutes("store", lambda store: get_store(store).names)
for routes in (webhooks, WebhookPages(webhooks), staff):
    routes.add(api, "/manage/{store}", OWNER, MANAGER)
ResponseRoutes("store", list_open_responses).add(api, "/manage/{store}", MANAGER, PACKER)
name_union_with(union_names)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request."""
    return api.handle(event, context)
