"""What a supplier knows of its own parcels on their way, told by hand: as JSON and as a form."""

from __future__ import annotations

from mart_union.kernel.clock import utc_now
from mart_union.orders.model import Order
from mart_union.orders.tracking import ParcelNews, add_news_by_hand
from mart_union.web.access import SUPPLIER
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.moments import with_moments
from mart_union.web.request import Request
from supply.orders import SuppliedOrder, view_of


def add_routes(api: Api) -> None:
    """Declare the routes."""
    events = "/supply/{supplier}/orders/{order}/events"
    api.post(f"/api{events}", SUPPLIER, body=ParcelNews, answer=SuppliedOrder)(tell)
    api.post(events, SUPPLIER, body=ParcelNews)(tell_here)


def tell(request: Request) -> SuppliedOrder:
    """Say what happened to a parcel that the supplier sent: in any order, and the same again changes nothing."""
    return view_of(_tell(request, request.content), request.params["supplier"])


def tell_here(request: Request) -> Redirect:
    """Say it by the order page's form, in the union's time, and show the order."""
    order = _tell(request, with_moments(request.content, "at", "estimated_by"))
    return Redirect(f"/supply/{request.params['supplier']}/orders/{order.id}")


def _tell(request: Request, news: ParcelNews) -> Order:
    actor, supplier = request.caller.subject, request.params["supplier"]
    return add_news_by_hand(request.params["order"], news, actor=actor, fulfiller=f"supplier/{supplier}", now=utc_now())
