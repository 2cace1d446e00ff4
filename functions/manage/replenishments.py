"""A store's replenishments: ordered from a supplier, booked in as they come, cancelled for the rest."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid
from mart_union.kernel.paging import Page
from mart_union.mediation.replenishment import Replenishment, ReplenishmentLine
from mart_union.mediation.service import (
    cancel_rest,
    get_replenishment,
    list_replenishments,
    place_replenishment,
    receive,
    supplier_names,
)
from mart_union.web import answer
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.api import Api
from mart_union.web.request import Request


class NewReplenishment(Struct, frozen=True):
    """What is ordered from a supplier, by SKU of the store."""

    supplier: str
    units: dict[str, int]
    note: str = ""


class UnitsReceived(Struct, frozen=True):
    """Units by SKU that came together. `more` says that more may have come than were still to come."""

    units: dict[str, int]
    more: bool = False


class ReceiptAnswer(Struct, frozen=True):
    """Units that came together."""

    at: str
    units: dict[str, int]


class ReplenishmentAnswer(Struct, frozen=True):
    """A replenishment and how far it has come: ordered, partly_received, received, cancelled or closed (some came, the rest was cancelled)."""

    id: str
    supplier: str
    state: str
    lines: tuple[ReplenishmentLine, ...]
    total_minor: int
    placed_at: str
    expected_on: str
    note: str
    receipts: tuple[ReceiptAnswer, ...]
    cancelled_at: str


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    all_of_them = "/manage/{store}/replenishments"
    one = f"{all_of_them}/{{replenishment}}"
    api.get(f"/api{all_of_them}", PACKER, answer=Page[ReplenishmentAnswer])(list_by_api)
    api.post(f"/api{all_of_them}", MANAGER, body=NewReplenishment, answer=ReplenishmentAnswer, status=201, key=True)(
        place_by_api
    )
    api.get(f"/api{one}", PACKER, answer=ReplenishmentAnswer)(show_by_api)
    api.post(f"/api{one}/receipts", PACKER, body=UnitsReceived, answer=ReplenishmentAnswer, status=201, key=True)(
        receive_by_api
    )
    api.post(f"/api{one}/cancel", MANAGER, answer=ReplenishmentAnswer)(cancel_by_api)
    api.get(all_of_them, PACKER)(list_page)
    api.post(all_of_them, MANAGER, body=dict[str, str], key=True)(place_by_form)
    api.get(one, PACKER)(show_page)
    api.post(f"{one}/receipts", PACKER, body=dict[str, str], key=True)(receive_by_form)
    api.post(f"{one}/cancel", MANAGER)(cancel_by_form)


def list_by_api(request: Request) -> Page[ReplenishmentAnswer]:
    """Those of which something is still to come, by the day on which it is expected; or of a `month`, those of which nothing is."""
    month, cursor = request.month(), request.query.get("cursor", "")
    page = list_replenishments(request.params["store"], month, cursor)
    return Page(tuple(_told(each) for each in page.items), page.next)


def place_by_api(request: Request) -> ReplenishmentAnswer:
    """Order goods from a supplier for the store's own stock, at the prices of its terms."""
    wanted: NewReplenishment = request.content
    return _told(_place(request, wanted.supplier, wanted.units, wanted.note))


def _place(request: Request, supplier: str, units: Mapping[str, int], note: str) -> Replenishment:
    return place_replenishment(
        request.params["store"],
        supplier,
        units,
        key=request.idempotency_key,
        actor=request.caller.subject,
        now=utc_now(),
        note=note,
    )


def show_by_api(request: Request) -> ReplenishmentAnswer:
    """One replenishment."""
    return _told(get_replenishment(request.params["store"], request.params["replenishment"]))


def receive_by_api(request: Request) -> ReplenishmentAnswer:
    """Book in what came: it is for sale from then on."""
    came: UnitsReceived = request.content
    return _told(_receive(request, came.units, more=came.more))


def _receive(request: Request, units: Mapping[str, int], *, more: bool) -> Replenishment:
    return receive(
        request.params["store"],
        request.params["replenishment"],
        units,
        key=request.idempotency_key,
        actor=request.caller.subject,
        now=utc_now(),
        more=more,
    )


def cancel_by_api(request: Request) -> ReplenishmentAnswer:
    """Expect nothing more of it; the same again changes nothing."""
    store, name = request.params["store"], request.params["replenishment"]
    return _told(cancel_rest(store, name, actor=request.caller.subject, now=utc_now()))


def _told(found: Replenishment) -> ReplenishmentAnswer:
    return ReplenishmentAnswer(
        id=found.id,
        supplier=found.supplier,
        state=found.state,
        lines=found.lines,
        total_minor=found.total_minor,
        placed_at=found.placed_at,
        expected_on=found.expected_on,
        note=found.note,
        receipts=tuple(ReceiptAnswer(each.at, each.units) for each in found.receipts),
        cancelled_at=found.cancelled_at,
    )


def list_page(request: Request) -> answer.Page:
    """What is still to come, or what was ordered in a month."""
    store, page = request.params["store"], list_by_api(request)
    names = supplier_names(store, (each.supplier for each in page.items))
    context = {"store": store, "page": page, "names": names, "month": request.month()}
    return answer.Page("manage/replenishments.html", context)


def show_page(request: Request) -> answer.Page:
    """One replenishment with its receipts and the form of the next."""
    store = request.params["store"]
    found = get_replenishment(store, request.params["replenishment"])
    names = supplier_names(store, [found.supplier])
    context = {
        "store": store,
        "found": _told(found),
        "names": names,
        "lines": found.lines,
        "is_open": found.is_open,
    }
    return answer.Page("manage/replenishment.html", context)


def place_by_form(request: Request) -> answer.Redirect:
    """Order what the form names."""
    form: dict[str, str] = request.content
    placed = _place(request, form.get("supplier", ""), _units(form), form.get("note", ""))
    return _to(request, placed.id)


def receive_by_form(request: Request) -> answer.Redirect:
    """Book in what the form says came."""
    form: dict[str, str] = request.content
    return _to(request, _receive(request, _units(form), more=form.get("more") == "yes").id)


def cancel_by_form(request: Request) -> answer.Redirect:
    """Expect nothing more of it."""
    return _to(request, cancel_by_api(request).id)


def _to(request: Request, replenishment: str) -> answer.Redirect:
    return answer.Redirect(f"/manage/{request.params['store']}/replenishments/{replenishment}")


def _units(form: Mapping[str, str]) -> dict[str, int]:
    """The fields `units-<sku>` that were filled in; 0 is as good as none."""
    units = {}
    for name, text in form.items():
        if name.startswith("units-"):
            if not text.strip().isdecimal() or len(text) > 12:
                raise Invalid(f"{name}: write a whole number", errors=[{"field": name, "reason": "a whole number"}])
            units[name.removeprefix("units-")] = int(text)
    return {sku: quantity for sku, quantity in units.items() if quantity}
