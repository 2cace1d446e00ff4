"""Returns of what a supplier fulfilled: accepted, refused, received, refunded or replaced, as JSON and as a form."""

from __future__ import annotations

from mart_union.kernel.clock import utc_now
from mart_union.kernel.settings import settings
from mart_union.orders.model import Order
from mart_union.orders.return_decisions import ReturnDecision, ReturnForm
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
    api.post(returns, SUPPLIER, body=ReturnForm, key=True)(decide_here)


def decide(request: Request) -> SuppliedOrder:
    """Accept, refuse or receive a return of the supplier's lines, refund or replace what came, or refund what the customer keeps; a refund gives back
    what the supplier was owed for them."""
    return view_of(_decide(request, request.content), request.params["supplier"])


def decide_here(request: Request) -> Redirect:
    """Decide on the return and show the order."""
    form: ReturnForm = request.content
    order = _decide(request, form.decided(settings().currency))
    return Redirect(f"/supply/{request.params['supplier']}/orders/{order.id}#returns")


def _decide(request: Request, wish: ReturnDecision) -> Order:
    return settle_return(
        request.params["order"],
        wish.id,
        wish,
        taker=f"supplier/{request.params['supplier']}",
        actor=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
    )
