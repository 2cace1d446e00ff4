"""A seller's own shop reports a sale of linked listings; the union moves the goods and holds what the suppliers are owed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.sales import place_shop_sale, sale_id
from mart_union.customers.model import RecipientFields
from mart_union.customers.service import keep_recipient, recipient_of, require_same
from mart_union.kernel.clock import utc_now
from mart_union.mediation.shop_model import Shop
from mart_union.web.access import PUBLIC
from mart_union.web.api import Api
from mart_union.web.request import Request
from supply.senders import sender_of

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")]
"""A name that a shop gives to a sale or a return of its own."""


class SoldLine(Struct, frozen=True):
    """A quantity of a linked listing that the shop sold."""

    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=999)]


class Sale(Struct, frozen=True):
    """A sale as the shop reports it; `sale` is the shop's own id for it, so that reporting it again changes nothing."""

    sale: Name
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
    """The sale with its recipient, in one transaction: a refusal keeps neither, and no order is without the name and address that it goes to.

    Raises:
        KeyReused: the sale stands with another recipient.
    """
    now = utc_now()
    recipient = recipient_of("", sale.recipient, f"shop/{shop.id}/{sale.sale}", now)
    wanted = [Wanted(shop.store, line.sku, line.quantity) for line in sale.lines]
    purchase = place_shop_sale(
        shop.store,
        shop.id,
        wanted,
        recipient=recipient.id,
        postcode=recipient.postcode,
        key=sale.sale,
        now=now,
        also=lambda transaction: keep_recipient(transaction, recipient, sale_id(shop.id, sale.sale)),
    )
    require_same(recipient)
    return purchase
