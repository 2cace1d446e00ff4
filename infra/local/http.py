"""HTTP to the local network from Python: names under `.localhost` are this machine, which not every resolver knows."""

from __future__ import annotations

import httpx

_NO_SPARE = httpx.Limits(max_keepalive_connections=0)  # nothing stays open behind people who come and go


class Loopback(httpx.HTTPTransport):
    """Sends requests for `<anything>.localhost` to 127.0.0.1, with the name in the Host header (RFC 6761, section 6.3)."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        if request.url.host.endswith(".localhost"):
            request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


def client(url: str, *, token: str = "", timeout: float = 90) -> httpx.Client:
    """A client of one address of the local network; with a token, it calls as that person. Redirects are not followed."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=Loopback(limits=_NO_SPARE))
