"""The routes of an HTTP function: access rule, body, answer; from an API Gateway event to a response.

Bodies and answers are msgspec's, because pydantic's models cost about 80 ms more of a cold start (docs/decisions/0001); routes are matched
here, because Powertools' resolver costs about 60 ms more (docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
from aws_lambda_powertools import Logger
from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.errors import Forbidden, MartUnionError, NotFound, Unauthenticated
from mart_union.web import problems
from mart_union.web.access import Access, Caller
from mart_union.web.answer import Json, Page, Raw, Redirect, SetCookie
from mart_union.web.request import (
    Request,
    base_of,
    check_bounds,
    check_media_type,
    convert_form,
    decode,
    language_of,
    read_cookies,
)
from mart_union.web.response import cookie_header, response
from mart_union.web.routing import find_route

Answer = Any
Response = dict[str, Any]
Handler = Callable[[Request], Answer]

_CONTENT = "default-src 'self'; img-src 'self' data: https:; frame-ancestors"
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": f"{_CONTENT} 'none'",
}

IN_ANY_FRAME = {"Content-Security-Policy": f"{_CONTENT} *"}
"""Of a page that is made to stand in others: it has no form, so nobody can be made to press anything of it."""


class Route(Struct, frozen=True):
    """One method of one path: who may take it, what comes in, what goes out."""

    method: str
    path: str
    access: Access
    handler: Handler
    body: Any = None
    answer: Any = None
    status: int = 200
    idempotent_key: bool = False

    @property
    def is_page(self) -> bool:
        """Pages answer in HTML and send nobody away with a bare 401."""
        return not self.path.startswith("/api/")


class Api:
    """The routes of one function; `handle` is its Lambda handler."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.routes: list[Route] = []
        self.logger = Logger(service=name)

    def get(self, path: str, access: Access, answer: Any = None) -> Callable[[Handler], Handler]:
        """Declare a route that reads."""
        return self._declare("GET", path, access, None, answer, 200, False)

    def post(
        self, path: str, access: Access, *, body: Any = None, answer: Any = None, status: int = 200, key: bool = False
    ) -> Callable[[Handler], Handler]:
        """Declare a route that creates or acts; `key` says that it needs an Idempotency-Key."""
        return self._declare("POST", path, access, body, answer, status, key)

    def put(
        self, path: str, access: Access, *, body: Any = None, answer: Any = None, key: bool = False
    ) -> Callable[[Handler], Handler]:
        """Declare a route that replaces; `key` as of `post`, where a late repeat would undo what came since."""
        return self._declare("PUT", path, access, body, answer, 200, key)

    def delete(self, path: str, access: Access, answer: Any = None) -> Callable[[Handler], Handler]:
        """Declare a route that removes."""
        return self._declare("DELETE", path, access, None, answer, 200, False)

    def handle(self, event: dict[str, Any], _context: Any) -> Response:
        """Answer an API Gateway (REST, proxy) event."""
        self.logger.append_keys(request=event["requestContext"].get("requestId", ""))
        found = find_route(self.routes, event["httpMethod"], event["path"])
        if found is None:
            return self._not_found(_read(event, {}))
        route, params = found
        return self._answer(route, _read(event, params))

    def _declare(
        self, method: str, path: str, access: Access, body: Any, answer: Any, status: int, key: bool
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.routes.append(Route(method, path, access, handler, body, answer, status, key))
            return handler

        return register

    def _answer(self, route: Route, request: Request) -> Response:
        try:
            _refuse_other_sites(request)
            route.access.check(request.caller)
            check_bounds(request)
            if route.body is not None:
                request = replace(request, content=_content(route, request))
            if route.idempotent_key:
                _ = request.idempotency_key  # refuses a request without one
            return self._render(route.handler(request), route, request)
        except Unauthenticated as error:
            if route.is_page and route.method == "GET":
                return self._render(
                    Redirect(f"/account/sign-in?next={quote(request.asked_for, safe='')}"), route, request
                )
            return self._refusal(error, route, request)
        except MartUnionError as error:
            return self._refusal(error, route, request)
        except Exception:
            self.logger.exception("unexpected error", route=f"{route.method} {route.path}")
            return self._problem(problems.UNKNOWN, route.is_page, request)

    def _refusal(self, error: MartUnionError, route: Route, request: Request) -> Response:
        self.logger.info("refused", code=error.code, route=f"{route.method} {route.path}")
        return self._problem(problems.problem_of(error), route.is_page, request)

    def _not_found(self, request: Request) -> Response:
        problem = problems.problem_of(NotFound(f"there is no {request.method} {request.path} here"))
        return self._problem(problem, not request.path.startswith("/api/"), request)

    def _problem(self, problem: dict[str, Any], page: bool, request: Request) -> Response:
        if page:
            try:
                is_form = request.method != "GET"
                back = request.came_from if is_form or problem["status"] < 500 else ""
                told = {"problem": problem, "back": back, "stays_at": (back or "/") if is_form else request.path}
                return self._page(Page("problem.html", told, problem["status"]), request)
            except Exception:  # pages read the union's names, which may be what went wrong
                self.logger.exception("no page for a problem", status=problem["status"])
        headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store", **_SECURITY}
        if problem["status"] == 401:
            headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 15.5.2
        return response(problem["status"], msgspec.json.encode(problem).decode(), headers)

    def _render(self, answer: Answer, route: Route, request: Request) -> Response:
        if isinstance(answer, Page):
            return self._page(answer, request)
        if isinstance(answer, Redirect):
            location = request.base + answer.location if answer.location.startswith("/") else answer.location
            return response(answer.status, "", {"Location": location}, _cookies(answer.cookies, request))
        if isinstance(answer, Raw):
            return _raw(answer, request)
        if not isinstance(answer, Json):
            answer = Json(answer, route.status)
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **_SECURITY, **answer.headers}
        body = msgspec.json.encode(answer.value).decode()
        return response(answer.status, body, headers, _cookies(answer.cookies, request))

    def _page(self, page: Page, request: Request) -> Response:
        from mart_union.web.pages import render  # Jinja2 is imported only when a page is rendered

        headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", **_SECURITY, **page.headers}
        body = render(page.template, request, page.context, partial(self._may, request.caller))
        return response(page.status, body, headers, _cookies(page.cookies, request))

    def _may(self, caller: Caller, path: str, method: str = "POST") -> bool:
        """Whether a caller may send what a page links to or has a form for. What another function answers is not for this one to say."""
        found = find_route(self.routes, method, path)
        return found is None or found[0].access.allows(caller)


