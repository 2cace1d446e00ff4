"""Who works in a store: its owner invites people and lets them go."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.service import get_store
from mart_union.customers.model import STORE_ROLES, Invitation, Membership
from mart_union.customers.service import get_profile, invite, list_staff, revoke_membership
from mart_union.web.access import MANAGER, OWNER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class InvitationTerms(Struct, frozen=True):
    """owner, manager or packer."""

    role: str


class Staff(Struct, frozen=True):
    """A store's staff; names are for its own pages only."""

    staff: tuple[Membership, ...]


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    staff = "/manage/{store}/staff"
    api.get(f"/api{staff}", MANAGER, answer=Staff)(list_by_api)
    api.post(f"/api{staff}/invitations", OWNER, body=InvitationTerms, answer=Invitation, status=201)(invite_by_api)
    api.delete(f"/api{staff}/{{subject}}", OWNER, answer=Staff)(remove_by_api)
    api.get(staff, MANAGER)(list_page)
    api.post(staff, OWNER, body=InvitationTerms)(invite_by_form)
    api.post(f"{staff}/{{subject}}/remove", OWNER)(remove_by_form)


def list_by_api(request: Request) -> Staff:
    """Who works in the store, in which role, since when."""
    return Staff(tuple(list_staff("store", request.params["store"])))


def invite_by_api(request: Request) -> Invitation:
    """Offer a role to whoever takes up the code within a week."""
    terms: InvitationTerms = request.content
    return invite(request.params["store"], terms.role, request.caller.subject)


def remove_by_api(request: Request) -> Staff:
    """Let someone go. The last owner stays."""
    revoke_membership(request.params["subject"], "store", request.params["store"])
    return list_by_api(request)


def list_page(request: Request) -> Page:
    """The staff by name, and for the owner the form of an invitation."""
    return _page(request, None)


def _page(request: Request, invitation: Invitation | None) -> Page:
    store = get_store(request.params["store"])
    people = [(each, get_profile(each.subject)) for each in list_by_api(request).staff]
    context = {"store": store.id, "people": people, "roles": STORE_ROLES, "invitation": invitation}
    return Page("manage/staff.html", context)


def invite_by_form(request: Request) -> Page:
    """The invitation's address, to be handed on; it is shown once."""
    return _page(request, invite_by_api(request))


def remove_by_form(request: Request) -> Redirect:
    """Let someone go."""
    remove_by_api(request)
    return Redirect(f"/manage/{request.params['store']}/staff")
