"""The statements by which a store is paid."""

from __future__ import annotations

from msgspec import Struct

from mart_union.ledger.model import Statement, StatementLine
from mart_union.settlement.service import get_statement, list_statements, statement_as_csv
from mart_union.web.access import MANAGER
from mart_union.web.answer import Page, Raw
from mart_union.web.api import Api
from mart_union.web.request import Request


class Statements(Struct, frozen=True):
    """The store's statements, newest first."""

    statements: tuple[Statement, ...]


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


def list_by_api(request: Request) -> Statements:
    """The store's statements, newest first."""
    return Statements(tuple(list_statements(_party(request))))


def show_by_api(request: Request) -> StatementWithLines:
    """A statement with its lines."""
    statement, lines = get_statement(_party(request), request.params["period"])
    return StatementWithLines(statement, tuple(lines))


def list_page(request: Request) -> Page:
    """The store's statements."""
    context = {"store": request.params["store"], "statements": list_by_api(request).statements}
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


def _party(request: Request) -> str:
    return f"store/{request.params['store']}"
