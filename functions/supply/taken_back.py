"""A seller's own shop takes a sale that it reported back: cancelled before it is sent, or returned."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mart_union.kernel.clock import utc_now
from mart_union.orders.model import Order, Return
from mart_union.orders.returns import return_id
from mart_union.settlement.shop_sales import cancel_sale, return_sale
from mart_union.web.access import PUBLIC
from mart_union.web.api import Api
from mart_union.web.request import Request
from supply.sales import Name, SoldLine
from supply.senders import sender_of

_Sku = Annotated[str, Meta(min_length=1, max_length=64)]


class SaleCancelled(Struct, frozen=True):
    """A sale, by the shop's own id for it, of which nothing is to be sent any more; or only the lines of some SKUs."""

    sale: Name
    skus: Annotated[tuple[_Sku, ...], Meta(max_length=100)] = ()


class SaleReturned(Struct, frozen=True):
    """Units of a sale that was delivered, which the shop's buyer gives back, for a reason of the order's procedure; `id` is the shop's own for this return, so
    that asking again changes nothing. `wants` is a refund or a replacement."""

    sale: Name
    id: Name
    lines: Annotated[tuple[SoldLine, ...], Meta(min_length=1, max_length=100)]
    reason: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=500)] = ""
    wants: str = "refund"


class SaleLine(Struct, frozen=True):
    """A line of a sale as it stands: how many units of it, how many of them have come back, and what of its supply cost, in minor units, went back to the deposit."""

    order: str
    sku: str
    quantity: int
    state: str
    returned: int
    given_back_minor: int


class SaleStands(Struct, frozen=True):
    """A sale as it stands."""

    sale: str
    lines: tuple[SaleLine, ...]


class ReturnStands(Struct, frozen=True):
    """A return as it stands: who takes it back (`store/<id>` or `supplier/<id>`) and decides, what was answered, and what of the supply cost, in minor
    units, went back to the deposit."""

    sale: str
    id: str
    order: str
    state: str
    taker: str
    answer: str
    given_back_minor: int
    lines: tuple[SaleLine, ...]


def add_routes(api: Api) -> None:
    """Declare the routes; they are public, and their signature says who sends."""
    api.post("/api/shops/{shop}/sales/cancel", PUBLIC, body=SaleCancelled, answer=SaleStands)(cancel)
    api.post("/api/shops/{shop}/sales/returns", PUBLIC, body=SaleReturned, answer=ReturnStands, status=201)(ask_return)


def cancel(request: Request) -> SaleStands:
    """Cancel a sale that the shop reported, or lines of it, before they are sent; signed with the shop's secret (Standard Webhooks)."""
    shop, wish = sender_of(request), request.content
    orders = cancel_sale(shop.id, wish.sale, wish.skus, utc_now())
    return SaleStands(wish.sale, tuple(line for order in orders for line in _lines(order)))


def ask_return(request: Request) -> ReturnStands:
    """Ask to give units of a sale that the shop reported back; asked again, it says how the return stands. Signed with the shop's secret (Standard Webhooks)."""
    shop, wish, now = sender_of(request), request.content, utc_now()
    units = {line.sku: line.quantity for line in wish.lines}
    why = {"reason": wish.reason, "note": wish.note, "wants": wish.wants}
    order = return_sale(shop.id, wish.sale, units, **why, key=wish.id, now=now)
    return _stands(wish, order, next(one for one in order.returns if one.id == return_id(order, wish.id)))


def _stands(wish: SaleReturned, order: Order, asked: Return) -> ReturnStands:
    given = sum(refund.amount_minor for refund in order.refunds if refund.id == asked.refund)
    return ReturnStands(wish.sale, wish.id, order.id, asked.state, asked.taker, asked.answer, given, _lines(order))


def _lines(order: Order) -> tuple[SaleLine, ...]:
    return tuple(
        SaleLine(order.id, line.sku, line.quantity, line.state, line.returned, line.refunded_minor)
        for line in order.lines
    )
