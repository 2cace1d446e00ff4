"""The statements by which a store is paid."""

from __future__ import annotations

from msgspec import Struct

from mart_union.customers.model import DestinationFields, DestinationView, view_of
from mart_union.customers.service import find_destination
from mart_union.kernel.clock import utc_now
from mart_union.ledger.model import Statement, StatementLine
from mart_union.settlement.service import get_statement, page_of_statements, set_account, statement_as_csv
from mart_union.web.access import MANAGER, OWNER
from mart_union.web.answer import Page, Raw, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class Statements(Struct, frozen=True):
    """A page of the store's statements, newest first, and the cursor of the next one ('' at the end)."""

    statements: tuple[Statement, ...]
    next: str = ""


class StatementWithLines(Struct, frozen=True):
    """A statement and the payables that it pays."""

    statement: Statement
    lines: tuple[StatementLine, ...]


def add_routes(api: Api) -> None:
    """Declare the routes of statements."""
    statements = "/manage/{store}/statements"
    api.get(f"/api{statements}", MANAGER, answer=Statements)(list_by_api)
    api.get(f"/api{statements}/{{period}}", MANAGER, answer=StatementWithLines)(show_by_api)
    api.get(statements, MANAGER)(list_page)
    api.get(f"{statements}/{{period}}", MANAGER)(show_page)
    api.get(f"{statements}/{{period}}/sheet", MANAGER)(sheet)
    api.get("/api/manage/{store}/destination", MANAGER, answer=DestinationView)(show_destination)
    api.put("/api/manage/{store}/destination", OWNER, body=DestinationFields, answer=DestinationView)(write_destination)
    api.post("/manage/{store}/destination", OWNER, body=DestinationFields)(write_destination_by_form)


def list_by_api(request: Request) -> Statements:
    """A page of the store's statements, newest first."""
    page = page_of_statements(_party(request), request.query.get("cursor", ""))
    return Statements(page.items, page.next)


def show_by_api(request: Request) -> StatementWithLines:
    """A statement with its lines."""
    statement, lines = get_statement(_party(request), request.params["period"])
    return StatementWithLines(statement, tuple(lines))


def list_page(request: Request) -> Page:
    """The store's statements."""
    found = list_by_api(request)
    context = {
        "store": request.params["store"],
        "statements": found.statements,
        "next": found.next,
        "destination": show_destination(request),
    }
    return Page("manage/statements.html", context)


def show_page(request: Request) -> Page:
    """A statement with its lines."""
    return Page("manage/statements_statement.html", {"store": request.params["store"], "found": show_by_api(request)})


def sheet(request: Request) -> Raw:
    """A statement as a sheet (CSV)."""
    store, period = request.params["store"], request.params["period"]
    text = statement_as_csv(_party(request), period, request.language)
    name = f'attachment; filename="{store}-{period}.csv"'
    return Raw(text, "text/csv; charset=utf-8", {"Content-Disposition": name})


def show_destination(request: Request) -> DestinationView:
    """Where the store is paid, masked."""
    return view_of(_party(request), find_destination(_party(request)))


def write_destination(request: Request) -> DestinationView:
    """Set where the store is paid; the operator verifies it before anything is."""
    made = set_account(_party(request), request.content, request.caller.subject, utc_now())
    return view_of(made.party, made)


def write_destination_by_form(request: Request) -> Redirect:
    """Set it by the page's form."""
    write_destination(request)
    return Redirect(f"/manage/{request.params['store']}/statements")


def _party(request: Request) -> str:
    return f"store/{request.params['store']}"
