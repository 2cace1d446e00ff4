"""A store's catalog: the overview, listings, categories, uploads, terms."""

from __future__ import annotations

from manage import categories, dashboard, listings, terms, uploads
from mart_union.web.api import Api


def add_routes(api: Api) -> None:
    """Declare the routes of all these."""
    for subject in (dashboard, listings, categories, uploads, terms):
        subject.add_routes(api)
