"""Access tokens of the network's user pool: verified by signature, issuer, client, kind and time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import jwt
from msgspec import Struct

from mart_union.kernel.errors import Unauthenticated

COOKIE = "mu_token"
_LEEWAY_SECONDS = 30
_KEYS_SECONDS = 3600
_TIMEOUT_SECONDS = 3

SigningKey = Callable[[str], Any]
"""The public key that a token says it was signed with."""


class Identity(Struct, frozen=True):
    """Whom a verified token speaks for: the pool's subject and the groups."""

    subject: str
    groups: frozenset[str]


def token_of(headers: Mapping[str, str]) -> str:
    """The bearer token of a request, or its session cookie, or '' when there is neither. The header comes first."""
    lower = {name.lower(): value for name, value in headers.items()}
    scheme, _, token = lower.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    try:
        cookie = SimpleCookie(lower.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def verify(token: str, *, issuer: str, client_id: str, signing_key: SigningKey) -> Identity:
    """The identity in an access token.

    Raises:
        Unauthenticated: the token is missing, malformed, expired, of another pool or client, or not an access token.
    """
    if not token:
        raise Unauthenticated("no token came with the request")
    try:
        claims = jwt.decode(
            token,
            signing_key(token),
            algorithms=["RS256"],
            issuer=issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "sub"], "verify_aud": False},
        )
    except jwt.PyJWKClientConnectionError:
        raise  # the keys cannot be read: that is our failure, not the caller's
    except jwt.PyJWTError as exc:
        raise Unauthenticated("the token is not valid") from exc
    # Cognito's access tokens carry no audience; they name the app client instead.
    if claims.get("token_use") != "access" or claims.get("client_id") != client_id:
        raise Unauthenticated("the token is not an access token of this network")
    return Identity(subject=claims["sub"], groups=frozenset(claims.get("cognito:groups", [])))


def key_set_url(issuer: str, environment: Mapping[str, str]) -> str:
    """Where a pool's keys are served: by the user pool service itself, so its endpoint settings hold here too.

    On AWS the issuer is the service's address. The SDKs' settings of another endpoint name it elsewhere (the emulator).
    """
    endpoint = environment.get("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER") or environment.get("AWS_ENDPOINT_URL")
    address = endpoint.rstrip("/") + urlsplit(issuer).path if endpoint else issuer
    return f"{address}/.well-known/jwks.json"


@cache
def pool_signing_key(issuer: str) -> SigningKey:
    """The keys of a pool, kept for an hour; an unknown key is asked for again, but not more often than every 30 s."""
    url = key_set_url(issuer, os.environ)
    keys = jwt.PyJWKClient(url, lifespan=_KEYS_SECONDS, timeout=_TIMEOUT_SECONDS)

    def signing_key(token: str) -> Any:
        return keys.get_signing_key_from_jwt(token).key

    return signing_key
