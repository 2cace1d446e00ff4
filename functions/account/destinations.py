"""Where a customer's withdrawals go: their own bank account, verified by the union."""

from __future__ import annotations

from mart_union.customers.model import DestinationFields, DestinationView, view_of
from mart_union.customers.service import find_destination, set_destination
from mart_union.kernel.clock import utc_now
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/me/destination", CUSTOMER, answer=DestinationView)(show_destination)
    api.put("/api/me/destination", CUSTOMER, body=DestinationFields, answer=DestinationView)(write_destination)
    api.post("/account/destination", CUSTOMER, body=DestinationFields)(write_destination_by_form)


def show_destination(request: Request) -> DestinationView:
    """Where the caller's withdrawals go, masked."""
    party = f"customer/{request.caller.subject}"
    return view_of(party, find_destination(party))


def write_destination(request: Request) -> DestinationView:
    """Set where the caller's withdrawals go; the operator verifies it before anything is sent there."""
    party = f"customer/{request.caller.subject}"
    return view_of(party, set_destination(party, request.content, request.caller.subject, utc_now()))


def write_destination_by_form(request: Request) -> Redirect:
    """Set it by the page's form."""
    write_destination(request)
    return Redirect("/account")
