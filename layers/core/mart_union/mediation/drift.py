"""Drift: what a shop shows is compared with its store's links, from both sides, and repaired.

The union looks each hour for links of which a shop has not confirmed the newest change, such as those whose messages were given up while it was down.
It tries one of them, another each hour; once the shop has answered that, be it that it refuses the link, the others follow. And a shop may report what it
shows, and is answered with what differs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import NotFound
from mart_union.kernel.events import Event, publish
from mart_union.kernel.storage import fetch_all
from mart_union.mediation.linked import link_ref
from mart_union.mediation.links import list_links, list_links_after
from mart_union.mediation.model import Link
from mart_union.mediation.shop_model import Delivery, Shop
from mart_union.mediation.shops import get_shop, list_active_shops
from mart_union.mediation.told import record_delivery, record_told, told_sequences

_LINKS_A_PAGE = 100
_Word = Annotated[str, Meta(max_length=32)]


class Shown(Struct, frozen=True):
    """What a shop shows of a link, under the sequence of the snapshot that it applied last."""

    sku: Annotated[str, Meta(max_length=64)]
    sequence: int
    state: _Word
    price_minor: int
    availability: _Word


class Drift(Struct, frozen=True):
    """Of a page of a store's links, those that a shop does not show as they are; what it shows that is no link (`gone`); and the SKU after which the
    next page begins ('' at the end)."""

    links: tuple[Link, ...]
    gone: tuple[str, ...]
    next: str


def ask_checks(now: datetime) -> int:
    """Have each active shop's confirmations looked at; says how many shops. Asked twice, a shop is looked at twice.

    Raises:
        Busy: the bus kept refusing some; the next hour asks again.
    """
    asked, cursor = 0, ""
    while True:
        page = list_active_shops(cursor)
        publish([_due(shop.id, "", now, tried=False) for shop in page.items])
        asked, cursor = asked + len(page.items), page.next
        if not cursor:
            return asked


def _due(shop: str, cursor: str, now: datetime, *, tried: bool) -> Event:
    at = iso(now)
    data = {"shop": shop, "cursor": cursor, "tried": tried}
    return Event(f"check-{shop}-{at}-{cursor}-{tried}", "ShopCheckDue", f"shop/{shop}", 0, at, data)


def check_shop(event: Event, now: datetime) -> None:
    """Have a shop told again of a page of links that it has not confirmed as they are (a ShopCheckDue event), and go on with the next page. Unless the
    shop was `tried` just now, it is told of one only, and the others follow when it has answered that.

    Raises:
        Busy: the bus kept refusing some; the event has to be delivered again.
    """
    try:
        shop = get_shop(event.data["shop"])
    except NotFound:
        return
    if shop.state != "active":
        return
    cursor, tried = event.data["cursor"], event.data["tried"]
    page = list_links(shop.store, cursor, _LINKS_A_PAGE)
    told = told_sequences(shop.id, [link.sku for link in page.items])
    behind = [link for link in page.items if told.get(link.sku, 0) < link.sequence]
    if behind and not tried:
        turn = int(datetime.fromisoformat(event.at).timestamp() // 3600)  # one that fails it for good hides no other
        publish([again(event, shop, behind[turn % len(behind)], then=cursor)])
        return
    publish([again(event, shop, link) for link in behind])
    if page.next:
        publish([_due(shop.id, page.next, now, tried=tried)])


def again(event: Event, shop: Shop, link: Link, *, then: str | None = None) -> Event:
    """The event that has a shop told of a link again; when that got through, its page of links at the cursor `then` is looked at."""
    data = {"shop": shop.id, "link": msgspec.to_builtins(link)} | ({} if then is None else {"then": then})
    entity = f"link/{link.store}/{link.sku}"
    return Event(f"{event.id}.{link.sku}", "LinkReplayed", entity, link.sequence, event.at, data)


def is_try(event: Event) -> bool:
    """Whether a link is told again in order to try a shop (a LinkReplayed event)."""
    return "then" in event.data


def go_on(event: Event, now: datetime) -> None:
    """After a link that was told again to try a shop: have the others of its page looked at, too."""
    if is_try(event):
        publish([_due(event.data["shop"], event.data["then"], now, tried=True)])


def compare_shown(shop: Shop, shown: tuple[Shown, ...], after: str, now: datetime) -> Drift:
    """Compare what a shop shows, of the SKUs after one, with a page of its store's links; those that agree count as confirmed, and each that differs is
    kept with the attempts of the day. One query, one batch read of the links as they are, one of what was confirmed."""
    page = list_links_after(shop.store, after, _LINKS_A_PAGE)
    links = [
        link
        for link in fetch_all([link_ref(each.store, each.sku, each.first) for each in page], consistent=True)
        if link
    ]
    is_last = len(page) < _LINKS_A_PAGE
    until = "" if is_last else page[-1].sku
    known = {each.sku: each for each in shown}
    differ = tuple(link for link in links if known.get(link.sku) != _shown(link))
    skus = {link.sku for link in links}
    gone = tuple(sorted(sku for sku in known if sku > after and (is_last or sku <= until) and sku not in skus))
    told = told_sequences(shop.id, list(known.keys() & skus))
    for link in links:
        if known.get(link.sku) == _shown(link) and told.get(link.sku, 0) < link.sequence:
            record_told(shop.id, link.sku, link.sequence)
    for link in differ:
        record_delivery(
            Delivery(shop.id, "check", link.sku, link.sequence, iso(now), 0, "the shop showed something else")
        )
    return Drift(differ, gone, until)


def _shown(link: Link) -> Shown:
    return Shown(link.sku, link.sequence, link.state, link.price_minor, link.availability)
