"""One signed POST to an address that a seller or supplier gave us: never to a private network, never along a redirect, never for long."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
import urllib3
from standardwebhooks import Webhook

from mart_union.kernel.errors import Invalid
from mart_union.kernel.settings import settings
from mart_union.mediation.addresses import checked_url

_SECONDS = 8
_TIMEOUT = urllib3.Timeout(connect=3, read=5)  # of one read of the socket; of all of them `_SECONDS` is
_TRANSLATED = ipaddress.ip_network(
    "64:ff9b::/96"
)  # RFC 6052: an IPv4 address, perhaps a private one, inside an IPv6 one

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]
Post = Callable[[str, Mapping[str, str], bytes], int]
"""POST a body to an address with headers; answers the status."""


class NotDelivered(Exception):
    """The address may not be called, or did not answer; the message says why and holds nothing of the body."""


def tell(
    url: str, secrets: Sequence[str], event: str, message: object, now: datetime, send: Post | None = None
) -> tuple[int, str]:
    """Tell an address of an event, signed with each of some secrets: what `answer_of` says."""
    body = msgspec.json.encode(message)
    return answer_of(send or post_here(), url, signed(secrets, event, body, now), body)


def signed(secrets: Sequence[str], event: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of a message of an event, signed with each of some secrets (Standard Webhooks)."""
    signatures = (Webhook(secret).sign(event, now, body.decode()) for secret in secrets)
    return {
        "Content-Type": "application/json",
        "User-Agent": "mart-union",
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def answer_of(call: Post, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    """The status that an address answered, 0 when it did not, and why it counts as not told ('' when it does not)."""
    try:
        status = call(url, headers, body)
    except NotDelivered as error:
        return 0, str(error)
    return status, "" if 200 <= status < 300 else f"answered {status}"


def post_here() -> Post:
    """`post` as the union's settings have it: to this machine only where they allow that."""
    return partial(post, loopback_allowed=settings().allow_loopback_shops)


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    loopback_allowed: bool,
    resolve: Resolve | None = None,
    seconds: float = _SECONDS,
) -> int:
    """POST a body; answers the status, whatever it is. The name is resolved once, and the address that was checked is the one called. After so many
    seconds the call is ended, whatever has come of an answer by then.

    Raises:
        NotDelivered: the address is malformed, not public, or did not answer in time.
    """
    call = _Call(resolve or _resolve, loopback_allowed=loopback_allowed)
    caller = ThreadPoolExecutor(1)
    status = caller.submit(call.post, url, headers, body)
    caller.shutdown(wait=False)
    try:
        return status.result(seconds)
    except TimeoutError as error:
        call.hang_up()
        raise NotDelivered(f"no answer within {seconds:g} seconds") from error


class _Call:
    """A call that whoever waits for it can end, also before there is a connection: no limit of single reads ends an answer that comes drop by drop."""

    def __init__(self, resolve: Resolve, *, loopback_allowed: bool) -> None:
        self._resolve, self._loopback_allowed = resolve, loopback_allowed
        self._line: socket.socket | None = None
        self._is_over = False

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        try:
            parts = urlsplit(checked_url(url, loopback_allowed=self._loopback_allowed))
        except Invalid as error:
            raise NotDelivered("the address cannot be called") from error
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = _checked_address(host, port, self._loopback_allowed, self._resolve)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with _pool(parts.scheme, address, host, port) as pool:
            pool.ConnectionCls = self._held(pool.ConnectionCls)
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

    def _held(self, kind: Any) -> Any:
        """A kind of connection that leaves its socket here."""

        def connect(connection: Any) -> None:
            kind.connect(connection)
            self._line = connection.sock
            if self._is_over:
                self.hang_up()

        return type(kind.__name__, (kind,), {"connect": connect})

    def hang_up(self) -> None:
        """End the call: whatever waits for its socket is told that the connection has ended."""
        self._is_over = True
        if self._line is not None:
            with contextlib.suppress(OSError):  # it has ended by itself
                socket.socket.shutdown(self._line, socket.SHUT_RDWR)  # of TLS, too: not by its farewell, which waits


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
    is_site_local = getattr(address, "is_site_local", False)  # fec0::/10, which the library counts as global
    return address.is_global and not (address.is_multicast or address.is_reserved or is_site_local)


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in found]
