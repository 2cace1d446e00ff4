"""A seller's own shop reports what it shows, and is answered with what differs from its store's links."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mart_union.kernel.clock import utc_now
from mart_union.mediation.drift import Shown
from mart_union.mediation.service import Snapshot, compare_shown, snapshot_of
from mart_union.web.access import PUBLIC
from mart_union.web.api import Api
from mart_union.web.request import Request
from supply.senders import sender_of

_Sku = Annotated[str, Meta(max_length=64)]


class ShopState(Struct, frozen=True):
    """All that the shop shows whose SKUs come after `after` ('' for all), as much of it as it likes to send at once, by SKU."""

    links: Annotated[tuple[Shown, ...], Meta(max_length=1_000)]
    after: _Sku = ""


class ShopDrift(Struct, frozen=True):
    """Of a hundred links after that SKU, whole snapshots of those that the shop does not show as they are, and SKUs that it shows and that are no
    links (`gone`). `next` is the SKU after which to go on, '' at the end. A snapshot counts unless a newer one came since the shop looked."""

    links: tuple[Snapshot, ...]
    gone: tuple[str, ...]
    next: str


def add_routes(api: Api) -> None:
    """Declare the route of what shops show; it is public, and its signature says who sends."""
    api.post("/api/shops/{shop}/state", PUBLIC, body=ShopState, answer=ShopDrift)(compare)


def compare(request: Request) -> ShopDrift:
    """Compare what a seller's own shop shows with its store's links, and answer with what differs; signed with the shop's secret (Standard Webhooks)."""
    shop, now = sender_of(request), utc_now()
    state: ShopState = request.content
    drift = compare_shown(shop, state.links, state.after, now)
    return ShopDrift(tuple(snapshot_of(link) for link in drift.links), drift.gone, drift.next)
