"""Pages of the union, its stores, categories and listings. Each costs one read of a ready shelf, or one batch read."""

from __future__ import annotations

from itertools import groupby

from browse.data import kept, shown_from
from browse.markup import product
from browse.views import record
from mart_union.catalog import showing
from mart_union.catalog.cards import Shelf, ShelfHead, StoreCard
from mart_union.catalog.categories import read_tree
from mart_union.catalog.model import Classification
from mart_union.catalog.unions import union_names
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import NotFound
from mart_union.kernel.settings import settings
from mart_union.web.access import PUBLIC
from mart_union.web.answer import Page, Raw, Redirect
from mart_union.web.api import IN_ANY_FRAME, Api
from mart_union.web.request import Request
from mart_union.web.static import read_asset

_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def add_routes(api: Api) -> None:
    """Declare the pages."""
    api.get("/", PUBLIC)(show_front)
    api.get("/stores/{store}", PUBLIC)(show_store)
    api.get("/stores/{store}/{sku}", PUBLIC)(show_listing)
    api.get("/embed/{store}/{sku}", PUBLIC)(show_card)
    api.get("/categories/{category}", PUBLIC)(show_category)
    api.get("/go/{store}", PUBLIC)(go_to_store)
    api.get("/assets/{name}", PUBLIC)(send_asset)


def show_front(request: Request) -> Page:
    """The union introduces itself and its stores, grouped by business or profession."""
    number = request.page_number()
    shelf = showing.get_front(number)
    if shelf is None and number > 1:
        raise NotFound(f"the front has no page {number}")
    shelf = shelf or Shelf("front", 1, 1, 0, ShelfHead(dict(union_names()), {}))
    record(request, "union")
    return _page("browse/front.html", request, shelf=shelf, groups=_groups(shelf), open_now=_open_now(shelf.stores))


def _groups(shelf: Shelf) -> list[tuple[Classification, list[StoreCard]]]:
    """The stores of a page under their classifications."""
    known = {each.id: each for each in shelf.head.classifications}
    grouped = groupby(shelf.stores, key=lambda card: card.classification)
    return [(known.get(name, Classification(name, {"en": name})), list(cards)) for name, cards in grouped]


def _open_now(cards: tuple[StoreCard, ...]) -> frozenset[str]:
    now, time_zone = utc_now(), settings().time_zone
    return frozenset(card.store for card in cards if card.is_open_at(now, time_zone))


def show_store(request: Request) -> Page | Redirect:
    """A store, what it sells, by its own categories. Open or closed is worked out when the page is shown."""
    store, category, number = request.params["store"], request.query.get("category", ""), request.page_number()
    shelf = showing.get_shelf(f"store/{store}/{category}" if category else f"store/{store}", number)
    if shelf is None or shelf.head.store is None:
        place = read_tree(store).gone.get(category) if category else ""
        if place:
            return Redirect(f"/stores/{store}?category={place}")
        return _without_shelf(request, store, category, number)
    record(request, "store", store)
    is_open = bool(_open_now((shelf.head.store,)))
    context = {"shelf": shelf, "category": category, "is_open": is_open}
    return _page("browse/store.html", request, turns_at=shelf.turns_at, **context)


def _without_shelf(request: Request, name: str, category: str, number: int) -> Page:
    """A store that does not trade now says so; all else that has no shelf is not there."""
    store = showing.get_store(name)
    if store.state not in {"open", "paused"} or category or number > 1:
        raise NotFound(f"the store '{name}' has no such page")
    return _page("browse/resting.html", request, store=store)


def show_category(request: Request) -> Page | Redirect:
    """What all stores have in a category of the union and in those below it. Links to one that is gone lead to where it stands now."""
    category, number = request.params["category"], request.page_number()
    shelf = showing.get_shelf(f"category/{category}", number)
    if shelf is None:
        place = read_tree().gone.get(category)
        if place:
            return Redirect(f"/categories/{place}")
        raise NotFound(f"there is nothing in a category '{category}', page {number}")
    record(request, "category")
    return _page("browse/category.html", request, turns_at=shelf.turns_at, shelf=shelf, category=category)


def show_listing(request: Request) -> Page:
    """One listing with what is left in reserve now; a bookable service with its next times, or those `from` a day on."""
    shown = showing.show_listing(request.params["store"], request.params["sku"], after=shown_from(request))
    record(request, "listing", shown.listing.store, shown.listing.sku)
    context = {"shown": shown, "listing": shown.listing, "markup": product(shown, request)}
    return _page("browse/listing.html", request, turns_at=shown.turns_at, **context)


def show_card(request: Request) -> Page:
    """A listing's card, made to stand in a frame of anybody's page; its button opens the union's checkout of it. It is no step of a browsing sequence."""
    shown = showing.show_listing(request.params["store"], request.params["sku"])
    headers = {"Cache-Control": kept(shown.turns_at), "Vary": "Accept-Language, Cookie", **IN_ANY_FRAME}
    return Page("browse/card.html", {"shown": shown, "listing": shown.listing}, headers=headers)


def go_to_store(request: Request) -> Redirect:
    """Send the shopper to a store; the redirect is a step of the browsing sequence."""
    store = request.params["store"]
    if showing.get_shelf(f"store/{store}") is None:
        showing.get_store(store)
    record(request, "redirect", store)
    return Redirect(f"/stores/{store}")


def send_asset(request: Request) -> Raw:
    """The style sheet or icon; its address carries its fingerprint, so a browser may keep it for ever."""
    body, media_type = read_asset(request.params["name"])
    return Raw(body, media_type, _FOR_EVER)


def _page(template: str, request: Request, *, turns_at: str = "", **context: object) -> Page:
    """A page that may be kept for a moment; not by who agreed that each view is recorded."""
    may_keep = "private, no-cache" if request.cookies.get("mu_consent") == "yes" else kept(turns_at)
    return Page(template, context, headers={"Cache-Control": may_keep, "Vary": "Accept-Language, Cookie"})
