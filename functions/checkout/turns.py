"""The line before an urgent sale that lets its buyers in one after another: getting in, and looking how far one has come."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from msgspec import Struct

from checkout.bodies import Slug
from mart_union.checkout.admission import Turn, get_in_line, look_at_turn
from mart_union.kernel.clock import from_iso, utc_now
from mart_union.kernel.errors import NotAdmitted, NotFound, OutOfStock
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Page, Redirect, SetCookie
from mart_union.web.api import Api
from mart_union.web.request import Request

_COOKIE = "mu_turn_"
_MOST_TICKETS = 10
_LONGEST_LOOK_SECONDS = 15


class NewTurn(Struct, frozen=True):
    """Which listing's sale to get in line for."""

    store: Slug
    sku: Slug


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    api.post("/api/admissions", CUSTOMER, body=NewTurn, answer=Turn, status=201)(join)
    api.get("/api/admissions/{store}/{sku}", CUSTOMER, answer=Turn)(look)
    api.get("/admissions/{store}/{sku}", CUSTOMER)(show_turn)
    api.post("/admissions/{store}/{sku}", CUSTOMER)(join_by_form)


def tickets_of(request: Request) -> list[str]:
    """The tickets that the browser has."""
    return [text for name, text in sorted(request.cookies.items()) if name.startswith(_COOKIE)][:_MOST_TICKETS]


def join(request: Request) -> Turn:
    """Get in line: the ticket says when one's turn comes. Whoever is in line already gets the same ticket."""
    wish: NewTurn = request.content
    return get_in_line(request.caller.subject, wish.store, wish.sku, now=utc_now())


def look(request: Request) -> Turn:
    """How far the `ticket` has come, worked out from itself and the clock; without one, how the sale stands."""
    store, sku = request.params["store"], request.params["sku"]
    return look_at_turn(request.caller.subject, store, sku, request.query.get("ticket", ""), now=utc_now())


def show_turn(request: Request) -> Page:
    """The place in line, told anew by itself until the turn has come."""
    turn = _turn(request, utc_now())
    refresh = min(max(turn.wait_seconds, 1), _LONGEST_LOOK_SECONDS) if turn.state == "waiting" else 0
    return Page("checkout/turn.html", {"turn": turn, "refresh": 0 if turn.sold_out else refresh})


def join_by_form(request: Request) -> Redirect:
    """Get in line from the page. Who is in line keeps the place."""
    now, store, sku = utc_now(), request.params["store"], request.params["sku"]
    here = f"/admissions/{store}/{sku}"
    try:
        turn = get_in_line(request.caller.subject, store, sku, now=now)
    except (NotFound, OutOfStock):
        return Redirect(here)  # the page says so
    return Redirect(here, cookies=(_cookie(turn, now),))


def _turn(request: Request, now: datetime) -> Turn:
    """Where the browser's own ticket is; one that is not for this sale any more is as none."""
    store, sku, subject = request.params["store"], request.params["sku"], request.caller.subject
    with suppress(NotAdmitted):
        return look_at_turn(subject, store, sku, request.cookies.get(_name(store, sku), ""), now=now)
    return look_at_turn(subject, store, sku, "", now=now)


def _name(store: str, sku: str) -> str:
    return f"{_COOKIE}{store}_{sku}"


def _cookie(turn: Turn, now: datetime) -> SetCookie:
    seconds = int((from_iso(turn.expires_at) - now).total_seconds())
    return SetCookie(_name(turn.store, turn.sku), turn.ticket, seconds)
