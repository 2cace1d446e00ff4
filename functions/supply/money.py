"""What a supplier has earned, and the statements by which it is paid."""

from __future__ import annotations

from msgspec import Struct

from mart_union.customers.model import DestinationFields, DestinationView, view_of
from mart_union.customers.service import find_destination
from mart_union.kernel.clock import utc_now
from mart_union.ledger.model import Statement, StatementLine
from mart_union.ledger.service import Entry, list_postings
from mart_union.settlement.service import (
    get_statement,
    page_of_statements,
    set_account,
    statement_as_csv,
)
from mart_union.web.access import SUPPLIER, SUPPLIER_OWNER
from mart_union.web.answer import Page, Raw, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class Clearing(Struct, frozen=True):
    """What was posted to the supplier's clearing account in a month, newest first: earned and paid out."""

    account: str
    month: str
    postings: tuple[Entry, ...]
    next: str


class Statements(Struct, frozen=True):
    """A page of the party's statements, newest first, and the cursor of the next one ('' at the end)."""

    statements: tuple[Statement, ...]
    next: str = ""


class StatementWithLines(Struct, frozen=True):
    """A statement and the payables that it pays."""

    statement: Statement
    lines: tuple[StatementLine, ...]


def add_routes(api: Api) -> None:
    """Declare the routes of clearing and statements."""
    api.get("/api/supply/{supplier}/clearing", SUPPLIER, answer=Clearing)(read_clearing)
    api.get("/api/supply/{supplier}/statements", SUPPLIER, answer=Statements)(read_statements)
    api.get("/api/supply/{supplier}/statements/{period}", SUPPLIER, answer=StatementWithLines)(read_statement)
    api.get("/supply/{supplier}/clearing", SUPPLIER)(clearing_page)
    api.get("/supply/{supplier}/statements/{period}", SUPPLIER)(statement_page)
    api.get("/supply/{supplier}/statements/{period}/sheet", SUPPLIER)(statement_sheet)
    api.get("/api/supply/{supplier}/destination", SUPPLIER, answer=DestinationView)(show_destination)
    api.put("/api/supply/{supplier}/destination", SUPPLIER_OWNER, body=DestinationFields, answer=DestinationView)(
        write_destination
    )
    api.post("/supply/{supplier}/destination", SUPPLIER_OWNER, body=DestinationFields)(write_destination_by_form)


def read_clearing(request: Request) -> Clearing:
    """A month's postings of the supplier's clearing account."""
    account = f"supplier/{request.params['supplier']}"
    month = request.month() or f"{utc_now():%Y-%m}"
    page = list_postings(account, month, request.query.get("cursor", ""))
    return Clearing(account, month, page.items, page.next)


def read_statements(request: Request) -> Statements:
    """A page of the supplier's statements, newest first."""
    page = page_of_statements(f"supplier/{request.params['supplier']}", request.query.get("cursor", ""))
    return Statements(page.items, page.next)


def read_statement(request: Request) -> StatementWithLines:
    """A statement with its lines."""
    statement, lines = get_statement(f"supplier/{request.params['supplier']}", request.params["period"])
    return StatementWithLines(statement, tuple(lines))


def clearing_page(request: Request) -> Page:
    """What was earned in a month, and the statements."""
    older = page_of_statements(f"supplier/{request.params['supplier']}", request.query.get("older", ""))
    context = {
        "supplier": request.params["supplier"],
        "clearing": read_clearing(request),
        "statements": older.items,
        "older": older.next,
        "destination": show_destination(request),
    }
    return Page("supply/clearing.html", context)


def statement_page(request: Request) -> Page:
    """A statement with its lines."""
    return Page("supply/statement.html", {"supplier": request.params["supplier"], "found": read_statement(request)})


def statement_sheet(request: Request) -> Raw:
    """A statement as a sheet (CSV)."""
    supplier, period = request.params["supplier"], request.params["period"]
    sheet = statement_as_csv(f"supplier/{supplier}", period, request.language)
    name = f'attachment; filename="{supplier}-{period}.csv"'
    return Raw(sheet, "text/csv; charset=utf-8", {"Content-Disposition": name})


def show_destination(request: Request) -> DestinationView:
    """Where the supplier is paid, masked."""
    party = f"supplier/{request.params['supplier']}"
    return view_of(party, find_destination(party))


def write_destination(request: Request) -> DestinationView:
    """Set where the supplier is paid; the operator verifies it before anything is."""
    party = f"supplier/{request.params['supplier']}"
    return view_of(party, set_account(party, request.content, request.caller.subject, utc_now()))


def write_destination_by_form(request: Request) -> Redirect:
    """Set it by the page's form."""
    write_destination(request)
    return Redirect(f"/supply/{request.params['supplier']}/clearing")
