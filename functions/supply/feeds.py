"""What sellers' own shops fetch instead of being told: their store's links, as snapshots and as product data."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec

from mart_union.kernel.settings import settings
from mart_union.mediation.feeds import as_tsv, as_xml, etag_of, products_of
from mart_union.mediation.model import Link
from mart_union.mediation.service import list_links_after, snapshot_of
from mart_union.web.access import PUBLIC
from mart_union.web.answer import Raw
from mart_union.web.api import Api
from mart_union.web.request import Request
from supply.senders import reader_of

_LINKS_A_PAGE = 1_000


def add_routes(api: Api) -> None:
    """Declare the feeds; they are public, and a token says whose shop fetches."""
    api.get("/api/shops/{shop}/feed", PUBLIC)(send_snapshots)
    api.get("/api/shops/{shop}/feed.xml", PUBLIC)(send_xml)
    api.get("/api/shops/{shop}/feed.tsv", PUBLIC)(send_tsv)


def send_snapshots(request: Request) -> Raw:
    """The store's links as the shop is told of them, by SKU, a thousand a page: `next` is the `cursor` of the page that follows."""
    links = _links(request)
    body = {"links": [snapshot_of(link) for link in links], "next": _next(links)}
    text = msgspec.json.encode(body).decode()
    return Raw(text, "application/json", _headers(request, links), etag=etag_of(links, "json"))


def send_xml(request: Request) -> Raw:
    """What the store sells of suppliers' offers, for Google Merchant Center: RSS 2.0, a thousand a page, in the language `lang`."""
    links, address = _links(request), request.address
    text = as_xml(products_of(links, **_form(request)), f"{settings().union} {request.params['shop']}", address)
    etag = etag_of(links, "xml", request.language, address)
    return Raw(text, "application/xml; charset=utf-8", _headers(request, links), etag=etag)


def send_tsv(request: Request) -> Raw:
    """What the store sells of suppliers' offers, for Google Merchant Center: tab-separated text, a thousand a page, in the language `lang`."""
    links, address = _links(request), request.address
    text = as_tsv(products_of(links, **_form(request)))
    etag = etag_of(links, "tsv", request.language, address)
    return Raw(text, "text/tab-separated-values; charset=utf-8", _headers(request, links), etag=etag)


def _links(request: Request) -> tuple[Link, ...]:
    """A page of the links of the store whose shop asks. One query.

    Raises:
        Unauthenticated: the token is not the shop's.
        RuleViolation: the shop is paused.
    """
    shop = reader_of(request, request.query.get("token", ""))
    return list_links_after(shop.store, request.query.get("cursor", ""), _LINKS_A_PAGE)


def _next(links: tuple[Link, ...]) -> str:
    return links[-1].sku if len(links) == _LINKS_A_PAGE else ""


def _headers(request: Request, links: tuple[Link, ...]) -> dict[str, str]:
    """To be asked for anew each time, and where it goes on (RFC 8288)."""
    headers = {"Cache-Control": "private, no-cache"}
    if _next(links):
        query = urlencode({"token": request.query.get("token", ""), "cursor": _next(links)})
        headers["Link"] = f'<{request.address}{request.path}?{query}>; rel="next"'
    return headers


def _form(request: Request) -> dict[str, Any]:
    languages = (request.language, *settings().languages)
    return {"languages": languages, "currency": settings().currency, "address": request.address}
