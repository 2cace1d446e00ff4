"""What a route's function gets to see of an HTTP request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct, field

from mart_union.kernel.clock import checked_day, checked_month
from mart_union.kernel.errors import Invalid, NotFound, TooLarge, UnsupportedMediaType
from mart_union.kernel.settings import settings
from mart_union.web.access import Caller
from mart_union.web.paths import is_name

T = TypeVar("T")

QUERY_LENGTH = 1_024
"""Bytes of the longest value in a query."""

BODY_LENGTH = 256_000
"""Characters of the longest body: what it becomes must fit into an item, 400 KB at most. Files go to the bucket instead."""

_FORM = "application/x-www-form-urlencoded"

_AT_FIELD = re.compile(r"^(?P<reason>.*?)(?: - at `\$\.?(?P<field>.*)`)?$")
_KEY = re.compile(r"[\x21-\x7e]{8,128}")
_SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)


class Request(Struct, frozen=True):
    """One HTTP request, with who sent it and where the union's pages stand (`base`)."""

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    text: str
    caller: Caller
    base: str
    language: str
    content: Any = field(default=None)

    @property
    def address(self) -> str:
        """Where the union's pages stand, as others link to them."""
        asked = f"{self.headers.get('x-forwarded-proto', 'https')}://{self.headers.get('host', '')}{self.base}"
        return settings().public_url or asked

    @property
    def asked_for(self) -> str:
        """The path with its query, to come back to after signing in; the path alone where a query had no room for both."""
        whole = f"{self.path}?{urlencode(self.query)}"
        return whole if self.query and len(whole) <= QUERY_LENGTH else self.path

    @property
    def came_from(self) -> str:
        """The union's page on which the form was filled in or the link followed, below its address; '' where the browser does not say, or it was
        another site's. Never what a browser would take for another host (`//host`)."""
        referer, address = self.headers.get("referer", ""), self.address
        page = referer.removeprefix(address) if referer.startswith(f"{address}/") else ""
        return "" if page.startswith("//") or "\\" in page else page

    @property
    def idempotency_key(self) -> str:
        """The `Idempotency-Key` header, or the form's hidden field of that name.

        Raises:
            Invalid: it is missing or not 8 to 128 visible ASCII characters.
        """
        key = self.headers.get("idempotency-key") or self.form.get("idempotency_key", "")
        if not _KEY.fullmatch(key):
            message = "send an Idempotency-Key of 8 to 128 visible ASCII characters, a new one for each new thing"
            raise Invalid(message, errors=[{"field": "Idempotency-Key", "reason": message}])
        return key

    @property
    def form(self) -> dict[str, str]:
        """The fields of a submitted HTML form; empty fields are left out."""
        if self.media_type != _FORM:
            return {}
        return dict(parse_qsl(self.text))

    @property
    def session(self) -> str:
        """The id of the browsing session, '' when there is none, or none that we could have given."""
        session = self.cookies.get("mu_session", "")
        return session if _SESSION.fullmatch(session) else ""

    @property
    def media_type(self) -> str:
        """The kind of the body in lower case, without its parameters; '' when the sender does not say."""
        return media_type_of(self.headers)

    def month(self) -> str:
        """The `month` of the query (yyyy-mm), '' when it names none.

        Raises:
            Invalid: it is not a month.
        """
        text = self.query.get("month", "")
        return checked_month(text) if text else ""

    def day(self) -> str:
        """The `day` of the query (yyyy-mm-dd), '' when it names none.

        Raises:
            Invalid: it is not a day.
        """
        text = self.query.get("day", "")
        return checked_day(text) if text else ""

    def page_number(self) -> int:
        """The `page` of the query, from 1.

        Raises:
            Invalid: it is not a number from 1 to 9999.
        """
        text = self.query.get("page", "1")
        if not re.fullmatch(r"[1-9]\d{0,3}", text):
            raise Invalid(
                "page must be a number from 1 to 9999", errors=[{"field": "page", "reason": "not a page number"}]
            )
        return int(text)


