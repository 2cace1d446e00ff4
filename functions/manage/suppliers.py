"""The suppliers behind a store: those whose offers it sells, and its terms with those from whom it orders for its own stock."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from msgspec import Struct, field

from mart_union.catalog.naming import checked_slug
from mart_union.customers.model import Contact
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid, NotFound
from mart_union.kernel.money import parse_amount, plain_amount
from mart_union.kernel.paging import Page
from mart_union.kernel.settings import settings
from mart_union.mediation.replenishment import Supplied, SupplierTerms
from mart_union.mediation.service import (
    find_suppliers,
    get_supplier,
    get_terms_with_contact,
    list_links,
    list_terms,
    save_terms,
    supplier_names,
)
from mart_union.web import answer
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.api import Api
from mart_union.web.request import Request

_EMPTY_ROWS, _MOST_ON_PAGE = 3, 200


class StoreSupplier(Struct, frozen=True):
    """A supplier who works with the store, and the store's listings of its offers."""

    supplier: str
    names: dict[str, str]
    texts: dict[str, str]
    state: str
    skus: tuple[str, ...]


class TermsWanted(Struct, frozen=True):
    """What a store agrees with a supplier. `supplies` is by SKU of the store; `names` only of a supplier that is not one of the union's."""

    supplies: dict[str, Supplied] = field(default_factory=dict)
    lead_days: int = 0
    minimum_minor: int = 0
    names: dict[str, str] = field(default_factory=dict)
    contact: Contact | None = None


class TermsAnswer(Struct, frozen=True):
    """A store's terms with a supplier, with the person to speak to there. `joined`: it is one of the union's suppliers."""

    supplier: str
    joined: bool
    names: dict[str, str]
    supplies: dict[str, Supplied]
    lead_days: int
    minimum_minor: int
    contact: Contact | None = None


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    suppliers = "/manage/{store}/suppliers"
    api.get(f"/api{suppliers}", PACKER, answer=Page[StoreSupplier])(read_suppliers)
    api.get("/api/manage/{store}/supplier-terms", MANAGER, answer=Page[TermsAnswer])(list_by_api)
    api.get(f"/api{suppliers}/{{supplier}}", MANAGER, answer=TermsAnswer)(show_by_api)
    api.put(f"/api{suppliers}/{{supplier}}", MANAGER, body=TermsWanted, answer=TermsAnswer)(save_by_api)
    api.get(suppliers, PACKER)(list_page)
    api.get(f"{suppliers}/{{supplier}}", MANAGER)(show_page)
    api.post(f"{suppliers}/{{supplier}}", MANAGER, body=dict[str, str])(save_by_form)


def read_suppliers(request: Request) -> Page[StoreSupplier]:
    """The suppliers whose offers the store sells, by the links that it made."""
    page = list_links(request.params["store"], request.query.get("cursor", ""), 100)
    links = sorted(page.items, key=lambda link: (link.supplier, link.sku))
    known = find_suppliers(link.supplier for link in links)
    found = []
    for name, of_supplier in groupby(links, key=lambda link: link.supplier):
        supplier, skus = known[name], tuple(link.sku for link in of_supplier)
        found.append(StoreSupplier(name, supplier.names, supplier.texts, supplier.state, skus))
    return Page(tuple(found), page.next)


def list_by_api(request: Request) -> Page[TermsAnswer]:
    """The store's terms, by supplier; the persons to speak to are told with each alone."""
    page = list_terms(request.params["store"], request.query.get("cursor", ""))
    return Page(tuple(_told(terms, None) for terms in page.items), page.next)


def show_by_api(request: Request) -> TermsAnswer:
    """The store's terms with a supplier."""
    return _told(*get_terms_with_contact(request.params["store"], request.params["supplier"]))


def save_by_api(request: Request) -> TermsAnswer:
    """Agree on terms with a supplier, or change them; the same again changes nothing. A contact that is left out is erased."""
    wanted: TermsWanted = request.content
    return _save(request, wanted)


