"""The procedures that a store's orders can follow: shipped ones and its own, and which holds for what is ordered next."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from mart_union.catalog.model import Store
from mart_union.catalog.procedures import Deadline, Procedure, Reminder, ReturnRules, Step
from mart_union.catalog.service import get_store, list_categories
from mart_union.kernel.clock import checked_month, utc_now
from mart_union.kernel.errors import ProcedureRefused
from mart_union.orders.own import (
    KINDS,
    Description,
    Trial,
    assign_procedure,
    choose_procedure,
    described,
    names_of,
    save_procedure,
    try_procedure,
)
from mart_union.orders.pictures import chart_of, mermaid_of
from mart_union.orders.procedures import find_procedure
from mart_union.orders.shipped import PROCEDURES
from mart_union.web.access import MANAGER, OWNER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request, decode


class SeenProcedure(Struct, frozen=True):
    """A procedure as data, and as a Mermaid state diagram; `own` is of the store's own making."""

    name: str
    version: int
    title: str
    own: bool
    payment: str
    returns: ReturnRules | None
    steps: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    reminders: tuple[Reminder, ...]
    picture: str


class StoreProcedures(Struct, frozen=True):
    """The procedure of the store's next orders, those assigned to some categories and listings, and all that it may choose from."""

    current: str
    assigned: dict[str, str]
    procedures: tuple[SeenProcedure, ...]


class ProcedureChoice(Struct, frozen=True):
    """The procedure for the store's next orders; orders placed before keep theirs."""

    procedure: str


class Assignment(Struct, frozen=True):
    """The procedure for a `category` or a `listing` (`kind`), by its id or SKU (`subject`); '' for the store's own choice again."""

    kind: str
    subject: str
    procedure: str = ""


class TrialWish(Struct, frozen=True):
    """What to try: a description, else the procedure as it is."""

    description: Description | None = None


class ProcedureForm(Struct, frozen=True):
    """A description as JSON; `month` is that of the orders to try it on."""

    description: str
    name: str = ""
    month: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    all_of, one = "/manage/{store}/procedures", "/manage/{store}/procedures/{procedure}"
    api.get(f"/api{all_of}", PACKER, answer=StoreProcedures)(read_procedures)
    api.put(f"/api{all_of}", MANAGER, body=ProcedureChoice, answer=StoreProcedures)(choose)
    api.put(f"/api{one}", OWNER, body=Description, answer=SeenProcedure)(describe)
    api.post(f"/api{one}/trials", MANAGER, body=TrialWish, answer=Trial)(try_by_api)
    api.put("/api/manage/{store}/assignments", MANAGER, body=Assignment, answer=StoreProcedures)(assign)
    api.get(all_of, PACKER)(procedures_page)
    api.post(all_of, MANAGER, body=ProcedureChoice)(choose_here)
    api.get(one, MANAGER)(procedure_page)
    api.post(one, OWNER, body=ProcedureForm)(describe_here)
    api.post(f"{one}/trials", MANAGER, body=ProcedureForm)(try_here)
    api.post("/manage/{store}/assignments", MANAGER, body=Assignment)(assign_here)


def read_procedures(request: Request) -> StoreProcedures:
    """The procedures there are, and what the store has chosen."""
    return _procedures(get_store(request.params["store"]))


def choose(request: Request) -> StoreProcedures:
    """Assign a procedure to the store's next orders."""
    wanted: ProcedureChoice = request.content
    return _procedures(choose_procedure(request.params["store"], wanted.procedure, actor=request.caller.subject))


def describe(request: Request) -> SeenProcedure:
    """Describe a procedure of the store's own, or its next version; it is checked before anything is kept."""
    name = request.params["procedure"]
    return _seen(save_procedure(request.params["store"], name, request.content, actor=request.caller.subject), own=True)


