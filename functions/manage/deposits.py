"""A store's deposit: what it holds, how it is topped up, how it is taken back."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import parse_amount
from mart_union.kernel.settings import settings
from mart_union.ledger.model import Transfer
from mart_union.ledger.service import Entry
from mart_union.mediation.model import DepositStanding
from mart_union.mediation.service import (
    Deposit,
    get_deposit,
    get_standing,
    list_deposit_postings,
    reference_of,
    withdraw_deposit,
)
from mart_union.web.access import MANAGER, OWNER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class DepositView(Struct, frozen=True):
    """The deposit, whether it reaches what is required, the reference that tops it up by bank transfer, and a month's movements."""

    deposit: Deposit
    standing: DepositStanding
    reference: str
    month: str
    postings: tuple[Entry, ...]
    next: str


class Withdrawal(Struct, frozen=True):
    """How much to take back, in minor units."""

    amount_minor: int


class WithdrawalForm(Struct, frozen=True):
    """The form of a withdrawal, in the currency's major units."""

    amount: str = ""


class Withdrawn(Struct, frozen=True):
    """The transfer that took a part of the deposit back."""

    transfer: str
    amount_minor: int
    at: str


def add_routes(api: Api) -> None:
    """Declare the routes of the deposit."""
    deposit, withdrawals = "/manage/{store}/deposit", "/manage/{store}/deposit/withdrawals"
    api.get(f"/api{deposit}", MANAGER, answer=DepositView)(show_by_api)
    api.post(f"/api{withdrawals}", OWNER, body=Withdrawal, answer=Withdrawn, status=201, key=True)(withdraw_by_api)
    api.get(deposit, MANAGER)(show_page)
    api.post(withdrawals, OWNER, body=WithdrawalForm, key=True)(withdraw_by_form)


def show_by_api(request: Request) -> DepositView:
    """The store's deposit, with this month's movements, or those of `month` (yyyy-mm)."""
    store = request.params["store"]
    month = request.month() or f"{utc_now():%Y-%m}"
    page = list_deposit_postings(store, month, request.query.get("cursor", ""))
    return DepositView(get_deposit(store), get_standing(store), reference_of(store), month, page.items, page.next)


def withdraw_by_api(request: Request) -> Withdrawn:
    """Take a part of the deposit back; what is held stays."""
    return _withdraw(request, request.content.amount_minor)


def show_page(request: Request) -> Page:
    """The deposit and how to top it up."""
    context = {"store": request.params["store"], "view": show_by_api(request), "currency": settings().currency.code}
    return Page("manage/deposit.html", context)


def withdraw_by_form(request: Request) -> Redirect:
    """Take a part of the deposit back, by the page's form."""
    try:
        amount = parse_amount(request.content.amount, settings().currency)
    except Invalid as error:
        raise Invalid(error.detail, errors=[{"field": "amount", "reason": error.detail}]) from error
    _withdraw(request, amount)
    return Redirect(f"/manage/{request.params['store']}/deposit")


def _withdraw(request: Request, amount_minor: int) -> Withdrawn:
    transfer: Transfer = withdraw_deposit(request.params["store"], amount_minor, request.idempotency_key, utc_now())
    return Withdrawn(transfer.id, amount_minor, transfer.at)
