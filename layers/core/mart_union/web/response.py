"""What API Gateway (REST, proxy) takes for a response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mart_union.web.answer import SetCookie


def response(status: int, body: str, headers: Mapping[str, str], cookies: Sequence[str] = ()) -> dict[str, Any]:
    """A response with each header once, and a Set-Cookie header for each cookie."""
    several = {name: [value] for name, value in headers.items()}
    if cookies:
        several["Set-Cookie"] = list(cookies)
    return {"statusCode": status, "body": body, "isBase64Encoded": False, "multiValueHeaders": several}


def cookie_header(cookie: SetCookie, base: str, *, secure: bool) -> str:
    """A cookie under the union's base, lax: it does not come along when another site's page sends a form (RFC 6265bis)."""
    attributes = [f"{cookie.name}={cookie.value}", f"Path={base}{cookie.path}", f"Max-Age={cookie.seconds}"]
    attributes += ["HttpOnly"] * cookie.http_only + ["Secure"] * secure + ["SameSite=Lax"]
    return "; ".join(attributes)
