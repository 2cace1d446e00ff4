"""A supplier's offers: listed with their pools, made and changed one by one."""

from __future__ import annotations

from functools import partial

from msgspec import Struct, field
from msgspec.structs import asdict

from mart_union.catalog.model import in_order
from mart_union.catalog.service import get_union, read_tree, store_names
from mart_union.catalog.volumes import LARGEST_BEGINNING, Tier
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import parse_amount, plain_amount
from mart_union.kernel.paging import Page as Items
from mart_union.kernel.settings import settings
from mart_union.mediation.model import Offer
from mart_union.mediation.service import Allotment, allotments_of, get_offer, list_offers, save_offer
from mart_union.stock.model import Level
from mart_union.stock.service import get_levels
from mart_union.web.access import SUPPLIER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class OfferTerms(Struct, frozen=True):
    """An offer as its supplier writes it. `quantity` corrects the pool to what was counted; without it the pool stays. `area` has the beginnings of the
    postcodes to which it is delivered; with none, everywhere. With `tiers`, units cost less from so many of them in one line of an order on."""

    titles: dict[str, str]
    supply_minor: int
    suggested_minor: int
    minimum_minor: int
    granted_to: tuple[str, ...]
    texts: dict[str, str] = field(default_factory=dict)
    union_category: str = ""
    kind: str = "goods"
    lead_days: int = 2
    state: str = "on_offer"
    glyph: str = ""
    low_stock: int = 0
    quantity: int | None = None
    accepts_returns: bool = True
    area: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()


class OfferForm(Struct, frozen=True):
    """The form of an offer; prices in the currency's major units, titles and texts in fields `title.<language>`, grants and the beginnings of
    postcodes with blanks between, a tier a line: from how many units on, then the price."""

    sku: str = ""
    supply_price: str = ""
    suggested_price: str = ""
    minimum_price: str = ""
    granted_to: str = ""
    union_category: str = ""
    kind: str = "goods"
    lead_days: int = 2
    state: str = "on_offer"
    glyph: str = ""
    low_stock: int = 0
    quantity: int | None = None
    accepts_returns: bool = True
    area: str = ""
    tiers: str = ""


class PooledOffer(Struct, frozen=True):
    """An offer with the pool that its sellers draw on: what is left for sale to all of them, and what is set aside for single ones; reserved
    and sold count both."""

    offer: Offer
    reserve: int
    reserved: int
    sold: int
    allotments: tuple[Allotment, ...] = ()


def add_routes(api: Api) -> None:
    """Declare the routes of offers."""
    api.get("/api/supply/{supplier}/offers", SUPPLIER, answer=Items[PooledOffer])(list_by_api)
    api.get("/api/supply/{supplier}/offers/{sku}", SUPPLIER, answer=PooledOffer)(show_by_api)
    api.put("/api/supply/{supplier}/offers/{sku}", SUPPLIER, body=OfferTerms, answer=PooledOffer)(save_by_api)
    api.get("/supply/{supplier}/offers", SUPPLIER)(list_page)
    api.get("/supply/{supplier}/offers/{sku}", SUPPLIER)(show_page)
    api.post("/supply/{supplier}/offers", SUPPLIER, body=OfferForm)(save_by_form)


def list_by_api(request: Request) -> Items[PooledOffer]:
    """A page of the supplier's offers with their pools."""
    return read_offers(request.params["supplier"], request.query.get("cursor", ""))


def show_by_api(request: Request) -> PooledOffer:
    """An offer with its pool."""
    return _read(request.params["supplier"], request.params["sku"])


def save_by_api(request: Request) -> PooledOffer:
    """Make or change an offer; the same again changes nothing."""
    supplier, sku = request.params["supplier"], request.params["sku"]
    terms = asdict(request.content)
    quantity = terms.pop("quantity")
    terms["union_category"] = read_tree().named(terms["union_category"], "union_category")
    save_offer(Offer(supplier=supplier, sku=sku, **terms), quantity, request.caller.subject, utc_now())
    return _read(supplier, sku)


