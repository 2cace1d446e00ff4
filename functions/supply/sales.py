"""A seller's own shop reports a sale of linked listings; the union moves the goods and holds what the suppliers are owed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.sales import place_shop_sale, sale_id
from mart_union.customers.model import RecipientFields
from mart_union.customers.service import add_recipient, forget_recipient
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Busy, KeyReused, MartUnionError, SupplyPriceMoved
from mart_union.mediation.model import Shop
from mart_union.web.access import PUBLIC
from mart_union.web.api import Api
from mart_union.web.request import Request
from supply.senders import sender_of


class SoldLine(Struct, frozen=True):
    """A quantity of a linked listing that the shop sold."""

    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=999)]


class Sale(Struct, frozen=True):
    """A sale as the shop reports it; `sale` is the shop's own id for it, so that reporting it again changes nothing."""

    sale: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")]
    lines: Annotated[tuple[SoldLine, ...], Meta(min_length=1, max_length=100)]
    recipient: RecipientFields


class SaleTaken(Struct, frozen=True):
    """What became of a sale: the union's purchase and orders, in which the goods are on their way."""

    sale: str
    purchase: str
    orders: tuple[str, ...]


def add_routes(api: Api) -> None:
    """Declare the route of sales; it is public, and its signature says who sends."""
    api.post("/api/shops/{shop}/sales", PUBLIC, body=Sale, answer=SaleTaken, status=201)(take_sale)


def take_sale(request: Request) -> SaleTaken:
    """Take a sale that a seller's own shop has made and been paid for; signed with the shop's secret (Standard Webhooks)."""
    shop = sender_of(request)
    sale: Sale = request.content
    purchase = _place(shop, sale)
    return SaleTaken(sale.sale, purchase.id, purchase.orders)


def _place(shop: Shop, sale: Sale) -> Purchase:
    """The recipient first, since the order refers to it; a refusal keeps neither."""
    now = utc_now()
    purchase, key = sale_id(shop.id, sale.sale), f"shop/{shop.id}/{sale.sale}"
    recipient = add_recipient("", sale.recipient, key=key, now=now, purchase=purchase)
    wanted = [Wanted(shop.store, line.sku, line.quantity) for line in sale.lines]
    where = {"recipient": recipient.id, "postcode": sale.recipient.postcode}
    try:
        return place_shop_sale(shop.store, shop.id, wanted, **where, key=sale.sale, now=now)
    except (KeyReused, Busy, SupplyPriceMoved):
        raise  # the sale of that id stands, or the same report sent twice at once may still make it: it needs its recipient
    except MartUnionError:
        forget_recipient(recipient.id, purchase=purchase)
        raise
