"""The operator's pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.model import ENTERPRISE_STATES, Classification, Union
from mart_union.catalog.service import get_union, save_union
from mart_union.kernel.errors import NotFound
from mart_union.kernel.settings import settings
from mart_union.mediation.model import SUPPLIER_STATES
from mart_union.settlement.service import last_report
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate import applicants, machine, money, purchases
from operate.days import day_of, month_of
from operate.texts import texts_of

T = TypeVar("T")


class NamedForm(Struct, frozen=True):
    """The form of a classification; names come as one field a language."""

    id: str


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/operate", OPERATOR)(show_dashboard)
    api.get("/operate/enterprises", OPERATOR)(show_enterprises)
    api.post("/operate/enterprises/{enterprise}/decision", OPERATOR, body=applicants.Decision)(decide_on_enterprise)
    api.get("/operate/suppliers", OPERATOR)(show_suppliers)
    api.post("/operate/suppliers/{supplier}/decision", OPERATOR, body=applicants.Decision)(decide_on_supplier)
    api.get("/operate/purchases", OPERATOR)(show_purchases)
    api.get("/operate/settlements", OPERATOR)(show_settlements)
    api.get("/operate/settlements/{kind}/{party}/{period}", OPERATOR)(show_statement)
    api.get("/operate/union", OPERATOR)(show_union)
    api.post("/operate/union", OPERATOR)(describe_union)
    api.post("/operate/union/classifications", OPERATOR, body=NamedForm)(add_classification)
    api.get("/operate/dead-letters", OPERATOR)(show_dead_letters)
    api.get("/operate/audit", OPERATOR)(show_audit)


def show_dashboard(request: Request) -> Page:
    """What waits for the operator, and whether the books and the machine are well."""
    return Page(
        "operate/dashboard.html",
        {
            "enterprises": applicants.read_enterprises(request).items,
            "suppliers": applicants.read_suppliers(request).items,
            "dead_letters": sum(queue.messages for queue in machine.read_dead_letters(request)),
            "report": _or_none(lambda: money.read_reconciliation(request)),
            "union": _or_none(get_union),
        },
    )


def show_enterprises(request: Request) -> Page:
    """Enterprises in a state, with the decisions that are open."""
    state = request.query.get("state", "applied")
    found = applicants.read_enterprises(request)
    return Page("operate/enterprises.html", {"found": found, "state": state, "states": ENTERPRISE_STATES})


def decide_on_enterprise(request: Request) -> Redirect:
    """Decide, and go on with the next."""
    applicants.decide_on_enterprise(request)
    return Redirect("/operate/enterprises")


def show_suppliers(request: Request) -> Page:
    """Suppliers in a state, with the decisions that are open."""
    state = request.query.get("state", "applied")
    found = applicants.read_suppliers(request)
    return Page("operate/suppliers.html", {"found": found, "state": state, "states": SUPPLIER_STATES})


def decide_on_supplier(request: Request) -> Redirect:
    """Decide, and go on with the next."""
    applicants.decide_on_supplier(request)
    return Redirect("/operate/suppliers")


def show_purchases(request: Request) -> Page:
    """The register of a day: money, titles, quantities."""
    return Page(
        "operate/purchases.html",
        {"day": day_of(request), "found": purchases.read_purchases(request)},
    )


def show_settlements(request: Request) -> Page:
    """A day's statements and payouts, and the last reconciliation."""
    report = _or_none(last_report)
    context = {"day": day_of(request), "found": money.read_settlements(request), "report": report}
    return Page("operate/settlements.html", context)


def show_statement(request: Request) -> Page:
    """A statement with its lines."""
    found = money.read_statement(request)
    return Page("operate/statement.html", {"statement": found.statement, "lines": found.lines})


def show_union(request: Request) -> Page:
    """The union's description, with the forms that change it."""
    return Page("operate/union.html", {"union": _described()})


def describe_union(request: Request) -> Redirect:
    """Save names and texts."""
    changed = replace(_described(), names=texts_of(request, "name"), texts=texts_of(request, "text"))
    save_union(changed, request.caller.subject)
    return Redirect("/operate/union")


def add_classification(request: Request) -> Redirect:
    """Add a business or profession by which stores are grouped, or rename it."""
    known = get_union()
    added = Classification(request.content.id, texts_of(request, "name"))
    others = tuple(each for each in known.classifications if each.id != added.id)
    save_union(replace(known, classifications=(*others, added)), request.caller.subject)
    return Redirect("/operate/union")


def show_dead_letters(request: Request) -> Page:
    """What nobody could handle."""
    return Page("operate/dead_letters.html", {"queues": machine.read_dead_letters(request)})


def show_audit(request: Request) -> Page:
    """What staff changed."""
    context = {"month": month_of(request), "owner": request.query.get("owner", "union")}
    return Page("operate/audit.html", {**context, "found": machine.read_audit(request)})


def _described() -> Union:
    """The union, or an empty description for its operator to fill in."""
    known = settings()
    return _or_none(get_union) or Union(known.union, {}, {}, (), known.languages, (), ())


def _or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except NotFound:
        return None
