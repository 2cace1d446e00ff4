"""Becoming a supplier: an application that the union's operator decides."""

from __future__ import annotations

from msgspec import Struct, field

from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import NotFound
from mart_union.kernel.settings import settings
from mart_union.mediation.model import Supplier
from mart_union.mediation.service import apply_supplier, get_supplier
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class Application(Struct, frozen=True):
    """What an applicant says of the supplier; `supplier` is the id that it wishes to have."""

    supplier: str
    names: dict[str, str]
    registration: str
    texts: dict[str, str] = field(default_factory=dict)
    settlement_period: str = "weekly"


class ApplicationForm(Struct, frozen=True):
    """The form of an application, in the union's own language."""

    supplier: str = ""
    name: str = ""
    registration: str = ""
    text: str = ""
    settlement_period: str = "weekly"


class Applied(Struct, frozen=True):
    """An application and what became of it: applied, approved or refused."""

    supplier: str
    names: dict[str, str]
    state: str
    applied_at: str


def add_routes(api: Api) -> None:
    """Declare the routes of applications."""
    api.post("/api/suppliers", CUSTOMER, body=Application, answer=Applied, status=201, key=True)(apply_by_api)
    api.get("/api/suppliers/{supplier}", CUSTOMER, answer=Applied)(show_application)
    api.get("/suppliers/apply", CUSTOMER)(show_form)
    api.post("/suppliers/apply", CUSTOMER, body=ApplicationForm)(apply_by_form)


def apply_by_api(request: Request) -> Applied:
    """Apply to supply in this union; the same application again gives the first one."""
    return _apply(request, request.content)


def apply_by_form(request: Request) -> Redirect:
    """Apply by the page's form."""
    form: ApplicationForm = request.content
    own = settings().languages[0]
    texts = {own: form.text} if form.text else {}
    applied = _apply(
        request, Application(form.supplier, {own: form.name}, form.registration, texts, form.settlement_period)
    )
    return Redirect(f"/suppliers/apply?supplier={applied.supplier}")


def show_application(request: Request) -> Applied:
    """An application of one's own."""
    return _own(request, request.params["supplier"])


def show_form(request: Request) -> Page:
    """The form, or what became of the application that it made."""
    supplier = request.query.get("supplier", "")
    return Page("supply/apply.html", {"applied": _own(request, supplier) if supplier else None})


def _apply(request: Request, wish: Application) -> Applied:
    return _applied(
        apply_supplier(
            wish.supplier,
            names=wish.names,
            texts=wish.texts,
            registration=wish.registration,
            applicant=request.caller.subject,
            now=utc_now(),
            settlement_period=wish.settlement_period,
        )
    )


def _own(request: Request, supplier: str) -> Applied:
    found = get_supplier(supplier)
    if found.applicant != request.caller.subject:
        raise NotFound(f"there is no supplier {supplier}")
    return _applied(found)


def _applied(supplier: Supplier) -> Applied:
    return Applied(supplier.id, supplier.names, supplier.state, supplier.applied_at)
