"""What a browser remembers for its shopper: the language, and whether views may be kept."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from mart_union.customers.model import SESSION_DAYS
from mart_union.customers.service import set_consent, start_session
from mart_union.kernel.errors import Invalid, NotFound
from mart_union.kernel.settings import settings
from mart_union.web.access import PUBLIC
from mart_union.web.answer import Redirect, SetCookie
from mart_union.web.api import Api
from mart_union.web.paths import local_path
from mart_union.web.request import Request

_DAY = 24 * 60 * 60
_YEAR = 365 * _DAY


class ConsentForm(Struct, frozen=True):
    """The answer to whether views may be kept."""

    consent: Literal["yes", "no"]
    next: str = "/"


class LanguageForm(Struct, frozen=True):
    """The language wished for."""

    language: str
    next: str = "/"


def add_routes(api: Api) -> None:
    """Declare the forms in the frame of every page."""
    api.post("/consent", PUBLIC, body=ConsentForm)(answer_consent)
    api.post("/language", PUBLIC, body=LanguageForm)(choose_language)


def answer_consent(request: Request) -> Redirect:
    """Remember the answer. A session that the browser has goes on under it; withdrawing erases what was kept."""
    form: ConsentForm = request.content
    session = _session(request.session, form.consent == "yes")
    cookies = (
        SetCookie("mu_consent", form.consent, _YEAR),
        SetCookie("mu_session", session, SESSION_DAYS * _DAY),
    )
    return Redirect(local_path(form.next), cookies)


def _session(session: str, consent: bool) -> str:
    if session:
        try:
            return set_consent(session, consent).id
        except NotFound:  # it is over: a new one begins
            pass
    return start_session(consent).id


def choose_language(request: Request) -> Redirect:
    """Remember one of the union's languages."""
    form: LanguageForm = request.content
    if form.language not in settings().languages:
        reason = f"this union speaks {', '.join(settings().languages)}"
        raise Invalid(reason, errors=[{"field": "language", "reason": reason}])
    return Redirect(local_path(form.next), (SetCookie("mu_language", form.language, _YEAR),))
