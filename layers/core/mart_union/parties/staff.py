"""Who works for a store or supplier: its owner invites people and lets them go. The same for both sides."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from mart_union.customers.model import MEMBER_ROLES, Invitation, Membership
from mart_union.customers.service import get_profile, invite, list_staff, revoke_membership
from mart_union.parties.places import place_of
from mart_union.web.access import Access
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class InvitationTerms(Struct, frozen=True):
    """The role to be taken up: owner, manager or packer of a store, owner or member of a supplier."""

    role: str


class Staff(Struct, frozen=True):
    """Who works for a store or supplier; names are for its own pages only."""

    staff: tuple[Membership, ...]


class StaffRoutes:
    """The routes and pages of one side: `kind` is store or supplier, `names_of` says what one of an id is called."""

    def __init__(self, kind: str, names_of: Callable[[str], dict[str, str]]) -> None:
        self.kind, self.names_of = kind, names_of

    def add(self, api: Api, place: str, owner: Access, reader: Access) -> None:
        """Declare the routes of a party's place, such as /manage/{store}."""
        staff = f"{place}/staff"
        api.get(f"/api{staff}", reader, answer=Staff)(self.list_all)
        api.post(f"/api{staff}/invitations", owner, body=InvitationTerms, answer=Invitation, status=201)(self.invite)
        api.delete(f"/api{staff}/{{subject}}", owner, answer=Staff)(self.remove)
        api.get(staff, reader)(self.show_all)
        api.post(staff, owner, body=InvitationTerms)(self.invite_by_form)
        api.post(f"{staff}/{{subject}}/remove", owner)(self.remove_by_form)

    def list_all(self, request: Request) -> Staff:
        """Who works there, in which role, since when."""
        return Staff(tuple(list_staff(self.kind, self._party(request))))

    def invite(self, request: Request) -> Invitation:
        """Offer a role to whoever takes up the code within a week."""
        party = self._party(request)
        return invite(self.kind, party, request.content.role, request.caller.subject, names=dict(self.names_of(party)))

    def remove(self, request: Request) -> Staff:
        """Let someone go. The last owner stays."""
        revoke_membership(request.params["subject"], self.kind, self._party(request))
        return self.list_all(request)

    def show_all(self, request: Request) -> Page:
        """The staff by name, and for the owner the form of an invitation."""
        return self._page(request)

    def invite_by_form(self, request: Request) -> Page:
        """The invitation's address, to be handed on; it is shown once."""
        return self._page(request, self.invite(request))

    def remove_by_form(self, request: Request) -> Redirect:
        """Let someone go."""
        self.remove(request)
        return Redirect(f"{place_of(request, self.kind)}/staff")

    def _page(self, request: Request, invitation: Invitation | None = None) -> Page:
        people = [(each, get_profile(each.subject)) for each in self.list_all(request).staff]
        context = {
            "kind": self.kind,
            "party": self._party(request),
            "place": place_of(request, self.kind),
            "people": people,
            "roles": MEMBER_ROLES[self.kind],
            "invitation": invitation,
        }
        return Page("parties/staff.html", context)

    def _party(self, request: Request) -> str:
        return request.params[self.kind]
