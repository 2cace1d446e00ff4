"""The edge of the local network: one port on this machine, where each stack has an address of its own.

`http://localhost:PORT/` is the service center, `http://<union>.localhost:PORT/` a union, as a domain of its own would be on
AWS. Requests go to the stack's API stage at the emulator; a stack that was deployed anew is found again by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import sys
import time
from collections.abc import Mapping

from aiohttp import ClientError as HttpClientError
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from botocore.exceptions import BotoCoreError, ClientError
from multidict import CIMultiDict
from yarl import URL

from infra.local.network import CENTER_REGION, CENTER_STACK, Network, load, read
from infra.local.stacks import outputs

# They belong to one connection, not to the message (RFC 9110, section 7.6.1).
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TEXT = ("text/", "application/json", "application/problem+json", "application/ld+json", "application/xml", "image/svg")
_WORTH_COMPRESSING = 1024
_ASK_AGAIN_SECONDS = 2.0
_MOST_BYTES = 12 * 1024 * 1024  # a little over what API Gateway takes, so that its own refusal is seen


class Stages:
    """Where each stack's API stage is; looked up in the stack's outputs, and again when the API is not found."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._found: dict[str, str] = {}
        self._asked_at: dict[str, float] = {}
        self._asking = asyncio.Lock()

    async def find(self, stack: str, region: str, *, gone: str | None = None) -> str | None:
        """The path of a stack's stage at the emulator, another one than `gone` if it can be; None without such a stack."""
        async with self._asking:
            waited = time.monotonic() - self._asked_at.get(stack, -_ASK_AGAIN_SECONDS)
            if self._found.get(stack) == gone and waited >= _ASK_AGAIN_SECONDS:
                self._asked_at[stack] = time.monotonic()
                known = await asyncio.to_thread(outputs, self._network, stack, region)
                if known:
                    self._found[stack] = f"/restapis/{known['ApiId']}/{known['ApiStage']}/_user_request_"
            return self._found.get(stack)


class Edge:
    """Takes a browser's requests to the stack that its address names, and brings the answer back."""

    def __init__(self, network: Network, session: ClientSession) -> None:
        self._network, self._session = network, session
        self._stages = Stages(network)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        found = self._stack_of(request.host)
        if found is None:
            return _page(404, "No such union", f"This network has no union at {request.host}.")
        body = await request.read()
        try:
            gone = None
            for last in (False, True):
                stage = await self._stages.find(*found, gone=gone)
                if stage is None:
                    return _page(503, "Not deployed yet", f"The stack {found[0]} is not there yet. Run: make up")
                answer = await self._forward(request, stage, body, last=last)
                if answer is not None:
                    return answer
                gone = stage
        except (HttpClientError, TimeoutError, BotoCoreError, ClientError) as exc:
            return _page(502, "The emulator does not answer", f"Is it running? Run: make up ({type(exc).__name__})")
        raise AssertionError("the second try always answers")

    def _stack_of(self, host: str) -> tuple[str, str] | None:
        name = host.rsplit(":", 1)[0].lower()
        if name in {"localhost", "127.0.0.1"}:
            return CENTER_STACK, CENTER_REGION
        union = name.removesuffix(".localhost")
        regions = read("unions.json")
        return (f"mart-union-{union}", regions[union]) if union in regions else None

    async def _forward(self, request: web.Request, stage: str, body: bytes, *, last: bool) -> web.StreamResponse | None:
        """The stack's answer; None when the stage is not there any more and may be looked up again."""
        url = URL(f"{self._network.endpoint}{stage}{request.raw_path}", encoded=True)
        async with self._session.request(
            request.method, url, headers=self._headers(request), data=body or None, allow_redirects=False
        ) as answer:
            if not last and await _knows_no_such_api(answer):
                return None
            headers = CIMultiDict(
                (name, value)
                for name, value in answer.headers.items()
                if name.lower() not in _HOP_BY_HOP | {"content-length", "date", "server"}
            )
            if "Content-Encoding" in headers or not _compressible(headers) or not _expects_compression(request):
                return await _stream(request, answer.status, headers, answer)
            return _compressed(answer.status, headers, await answer.read())

    def _headers(self, request: web.Request) -> CIMultiDict[str]:
        dropped = _HOP_BY_HOP | {"content-length", *_named_by_connection(request.headers)}
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if name.lower() not in dropped)
        # Compression happens here, as it would at API Gateway or before it.
        headers["Accept-Encoding"] = "identity"
        headers["X-Forwarded-For"] = request.remote or "127.0.0.1"
        headers["X-Forwarded-Proto"] = "http"
        headers["X-Forwarded-Host"] = request.host
        headers["X-Forwarded-Port"] = str(self._network.port)
        return headers


async def _knows_no_such_api(answer: ClientResponse) -> bool:
    """Whether the emulator itself answers that it has no API of that id; our functions answer with problem details."""
    if answer.status != 404 or answer.content_type != "application/json":
        return False
    return (await answer.read()) == b'{"message": "Not Found"}'


def _named_by_connection(headers: Mapping[str, str]) -> set[str]:
    return {name.strip().lower() for name in headers.get("Connection", "").split(",") if name.strip()}


def _compressible(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Type", "").startswith(_TEXT)


def _expects_compression(request: web.Request) -> bool:
    return any(coding in request.headers.get("Accept-Encoding", "") for coding in ("gzip", "deflate"))


async def _stream(
    request: web.Request, status: int, headers: CIMultiDict[str], answer: ClientResponse
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


def _compressed(status: int, headers: CIMultiDict[str], body: bytes) -> web.Response:
    response = web.Response(status=status, headers=headers, body=body)
    if len(body) >= _WORTH_COMPRESSING:
        response.headers.add("Vary", "Accept-Encoding")
        response.enable_compression()
    return response


def _page(status: int, title: str, text: str) -> web.Response:
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<body><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p></body></html>"
    )
    return web.Response(status=status, text=body, content_type="text/html", headers={"Cache-Control": "no-store"})


async def serve(network: Network) -> None:
    """Listen on this machine until the process is ended."""
    timeout = ClientTimeout(total=180, connect=15)  # a laptop may have other things to do
    connector = TCPConnector(limit=200)
    async with ClientSession(
        timeout=timeout, connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False
    ) as session:
        application = web.Application(client_max_size=_MOST_BYTES)
        application.router.add_route("*", "/{path:.*}", Edge(network, session).handle)
        runner = web.AppRunner(application, access_log=None, handle_signals=True)
        await runner.setup()
        for host in ("127.0.0.1", "::1"):  # browsers may take either for localhost
            with contextlib.suppress(OSError):
                await web.TCPSite(runner, host, network.port).start()
        if not runner.sites:
            sys.exit(f"port {network.port} is used by another program")
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, web.GracefulExit):
        asyncio.run(serve(load()))
