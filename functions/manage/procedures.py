"""The procedures that a store's orders can follow, and the one that its next orders will."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.service import change_store, get_store
from mart_union.kernel.errors import Invalid
from mart_union.orders.procedures import PROCEDURES, Deadline, Procedure, Step, mermaid_of
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class SeenProcedure(Struct, frozen=True):
    """A procedure as data, and as a Mermaid state diagram."""

    name: str
    version: int
    title: str
    steps: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    picture: str


class StoreProcedures(Struct, frozen=True):
    """The procedure of the store's next orders, and all that it may choose from."""

    current: str
    procedures: tuple[SeenProcedure, ...]


class ProcedureChoice(Struct, frozen=True):
    """The procedure for the store's next orders; orders placed before keep theirs."""

    procedure: str


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    api.get("/api/manage/{store}/procedures", PACKER, answer=StoreProcedures)(read_procedures)
    api.put("/api/manage/{store}/procedures", MANAGER, body=ProcedureChoice, answer=StoreProcedures)(choose)
    api.get("/manage/{store}/procedures", PACKER)(procedures_page)
    api.post("/manage/{store}/procedures", MANAGER, body=ProcedureChoice)(choose_here)


def read_procedures(request: Request) -> StoreProcedures:
    """The procedures there are, and the store's own choice."""
    return _procedures(get_store(request.params["store"]).procedure)


def choose(request: Request) -> StoreProcedures:
    """Assign a procedure to the store's next orders."""
    name: str = request.content.procedure
    if name not in PROCEDURES:
        reason = f"choose one of {', '.join(sorted(PROCEDURES))}"
        raise Invalid(reason, errors=[{"field": "procedure", "reason": reason}])
    store = change_store(request.params["store"], {"procedure": name}, request.caller.subject)
    return _procedures(store.procedure)


def procedures_page(request: Request) -> Page:
    """Each procedure as a table and as a picture, with a button to choose it."""
    context = {"store": request.params["store"], "choice": read_procedures(request)}
    return Page("manage/orders_procedures.html", context)


def choose_here(request: Request) -> Redirect:
    """Assign the procedure and show them again."""
    choose(request)
    return Redirect(f"/manage/{request.params['store']}/procedures")


def _procedures(current: str) -> StoreProcedures:
    return StoreProcedures(current, tuple(_seen(PROCEDURES[name]) for name in sorted(PROCEDURES)))


def _seen(one: Procedure) -> SeenProcedure:
    return SeenProcedure(one.name, one.version, one.title, one.steps, one.deadlines, mermaid_of(one))
