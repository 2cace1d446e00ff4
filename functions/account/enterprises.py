"""Enterprises: a business applies, sees what became of it, and opens its stores."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from mart_union.catalog.enterprises import apply_enterprise, get_enterprise
from mart_union.catalog.hours import Hours
from mart_union.catalog.model import Enterprise, Store, Texts
from mart_union.catalog.stores import open_store
from mart_union.catalog.unions import get_union
from mart_union.customers.service import grant_membership
from mart_union.kernel.errors import NotFound
from mart_union.kernel.settings import settings
from mart_union.orders.own import check_choice
from mart_union.orders.shipped import PROCEDURES
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class Application(Struct, frozen=True):
    """What a business says of itself; `registration` is its number in the public register. The id that it chooses makes a repeat harmless."""

    enterprise: str
    names: Texts
    registration: str


class NewStore(Struct, frozen=True):
    """A store to be opened. The id that the enterprise chooses makes a repeat harmless."""

    store: str
    names: Texts
    classification: str
    texts: Texts = field(default_factory=dict)
    hours: Hours = field(default_factory=dict)
    place: str = ""
    glyph: str = ""
    procedure: str = "carrier"
    carrier: str = ""
    lead_days: int = 2
    return_window_days: int = 7
    delivery_amount: int = 0
    free_delivery_from: int | None = None
    settlement_period: str = "weekly"
    state: str = "draft"


class ApplicationForm(Struct, frozen=True):
    """The form of an application; names come as one field a language."""

    enterprise: str = ""
    registration: str = ""


class StoreForm(Struct, frozen=True):
    """The form of a new store; names come as one field a language. The rest is set in its management pages."""

    store: str = ""
    classification: str = ""
    place: str = ""
    glyph: str = ""
    procedure: str = "carrier"
    carrier: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.post("/api/enterprises", CUSTOMER, body=Application, answer=Enterprise, status=201)(apply)
    api.get("/api/enterprises/{enterprise}", CUSTOMER, answer=Enterprise)(show)
    api.post("/api/enterprises/{enterprise}/stores", CUSTOMER, body=NewStore, answer=Store, status=201)(make_store)
    api.get("/account/enterprises", CUSTOMER)(show_application)
    api.post("/account/enterprises", CUSTOMER, body=ApplicationForm)(apply_on_page)
    api.get("/account/enterprises/{enterprise}", CUSTOMER)(show_on_page)
    api.post("/account/enterprises/{enterprise}/stores", CUSTOMER, body=StoreForm)(make_store_on_page)


def apply(request: Request) -> Enterprise:
    """Apply for an enterprise to trade in the union."""
    wanted: Application = request.content
    return _apply(request.caller.subject, wanted.enterprise, wanted.names, wanted.registration)


def _apply(subject: str, enterprise: str, names: Texts, registration: str) -> Enterprise:
    """The application first, then the applicant's membership: cut off between them, the repeat finds the one and makes the other."""
    made = apply_enterprise(enterprise, names, registration, subject)
    grant_membership(subject, "enterprise", made.id, "owner")
    return made


def show(request: Request) -> Enterprise:
    """The caller's own enterprise and its state.

    Raises:
        NotFound: there is none, or somebody else applied for it.
    """
    found = get_enterprise(request.params["enterprise"])
    if found.applicant != request.caller.subject:
        raise NotFound(f"you have no enterprise '{found.id}'")
    return found


def make_store(request: Request) -> Store:
    """Open a store; who applied for the enterprise becomes its owner."""
    wanted: NewStore = request.content
    terms = {name: getattr(wanted, name) for name in NewStore.__struct_fields__ if name != "store"}
    store = Store(id=wanted.store, enterprise=request.params["enterprise"], opened_at="", **terms)
    check_choice(store, store.procedure)
    return open_store(store.enterprise, store, request.caller.subject)


def show_application(request: Request) -> Page:
    """The form by which an enterprise applies."""
    return Page("account/apply.html", {})


def apply_on_page(request: Request) -> Redirect:
    """Apply, and see what becomes of it."""
    form: ApplicationForm = request.content
    made = _apply(request.caller.subject, form.enterprise, texts_of(request.form), form.registration)
    return Redirect(f"/account/enterprises/{made.id}")


def show_on_page(request: Request) -> Page:
    """The enterprise, its state, and, once it is approved, the form by which it opens a store."""
    enterprise = show(request)
    context = {"enterprise": enterprise, "union": get_union(), "procedures": sorted(PROCEDURES)}
    return Page("account/enterprise.html", context)


def make_store_on_page(request: Request) -> Redirect:
    """Open a store as a draft and go to its management."""
    form: StoreForm = request.content
    terms = {name: getattr(form, name) for name in StoreForm.__struct_fields__ if name != "store"}
    enterprise = request.params["enterprise"]
    store = Store(
        id=form.store,
        enterprise=enterprise,
        names=texts_of(request.form),
        texts={},
        state="draft",
        opened_at="",
        **terms,
    )
    check_choice(store, store.procedure)
    return Redirect(f"/manage/{open_store(enterprise, store, request.caller.subject).id}/settings")


def texts_of(form: Mapping[str, str]) -> Texts:
    """The texts of the fields `name-<language>`, those that were filled in."""
    return {tag: form[f"name-{tag}"].strip() for tag in settings().languages if form.get(f"name-{tag}", "").strip()}
