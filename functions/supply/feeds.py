"""What sellers' own shops fetch instead of being told: their store's links, as snapshots and as product data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from mart_union.kernel.settings import settings
from mart_union.mediation.feeds import as_tsv, as_xml, etag_of, first_that_fit, products_of
from mart_union.mediation.model import Link
from mart_union.mediation.service import list_links_after, snapshot_of
from mart_union.web.access import PUBLIC
from mart_union.web.answer import Raw
from mart_union.web.api import Api
from mart_union.web.request import Request
from supply.senders import reader_of

_LINKS_A_PAGE = 1_000
_LARGEST_PAGE = 5_000_000
"""Bytes. A function answers with 6 MB at most: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def add_routes(api: Api) -> None:
    """Declare the feeds; they are public, and a token says whose shop fetches."""
    api.get("/api/shops/{shop}/feed", PUBLIC)(send_snapshots)
    api.get("/api/shops/{shop}/feed.xml", PUBLIC)(send_xml)
    api.get("/api/shops/{shop}/feed.tsv", PUBLIC)(send_tsv)


def send_snapshots(request: Request) -> Raw:
    """The store's links as the shop is told of them, by SKU, up to a thousand a page: `next` is the `cursor` of the page that follows."""
    page = _read(request, lambda links: msgspec.json.encode([snapshot_of(link) for link in links]).decode())
    body = {"links": [snapshot_of(link) for link in page.links], "next": page.next}
    text = msgspec.json.encode(body).decode()
    return Raw(text, "application/json", _headers(request, page), etag=etag_of(page.links, "json"))


def send_xml(request: Request) -> Raw:
    """What the store sells of suppliers' offers, for Google Merchant Center: RSS 2.0, up to a thousand a page, in the language `lang`."""
    address, form = request.address, _form(request)

    def write(links: Iterable[Link]) -> str:
        return as_xml(products_of(links, **form), f"{settings().union} {request.params['shop']}", address)

    page = _read(request, write)
    etag = etag_of(page.links, "xml", request.language, address)
    return Raw(write(page.links), "application/xml; charset=utf-8", _headers(request, page), etag=etag)


def send_tsv(request: Request) -> Raw:
    """What the store sells of suppliers' offers, for Google Merchant Center: tab-separated text, up to a thousand a page, in the language `lang`."""
    address, form = request.address, _form(request)

    def write(links: Iterable[Link]) -> str:
        return as_tsv(products_of(links, **form))

    page = _read(request, write)
    etag = etag_of(page.links, "tsv", request.language, address)
    return Raw(write(page.links), "text/tab-separated-values; charset=utf-8", _headers(request, page), etag=etag)


class _Page(Struct, frozen=True):
    """Some links of a store, and the SKU after which the next page begins ('' at the end)."""

    links: tuple[Link, ...]
    next: str


def _read(request: Request, write: Callable[[Iterable[Link]], str]) -> _Page:
    """A page of the links of the store whose shop asks: as many as one answer has room for, as `write` writes them. One query.

    Raises:
        Unauthenticated: the token is not the shop's.
        RuleViolation: the shop is paused.
    """
    shop = reader_of(request, request.query.get("token", ""))
    found = list_links_after(shop.store, request.query.get("cursor", ""), _LINKS_A_PAGE)
    links = first_that_fit(found, write, _LARGEST_PAGE)
    goes_on = len(links) < len(found) or len(found) == _LINKS_A_PAGE
    return _Page(links, links[-1].sku if goes_on else "")


def _headers(request: Request, page: _Page) -> dict[str, str]:
    """To be asked for anew each time, and where it goes on (RFC 8288)."""
    headers = {"Cache-Control": "private, no-cache"}
    if page.next:
        token = request.query.get("token", "")
        query = urlencode({"token": token, "lang": request.language, "cursor": page.next})
        headers["Link"] = f'<{request.address}{request.path}?{query}>; rel="next"'
    return headers


def _form(request: Request) -> dict[str, Any]:
    languages = (request.language, *settings().languages)
    return {"languages": languages, "currency": settings().currency, "address": request.address}
