"""Returns of what a supplier fulfilled: accepted, refused or received, as JSON and as a form."""

from __future__ import annotations

from mart_union.kernel.clock import utc_now
from mart_union.orders.model import Order
from mart_union.orders.returns import ReturnDecision
from mart_union.settlement.refunding import settle_return
from mart_union.web.access import SUPPLIER
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request
from supply.orders import SuppliedOrder, view_of


def add_routes(api: Api) -> None:
    """Declare the routes."""
    returns = "/supply/{supplier}/orders/{order}/returns"
    api.post(f"/api{returns}", SUPPLIER, body=ReturnDecision, answer=SuppliedOrder, key=True)(decide)
    api.post(returns, SUPPLIER, body=ReturnDecision, key=True)(decide_here)


def decide(request: Request) -> SuppliedOrder:
    """Accept, refuse or receive a return of the supplier's lines, or refund what the customer keeps; receiving gives back what it was owed for them."""
    return view_of(_decide(request), request.params["supplier"])


def decide_here(request: Request) -> Redirect:
    """Decide on the return and show the order."""
    order = _decide(request)
    return Redirect(f"/supply/{request.params['supplier']}/orders/{order.id}#returns")


def _decide(request: Request) -> Order:
    return settle_return(
        request.params["order"],
        request.content.id,
        request.content,
        taker=f"supplier/{request.params['supplier']}",
        actor=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
    )
