"""Addresses that sellers and suppliers have us call: which may be called at all. What their names lead to is seen at each call (`delivery.py`)."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from mart_union.kernel.errors import Invalid

_LONGEST_URL = 500


def checked_url(url: str, *, loopback_allowed: bool) -> str:
    """An address that a seller or supplier gives us, if it may be called: HTTPS, no credentials, no fragment; plain HTTP only on this machine, where that is allowed.

    Raises:
        Invalid: it may not.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        host.encode("ascii")
        host.encode("idna")
    except ValueError as error:
        message = "the name of its host cannot be looked up: write it in plain letters, such as xn--… for others"
        raise _not_callable(message) from error
    on_loopback = loopback_allowed and is_loopback(host)
    if (
        len(url) > _LONGEST_URL
        or not host
        or (parts.scheme != "https" and not (parts.scheme == "http" and on_loopback))
    ):
        raise _not_callable("an address begins with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _not_callable("an address has no user name, password or fragment")
    try:
        _ = parts.port
    except ValueError as error:
        raise _not_callable("the port is not a number from 0 to 65535") from error
    return parts.geturl()


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is plainly this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_callable(reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": "url", "reason": reason}])