def _read(event: dict[str, Any], params: Mapping[str, str]) -> Request:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    cookies = read_cookies(headers)
    authorizer = event["requestContext"].get("authorizer") or {}
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        import base64  # only uploads and compressed bodies come so

        text = base64.b64decode(text).decode(errors="replace")
    return Request(
        method=event["httpMethod"],
        path=event["path"],
        params=params,
        query=query,
        headers=headers,
        cookies=cookies,
        text=text,
        caller=Caller(authorizer.get("subject", ""), authorizer.get("role", "")),
        base=base_of(event["requestContext"], headers.get("host", "")),
        language=language_of(query, cookies, headers),
    )


def _refuse_other_sites(request: Request) -> None:
    """A form on another site must not act with this site's cookies (Fetch Metadata; SameSite=Lax stands behind it)."""
    if request.method != "GET" and request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise Forbidden("this request came from another site's page")


def _content(route: Route, request: Request) -> Any:
    check_media_type(request.media_type, form=route.is_page)
    if route.is_page:
        return convert_form(route.body, request.form)
    return decode(route.body, request.text)


def _raw(answer: Raw, request: Request) -> Response:
    headers = {"Content-Type": answer.media_type, **_SECURITY, **answer.headers}
    if not answer.etag:
        return response(answer.status, answer.body, headers)
    headers["ETag"] = f'"{answer.etag}"'
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in known or "*" in known:
        return response(304, "", headers)
    return response(answer.status, answer.body, headers)


def _cookies(wanted: tuple[SetCookie, ...], request: Request) -> list[str]:
    secure = request.headers.get("x-forwarded-proto", "https") == "https"
    return [cookie_header(cookie, request.base, secure=secure) for cookie in wanted]
