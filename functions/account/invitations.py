"""Taking up an invitation to work for a store or supplier."""

from __future__ import annotations

from mart_union.customers.model import Membership
from mart_union.customers.service import accept_invitation, get_invitation
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.post("/api/invitations/{code}", CUSTOMER, answer=Membership)(accept)
    api.get("/invitations/{code}", CUSTOMER)(show)
    api.post("/invitations/{code}", CUSTOMER)(accept_on_page)


def accept(request: Request) -> Membership:
    """Take the invitation up; the code is used by it."""
    return accept_invitation(request.params["code"], request.caller.subject)


def show(request: Request) -> Page:
    """What the invitation offers."""
    return Page("account/invitation.html", {"invitation": get_invitation(request.params["code"])})


def accept_on_page(request: Request) -> Redirect:
    """Take it up and go to where one works from now on."""
    membership = accept(request)
    return Redirect(f"/{'manage' if membership.kind == 'store' else 'supply'}/{membership.id}")
