"""Syndication: each change of a link is told to the seller's own web shops, signed (Standard Webhooks), as a whole snapshot."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import msgspec
from msgspec import Struct
from standardwebhooks import Webhook

from mart_union.catalog.model import Texts
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import NotFound
from mart_union.kernel.events import Event, publish
from mart_union.kernel.settings import settings
from mart_union.mediation.delivery import NotDelivered, Post, post
from mart_union.mediation.drift import again, go_on
from mart_union.mediation.links import list_links
from mart_union.mediation.model import Delivery, Link, Shop
from mart_union.mediation.shops import get_shop, list_shops, record_delivery, record_told, secret_of, told_sequence


class ShopsBehind(Exception):
    """Some shops could not be told of a link; the event has to be delivered again. Shops that were told are not told twice."""


def tell_shops(event: Event, now: datetime, send: Post | None = None) -> None:
    """Tell every active shop of a store of a link (a LinkChanged event), unless it has confirmed this change or a newer one.

    Raises:
        ShopsBehind: a shop refused, could not be called, or did not answer.
    """
    link = msgspec.convert(event.data, Link)
    behind = []
    for shop in list_shops(link.store):
        if shop.state != "active" or told_sequence(shop.id, link.sku) >= link.sequence:
            continue
        if not _tell(shop, event.id, link, now, send):
            behind.append(shop.id)
    if behind:
        raise ShopsBehind(f"{', '.join(behind)} could not be told of {event.entity} {event.sequence}")


def tell_shop_again(event: Event, now: datetime, send: Post | None = None) -> None:
    """Tell one shop of a link whatever it has confirmed (a LinkReplayed event); what waits for it to get through goes on then.

    Raises:
        ShopsBehind: the shop refused, could not be called, or did not answer.
    """
    shop = get_shop(event.data["shop"])
    link = msgspec.convert(event.data["link"], Link)
    if shop.state != "active":
        return
    if not _tell(shop, event.id, link, now, send):
        raise ShopsBehind(f"{shop.id} could not be told of {event.entity} {event.sequence}")
    go_on(event, now)


def replay_links(event: Event) -> None:
    """Have an active shop told of every link of its store (a ShopChanged event: it is new, was resumed, or asked for a replay).

    Raises:
        Busy: the bus kept refusing some; the event has to be delivered again.
    """
    try:
        shop = get_shop(event.data["id"])
    except NotFound:
        return
    cursor = ""
    while shop.state == "active":
        page = list_links(shop.store, cursor)
        publish([again(event, shop, link) for link in page.items])
        cursor = page.next
        if not cursor:
            return


def _tell(shop: Shop, event: str, link: Link, now: datetime, send: Post | None) -> bool:
    message = {"type": "link.changed", "timestamp": iso(now), "data": snapshot_of(link)}
    body = msgspec.json.encode(message)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "mart-union",
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret_of(shop.id)).sign(event, now, body.decode()),
    }
    status, problem = 0, ""
    try:
        status = (send or partial(post, loopback_allowed=settings().allow_loopback_shops))(shop.url, headers, body)
        problem = "" if 200 <= status < 300 else f"answered {status}"
    except NotDelivered as error:
        problem = str(error)
    record_delivery(Delivery(shop.id, event, link.sku, link.sequence, iso(now), status, problem))
    if not problem:
        record_told(shop.id, link.sku, link.sequence)
    return not problem


class Snapshot(Struct, frozen=True):
    """What a shop is told of a link: all that it needs to show the listing and to know where it is delivered (`area`: how postcodes begin; none:
    everywhere), and nothing of what the supplier charges."""

    union: str
    store: str
    sku: str
    sequence: int
    state: str
    titles: Texts
    texts: Texts
    category: str
    kind: str
    glyph: str
    price_minor: int
    currency: str
    availability: str
    area: tuple[str, ...]


def snapshot_of(link: Link) -> Snapshot:
    """A link as shops are told of it now."""
    return Snapshot(
        union=settings().union,
        store=link.store,
        sku=link.sku,
        sequence=link.sequence,
        state=link.state,
        titles=link.titles,
        texts=link.texts,
        category=link.category,
        kind=link.kind,
        glyph=link.glyph,
        price_minor=link.price_minor,
        currency=settings().currency.code,
        availability=link.availability,
        area=link.area,
    )