def check_bounds(request: Request) -> None:
    """Nothing, if the parts of a request are no longer than anything of ours could be.

    Raises:
        NotFound: the path names an id that is too long, or not printable: nothing has it.
        Invalid: a value in the query is too long.
        TooLarge: the body is.
    """
    if not all(is_name(value) for value in request.params.values()):
        raise NotFound("nothing has such a name")
    for name, value in request.query.items():
        if len(value.encode()) > QUERY_LENGTH:
            reason = f"at most {QUERY_LENGTH} bytes"
            raise Invalid(f"{name[:64]}: {reason}", errors=[{"field": name[:64], "reason": reason}])
    if len(request.text) > BODY_LENGTH:
        raise TooLarge(f"a body has at most {BODY_LENGTH} characters")


def media_type_of(headers: Mapping[str, str]) -> str:
    """The kind of a body in lower case, without its parameters; '' when the sender does not say."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def check_media_type(said: str, *, form: bool) -> None:
    """Nothing, if a body is a form, or JSON, as its route wants it; a sender that does not say is believed.

    Raises:
        UnsupportedMediaType: it says that it is something else.
    """
    if said and not (said == _FORM if form else said == "application/json" or said.endswith("+json")):
        raise UnsupportedMediaType(f"send a body as {_FORM if form else 'application/json'}, not as {said[:64]}")


def decode(kind: type[T], text: str) -> T:
    """A JSON body as the type that the route names.

    Raises:
        Invalid: it is not JSON, or a field is missing or of a wrong kind; `errors` names the field.
    """
    try:
        return msgspec.json.decode(text or "{}", type=kind)
    except msgspec.ValidationError as error:
        raise invalid_field(str(error)) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Invalid(f"the body is not JSON: {error}", errors=[{"field": "", "reason": str(error)}]) from error
    except RecursionError as error:
        raise Invalid("the body is nested too deeply", errors=[{"field": "", "reason": "nested too deeply"}]) from error


def convert_form(kind: type[T], form: Mapping[str, str]) -> T:
    """A form's fields as the type that the route names; texts become numbers where the type wants numbers.

    Raises:
        Invalid: a field is missing or of a wrong kind; `errors` names the field.
    """
    try:
        return msgspec.convert(form, type=kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_field(str(error)) from error


def invalid_field(message: str) -> Invalid:
    """msgspec's message as the project's error: reason and field apart."""
    match = _AT_FIELD.match(message)
    where = (match and match.group("field")) or ""
    missing = re.search(r"missing required field `([^`]+)`", message)
    if missing:
        where = f"{where}.{missing.group(1)}".lstrip(".")
    reason = _in_plain_words(match.group("reason") if match else message)
    return Invalid(f"{where}: {reason}" if where else reason, errors=[{"field": where, "reason": reason}])


def _in_plain_words(reason: str) -> str:
    """What is wrong in words of people who fill in forms; what is not about a plain field stays as the decoder says it."""
    if reason.startswith("Object missing required field"):
        return "is missing"
    wanted = re.match(r"Expected `(int|float|str|bool)(?: \| null)?`", reason)
    return f"{_WANTED[wanted.group(1)]} is needed here" if wanted else reason


_WANTED = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}


def read_cookies(headers: Mapping[str, str]) -> dict[str, str]:
    """The cookies of a request by name."""
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs if name}


def base_of(context: Mapping[str, Any], host: str) -> str:
    """The path under which the union's pages stand: '' on a domain of its own, `/<stage>` on the API's default address."""
    if settings().public_url:
        return urlsplit(settings().public_url).path.rstrip("/")
    return f"/{context['stage']}" if ".execute-api." in host else ""


def language_of(query: Mapping[str, str], cookies: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The language to answer in: asked for, remembered, preferred by the browser, or the union's own."""
    known = settings().languages
    for wanted in (query.get("lang", ""), cookies.get("mu_language", "")):
        if wanted in known:
            return wanted
    for part in headers.get("accept-language", "").split(","):
        tag = part.split(";")[0].strip().lower()
        for language in known:
            if tag and (tag == language.lower() or tag.split("-")[0] == language.split("-")[0].lower()):
                return language
    return known[0]