def _save(request: Request, wanted: TermsWanted) -> TermsAnswer:
    terms = SupplierTerms(
        store=request.params["store"],
        supplier=request.params["supplier"],
        supplies=wanted.supplies,
        lead_days=wanted.lead_days,
        minimum_minor=wanted.minimum_minor,
        names=wanted.names,
    )
    return _told(save_terms(terms, wanted.contact, request.caller.subject, utc_now()), wanted.contact)


def _told(terms: SupplierTerms, contact: Contact | None) -> TermsAnswer:
    return TermsAnswer(
        terms.supplier, terms.joined, terms.names, terms.supplies, terms.lead_days, terms.minimum_minor, contact
    )


def list_page(request: Request) -> answer.Page | answer.Redirect:
    """The suppliers whose offers the store sells, and those with whom it has terms; or, of a `supplier` that is named, the page of its terms."""
    store, wanted = request.params["store"], request.query.get("supplier", "").strip()
    if wanted:
        return answer.Redirect(f"/manage/{store}/suppliers/{checked_slug(wanted, 'supplier')}")
    terms = list_terms(store, limit=_MOST_ON_PAGE).items
    names = supplier_names(store, (each.supplier for each in terms))
    context = {"store": store, "page": read_suppliers(request), "terms": terms, "names": names}
    return answer.Page("manage/suppliers.html", context)


def show_page(request: Request) -> answer.Page:
    """The terms with one supplier, with the form that changes them and the one that orders."""
    store, supplier = request.params["store"], request.params["supplier"]
    try:
        terms = show_by_api(request)
    except NotFound:
        terms = TermsAnswer(supplier, _is_joined(supplier), {}, {}, 0, 0)
    context = {
        "store": store,
        "terms": terms,
        "names": supplier_names(store, [supplier]),
        "rows": _EMPTY_ROWS,
        "currency": settings().currency,
        "plain": _plain,
    }
    return answer.Page("manage/suppliers_one.html", context)


def _is_joined(supplier: str) -> bool:
    try:
        get_supplier(supplier)
    except NotFound:
        return False
    return True


def save_by_form(request: Request) -> answer.Redirect:
    """Save the terms that the page shows."""
    form: dict[str, str] = request.content
    name = form.get("contact_name", "").strip()
    contact = Contact(name, form.get("contact_email", "").strip(), form.get("contact_phone", "").strip())
    wanted = TermsWanted(
        supplies=_supplies(form),
        lead_days=_whole(form, "lead_days"),
        minimum_minor=_amount(form.get("minimum", "0"), "minimum"),
        names={tag: form[f"name-{tag}"] for tag in settings().languages if form.get(f"name-{tag}")},
        contact=contact if name else None,
    )
    _save(request, wanted)
    return answer.Redirect(f"/manage/{request.params['store']}/suppliers/{request.params['supplier']}")


def _supplies(form: Mapping[str, str]) -> dict[str, Supplied]:
    """The rows `sku-<n>`, `price-<n>`, `number-<n>` that name a listing."""
    rows = (field.removeprefix("sku-") for field in form if field.startswith("sku-"))
    return {
        form[f"sku-{row}"].strip().upper(): Supplied(
            _amount(form.get(f"price-{row}", "0"), f"price-{row}"), form.get(f"number-{row}", "").strip()
        )
        for row in rows
    }


def _amount(text: str, name: str) -> int:
    if text.strip() in {"", "0"}:
        return 0
    try:
        return parse_amount(text, settings().currency)
    except Invalid as error:
        raise Invalid(error.detail, errors=[{"field": name, "reason": error.detail}]) from error


def _plain(amount_minor: int) -> str:
    return plain_amount(amount_minor, settings().currency)


def _whole(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "0").strip()
    if not text.isdecimal() or len(text) > 6:
        raise Invalid(f"{name}: write a whole number", errors=[{"field": name, "reason": "a whole number"}])
    return int(text)
