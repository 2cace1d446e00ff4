"""How well the store serves its customers, over the last 30 and 90 days."""

from __future__ import annotations

from mart_union.kernel.clock import utc_now
from mart_union.orders.measuring import Indicators, read_indicators
from mart_union.web.access import PACKER
from mart_union.web.answer import Page
from mart_union.web.api import Api
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/manage/{store}/indicators", PACKER, answer=Indicators)(show_by_api)
    api.get("/manage/{store}/indicators", PACKER)(show_page)


def show_by_api(request: Request) -> Indicators:
    """Times of acceptance and reply, and the rates of late shipment, refusal and valid tracking, of what the store fulfils and answers itself."""
    return read_indicators(request.params["store"], utc_now())


def show_page(request: Request) -> Page:
    """The same as a page."""
    return Page("manage/indicators.html", {"store": request.params["store"], "indicators": show_by_api(request)})
