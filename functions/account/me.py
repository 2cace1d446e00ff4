"""What a customer's program can read and change of its own: /api/me."""

from __future__ import annotations

from msgspec import Struct

from mart_union.customers import pool
from mart_union.customers.model import Membership, Profile, Recipient, RecipientFields, View
from mart_union.customers.service import (
    add_recipient,
    erase_views,
    get_profile,
    get_recipient,
    list_memberships,
    list_recipients,
    list_views,
    save_profile,
    unlist_recipient,
)
from mart_union.kernel.clock import utc_now
from mart_union.kernel.settings import settings
from mart_union.ledger.service import Entry, get_balance, list_postings
from mart_union.web.access import CUSTOMER
from mart_union.web.api import Api
from mart_union.web.request import Request


class Me(Struct, frozen=True):
    """What a customer may change of their profile; the address for mail is the user pool's. `unwanted_mails` are of progress, answers, stock and statements;
    without them they stay as they are."""

    name: str
    language: str
    unwanted_mails: tuple[str, ...] | None = None


class AccountPage(Struct, frozen=True):
    """A customer's account: what it holds, how to top it up, and a month's postings, newest first."""

    account: str
    currency: str
    balance_minor: int
    available_minor: int
    reference: str
    month: str
    postings: tuple[Entry, ...]
    next: str


class Views(Struct, frozen=True):
    """A customer's newest views, in the order in which they were made."""

    views: tuple[View, ...]


class Recipients(Struct, frozen=True):
    """A customer's recipients."""

    recipients: tuple[Recipient, ...]


class Memberships(Struct, frozen=True):
    """Where a customer works."""

    memberships: tuple[Membership, ...]


class Done(Struct, frozen=True):
    """Something was done that has nothing to show."""

    done: bool = True


def add_routes(api: Api) -> None:
    """Declare the routes under /api/me."""
    api.get("/api/me", CUSTOMER, answer=Profile)(show_me)
    api.put("/api/me", CUSTOMER, body=Me, answer=Profile)(change_me)
    api.get("/api/me/account", CUSTOMER, answer=AccountPage)(show_account)
    api.get("/api/me/views", CUSTOMER, answer=Views)(show_views)
    api.delete("/api/me/views", CUSTOMER, answer=Done)(remove_views)
    api.get("/api/me/recipients", CUSTOMER, answer=Recipients)(show_recipients)
    api.post("/api/me/recipients", CUSTOMER, body=RecipientFields, answer=Recipient, status=201, key=True)(
        make_recipient
    )
    api.get("/api/me/recipients/{recipient}", CUSTOMER, answer=Recipient)(show_recipient)
    api.delete("/api/me/recipients/{recipient}", CUSTOMER, answer=Done)(remove_recipient)
    api.get("/api/me/memberships", CUSTOMER, answer=Memberships)(show_memberships)


def show_me(request: Request) -> Profile:
    """The caller's profile."""
    return profile_of(request)


def change_me(request: Request) -> Profile:
    """Give the caller's profile another name and language, and say which mails they do not want."""
    wanted, before = request.content, profile_of(request)
    return save_profile(
        request.caller.subject,
        name=wanted.name,
        email=before.email,
        language=wanted.language,
        unwanted=before.unwanted_mails if wanted.unwanted_mails is None else wanted.unwanted_mails,
    )


def profile_of(request: Request) -> Profile:
    """The caller's profile; one made from what the user pool knows, for somebody who was never here."""
    found = get_profile(request.caller.subject)
    token = request.headers.get("authorization", "").removeprefix("Bearer ") or request.cookies.get("mu_token", "")
    if found is not None or not token:
        return found or Profile(request.caller.subject, "", "", request.language, "")
    person = pool.read_person(token)
    return save_profile(request.caller.subject, name=person.name, email=person.email, language=request.language)


def show_account(request: Request) -> AccountPage:
    """The caller's account and its postings of a month (`month`, else this one)."""
    return account_of(request)


def account_of(request: Request) -> AccountPage:
    """The caller's account.

    Raises:
        Invalid: the month or the cursor is none.
    """
    month = request.month() or f"{utc_now():%Y-%m}"
    name = f"customer/{request.caller.subject}"
    account, page = get_balance(name), list_postings(name, month, request.query.get("cursor", ""))
    return AccountPage(
        name,
        settings().currency.code,
        account.balance_minor,
        account.available_minor,
        name,
        month,
        page.items,
        page.next,
    )


def show_views(request: Request) -> Views:
    """The sequence in which the caller browsed."""
    return Views(tuple(list_views(request.caller.subject)))


def remove_views(request: Request) -> Done:
    """Erase every view of the caller."""
    erase_views(request.caller.subject)
    return Done()


def show_recipients(request: Request) -> Recipients:
    """The caller's recipients."""
    return Recipients(tuple(list_recipients(request.caller.subject)))


def make_recipient(request: Request) -> Recipient:
    """Keep a recipient."""
    return add_recipient(request.caller.subject, request.content, request.idempotency_key)


def show_recipient(request: Request) -> Recipient:
    """One of the caller's recipients."""
    return get_recipient(request.params["recipient"], customer=request.caller.subject)


def remove_recipient(request: Request) -> Done:
    """Take a recipient off the caller's list; orders keep it."""
    unlist_recipient(request.caller.subject, request.params["recipient"])
    return Done()


def show_memberships(request: Request) -> Memberships:
    """The stores, suppliers and enterprises that the caller works for."""
    return Memberships(tuple(list_memberships(request.caller.subject)))
