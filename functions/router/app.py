"""The service center: it lists the unions, sends each shopper to the right one, and takes the unions' heartbeats."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec
from urllib.parse import urlencode

import msgspec
from aws_lambda_powertools import Logger
from chalice.app import Chalice, ConvertToMiddleware, Request, Response

from mart_union.directory import service
from mart_union.directory.model import Heartbeat, Place, Union
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Forbidden, Invalid, MartUnionError, NotFound, TooLarge
from mart_union.web import problems
from mart_union.web.paths import is_name
from mart_union.web.request import BODY_LENGTH, check_media_type, decode, media_type_of

P = ParamSpec("P")

logger = Logger(service="router")
app = Chalice(app_name="mart-union-router", configure_logs=False)
app.register_middleware(ConvertToMiddleware(logger.inject_lambda_context))

ANY_TYPE = ["*/*"]  # Chalice would refuse other types than JSON without problem details: `body_text` does
SILENCE = timedelta(minutes=int(os.environ["SILENT_MINUTES"]))
OPERATOR_GROUP = os.environ["OPERATOR_GROUP"]
PUBLIC_URL = os.environ.get("PUBLIC_URL", "").rstrip("/")


class Admission(msgspec.Struct, forbid_unknown_fields=True):
    """What a network operator sends to admit a union."""

    union: str
    client_id: str
    names: dict[str, str]


class UnionShown(msgspec.Struct, frozen=True):
    """A union as callers see it: without the client that speaks for it. What it has not yet reported is null or empty."""

    union: str
    names: dict[str, str]
    healthy: bool
    admitted_at: str
    heartbeat_at: str | None
    url: str | None
    region: str | None
    currency: str | None
    languages: tuple[str, ...]
    places: tuple[Place, ...]
    open_stores: int


class Unions(msgspec.Struct, frozen=True):
    """All unions of the network."""

    unions: tuple[UnionShown, ...]


class Says(msgspec.Struct, frozen=True):
    """What the OpenAPI document says of a route beside its path: who may, what comes in, what goes out. `answer` is None for no body."""

    status: int
    answer: Any = None
    body: Any = None
    caller: str = ""
    query: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()
    page: bool = False


SAYS: dict[str, Says] = {}
"""What each route says, by the name of its function."""


def answers(says: Says) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Turn a refusal into problem details here: Chalice would turn it into a bare 500 before any middleware sees it."""

    def declared(route: Callable[P, Response]) -> Callable[P, Response]:
        SAYS[route.__name__] = says

        @wraps(route)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
            try:
                if not all(is_name(str(name)) for name in kwargs.values()):
                    raise NotFound("nothing has such a name")
                return route(*args, **kwargs)
            except MartUnionError as error:
                return problem(problems.problem_of(error))
            except Exception:
                logger.exception("unexpected error")
                return problem(problems.UNKNOWN)

        return guarded

    return declared


@app.route("/", methods=["GET"])
@answers(Says(200, str, query=("lang",), page=True))
def page() -> Response:
    """The page of all unions, with a search by place."""
    return union_page()


@app.route("/unions", methods=["GET"])
@answers(Says(200, Unions))
def list_unions() -> Response:
    """All unions as JSON."""
    now = utc_now()
    return as_json(Unions(tuple(shown(union, now) for union in service.list_unions())))


@app.route("/unions/{union}", methods=["GET"])
@answers(Says(200, UnionShown, refusals=(404,)))
def show_union(union: str) -> Response:
    """One union as JSON."""
    return as_json(shown(service.show_union(union), utc_now()))


@app.route("/go", methods=["GET"])
@answers(Says(302, query=("union", "place", "language"), refusals=(404, 503), page=True))
def go() -> Response:
    """Send the shopper to the union that is named, or that serves the place, or that speaks the language."""
    query = dict(request().query_params or {})
    wanted = query.get("language", "")
    try:
        union = service.direct_shopper(
            union=query.get("union", ""),
            place=query.get("place", ""),
            languages=[wanted] if wanted else preferred_languages() if query.get("place") else [],
            silence=SILENCE,
        )
    except MartUnionError as error:
        if not wants_page():
            raise
        return union_page(error, query.get("place", ""))
    return Response("", status_code=302, headers={"Location": address(union, wanted), "Cache-Control": "no-store"})


@app.route("/unions", methods=["POST"], content_types=ANY_TYPE)
@answers(Says(201, UnionShown, Admission, "operator", refusals=(401, 403, 409, 413, 415, 422)))
def admit_union() -> Response:
    """Admit a union, and bind the app client that may speak for it."""
    claims = token_claims()
    if OPERATOR_GROUP not in groups_of(claims):
        raise Forbidden("only a network operator admits unions")
    admission = decode(Admission, body_text())
    check(admission)
    union = service.admit_union(admission.union, admission.client_id, admission.names)
    logger.info("union admitted", union=union.id, client=union.client_id, by=claims.get("sub", ""))
    return as_json(shown(union, utc_now()), status=201)


@app.route("/unions/{union}/heartbeat", methods=["PUT", "POST"], content_types=ANY_TYPE)
@answers(Says(204, None, Heartbeat, "union", refusals=(401, 403, 404, 413, 415, 422)))
def take_heartbeat(union: str) -> Response:
    """Keep what a union reports of itself."""
    heartbeat = decode(Heartbeat, body_text())
    if not (heartbeat.base_url.startswith(("https://", "http://")) and is_address(heartbeat.base_url)):
        raise Invalid("base_url must be an address", errors=[{"field": "base_url", "reason": "not an address"}])
    service.take_heartbeat(union, token_claims().get("client_id", ""), heartbeat)
    return Response("", status_code=204)


