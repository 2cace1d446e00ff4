"""Any account of the ledger: what it held at a moment, and its postings of a month, as JSON and as a page."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from mart_union.kernel.clock import from_iso, iso, utc_now
from mart_union.kernel.errors import Invalid
from mart_union.kernel.settings import settings
from mart_union.ledger.model import has_floor
from mart_union.ledger.postings import balance_at
from mart_union.ledger.service import Entry, get_balance, list_postings
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate.days import month_of


class AccountAt(Struct, frozen=True):
    """An account of the ledger: its balance `at` a moment, and a page of its postings of a `month`, newest first.

    `available_minor` is what may be debited now, for an account with a floor; null for the others, which have none. The balance and the
    postings are a view that lags by a moment.
    """

    account: str
    currency: str
    at: str
    balance_minor: int
    available_minor: int | None
    month: str
    postings: tuple[Entry, ...]
    next: str


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/accounts", OPERATOR, answer=AccountAt)(read_account)
    api.get("/operate/accounts", OPERATOR)(show_account)


def read_account(request: Request) -> AccountAt:
    """An `account` (such as union/commission), `at` a moment (ISO; now when none is named), with its postings of a `month` (yyyy-mm)."""
    account, moment = request.query.get("account", ""), _moment(request.query.get("at", ""))
    month = month_of(request)
    balance = balance_at(account, moment)
    page = list_postings(account, month, request.query.get("cursor", ""))
    available = get_balance(account).available_minor if has_floor(account) else None
    return AccountAt(account, settings().currency.code, iso(moment), balance, available, month, page.items, page.next)


def show_account(request: Request) -> Page:
    """The account that the form asks for."""
    account, month = request.query.get("account", ""), month_of(request)
    found = read_account(request) if account else None
    return Page("operate/accounts.html", {"account": account, "month": month, "found": found})


def _moment(text: str) -> datetime:
    try:
        moment = from_iso(text) if text else utc_now()
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = "write a moment with its time zone, such as 2026-12-01T10:00:00Z"
        raise Invalid(message, errors=[{"field": "at", "reason": message}])
    return moment