def list_page(request: Request) -> Page:
    """Offers, and the form for a new one."""
    supplier = request.params["supplier"]
    offers = read_offers(supplier, request.query.get("cursor", ""))
    return Page("supply/offers.html", {"supplier": supplier, "offers": offers, **_choices()})


def show_page(request: Request) -> Page:
    """An offer and the form to change it."""
    supplier = request.params["supplier"]
    found = _read(supplier, request.params["sku"])
    names = store_names(each.store for each in found.allotments)
    return Page("supply/offer.html", {"supplier": supplier, "found": found, "names": names, **_choices()})


def save_by_form(request: Request) -> Redirect:
    """Make or change an offer by the page's form."""
    supplier, form = request.params["supplier"], request.content
    save_offer(_offer_of(supplier, form, request), form.quantity, request.caller.subject, utc_now())
    return Redirect(f"/supply/{supplier}/offers/{form.sku}")


def _choices() -> dict[str, object]:
    currency, tree = settings().currency, read_tree()
    return {
        "categories": in_order(tree.categories.values()),
        "category_at": tree.at,
        "classifications": get_union().classifications,
        "currency": currency.code,
        "major": partial(plain_amount, currency=currency),
    }


def _offer_of(supplier: str, form: OfferForm, request: Request) -> Offer:
    return Offer(
        supplier=supplier,
        sku=form.sku,
        titles=_texts(request, "title"),
        texts=_texts(request, "text"),
        union_category=read_tree().named(form.union_category, "union_category"),
        kind=form.kind,
        supply_minor=_price(form.supply_price, "supply_price"),
        suggested_minor=_price(form.suggested_price, "suggested_price"),
        minimum_minor=_price(form.minimum_price, "minimum_price"),
        lead_days=form.lead_days,
        granted_to=_parts(form.granted_to),
        state=form.state,
        glyph=form.glyph,
        low_stock=form.low_stock,
        accepts_returns=form.accepts_returns,
        area=_parts(form.area),
        tiers=_tiers(form.tiers),
    )


def _tiers(text: str) -> tuple[Tier, ...]:
    """A tier a line, such as `10 140`."""
    return tuple(_tier(*line.split(None, 1)) for line in text.splitlines() if line.strip())


def _tier(begins: str, price: str = "") -> Tier:
    if not (begins.isascii() and begins.isdigit() and len(begins) <= len(str(LARGEST_BEGINNING))):
        reason = "write from how many units on, and the price: 10 140"
        raise Invalid(f"tiers: {reason}", errors=[{"field": "tiers", "reason": reason}])
    return Tier(int(begins), _price(price, "tiers"))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.replace(";", " ").replace(",", " ").split())


def _texts(request: Request, name: str) -> dict[str, str]:
    found = {language: request.form.get(f"{name}.{language}", "").strip() for language in settings().languages}
    return {language: text for language, text in found.items() if text}


def _price(text: str, name: str) -> int:
    try:
        return parse_amount(text, settings().currency)
    except Invalid as error:
        raise Invalid(error.detail, errors=[{"field": name, "reason": error.detail}]) from error


def read_offers(supplier: str, cursor: str) -> Items[PooledOffer]:
    """A page of offers with their pools and allotments: one query, and one batch read a hundred levels."""
    page = list_offers(supplier, cursor)
    levels = get_levels(level for offer in page.items for level in offer.all_levels)
    return Items(tuple(_pooled(offer, levels) for offer in page.items), page.next)


def _read(supplier: str, sku: str) -> PooledOffer:
    offer = get_offer(supplier, sku)
    return _pooled(offer, get_levels(offer.all_levels))


def _pooled(offer: Offer, levels: dict[str, Level]) -> PooledOffer:
    all_levels = [levels[level] for level in offer.all_levels if level in levels]
    reserve = levels[offer.level].reserve if offer.level in levels else 0
    reserved, sold = sum(level.reserved for level in all_levels), sum(level.sold for level in all_levels)
    return PooledOffer(offer, reserve, reserved, sold, allotments_of(offer, levels))