def try_by_api(request: Request) -> Trial:
    """What would have become of the closed orders that were placed in a `month` (2026-11; this one, unless named), a page of them, under a procedure.
    Nothing is changed."""
    wish: TrialWish = request.content
    params = request.params
    month = request.month() or f"{utc_now():%Y-%m}"
    cursor = request.query.get("cursor", "")
    return try_procedure(params["store"], params["procedure"], wish.description, month, cursor)


def assign(request: Request) -> StoreProcedures:
    """Assign a procedure to a category or a listing, for the next orders."""
    wanted: Assignment = request.content
    store, actor = request.params["store"], request.caller.subject
    return _procedures(assign_procedure(store, wanted.kind, wanted.subject, wanted.procedure, actor=actor))


def procedures_page(request: Request) -> Page:
    """Each procedure as a table and as a picture, with a button to choose it, and what is assigned to single things."""
    store, choice = request.params["store"], read_procedures(request)
    context = {
        "store": store,
        "choice": choice,
        "charts": {each.name: chart_of(each.steps, each.deadlines) for each in choice.procedures},
        "kinds": KINDS,
        "categories": list_categories(store),
    }
    return Page("manage/orders_procedures.html", context)


def choose_here(request: Request) -> Redirect:
    """Assign the procedure and show them again."""
    choose(request)
    return Redirect(f"/manage/{request.params['store']}/procedures")


def procedure_page(request: Request) -> Page:
    """A procedure as the JSON that describes it: of the store's own to change it, of a shipped one to begin another with."""
    store, name = request.params["store"], request.params["procedure"]
    text = msgspec.json.format(msgspec.json.encode(described(find_procedure(get_store(store), name))), indent=2)
    return _editor(request, text.decode())


def describe_here(request: Request) -> Page | Redirect:
    """Keep the description; one that is refused is shown again, with what is wrong with it."""
    store, form = request.params["store"], request.content
    name = form.name or request.params["procedure"]
    try:
        save_procedure(store, name, decode(Description, form.description), actor=request.caller.subject)
    except ProcedureRefused as refusal:
        return _editor(request, form.description, refusal=refusal, status=422)
    return Redirect(f"/manage/{store}/procedures")


def try_here(request: Request) -> Page:
    """Try the description on a month's orders, and show it with what became of them."""
    params, form = request.params, request.content
    wanted = decode(Description, form.description)
    month = checked_month(form.month or f"{utc_now():%Y-%m}")
    try:
        trial = try_procedure(params["store"], params["procedure"], wanted, month)
    except ProcedureRefused as refusal:
        return _editor(request, form.description, refusal=refusal, status=422)
    return _editor(request, form.description, trial=trial)


def assign_here(request: Request) -> Redirect:
    """Assign and show the procedures again."""
    assign(request)
    return Redirect(f"/manage/{request.params['store']}/procedures")


def _editor(
    request: Request,
    text: str,
    *,
    refusal: ProcedureRefused | None = None,
    trial: Trial | None = None,
    status: int = 200,
) -> Page:
    name = request.params["procedure"]
    context = {
        "store": request.params["store"],
        "name": name,
        "is_shipped": name in PROCEDURES,
        "text": text,
        "problems": refusal.facts["problems"] if refusal else (),
        "trial": trial,
        "month": trial.month if trial else f"{utc_now():%Y-%m}",
    }
    return Page("manage/orders_procedure.html", context, status)


def _procedures(store: Store) -> StoreProcedures:
    own = {each.name for each in store.procedures}
    seen = tuple(_seen(find_procedure(store, name), own=name in own) for name in names_of(store))
    return StoreProcedures(store.procedure, store.assigned, seen)


def _seen(one: Procedure, *, own: bool) -> SeenProcedure:
    return SeenProcedure(
        name=one.name,
        version=one.version,
        title=one.title,
        own=own,
        payment=one.payment,
        returns=one.returns,
        steps=one.steps,
        deadlines=one.deadlines,
        reminders=one.reminders,
        picture=mermaid_of(one),
    )