def is_address(text: str) -> bool:
    """Whether shoppers can be sent there: a header takes visible ASCII characters only."""
    return text.isascii() and text.isprintable() and " " not in text


def check(admission: Admission) -> None:
    """Refuse an admission whose id could not be part of an address, or which names nothing."""
    errors = []
    plain = admission.union.replace("-", "")
    if not (plain.isascii() and plain.isalnum() and admission.union == admission.union.lower() and len(plain) <= 40):
        errors.append({"field": "union", "reason": "lower-case letters, digits and hyphens, at most 40"})
    if not admission.client_id:
        errors.append({"field": "client_id", "reason": "the id of the union's app client"})
    if not any(admission.names.values()):
        errors.append({"field": "names", "reason": "a name in one language at least"})
    if errors:
        raise Invalid("; ".join(f"{error['field']}: {error['reason']}" for error in errors), errors=errors)


def shown(union: Union, now: datetime) -> UnionShown:
    """A union as callers see it."""
    beat = union.heartbeat
    return UnionShown(
        union=union.id,
        names=union.names,
        healthy=union.is_healthy(now, SILENCE),
        admitted_at=iso(union.admitted_at),
        heartbeat_at=iso(union.heartbeat_at) if union.heartbeat_at else None,
        url=beat.base_url if beat else None,
        region=beat.region if beat else None,
        currency=beat.currency if beat else None,
        languages=beat.languages if beat else (),
        places=beat.places if beat else (),
        open_stores=beat.open_stores if beat else 0,
    )


def address(union: Union, language: str) -> str:
    """The front page of a union, in the language asked for when the union speaks it."""
    assert union.heartbeat is not None  # noqa: S101 - a healthy union has reported
    front = union.heartbeat.base_url.rstrip("/") + "/"
    return f"{front}?{urlencode({'lang': language})}" if language in union.heartbeat.languages else front


def union_page(refusal: MartUnionError | None = None, place: str = "") -> Response:
    """The page of all unions; with a refusal, it says so above the list, with the refusal's status."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only a page needs it

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
    )
    texts = msgspec.json.decode((Path(__file__).parent / "templates" / "texts.json").read_bytes())
    language = next((each for each in page_languages() if each in texts), "en")
    now = utc_now()
    html = environment.get_template("unions.html").render(
        unions=[(union, union.is_healthy(now, SILENCE)) for union in service.list_unions()],
        base=base(),
        language=language,
        languages={each: texts[each]["language"] for each in texts},
        texts=texts[language],
        refusal=type(refusal).__name__ if refusal else "",
        place=place,
    )
    status = problems.problem_of(refusal)["status"] if refusal else 200
    headers: dict[str, str | list[str]] = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        "Cache-Control": "no-cache",
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
    return Response(html, status_code=status, headers=headers)


def base() -> str:
    """The path before every link: the stage on API Gateway's own address, nothing on an address of our own."""
    if PUBLIC_URL:
        return PUBLIC_URL
    return f"/{request().context['stage']}" if ".execute-api." in request().headers.get("host", "") else ""


def as_json(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    body = msgspec.json.encode(value).decode()
    return Response(body, status_code=status, headers={"Content-Type": "application/json", "Cache-Control": "no-store"})


def problem(details: Mapping[str, Any]) -> Response:
    """A refusal as problem details (RFC 9457)."""
    body = msgspec.json.encode(details).decode()
    return Response(body, status_code=details["status"], headers={"Content-Type": "application/problem+json"})


def request() -> Request:
    """The request that is being answered."""
    assert app.current_request is not None  # noqa: S101 - Chalice sets it before it calls a route
    return app.current_request


def body_text() -> str:
    """The body of the request."""
    check_media_type(media_type_of(request().headers), form=False)
    body = request().raw_body
    text = body if isinstance(body, str) else body.decode(errors="replace")
    if len(text) > BODY_LENGTH:
        raise TooLarge(f"a body has at most {BODY_LENGTH} characters")
    return text


def wants_page() -> bool:
    """Whether a person asks with a browser, rather than a program."""
    return "text/html" in request().headers.get("accept", "")


def preferred_languages() -> list[str]:
    """The languages that the shopper's browser asks for, most wanted first."""
    header = request().headers.get("accept-language", "")
    weighed = [(part.partition(";q=")[2] or "1", part.partition(";")[0].strip()) for part in header.split(",")]
    return [tag for _, tag in sorted(weighed, key=lambda each: each[0], reverse=True) if tag and tag != "*"]


def page_languages() -> list[str]:
    """The languages to try for a page: asked for in the address, then the browser's, also by their primary tag."""
    asked = dict(request().query_params or {}).get("lang", "")
    wanted = [asked, *preferred_languages()]
    return [each for tag in wanted for each in (tag, "zh-TW" if tag.startswith("zh") else tag.split("-")[0])]


def token_claims() -> dict[str, str]:
    """The claims of the token that API Gateway has verified."""
    authorizer: dict[str, dict[str, str]] = request().context.get("authorizer") or {}
    return authorizer.get("claims", {})


def groups_of(claims: Mapping[str, str]) -> list[str]:
    """The groups in a token; API Gateway hands the list over as text, `[a b]` or `a,b`."""
    return claims.get("cognito:groups", "").strip("[]").replace(",", " ").split()
