"""Slots of a store's bookable services: opened, closed and sized by its staff, with the journal of each."""

from __future__ import annotations

import re

from msgspec import Struct

from mart_union.catalog.hours import DAYS
from mart_union.catalog.slots import (
    Opened,
    Times,
    bookable,
    close_slot,
    find_slot,
    list_month,
    list_movements,
    open_slots,
    set_capacity,
)
from mart_union.kernel.clock import local_date, utc_now
from mart_union.kernel.paging import Page as Items
from mart_union.kernel.settings import settings
from mart_union.stock.model import JournalEntry
from mart_union.stock.slotting import Slot
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class Capacity(Struct, frozen=True):
    """For how many a slot is."""

    capacity: int


class TimesForm(Struct, frozen=True):
    """The same as `Times`, as a form: times parted by blanks or commas, a field a day of the week that is chosen."""

    first: str
    last: str
    times: str
    capacity: int
    mon: bool = False
    tue: bool = False
    wed: bool = False
    thu: bool = False
    fri: bool = False
    sat: bool = False
    sun: bool = False


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    slots = "/manage/{store}/listings/{sku}/slots"
    one = slots + "/{slot}"
    api.get(f"/api{slots}", PACKER, answer=Items[Slot])(list_by_api)
    api.post(f"/api{slots}", MANAGER, body=Times, answer=Opened)(open_by_api)
    api.get(f"/api{one}", PACKER, answer=Slot)(show_by_api)
    api.put(f"/api{one}", MANAGER, body=Capacity, answer=Slot)(size_by_api)
    api.post(f"/api{one}/close", MANAGER, answer=Slot)(close_by_api)
    api.get(f"/api{one}/journal", PACKER, answer=Items[JournalEntry])(read_journal)
    api.get(slots, PACKER)(list_page)
    api.post(slots, MANAGER, body=TimesForm)(open_by_form)
    api.get(one, PACKER)(show_page)
    api.post(one, MANAGER, body=Capacity)(size_by_form)
    api.post(f"{one}/close", MANAGER)(close_by_form)


def list_by_api(request: Request) -> Items[Slot]:
    """The listing's slots of a `month` (yyyy-mm, by the union's clocks; this one, unless named) by time, past and closed ones too."""
    return list_month(*_listing(request), request.month() or _this_month(), request.query.get("cursor", ""))


def _listing(request: Request) -> tuple[str, str]:
    return request.params["store"], request.params["sku"]


def _this_month() -> str:
    return f"{local_date(utc_now(), settings().time_zone):%Y-%m}"


def open_by_api(request: Request) -> Opened:
    """Open all slots at some times of some days; those that there are stay as they are, so that it can be repeated."""
    return open_slots(*_listing(request), request.content, actor=request.caller.subject, now=utc_now())


def show_by_api(request: Request) -> Slot:
    """One slot as it is now."""
    return find_slot(*_listing(request), request.params["slot"])


def size_by_api(request: Request) -> Slot:
    """Let a slot be for so many; a closed one is open again."""
    wish: Capacity = request.content
    slot, actor = request.params["slot"], request.caller.subject
    return set_capacity(*_listing(request), slot, wish.capacity, actor=actor, now=utc_now())


def close_by_api(request: Request) -> Slot:
    """Sell no more of a slot; what is booked stays."""
    return close_slot(*_listing(request), request.params["slot"], actor=request.caller.subject, now=utc_now())


def read_journal(request: Request) -> Items[JournalEntry]:
    """Every movement of a slot, newest first."""
    return list_movements(*_listing(request), request.params["slot"], request.query.get("cursor", ""))


def list_page(request: Request) -> Page:
    """A month of slots, and the form that opens more."""
    store, sku = _listing(request)
    month = request.month() or _this_month()
    context = {
        "store": store,
        "listing": bookable(store, sku),
        "month": month,
        "page": list_by_api(request),
        "days": DAYS,
        "today": local_date(utc_now(), settings().time_zone).isoformat(),
    }
    return Page("manage/slots.html", context)


def open_by_form(request: Request) -> Redirect:
    """Open slots from the page."""
    store, sku = _listing(request)
    form: TimesForm = request.content
    days = tuple(day for day in DAYS if getattr(form, day)) or DAYS
    times = tuple(filter(None, re.split(r"[,\s]+", form.times)))
    wish = Times(form.first, form.last, times, form.capacity, days)
    open_slots(store, sku, wish, actor=request.caller.subject, now=utc_now())
    return Redirect(f"/manage/{store}/listings/{sku}/slots?month={form.first[:7]}")


def show_page(request: Request) -> Page:
    """One slot with its forms and its journal."""
    store, sku = _listing(request)
    context = {"store": store, "listing": bookable(store, sku), "slot": show_by_api(request)}
    return Page("manage/slots_one.html", context | {"journal": read_journal(request)})


def size_by_form(request: Request) -> Redirect:
    """Change for how many it is, from the page."""
    return _back(request, size_by_api(request))


def close_by_form(request: Request) -> Redirect:
    """Close it from the page."""
    return _back(request, close_by_api(request))


def _back(request: Request, slot: Slot) -> Redirect:
    store, sku = _listing(request)
    return Redirect(f"/manage/{store}/listings/{sku}/slots/{slot.slot}")
