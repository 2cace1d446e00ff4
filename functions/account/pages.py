"""A customer's own pages: the account with its money, the profile, recipients, and what was browsed."""

from __future__ import annotations

from msgspec import Struct

from account.destinations import show_destination
from account.me import account_of, profile_of
from mart_union.customers.model import OPTIONAL_MAILS, RecipientFields
from mart_union.customers.service import (
    add_recipient,
    erase_views,
    list_memberships,
    list_recipients,
    list_views,
    save_profile,
    unlist_recipient,
)
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Page, Redirect, SetCookie
from mart_union.web.api import Api
from mart_union.web.paths import local_path
from mart_union.web.request import Request

_YEAR = 365 * 86_400


class ProfileForm(Struct, frozen=True):
    """The form of the profile, with a box for each kind of mail that is not wanted."""

    language: str
    name: str = ""
    no_progress: str = ""
    no_answers: str = ""
    no_stock: str = ""
    no_statements: str = ""

    @property
    def unwanted(self) -> list[str]:
        """The kinds whose box is checked."""
        return [each for each in OPTIONAL_MAILS if getattr(self, f"no_{each}")]


class RecipientForm(Struct, frozen=True):
    """The form of a recipient; `next` is where to go on, which may be a checkout that waits for one."""

    name: str = ""
    address: str = ""
    address_more: str = ""
    city: str = ""
    postcode: str = ""
    phone: str = ""
    next: str = ""


def add_routes(api: Api) -> None:
    """Declare the pages."""
    api.get("/account", CUSTOMER)(show_account)
    api.post("/account/profile", CUSTOMER, body=ProfileForm)(change_profile)
    api.get("/account/recipients", CUSTOMER)(show_recipients)
    api.post("/account/recipients", CUSTOMER, body=RecipientForm, key=True)(make_recipient)
    api.post("/account/recipients/{recipient}/remove", CUSTOMER)(remove_recipient)
    api.get("/account/views", CUSTOMER)(show_views)
    api.post("/account/views/erase", CUSTOMER)(remove_views)


def show_account(request: Request) -> Page:
    """Profile, money, and links to the rest."""
    context = {
        "profile": profile_of(request),
        "account": account_of(request),
        "destination": show_destination(request),
        "memberships": list_memberships(request.caller.subject),
    }
    return Page("account/account.html", context)


def change_profile(request: Request) -> Redirect:
    """Change name, language and which mails are not wanted; the pages speak that language from then on."""
    form: ProfileForm = request.content
    email = profile_of(request).email
    save_profile(request.caller.subject, name=form.name, email=email, language=form.language, unwanted=form.unwanted)
    return Redirect("/account", (SetCookie("mu_language", form.language, _YEAR),))


def show_recipients(request: Request) -> Page:
    """Whom goods can be sent to; who came from a checkout goes back to it with the new one."""
    recipients = list_recipients(request.caller.subject)
    return Page("account/recipients.html", {"recipients": recipients, "next": _goes_on(request.query.get("next", ""))})


def make_recipient(request: Request) -> Redirect:
    """Keep a recipient."""
    form: RecipientForm = request.content
    lines = (form.address, form.address_more)
    fields = RecipientFields(form.name, lines, form.city, form.postcode, form.phone)
    add_recipient(request.caller.subject, fields, request.idempotency_key)
    return Redirect(_goes_on(form.next))


def _goes_on(wanted: str) -> str:
    return local_path(wanted, "/account/recipients")


def remove_recipient(request: Request) -> Redirect:
    """Take a recipient off the list."""
    unlist_recipient(request.caller.subject, request.params["recipient"])
    return Redirect("/account/recipients")


def show_views(request: Request) -> Page:
    """The sequence in which the customer browsed, newest first."""
    return Page("account/views.html", {"views": list_views(request.caller.subject)[::-1]})


def remove_views(request: Request) -> Redirect:
    """Erase the sequence."""
    erase_views(request.caller.subject)
    return Redirect("/account/views")
