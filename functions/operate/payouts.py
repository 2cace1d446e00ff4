"""Payouts: bank files, how the union pays out, and the bank accounts that wait to be verified."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from mart_union.customers.model import Destination, DestinationFields, DestinationView, view_of
from mart_union.customers.service import find_destination, list_waiting
from mart_union.kernel.bucket import presign_download
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid, NotFound
from mart_union.kernel.money import parse_amount, plain_amount
from mart_union.kernel.paging import Page
from mart_union.kernel.settings import settings
from mart_union.ledger.model import BankFile, Payout, PayoutTerms
from mart_union.settlement.service import (
    decide_account,
    get_bank_file,
    get_terms,
    list_bank_files,
    set_account,
    set_terms,
)
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page as Shown
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate.days import month_of


class BankFiles(Struct, frozen=True):
    """A month's bank files, newest first."""

    month: str
    files: tuple[BankFile, ...]


class BankFileWithPayouts(Struct, frozen=True):
    """A bank file with its payouts as they are now."""

    file: BankFile
    payouts: tuple[Payout, ...]


class Verification(Struct, frozen=True):
    """What the operator decides on a bank account, named by its id: the one that was looked at."""

    destination: str
    decision: Literal["verify", "refuse"]


class TermsForm(Struct, frozen=True):
    """The form of how the union pays out; the minimum in the currency's major units."""

    minimum: str = ""
    holder: str = ""
    account: str = ""
    bank: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/payouts", OPERATOR, answer=BankFiles)(read_files)
    api.get("/api/operate/payouts/{file}", OPERATOR, answer=BankFileWithPayouts)(read_file)
    api.get("/api/operate/payout-terms", OPERATOR, answer=PayoutTerms)(read_terms)
    api.put("/api/operate/payout-terms", OPERATOR, body=PayoutTerms, answer=PayoutTerms)(write_terms)
    api.get("/api/operate/destinations", OPERATOR, answer=Page[Destination])(read_waiting)
    one = "/api/operate/destinations/{kind}/{party}"
    api.get(one, OPERATOR, answer=DestinationView)(read_destination)
    api.put(one, OPERATOR, body=DestinationFields, answer=DestinationView)(write_destination)
    api.post(one, OPERATOR, body=Verification, answer=DestinationView)(decide)
    api.get("/operate/payouts", OPERATOR)(show_payouts)
    api.get("/operate/payouts/{file}", OPERATOR)(show_file)
    api.get("/operate/payouts/{file}/download", OPERATOR)(download)
    api.post("/operate/payouts", OPERATOR, body=TermsForm)(write_terms_by_form)
    api.post("/operate/destinations/{kind}/{party}", OPERATOR, body=Verification)(decide_by_form)


def read_files(request: Request) -> BankFiles:
    """The bank files of a `month` (yyyy-mm; this one when none is named)."""
    month = month_of(request)
    return BankFiles(month, tuple(list_bank_files(month)))


def read_file(request: Request) -> BankFileWithPayouts:
    """A bank file with its payouts: whom, how much, sent or returned; never an account."""
    file, payouts = get_bank_file(request.params["file"])
    return BankFileWithPayouts(file, tuple(payouts))


def read_terms(request: Request) -> PayoutTerms:
    """How the union pays out."""
    return get_terms()


def write_terms(request: Request) -> PayoutTerms:
    """Say how the union pays out from now on."""
    return set_terms(request.content, request.caller.subject, utc_now())


def read_waiting(request: Request) -> Page[Destination]:
    """The bank accounts that wait to be verified, whole: the operator compares them with what the party has shown."""
    return list_waiting(request.query.get("cursor", ""))


def read_destination(request: Request) -> DestinationView:
    """Where a party is paid, masked."""
    party = _party(request)
    return view_of(party, find_destination(party))


def write_destination(request: Request) -> DestinationView:
    """Set where a carrier is paid, for it has no staff here."""
    party = _party(request)
    if not party.startswith("carrier/"):
        raise Invalid("a store, supplier or customer sets its own bank account")
    return view_of(party, set_account(party, request.content, request.caller.subject, utc_now()))


def decide(request: Request) -> DestinationView:
    """Verify a bank account, or refuse it. The same decision again changes nothing."""
    party, wanted = _party(request), request.content
    accept = wanted.decision == "verify"
    return view_of(party, decide_account(party, wanted.destination, accept, request.caller.subject, utc_now()))


def show_payouts(request: Request) -> Shown:
    """Bank files, what waits to be verified, and how the union pays out."""
    context = {
        "found": read_files(request),
        "waiting": read_waiting(request),
        "terms": get_terms(),
        "minimum": plain_amount(get_terms().minimum_minor, settings().currency),
        "currency": settings().currency,
    }
    return Shown("operate/payouts.html", context)


def show_file(request: Request) -> Shown:
    """A bank file with its payouts."""
    return Shown("operate/payouts_one.html", {"found": read_file(request)})


def download(request: Request) -> Redirect:
    """The file itself, for the bank: an address for some minutes."""
    file, _ = get_bank_file(request.params["file"])
    if not file.key or file.state != "sent":
        raise NotFound(f"bank file {file.id} is not written yet")
    return Redirect(presign_download(file.key, file.key.rpartition("/")[2]))


def write_terms_by_form(request: Request) -> Redirect:
    """Say how the union pays out, by the page's form."""
    form: TermsForm = request.content
    given = form.minimum.strip()
    minimum = parse_amount(given, settings().currency) if given.strip("0.") else 0
    terms = PayoutTerms(minimum, form.holder, form.account, form.bank)
    set_terms(terms, request.caller.subject, utc_now())
    return Redirect("/operate/payouts")


def decide_by_form(request: Request) -> Redirect:
    """Decide, and go on with the next."""
    decide(request)
    return Redirect("/operate/payouts")


def _party(request: Request) -> str:
    return f"{request.params['kind']}/{request.params['party']}"
