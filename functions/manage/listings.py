"""A store's listings: seen, made, changed and taken off sale by its staff. Those made from an offer are changed under links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from manage.sold_under import sold_under
from mart_union.catalog.bundles import read_parts, write_parts
from mart_union.catalog.model import LISTING_STATES, SKU, Listing, Texts, in_order, listing_level
from mart_union.catalog.service import (
    category_of_path,
    edit_listing,
    get_listing,
    get_listing_with_levels,
    get_store,
    list_listings_page,
    own_listing,
    read_tree,
    set_listing_state,
)
from mart_union.catalog.trees import Tree, placed
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import parse_amount
from mart_union.kernel.paging import Page as Items
from mart_union.kernel.settings import settings
from mart_union.stock.service import get_levels
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class ListingTerms(Struct, frozen=True):
    """What staff say of a listing; its stock is moved elsewhere. `category` is the id of a category of the store; `parts` makes it a bundle, of
    so many units of each of the store's own listings, by SKU; `slot_minutes` makes a service bookable, for times of that length. `low_stock` is
    the reserve at and under which the enterprise is told, which stays as it is when it is left out."""

    titles: Texts
    price_minor: int
    texts: Texts = field(default_factory=dict)
    category: str = ""
    union_category: str = ""
    kind: str = "goods"
    brand: str = ""
    gtin: str = ""
    group: str = ""
    options: dict[str, str] = field(default_factory=dict)
    glyph: str = ""
    parts: dict[str, int] = field(default_factory=dict)
    low_stock: int | None = None
    slot_minutes: int = 0


class ListingState(Struct, frozen=True):
    """on_sale, paused or withdrawn."""

    state: str


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    listings = "/manage/{store}/listings"
    one = listings + "/{sku}"
    api.get(f"/api{listings}", PACKER, answer=Items[Listing])(list_by_api)
    api.get(f"/api{one}", PACKER, answer=Listing)(show_by_api)
    api.put(f"/api{one}", MANAGER, body=ListingTerms, answer=Listing)(save_by_api)
    api.post(f"/api{one}/state", MANAGER, body=ListingState, answer=Listing)(set_state_by_api)
    api.get(listings, PACKER)(list_page)
    api.post(listings, MANAGER, body=dict[str, str])(make_by_form)
    api.get(one, PACKER)(show_page)
    api.post(one, MANAGER, body=dict[str, str])(change_by_form)
    api.post(f"{one}/state", MANAGER, body=ListingState)(set_state_by_form)


def list_by_api(request: Request) -> Items[Listing]:
    """The store's listings by SKU, whatever their state."""
    return list_listings_page(request.params["store"], request.query.get("cursor", ""))


def show_by_api(request: Request) -> Listing:
    """One listing."""
    return get_listing(request.params["store"], request.params["sku"])


def save_by_api(request: Request) -> Listing:
    """Make a listing, or change one; the same again writes nothing. A new one is on sale, with nothing in reserve yet."""
    terms: ListingTerms = request.content
    return _save(request, request.params["sku"], asdict(terms))


def _save(request: Request, sku: str, terms: Mapping[str, Any]) -> Listing:
    store = request.params["store"]
    trees = check_categories(store, terms)
    said = {name: value for name, value in terms.items() if value is not None}

    def edit(before: Listing | None) -> Listing:
        unmade = Listing(store, sku, {}, {}, "", "", "goods", 0, "on_sale", listing_level(store, sku))
        return placed(replace(own_listing(before or unmade, store, sku), **said), *trees)

    return edit_listing(store, sku, edit, request.caller.subject)


def check_categories(store: str, terms: Mapping[str, Any]) -> tuple[Tree, Tree]:
    """The store's tree and the union's, if the categories that these terms name are in them, or were, or are empty.

    Raises:
        Invalid: there never was such a category.
    """
    trees = read_tree(store), read_tree()
    for name, tree in zip(("category", "union_category"), trees, strict=True):
        tree.named(terms.get(name, ""), name)
    return trees


