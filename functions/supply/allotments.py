"""Allotments: units of an offer's pool that the supplier sets aside for one seller."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.clock import utc_now
from mart_union.mediation.service import Allotment, set_allotment
from mart_union.web.access import SUPPLIER
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class Allotted(Struct, frozen=True):
    """How many units shall stand aside for the store from now on; none ends its allotment."""

    quantity: int


class AllotmentForm(Struct, frozen=True):
    """The same as a form, which names the store."""

    store: str
    quantity: int


def add_routes(api: Api) -> None:
    """Declare the routes of allotments; an offer shows them."""
    allotments = "/supply/{supplier}/offers/{sku}/allotments"
    api.put(f"/api{allotments}/{{store}}", SUPPLIER, body=Allotted, answer=Allotment, key=True)(set_by_api)
    api.post(allotments, SUPPLIER, body=AllotmentForm, key=True)(set_by_form)


def set_by_api(request: Request) -> Allotment:
    """Set units of an offer's pool aside for a store, change how many, or end it; a repeat under the same key moves nothing, whatever was sold since."""
    return _set(request, request.params["store"], request.content.quantity)


def set_by_form(request: Request) -> Redirect:
    """The same by the forms of the offer's page."""
    form: AllotmentForm = request.content
    _set(request, form.store.strip(), form.quantity)
    return Redirect(f"/supply/{request.params['supplier']}/offers/{request.params['sku']}")


def _set(request: Request, store: str, quantity: int) -> Allotment:
    supplier, sku = request.params["supplier"], request.params["sku"]
    facts = {"actor": request.caller.subject, "key": request.idempotency_key}
    return set_allotment(supplier, sku, store, quantity, **facts, now=utc_now())
