"""What a union does to be in the directory: it signs in to the service center and reports what it serves."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import msgspec
import urllib3

from mart_union.directory.model import Heartbeat

SCOPE = "directory/heartbeat"
_TIMEOUT = urllib3.Timeout(connect=3, read=7)
_ATTEMPTS = 3
_EARLY_SECONDS = 60


class CenterUnreachable(Exception):
    """The service center or its token endpoint refused, or did not answer in time; the next beat tries again."""


@dataclass(frozen=True)
class Credentials:
    """The union's app client in the network's user pool, and where it gets tokens."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)


Send = Callable[[str, str, Mapping[str, str], bytes], tuple[int, bytes]]
"""Send one request (method, address, headers, body); answers the status and the body."""


def send_over_http(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """One request over HTTP within ten seconds; redirects are not followed, since a token goes along.

    Raises:
        CenterUnreachable: no answer.
    """
    try:
        answer = urllib3.PoolManager(retries=False).request(
            method, url, headers=dict(headers), body=body, timeout=_TIMEOUT, redirect=False
        )
    except urllib3.exceptions.HTTPError as exc:
        raise CenterUnreachable(f"no answer from {url}: {type(exc).__name__}") from exc
    return answer.status, answer.data


class Presence:
    """Reports a union's heartbeat; keeps its token until shortly before it expires."""

    def __init__(
        self,
        union: str,
        center_url: str,
        credentials: Credentials,
        *,
        send: Send = send_over_http,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._union = union
        self._center_url = center_url.rstrip("/")
        self._credentials = credentials
        self._send, self._monotonic, self._sleep = send, monotonic, sleep
        self._token, self._token_until = "", 0.0

    def report(self, heartbeat: Heartbeat) -> None:
        """Tell the service center that the union is there and what it serves.

        Raises:
            CenterUnreachable: three tries failed, or the center refused.
        """
        url = f"{self._center_url}/unions/{quote(self._union, safe='')}/heartbeat"
        headers = {"Authorization": f"Bearer {self._valid_token()}", "Content-Type": "application/json"}
        self._try("PUT", url, headers, msgspec.json.encode(heartbeat))

    def _valid_token(self) -> str:
        if self._monotonic() >= self._token_until:
            answer = msgspec.json.decode(self._ask_for_token())
            self._token = str(answer["access_token"])
            self._token_until = self._monotonic() + int(answer["expires_in"]) - _EARLY_SECONDS
        return self._token

    def _ask_for_token(self) -> bytes:
        """A client-credentials grant (RFC 6749, section 4.4)."""
        pair = f"{self._credentials.client_id}:{self._credentials.client_secret}".encode()
        headers = {
            "Authorization": "Basic " + base64.b64encode(pair).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"grant_type": "client_credentials", "scope": SCOPE}).encode()
        return self._try("POST", self._credentials.token_url, headers, form)

    def _try(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """The body of a good answer. Silence and 5xx are tried again with jitter; a refusal is not."""
        problem = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0, 0.5 * 2**attempt))  # noqa: S311 - jitter, not a secret
            try:
                status, answer = self._send(method, url, headers, body)
            except CenterUnreachable as exc:
                problem = str(exc)
                continue
            if status < 300:
                return answer
            problem = f"{method} {url} answered {status}"
            if status < 500 and status != 429:
                break
        self._token_until = 0.0
        raise CenterUnreachable(problem)
