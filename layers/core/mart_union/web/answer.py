"""What a route's function gives back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field


class SetCookie(Struct, frozen=True):
    """A cookie for the browser. Path is under the union's base; `seconds` 0 deletes it."""

    name: str
    value: str
    seconds: int
    http_only: bool = True
    path: str = "/"


class Json(Struct, frozen=True):
    """A JSON answer with a status of its own."""

    value: Any
    status: int = 200
    cookies: tuple[SetCookie, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class Page(Struct, frozen=True):
    """A page rendered from a template of `web/templates`."""

    template: str
    context: Mapping[str, Any]
    status: int = 200
    cookies: tuple[SetCookie, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class Redirect(Struct, frozen=True):
    """Go to another page of the union (a path, to which the base is added) or to an absolute URL. 303: always a GET."""

    location: str
    cookies: tuple[SetCookie, ...] = ()
    status: int = 303


class Raw(Struct, frozen=True):
    """A body of any media type, such as a style sheet, a CSV file or a feed. With an `etag` (its text, without quotes) who has that one already is
    told so instead (RFC 9110, section 13.1.2)."""

    body: str
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    etag: str = ""
