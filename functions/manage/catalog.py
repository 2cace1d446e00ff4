"""A store's catalog: the overview, listings, categories, uploads, staff, terms."""

from __future__ import annotations

from manage import categories, dashboard, listings, staff, terms, uploads
from mart_union.web.api import Api


def add_routes(api: Api) -> None:
    """Declare the routes of all these."""
    for subject in (dashboard, listings, categories, uploads, staff, terms):
        subject.add_routes(api)