def set_state_by_api(request: Request) -> Listing:
    """Put a listing on sale, pause or withdraw it; a purchase sees it from that moment."""
    wanted: ListingState = request.content
    return set_listing_state(request.params["store"], request.params["sku"], wanted.state, request.caller.subject)


def list_page(request: Request) -> Page:
    """The listings, and the form by which one is added."""
    store, page = request.params["store"], list_by_api(request)
    levels = get_levels(
        {level for listing in page.items for level in (listing.sold_from if listing.parts else [listing.level])}
    )
    known = _known(read_tree(store), read_tree())
    return Page("manage/listings.html", {"store": store, "page": page, "levels": levels, **known})


def show_page(request: Request) -> Page:
    """One listing with its forms."""
    listing, levels = get_listing_with_levels(request.params["store"], request.params["sku"])
    trees = read_tree(listing.store), read_tree()
    shown = placed(listing, *trees)
    context = {"store": listing.store, "listing": shown, "levels": levels, "states": LISTING_STATES}
    sold = {"sold_under": sold_under(get_store(listing.store), shown, trees[0])}
    return Page("manage/listings_one.html", context | {"parts": write_parts(listing.parts)} | sold | _known(*trees))


def _known(own: Tree, union: Tree) -> dict[str, Any]:
    return {
        "categories": in_order(own.categories.values()),
        "union_categories": in_order(union.categories.values()),
        "currency": settings().currency,
    }


def make_by_form(request: Request) -> Redirect:
    """Add a listing."""
    form: dict[str, str] = request.content
    sku = form.get("sku", "").strip().upper()
    if not SKU.match(sku):
        reason = "write an item number of capital letters, digits, '.', '_' and '-'"
        raise Invalid(reason, errors=[{"field": "sku", "reason": reason}])
    made = _save(request, sku, _terms_of(request, form))
    return Redirect(f"/manage/{made.store}/listings/{made.sku}")


def change_by_form(request: Request) -> Redirect:
    """Change what the form shows of a listing."""
    saved = _save(request, request.params["sku"], _terms_of(request, request.content))
    return Redirect(f"/manage/{saved.store}/listings/{saved.sku}")


def _terms_of(request: Request, form: Mapping[str, str]) -> dict[str, Any]:
    """A form's fields as terms: texts come as one field a language, the price in the currency's major units."""
    terms: dict[str, Any] = {
        "titles": _texts(form, "title"),
        "texts": _texts(form, "text"),
        "price_minor": parse_amount(form.get("price", ""), settings().currency),
        "union_category": form.get("union_category", ""),
        "category": form.get("category", ""),
    }
    if form.get("parts", "").strip():
        terms["parts"] = read_parts(form["parts"])
    if form.get("slot_minutes", "").strip():
        terms["slot_minutes"] = _whole("slot_minutes", form["slot_minutes"].strip())
    if form.get("new_category", "").strip():
        terms["category"] = category_of_path(request.params["store"], form["new_category"])
    terms |= {name: form[name] for name in ("kind", "glyph", "brand") if form.get(name)}
    if mark := form.get("low_stock", "").strip():
        terms["low_stock"] = _whole("low_stock", mark)
    return terms


def _whole(field: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise Invalid(f"{field}: a whole number, 0 or more", errors=[{"field": field, "reason": "no number"}])
    return int(text)


def _texts(form: Mapping[str, str], field: str) -> Texts:
    texts = {tag: form.get(f"{field}-{tag}", "").strip() for tag in settings().languages}
    return {tag: text for tag, text in texts.items() if text}


def set_state_by_form(request: Request) -> Redirect:
    """Put a listing on sale, pause or withdraw it."""
    changed = set_state_by_api(request)
    return Redirect(f"/manage/{changed.store}/listings/{changed.sku}")
