"""A store's orders: the orders and their steps, responses, procedures."""

from __future__ import annotations

from manage import order_api, order_pages, procedures, responses
from mart_union.web.api import Api


def add_routes(api: Api) -> None:
    """Declare the routes and pages of all four."""
    for subject in (order_api, order_pages, responses, procedures):
        subject.add_routes(api)
