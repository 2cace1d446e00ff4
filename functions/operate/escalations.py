"""How stores serve their customers: what waited too long and was escalated to the union's operator, and each store's indicators."""

from __future__ import annotations

from mart_union.catalog.service import get_store
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page
from mart_union.orders.escalations import Escalated, list_escalated
from mart_union.orders.measuring import Indicators, read_indicators
from mart_union.web import answer
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate.days import month_of


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/escalations", OPERATOR, answer=Page[Escalated])(read_escalations)
    api.get("/operate/escalations", OPERATOR)(escalations_page)
    api.get("/api/operate/stores/{store}/indicators", OPERATOR, answer=Indicators)(show_indicators)


def read_escalations(request: Request) -> Page[Escalated]:
    """The orders and responses that were escalated in a `month` (yyyy-mm; this one when none is named), newest first, as they stand now."""
    return list_escalated(month_of(request.query.get("month", "")), cursor=request.query.get("cursor", ""))


def escalations_page(request: Request) -> answer.Page:
    """The same as a page."""
    context = {"page": read_escalations(request), "month": month_of(request.query.get("month", ""))}
    return answer.Page("operate/escalations.html", context)


def show_indicators(request: Request) -> Indicators:
    """Times of acceptance and reply, and the rates of late shipment, refusal and valid tracking, of what a store fulfils and answers itself."""
    return read_indicators(get_store(request.params["store"]).id, utc_now())
