"""Enterprises and suppliers that apply, and the operator's decisions about them."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.model import Enterprise
from mart_union.catalog.service import decide_enterprise, list_enterprises
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page
from mart_union.mediation.model import Supplier
from mart_union.mediation.service import decide_supplier, list_suppliers
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request


class Decision(Struct, frozen=True):
    """Whether an applicant may trade in the union."""

    approve: bool


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/enterprises", OPERATOR, answer=Page[Enterprise])(read_enterprises)
    api.post("/api/operate/enterprises/{enterprise}/decision", OPERATOR, body=Decision, answer=Enterprise)(
        decide_on_enterprise
    )
    api.get("/api/operate/suppliers", OPERATOR, answer=Page[Supplier])(read_suppliers)
    api.post("/api/operate/suppliers/{supplier}/decision", OPERATOR, body=Decision, answer=Supplier)(decide_on_supplier)


def read_enterprises(request: Request) -> Page[Enterprise]:
    """The enterprises in a state (`applied` when none is named), the earliest application first."""
    return list_enterprises(request.query.get("state", "applied"), request.query.get("cursor", ""))


def decide_on_enterprise(request: Request) -> Enterprise:
    """Approve or refuse an enterprise, or suspend an approved one. The same decision again changes nothing."""
    return decide_enterprise(request.params["enterprise"], request.content.approve, request.caller.subject)


def read_suppliers(request: Request) -> Page[Supplier]:
    """The suppliers in a state (`applied` when none is named), by id."""
    return list_suppliers(request.query.get("state", "applied"), request.query.get("cursor", ""))


def decide_on_supplier(request: Request) -> Supplier:
    """Approve or refuse a supplier, or suspend an approved one. The same decision again changes nothing."""
    return decide_supplier(request.params["supplier"], request.content.approve, request.caller.subject, utc_now())
