"""What the mediation center offers a store, and the links that the store makes of it; with its rules, shops, deposit and statements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from manage import deposits, link_jobs, shops, statements
from manage.listings import check_categories
from mart_union.catalog.model import OfferReference, Store, Union, offer_level
from mart_union.catalog.service import get_store, get_union, list_categories
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid, NotFound
from mart_union.kernel.money import parse_amount, parse_percent
from mart_union.kernel.paging import Page as Items
from mart_union.kernel.settings import settings
from mart_union.mediation.model import Link, Margin, Offer, OfferKey, Terms, TradeRecord, margin_of
from mart_union.mediation.service import (
    find_suppliers,
    get_link,
    get_offer,
    list_links,
    list_suppliers,
    make_link,
    read_records,
    search_offers_for,
    set_link_state,
)
from mart_union.stock.model import availability_of, shard_of
from mart_union.stock.service import get_levels
from mart_union.web.access import MANAGER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class VolumeOnView(Struct, frozen=True):
    """A tier of an offer: what each unit costs from so many on (`begins`) in one line, and what a line of so many at the suggested price leaves."""

    begins: int
    supply_minor: int
    margin: Margin
    left_minor: int


class OfferOnView(Struct, frozen=True):
    """An offer as a seller sees it: what is left for it, in the pool and of what is set aside for it (`allotted`), and what a sale at the
    suggested price leaves, one unit or, in `volumes`, as many as each tier begins with. `record` is what became of the supplier's parts of orders, at all stores."""

    offer: Offer
    reserve: int
    availability: str
    margin: Margin
    left_minor: int
    allotted: int = 0
    record: TradeRecord = TradeRecord()
    volumes: tuple[VolumeOnView, ...] = ()


class LinkTerms(Struct, frozen=True):
    """How the store sells an offer. What is left out follows the supplier: titles, texts, glyph, price. With `markup_basis_points` the price is
    the supply price and so much of it, and follows that. `backup` is the offer that is sold while the first cannot be had."""

    supplier: str
    offer_sku: str
    category: str
    price_minor: int | None = None
    titles: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    glyph: Annotated[str, Meta(max_length=16)] = ""
    markup_basis_points: int | None = None
    backup: OfferKey | None = None


class NewLink(LinkTerms, frozen=True):
    """A link under a SKU of the store's own."""

    sku: str = ""


class LinkState(Struct, frozen=True):
    """linked (on sale), paused or withdrawn."""

    state: str


class LinkForm(Struct, frozen=True):
    """The form of a link; the price in the currency's major units, or a markup in percent, both empty to follow the suggested one; the backup
    as `supplier/SKU`."""

    supplier: str
    offer_sku: str
    sku: str = ""
    category: str = ""
    price: str = ""
    markup: str = ""
    glyph: str = ""
    backup: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes of offers and links, rules, shops, deposit and statements."""
    links = "/manage/{store}/links"
    api.get("/api/manage/{store}/offers", MANAGER, answer=Items[OfferOnView])(search_by_api)
    api.get(f"/api{links}", MANAGER, answer=Items[Link])(list_by_api)
    api.post(f"/api{links}", MANAGER, body=NewLink, answer=Link, status=201, key=True)(make_by_api)
    api.get(f"/api{links}/{{sku}}", MANAGER, answer=Link)(show_by_api)
    api.put(f"/api{links}/{{sku}}", MANAGER, body=LinkTerms, answer=Link)(change_by_api)
    api.post(f"/api{links}/{{sku}}/state", MANAGER, body=LinkState, answer=Link)(set_state_by_api)
    api.get("/manage/{store}/offers", MANAGER)(search_page)
    api.get("/manage/{store}/offers/{supplier}/{sku}", MANAGER)(offer_page)
    api.get(links, MANAGER)(list_page)
    api.post(links, MANAGER, body=LinkForm)(make_by_form)
    api.post(f"{links}/{{sku}}/state", MANAGER, body=LinkState)(set_state_by_form)
    for subject in (link_jobs, shops, deposits, statements):
        subject.add_routes(api)


def search_by_api(request: Request) -> Items[OfferOnView]:
    """Offers that are granted to the store, by supplier and SKU; `words` are looked for in titles. A page may be short and still go on."""
    store = get_store(request.params["store"])
    found = search_offers_for(
        store.id,
        store.classification,
        words=request.query.get("words", ""),
        supplier=request.query.get("supplier", ""),
        cursor=request.query.get("cursor", ""),
    )
    return Items(_on_view(found.offers, store), found.next)


def list_by_api(request: Request) -> Items[Link]:
    """The store's links, by SKU."""
    return list_links(request.params["store"], request.query.get("cursor", ""))


def show_by_api(request: Request) -> Link:
    """A link of the store."""
    return get_link(request.params["store"], request.params["sku"])


def make_by_api(request: Request) -> Link:
    """Sell an offer under a SKU of the store's own; the same again changes nothing."""
    wish: NewLink = request.content
    return _link(request, wish.sku, wish, key=request.idempotency_key)


def change_by_api(request: Request) -> Link:
    """Change the terms under which the store sells an offer, or begin to sell it."""
    return _link(request, request.params["sku"], request.content)


def set_state_by_api(request: Request) -> Link:
    """Pause a link, sell it again, or withdraw it."""
    return set_link_state(
        request.params["store"], request.params["sku"], request.content.state, request.caller.subject, utc_now()
    )


