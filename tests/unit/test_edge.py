"""The edge: what a browser sends arrives at the stack, and what the stack answers arrives at the browser."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from infra.local import edge
from infra.local.network import Network

Ask = Callable[[TestClient[Any, Any], list[web.BaseRequest]], Awaitable[None]]

SEEN = web.AppKey("seen", list[Any])
UNIONS = {"hsinchu": "ap-northeast-1"}


async def stack(request: web.Request) -> web.StreamResponse:
    """Stands for the emulator: one API, `api2`, with a few routes."""
    request.app[SEEN].append((request.method, request.raw_path, dict(request.headers), await request.read()))
    api, _, path = request.path.removeprefix("/restapis/").partition("/union/_user_request_")
    if api != "api2":
        return web.Response(status=404, body=b'{"message": "Not Found"}', content_type="application/json")
    if path == "/redirect":
        response: web.StreamResponse = web.Response(status=303, headers={"Location": "/account?next=%2Fa%20b"})
        response.headers.add("Set-Cookie", "mu_token=one; Path=/; HttpOnly")
        response.headers.add("Set-Cookie", "mu_refresh=two; Path=/account")
        return response
    if path == "/stream":
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await response.prepare(request)
        for _ in range(3):
            await response.write(b"part ")
        await response.write_eof()
        return response
    if path == "/ready":
        packed = gzip.compress(b"packed by the stack" * 100)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "text/css"})
    return web.Response(text="page " * 1000, content_type="text/html", headers={"Connection": "X-Gone", "X-Kept": "1"})


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that the outputs of the stack name, one after the other."""
    ids = ["api2"]
    monkeypatch.setattr(edge, "read", lambda _name: UNIONS)
    monkeypatch.setattr(edge, "_ASK_AGAIN_SECONDS", 0.0)

    def outputs(_network: Network, name: str, region: str) -> dict[str, str]:
        assert (name, region) in {("mart-union-hsinchu", "ap-northeast-1"), ("mart-union-center", "us-east-1")}
        return {"ApiId": ids.pop(0) if len(ids) > 1 else ids[0], "ApiStage": "union"}

    monkeypatch.setattr(edge, "outputs", outputs)
    return ids


def through(ask: Ask, *, emulator: bool = True) -> None:
    """Run a question through the edge to the stand-in of the emulator."""

    async def run() -> None:
        backend = web.Application()
        backend[SEEN] = []
        backend.router.add_route("*", "/{path:.*}", stack)
        async with TestServer(backend) as server:
            network = Network(8080, server.port or 0, "id", "secret")
            if not emulator:
                await server.close()
            async with ClientSession(cookie_jar=DummyCookieJar(), auto_decompress=False) as session:
                front = web.Application()
                front.router.add_route("*", "/{path:.*}", edge.Edge(network, session).handle)
                async with TestClient(TestServer(front), auto_decompress=False, cookie_jar=DummyCookieJar()) as client:
                    await ask(client, backend[SEEN])

    asyncio.run(run())


HOST = {"Host": "hsinchu.localhost:8080"}


def test_a_request_arrives_with_its_host_path_body_and_where_it_came_from(found: list[str]) -> None:
    async def ask(client: TestClient[Any, Any], seen: list[Any]) -> None:
        url = URL("/api/x%20y?a=1&a=%2F", encoded=True)
        headers = HOST | {"Connection": "X-Secret", "X-Secret": "1", "Cookie": "mu_token=t", "TE": "trailers"}
        await client.post(url, data=b"body", headers=headers)
        ((method, path, got, body),) = seen
        assert (method, path, body) == ("POST", "/restapis/api2/union/_user_request_/api/x%20y?a=1&a=%2F", b"body")
        assert got["Host"] == "hsinchu.localhost:8080"
        assert got["Cookie"] == "mu_token=t"
        assert (got["X-Forwarded-For"], got["X-Forwarded-Proto"]) == ("127.0.0.1", "http")
        assert got["X-Forwarded-Host"] == "hsinchu.localhost:8080"
        assert not {"X-Secret", "TE"} & set(got)

    through(ask)


def test_redirects_and_several_cookies_come_back_untouched(found: list[str]) -> None:
    async def ask(client: TestClient[Any, Any], _: list[Any]) -> None:
        answer = await client.get("/redirect", headers=HOST, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/account?next=%2Fa%20b")
        cookies = ["mu_token=one; Path=/; HttpOnly", "mu_refresh=two; Path=/account"]
        assert answer.headers.getall("Set-Cookie") == cookies

    through(ask)


def test_texts_are_compressed_for_who_wants_it(found: list[str]) -> None:
    async def ask(client: TestClient[Any, Any], _: list[Any]) -> None:
        packed = await client.get("/page", headers=HOST | {"Accept-Encoding": "gzip, br"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(await packed.read()) == b"page " * 1000
        assert "X-Kept" in packed.headers
        plain = await client.get("/page", headers=HOST | {"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert await plain.read() == b"page " * 1000

    through(ask)


def test_what_the_stack_compressed_is_not_compressed_again_and_streams_come_whole(found: list[str]) -> None:
    async def ask(client: TestClient[Any, Any], _: list[Any]) -> None:
        ready = await client.get("/ready", headers=HOST | {"Accept-Encoding": "gzip"})
        assert gzip.decompress(await ready.read()) == b"packed by the stack" * 100
        stream = await client.get("/stream", headers=HOST)
        assert await stream.read() == b"part part part "

    through(ask)


def test_an_api_that_was_deployed_anew_is_found_again(found: list[str]) -> None:
    found[:] = ["api1", "api2"]

    async def ask(client: TestClient[Any, Any], seen: list[Any]) -> None:
        assert (await client.get("/page", headers=HOST)).status == 200
        assert [path.split("/")[2] for _, path, _, _ in seen] == ["api1", "api2"]

    through(ask)


def test_an_unknown_union_and_a_silent_emulator_are_explained(found: list[str]) -> None:
    async def ask(client: TestClient[Any, Any], _: list[Any]) -> None:
        unknown = await client.get("/", headers={"Host": "<atlantis>.localhost:8080"})
        assert unknown.status == 404
        assert "&lt;atlantis&gt;" in await unknown.text()
        silent = await client.get("/", headers=HOST)
        assert silent.status == 502
        assert "make up" in await silent.text()

    through(ask, emulator=False)


def test_the_bare_address_is_the_service_centers(found: list[str]) -> None:
    async def ask(client: TestClient[Any, Any], _: list[Any]) -> None:
        assert (await client.get("/page", headers={"Host": "localhost:8080"})).status == 200

    through(ask)
