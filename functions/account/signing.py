"""Signing in, up and out: pages that talk to the network's user pool and keep its tokens in cookies."""

from __future__ import annotations

from msgspec import Struct

from mart_union.customers import pool
from mart_union.customers.model import SESSION_DAYS
from mart_union.customers.service import join_session, keep_person
from mart_union.kernel.errors import Busy, Invalid, MartUnionError, RuleViolation, Unauthenticated
from mart_union.web.access import PUBLIC
from mart_union.web.answer import Page, Redirect, SetCookie
from mart_union.web.api import Api
from mart_union.web.problems import STATUS
from mart_union.web.request import Request

_DAY = 86_400


class SignIn(Struct, frozen=True):
    """The form of the sign-in page."""

    email: str
    password: str
    next: str = "/account"


class SignUp(Struct, frozen=True):
    """The form of the sign-up page."""

    name: str
    email: str
    password: str
    next: str = "/account"


class Confirmation(Struct, frozen=True):
    """The form of the confirmation page; without a code it asks for a new one."""

    email: str
    code: str = ""
    next: str = "/account"


def add_routes(api: Api) -> None:
    """Declare the routes of signing in, up and out."""
    api.get("/account/sign-in", PUBLIC)(show_sign_in)
    api.post("/account/sign-in", PUBLIC, body=SignIn)(sign_in)
    api.get("/account/sign-up", PUBLIC)(show_sign_up)
    api.post("/account/sign-up", PUBLIC, body=SignUp)(sign_up)
    api.get("/account/confirm", PUBLIC)(show_confirmation)
    api.post("/account/confirm", PUBLIC, body=Confirmation)(confirm)
    api.post("/account/sign-out", PUBLIC)(sign_out)


def safe_next(wanted: str) -> str:
    """Where to go after signing in: a path of this union's pages, and nowhere else (no open redirect)."""
    is_path = wanted.startswith("/") and not wanted.startswith("//") and wanted.isprintable()
    return wanted if is_path and not set(wanted) & set("\\ ") else "/account"


def show_sign_in(request: Request) -> Page | Redirect:
    """The form; or straight on, when the browser still has a refresh token and its access token has run out.

    An access token that is there although it did not suffice was refused: a new one would be refused, too.
    """
    token, goes_on = request.cookies.get("mu_refresh", ""), safe_next(request.query.get("next", ""))
    if token and "mu_token" not in request.cookies:
        try:
            return Redirect(goes_on, _token_cookies(pool.refresh(token)))
        except Unauthenticated:
            return _sign_in_page(goes_on, cookies=(_gone("mu_refresh", "/account"),))
    return _sign_in_page(goes_on)


def sign_in(request: Request) -> Page | Redirect:
    """Tokens into cookies, the browser's session and cart to the account, and on."""
    form: SignIn = request.content
    goes_on = safe_next(form.next)
    try:
        tokens = pool.sign_in(form.email.strip(), form.password)
    except pool.NotConfirmed:
        return _confirmation_page(form.email, goes_on)
    except (Unauthenticated, RuleViolation, Invalid, Busy) as refusal:
        return _sign_in_page(goes_on, email=form.email, refusal=refusal)
    return Redirect(goes_on, _welcome(tokens, request))


def _welcome(tokens: pool.Tokens, request: Request) -> tuple[SetCookie, ...]:
    """Keep who it is, join the browser's session to the account, and give the browser its cookies."""
    person = pool.read_person(tokens.access)
    profile = keep_person(person, request.language)
    session = join_session(request.session, person.subject)
    cookies = (
        *_token_cookies(tokens),
        SetCookie("mu_session", session.id, SESSION_DAYS * _DAY),
        SetCookie("mu_language", profile.language, 365 * _DAY),
    )
    return cookies if session.id == request.session else (*cookies, _gone("mu_consent"))  # a new session: ask anew


def show_sign_up(request: Request) -> Page:
    """The form for a new account."""
    return _sign_up_page(safe_next(request.query.get("next", "")))


def sign_up(request: Request) -> Page:
    """Ask the pool for an account; the answer is the same whether the address was new or not."""
    form: SignUp = request.content
    try:
        pool.sign_up(form.email.strip(), form.password, form.name.strip())
    except (Invalid, Busy) as refusal:
        return _sign_up_page(safe_next(form.next), form.email, form.name, refusal)
    return _confirmation_page(form.email, safe_next(form.next))


def show_confirmation(request: Request) -> Page:
    """The form for the code that was mailed."""
    return _confirmation_page("", safe_next(request.query.get("next", "")))


def confirm(request: Request) -> Page | Redirect:
    """Confirm an address by its code, or have a new code mailed."""
    form: Confirmation = request.content
    try:
        if not form.code.strip():
            pool.send_code_again(form.email.strip())
            return _confirmation_page(form.email, safe_next(form.next), sent=True)
        pool.confirm(form.email.strip(), form.code.strip())
    except (Invalid, RuleViolation, Busy) as refusal:
        return _confirmation_page(form.email, safe_next(form.next), refusal=refusal)
    return _sign_in_page(safe_next(form.next), email=form.email, confirmed=True)


def sign_out(request: Request) -> Redirect:
    """Revoke the refresh token and forget the account in this browser, its cart with it."""
    token = request.cookies.get("mu_refresh", "")
    if token:
        pool.sign_out(token)
    return Redirect("/", (_gone("mu_token"), _gone("mu_refresh", "/account"), _gone("mu_session"), _gone("mu_consent")))


def _token_cookies(tokens: pool.Tokens) -> tuple[SetCookie, ...]:
    cookies = (SetCookie("mu_token", tokens.access, tokens.seconds),)
    if not tokens.refresh:
        return cookies
    return (*cookies, SetCookie("mu_refresh", tokens.refresh, pool.REFRESH_DAYS * _DAY, path="/account"))


def _gone(name: str, path: str = "/") -> SetCookie:
    return SetCookie(name, "", 0, path=path)


def _status(refusal: MartUnionError | None) -> int:
    return STATUS[refusal.code] if refusal else 200


def _sign_in_page(
    goes_on: str,
    *,
    email: str = "",
    refusal: MartUnionError | None = None,
    confirmed: bool = False,
    cookies: tuple[SetCookie, ...] = (),
) -> Page:
    context = {"next": goes_on, "email": email, "refusal": refusal, "confirmed": confirmed}
    return Page("account/sign_in.html", context, _status(refusal), cookies)


def _sign_up_page(goes_on: str, email: str = "", name: str = "", refusal: MartUnionError | None = None) -> Page:
    context = {"next": goes_on, "email": email, "name": name, "refusal": refusal}
    return Page("account/sign_up.html", context, _status(refusal))


def _confirmation_page(email: str, goes_on: str, *, sent: bool = False, refusal: MartUnionError | None = None) -> Page:
    context = {"next": goes_on, "email": email, "sent": sent, "refusal": refusal}
    return Page("account/confirm.html", context, _status(refusal))
