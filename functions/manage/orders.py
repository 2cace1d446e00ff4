"""A store's orders: the orders and their steps, refunds and returns, procedures, indicators."""

from __future__ import annotations

from manage import indicators, order_api, order_pages, parcels, procedures, refunds, sold_by_shops
from mart_union.web.api import Api


def add_routes(api: Api) -> None:
    """Declare the routes and pages of each."""
    for subject in (order_api, order_pages, parcels, refunds, sold_by_shops, procedures, indicators):
        subject.add_routes(api)
