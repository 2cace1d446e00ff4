"""What stores have ordered from a supplier for their own stock; it is only looked at here."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.service import store_names
from mart_union.kernel.paging import Page
from mart_union.mediation.replenishment import Replenishment, ReplenishmentLine
from mart_union.mediation.service import list_asked
from mart_union.web import answer
from mart_union.web.access import SUPPLIER
from mart_union.web.api import Api
from mart_union.web.request import Request


class AskedReplenishment(Struct, frozen=True):
    """Goods that a store ordered for its own stock, and how far they have come."""

    id: str
    store: str
    state: str
    lines: tuple[ReplenishmentLine, ...]
    total_minor: int
    placed_at: str
    expected_on: str
    note: str


def add_routes(api: Api) -> None:
    """Declare the route and the page."""
    api.get("/api/supply/{supplier}/replenishments", SUPPLIER, answer=Page[AskedReplenishment])(list_by_api)
    api.get("/supply/{supplier}/replenishments", SUPPLIER)(list_page)


def list_by_api(request: Request) -> Page[AskedReplenishment]:
    """Those of which something is still to come, by the day on which it is expected; or of a `month`, those of which nothing is."""
    month, cursor = request.month(), request.query.get("cursor", "")
    page = list_asked(request.params["supplier"], month, cursor)
    return Page(tuple(_told(each) for each in page.items), page.next)


def _told(found: Replenishment) -> AskedReplenishment:
    names = (name for name in AskedReplenishment.__struct_fields__)
    return AskedReplenishment(**{name: getattr(found, name) for name in names})


def list_page(request: Request) -> answer.Page:
    """What is still to be brought, or what was ordered in a month."""
    page = list_by_api(request)
    names = store_names(each.store for each in page.items)
    context = {"supplier": request.params["supplier"], "page": page, "names": names, "month": request.month()}
    return answer.Page("supply/replenishments.html", context)
