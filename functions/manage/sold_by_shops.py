"""What a store's own shop has sold, taken back by hand: cancelled before it is sent, or returned, as JSON and as forms. For its managers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from manage.order_api import seen
from mart_union.kernel.clock import utc_now
from mart_union.orders.model import Order
from mart_union.orders.views import StoreOrder
from mart_union.settlement.shop_sales import cancel_by_hand, return_by_hand
from mart_union.web.access import MANAGER
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request

_Sku = Annotated[str, Meta(min_length=1, max_length=64)]


class SoldCancelled(Struct, frozen=True):
    """An order of which nothing is to be sent any more; or only the lines of some SKUs."""

    skus: Annotated[tuple[_Sku, ...], Meta(max_length=100)] = ()


class SoldUnits(Struct, frozen=True):
    """Units of what the shop sold under an SKU."""

    sku: _Sku
    quantity: Annotated[int, Meta(ge=1, le=999)]


class SoldReturned(Struct, frozen=True):
    """Units of an order that was delivered, which the shop's buyer gives back, for a reason of the order's procedure. `wants` is a refund, which is the supply
    cost on the store's deposit, or a replacement."""

    lines: Annotated[tuple[SoldUnits, ...], Meta(min_length=1, max_length=100)]
    reason: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=500)] = ""
    wants: str = "refund"


class CancelForm(Struct, frozen=True):
    """The form of a cancellation: of one SKU, or of all that can be."""

    sku: str = ""


class ReturnedForm(Struct, frozen=True):
    """The form of a return: units of one SKU, and why, by name and in words."""

    sku: _Sku
    quantity: Annotated[int, Meta(ge=1, le=999)]
    reason: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=500)] = ""
    wants: str = "refund"


def add_routes(api: Api) -> None:
    """Declare the routes."""
    sale = "/manage/{store}/orders/{order}/sale"
    api.post(f"/api{sale}/cancel", MANAGER, body=SoldCancelled, answer=StoreOrder)(cancel)
    api.post(f"/api{sale}/returns", MANAGER, body=SoldReturned, answer=StoreOrder, status=201, key=True)(give_back)
    api.post(f"{sale}/cancel", MANAGER, body=CancelForm)(cancel_here)
    api.post(f"{sale}/returns", MANAGER, body=ReturnedForm, key=True)(give_back_here)


def cancel(request: Request) -> StoreOrder:
    """Cancel what the store's own shop has sold, or lines of it, before its supplier has sent it; the same again changes nothing."""
    return seen(request, _cancel(request, request.content.skus))


def give_back(request: Request) -> StoreOrder:
    """Ask the supplier to take units back that the store's own shop has sold; whoever takes them back decides."""
    return seen(request, _give_back(request, request.content))


def cancel_here(request: Request) -> Redirect:
    """Cancel what the form says and show the order."""
    form: CancelForm = request.content
    order = _cancel(request, (form.sku,) if form.sku else ())
    return Redirect(f"/manage/{order.store}/orders/{order.id}")


def give_back_here(request: Request) -> Redirect:
    """Ask for the return and show it with the order."""
    form: ReturnedForm = request.content
    lines = (SoldUnits(form.sku, form.quantity),)
    order = _give_back(request, SoldReturned(lines, form.reason, form.note, form.wants))
    return Redirect(f"/manage/{order.store}/orders/{order.id}#returns")


def _cancel(request: Request, skus: tuple[str, ...]) -> Order:
    who = {"store": request.params["store"], "by": request.caller.subject}
    return cancel_by_hand(request.params["order"], skus, **who, now=utc_now())


def _give_back(request: Request, wish: SoldReturned) -> Order:
    return return_by_hand(
        request.params["order"],
        {line.sku: line.quantity for line in wish.lines},
        store=request.params["store"],
        by=request.caller.subject,
        reason=wish.reason,
        note=wish.note,
        wants=wish.wants,
        key=request.idempotency_key,
        now=utc_now(),
    )
