"""Settlements of a day, a party's statement, and the last reconciliation of the books."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.clock import iso, local_date, utc_now
from mart_union.kernel.paging import Page
from mart_union.kernel.settings import settings
from mart_union.ledger.model import Statement, StatementLine
from mart_union.settlement.service import (
    Report,
    ask_reconciliation,
    checked_day,
    get_statement,
    last_report,
    list_settlements,
)
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate.days import day_of


class StatementWithLines(Struct, frozen=True):
    """A statement and everything that is on it."""

    statement: Statement
    lines: tuple[StatementLine, ...]


class Asked(Struct, frozen=True):
    """When something was asked for that will be done in a moment."""

    asked_at: str


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/settlements", OPERATOR, answer=Page[Statement])(read_settlements)
    api.get("/api/operate/settlements/{kind}/{party}/{period}", OPERATOR, answer=StatementWithLines)(read_statement)
    api.get("/api/operate/reconciliation", OPERATOR, answer=Report)(read_reconciliation)
    api.post("/api/operate/reconciliations", OPERATOR, answer=Asked, status=202)(start_reconciliation)


def read_settlements(request: Request) -> Page[Statement]:
    """The statements of a `day` (yyyy-mm-dd; today when none is named) with their payouts, by party."""
    return list_settlements(day_of(request), request.query.get("cursor", ""))


def read_statement(request: Request) -> StatementWithLines:
    """One party's statement for a period, with its lines."""
    params = request.params
    statement, lines = get_statement(f"{params['kind']}/{params['party']}", params["period"])
    return StatementWithLines(statement, tuple(lines))


def start_reconciliation(request: Request) -> Asked:
    """Have the books reconciled now, of a `day` (yyyy-mm-dd), or of the last that is over; the report is there when its moment is later than
    the one answered."""
    now = utc_now()
    day = request.query.get("day", "")
    if day:
        checked_day(day, local_date(now, settings().time_zone))
    ask_reconciliation(day)
    return Asked(iso(now))


def read_reconciliation(request: Request) -> Report:
    """What the last reconciliation of the books found, or that of a `day` (yyyy-mm-dd); no differences means that they agree."""
    return last_report(request.day())
