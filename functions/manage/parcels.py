"""What a store knows of its own parcels on their way, told by hand: as JSON and as a form."""

from __future__ import annotations

from manage.order_api import seen
from mart_union.kernel.clock import utc_now
from mart_union.orders.model import Order
from mart_union.orders.tracking import ParcelNews, add_news_by_hand
from mart_union.orders.views import StoreOrder
from mart_union.web.access import PACKER
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.moments import with_moments
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes."""
    events = "/manage/{store}/orders/{order}/events"
    api.post(f"/api{events}", PACKER, body=ParcelNews, answer=StoreOrder)(tell)
    api.post(events, PACKER, body=ParcelNews)(tell_here)


def tell(request: Request) -> StoreOrder:
    """Say what happened to a parcel that the store sent: in any order, and the same again changes nothing."""
    return seen(request, _tell(request, request.content))


def tell_here(request: Request) -> Redirect:
    """Say it by the order page's form, in the union's time, and show the order."""
    order = _tell(request, with_moments(request.content, "at", "estimated_by"))
    return Redirect(f"/manage/{order.store}/orders/{order.id}")


def _tell(request: Request, news: ParcelNews) -> Order:
    actor, store = request.caller.subject, request.params["store"]
    return add_news_by_hand(request.params["order"], news, actor=actor, fulfiller=f"store/{store}", now=utc_now())