def search_page(request: Request) -> Page:
    """Offers of the mediation center, with what each would leave the store."""
    offers = search_by_api(request)
    context = {
        "store": request.params["store"],
        "offers": offers,
        "names": _names({each.offer.supplier for each in offers.items}),
        "suppliers": list_suppliers("approved").items,
        "words": request.query.get("words", ""),
        "supplier": request.query.get("supplier", ""),
    }
    return Page("manage/offers.html", context)


def offer_page(request: Request) -> Page:
    """An offer that is granted to the store, what a sale leaves the store, and the form that makes a link of it."""
    store, offer = request.params["store"], get_offer(request.params["supplier"], request.params["sku"])
    seller = get_store(store)
    if not offer.is_granted_to(store, seller.classification):
        raise NotFound(f"there is no offer {offer.sku} of {offer.supplier}")
    context = {
        "store": store,
        "view": _on_view((offer,), seller)[0],
        "granted": offer.is_for_sale_by(store, seller.classification),
        "categories": list_categories(store),
        "currency": settings().currency.code,
        "names": _names([offer.supplier]),
    }
    return Page("manage/offers_link.html", context)


def list_page(request: Request) -> Page:
    """The store's links, with what shoppers can have of each."""
    store, links = request.params["store"], list_by_api(request)
    left = _reserves_for(store, {(link.sold.supplier, link.sold.sku) for link in links.items})
    reserves = {link.sku: left[link.sold.supplier, link.sold.sku] for link in links.items}
    names = _names({link.sold.supplier for link in links.items})
    return Page("manage/links.html", {"store": store, "links": links, "reserves": reserves, "names": names})


def _names(suppliers: Iterable[str]) -> dict[str, dict[str, str]]:
    """How suppliers are called, by id. One batch read."""
    return {name: supplier.names for name, supplier in find_suppliers(suppliers).items()}


def make_by_form(request: Request) -> Redirect:
    """Make or change a link by the page's form."""
    form: LinkForm = request.content
    wish = LinkTerms(
        form.supplier,
        form.offer_sku,
        form.category,
        _price(form.price),
        _texts(request, "title"),
        _texts(request, "text"),
        form.glyph.strip(),
        parse_percent(form.markup, field="markup") if form.markup.strip() else None,
        _backup(form.backup),
    )
    _link(request, form.sku, wish)
    return Redirect(f"/manage/{request.params['store']}/links")


def set_state_by_form(request: Request) -> Redirect:
    """Pause a link, sell it again, or withdraw it, by the page's buttons."""
    set_state_by_api(request)
    return Redirect(f"/manage/{request.params['store']}/links")


def _link(request: Request, sku: str, wish: LinkTerms, *, key: str = "") -> Link:
    own, _ = check_categories(request.params["store"], {"category": wish.category})
    terms = Terms(
        own.at(wish.category),
        wish.price_minor,
        wish.titles or None,
        wish.texts or None,
        wish.glyph or None,
        wish.markup_basis_points,
        wish.backup,
    )
    reference = OfferReference(wish.supplier, wish.offer_sku)
    return make_link(request.params["store"], sku, reference, terms, request.caller.subject, utc_now(), key=key)


def _texts(request: Request, name: str) -> dict[str, str]:
    found = {language: request.form.get(f"{name}.{language}", "").strip() for language in settings().languages}
    return {language: text for language, text in found.items() if text}


def _price(text: str) -> int | None:
    try:
        return parse_amount(text, settings().currency) if text else None
    except Invalid as error:
        raise Invalid(error.detail, errors=[{"field": "price", "reason": error.detail}]) from error


def _backup(text: str) -> OfferKey | None:
    supplier, _, sku = text.strip().partition("/")
    return OfferKey(supplier, sku) if supplier else None


def _on_view(offers: tuple[Offer, ...], store: Store) -> tuple[OfferOnView, ...]:
    """Offers with their pools and the store's allotments (one batch read), their suppliers' records (one more), and margins by the union's rules."""
    if not offers:
        return ()
    union, step = get_union(), settings().currency.step
    reserves = _reserves_for(store.id, {(offer.supplier, offer.sku) for offer in offers})
    records = read_records([offer.supplier for offer in offers])
    views = []
    for offer in offers:
        pool, allotted = reserves[offer.supplier, offer.sku]
        margin = margin_of(offer, offer.suggested_minor, union, store, step=step)
        availability = availability_of(max(pool, allotted), offer.low_stock)
        shown = offer.shown_to_sellers()
        record = records[offer.supplier]
        volumes = _volumes(offer, union, store, step)
        views.append(
            OfferOnView(shown, pool + allotted, availability, margin, margin.left_minor, allotted, record, volumes)
        )
    return tuple(views)


def _volumes(offer: Offer, union: Union, store: Store, step: int) -> tuple[VolumeOnView, ...]:
    views = []
    for tier in offer.tiers:
        margin = margin_of(offer, offer.suggested_minor, union, store, step=step, quantity=tier.begins)
        views.append(VolumeOnView(tier.begins, tier.supply_minor, margin, margin.left_minor))
    return tuple(views)


def _reserves_for(store: str, offers: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """What is left of some offers, by supplier and SKU: in the pool, and of what is set aside for a store. One batch read a hundred levels."""
    pools = {offer: offer_level(*offer) for offer in offers}
    levels = get_levels(level for pool in pools.values() for level in (pool, shard_of(pool, store)))

    def left(level: str) -> int:
        return levels[level].reserve if level in levels else 0

    return {offer: (left(pool), left(shard_of(pool, store))) for offer, pool in pools.items()}
