"""The register of purchases: money, titles, quantities of everything bought in the union."""

from __future__ import annotations

from msgspec.structs import replace

from mart_union.checkout.model import Purchase
from mart_union.checkout.service import list_purchases_of_day
from mart_union.kernel.paging import Page
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate.days import day_of


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/purchases", OPERATOR, answer=Page[Purchase])(read_purchases)


def read_purchases(request: Request) -> Page[Purchase]:
    """The purchases of a `day` (yyyy-mm-dd in the union's time zone; today when none is named), newest first.

    Without their sessions: whoever has a session's id has its cart, so only the customer's own browser does.
    """
    page = list_purchases_of_day(day_of(request), request.query.get("cursor", ""))
    return Page(tuple(replace(purchase, session="") for purchase in page.items), page.next)
