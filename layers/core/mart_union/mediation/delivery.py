"""One signed POST to an address that a seller gave us: never to a private network, never along a redirect, never for long."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import urllib3

from mart_union.kernel.errors import Invalid
from mart_union.mediation.shops import checked_url

_TIMEOUT = urllib3.Timeout(connect=3, read=5)
_TRANSLATED = ipaddress.ip_network(
    "64:ff9b::/96"
)  # RFC 6052: an IPv4 address, perhaps a private one, inside an IPv6 one

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]
Post = Callable[[str, Mapping[str, str], bytes], int]
"""POST a body to an address with headers; answers the status."""


class NotDelivered(Exception):
    """The address may not be called, or did not answer; the message says why and holds nothing of the body."""


def post(
    url: str, headers: Mapping[str, str], body: bytes, *, loopback_allowed: bool, resolve: Resolve | None = None
) -> int:
    """POST a body; answers the status, whatever it is. The name is resolved once, and the address that was checked is the one called.

    Raises:
        NotDelivered: the address is malformed, not public, or did not answer in time.
    """
    try:
        parts = urlsplit(checked_url(url, loopback_allowed=loopback_allowed))
    except Invalid as error:
        raise NotDelivered("the shop's address cannot be called") from error
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _checked_address(host, port, loopback_allowed, resolve or _resolve)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with _pool(parts.scheme, address, host, port) as pool:
        try:
            answer = pool.urlopen(
                "POST",
                path,
                body=body,
                headers={**headers, "Host": parts.netloc},
                redirect=False,
                retries=False,
                timeout=_TIMEOUT,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise NotDelivered(f"no answer: {type(error).__name__}") from error
        status = int(answer.status)
        answer.close()  # the answer's body is nothing to us, and might never end
    return status


def _pool(scheme: str, address: str, host: str, port: int) -> urllib3.HTTPConnectionPool:
    """Connections to the address itself; for TLS the certificate has to be the host's."""
    if scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, maxsize=1)
    return urllib3.HTTPSConnectionPool(
        address, port, maxsize=1, cert_reqs="CERT_REQUIRED", server_hostname=host, assert_hostname=host
    )


def _checked_address(host: str, port: int, loopback_allowed: bool, resolve: Resolve) -> str:
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise NotDelivered("the host's name does not resolve") from error
    addresses = [ipaddress.ip_address(each) for each in found]
    if not addresses or not all(is_callable(address, loopback_allowed=loopback_allowed) for address in addresses):
        raise NotDelivered("the host is not on the public Internet")
    return str(min(addresses, key=lambda address: address.version))  # functions have no IPv6 route out


def is_callable(address: Address, *, loopback_allowed: bool) -> bool:
    """Whether an address is public: no private, link-local, shared, multicast or reserved one, nor one wrapped in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if inside is not None:
            return is_callable(inside, loopback_allowed=loopback_allowed)
        if address in _TRANSLATED or address.teredo is not None:
            return False
    if address.is_loopback:
        return loopback_allowed
    return address.is_global and not address.is_multicast


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in found]
