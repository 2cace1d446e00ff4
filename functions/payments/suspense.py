"""Money that came under a reference that means nothing here: the operator lists it, assigns it, or has it sent back."""

from __future__ import annotations

from msgspec import Struct

from mart_union.customers.model import DestinationFields
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page
from mart_union.ledger.model import Suspended
from mart_union.ledger.suspense import list_suspended
from mart_union.settlement.service import Assignment, decide_suspended, undo_assignment
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page as Shown
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class SuspenseDecision(Struct, frozen=True):
    """What becomes of the money of a notice: it goes where a `reference` says (`customer/<id>`, `deposit/<store>` or `purchase/<id>`), or
    back to its `sender`'s account, as the bank's statement names it; or, assigned by mistake, it is taken back for the reason in `undo`."""

    id: str
    reference: str = ""
    sender: DestinationFields | None = None
    undo: str = ""


class SuspenseForm(Struct, frozen=True):
    """The same as a form: a reference, or the sender's account field by field, or why an assignment is undone."""

    id: str
    reference: str = ""
    holder: str = ""
    account: str = ""
    bank: str = ""
    undo: str = ""

    @property
    def sender(self) -> DestinationFields | None:
        """The sender's account, if the form names one."""
        return DestinationFields(self.holder, self.account, self.bank) if self.holder or self.account else None


def add_routes(api: Api) -> None:
    """Declare the routes and the page."""
    api.get("/api/operate/suspense", OPERATOR, answer=Page[Suspended])(read_suspense)
    api.post("/api/operate/suspense", OPERATOR, body=SuspenseDecision, answer=Suspended)(decide)
    api.get("/operate/suspense", OPERATOR)(show_page)
    api.post("/operate/suspense", OPERATOR, body=SuspenseForm)(decide_by_form)


def read_suspense(request: Request) -> Page[Suspended]:
    """The money that waits, what came first at the front."""
    return list_suspended(request.query.get("cursor", ""))


def decide(request: Request) -> Suspended:
    """Say whose the money is, send it back, or undo an assignment. The same decision again changes nothing."""
    wish: SuspenseDecision | SuspenseForm = request.content
    if wish.undo:
        return undo_assignment(wish.id, wish.undo, utc_now())
    return decide_suspended(wish.id, Assignment(wish.reference, wish.sender), request.caller.subject, utc_now())


def show_page(request: Request) -> Shown:
    """The money that waits, each with what can become of it, and the form that undoes an assignment."""
    return Shown("operate/suspense.html", {"page": read_suspense(request)})


def decide_by_form(request: Request) -> Redirect:
    """Decide from the page."""
    decide(request)
    return Redirect("/operate/suspense")
