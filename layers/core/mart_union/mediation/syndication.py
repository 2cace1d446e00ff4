"""Syndication: each change of a link is told to the seller's own web shops, signed (Standard Webhooks), as a whole snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec
from msgspec import Struct

from mart_union.catalog.model import Texts
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import NotFound
from mart_union.kernel.events import Event, publish
from mart_union.kernel.settings import settings
from mart_union.mediation.delivery import Post, answer_of, post_here, signed
from mart_union.mediation.drift import again, go_on, is_try
from mart_union.mediation.links import list_links
from mart_union.mediation.model import Link
from mart_union.mediation.shop_model import Delivery, Shop
from mart_union.mediation.shops import get_shop, list_shops, secret_of
from mart_union.mediation.told import Heard, has_answered, heard_of, record_attempt


class ShopsBehind(Exception):
    """Some shops could not be told of a link; the event has to be delivered again. Shops that were told are not told twice."""


def tell_shops(event: Event, now: datetime, send: Post | None = None) -> None:
    """Tell every active shop of a store of a link (a LinkChanged event), all at the same time, unless it has confirmed this change or a newer one.

    Raises:
        ShopsBehind: a shop refused, could not be called, did not answer, or is left alone for a while since it has not answered for long.
    """
    link = msgspec.convert(event.data, Link)
    active = [shop for shop in list_shops(link.store) if shop.state == "active"]
    heard = dict(zip(active, heard_of([shop.id for shop in active], link.sku), strict=True))
    waiting = {shop: each for shop, each in heard.items() if each.told < link.sequence}
    awake = {shop: each for shop, each in waiting.items() if not each.rests(now)}
    told = {each.shop for each in _tell(awake, event.id, link, now, send) if not each.problem}
    behind = [shop.id for shop in waiting if shop.id not in told]
    if behind:
        raise ShopsBehind(f"{', '.join(behind)} could not be told of {event.entity} {event.sequence}")


def tell_shop_again(event: Event, now: datetime, send: Post | None = None) -> None:
    """Tell one shop of a link whatever it has confirmed (a LinkReplayed event); what waits for the shop to answer goes on then, be the answer that it
    refuses this link. One that is left alone is told only in order to try it.

    Raises:
        ShopsBehind: the shop could not be called, did not answer, or is left alone.
    """
    shop = get_shop(event.data["shop"])
    link = msgspec.convert(event.data["link"], Link)
    if shop.state != "active":
        return
    [heard] = heard_of([shop.id], link.sku)
    if not is_try(event) and heard.rests(now):
        raise ShopsBehind(f"{shop.id} does not answer and is left alone for a while")
    [attempt] = _tell({shop: heard}, event.id, link, now, send)
    if not has_answered(attempt.status):
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


def _tell(shops: Mapping[Shop, Heard], event: str, link: Link, now: datetime, send: Post | None) -> list[Delivery]:
    """Tell some shops of a link, all at the same time, and keep what came of it."""
    if not shops:
        return []
    body = msgspec.json.encode({"type": "link.changed", "timestamp": iso(now), "data": snapshot_of(link)})
    call = send or post_here()
    headers = [signed([secret_of(shop.id)], event, body, now) for shop in shops]
    with ThreadPoolExecutor(len(shops)) as threads:
        answers = list(threads.map(lambda shop, each: answer_of(call, shop.url, each, body), shops, headers))
    attempts = [
        Delivery(shop.id, event, link.sku, link.sequence, iso(now), status, problem)
        for shop, (status, problem) in zip(shops, answers, strict=True)
    ]
    for attempt, heard in zip(attempts, shops.values(), strict=True):
        record_attempt(attempt, heard)
    return attempts


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
