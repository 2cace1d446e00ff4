"""A refused form in a real browser: the way back keeps what was filled in, though no page may be kept. Needs no network: one function on a port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from msgspec import Struct
from playwright.sync_api import Browser

from mart_union.kernel.ids import new_id
from mart_union.web import words
from mart_union.web.access import PUBLIC
from mart_union.web.answer import Raw
from mart_union.web.api import Api
from mart_union.web.request import Request
from mart_union.web.static import read_asset
from tests.gateway import CONTEXT, gateway_event


class Wish(Struct):
    """What the form asks for."""

    text: str
    quantity: int


_FORM = """<!doctype html><title>Form</title><form method="post" action="/wishes">
<input type="hidden" name="idempotency_key" value="{key}"><textarea name="text"></textarea><input name="quantity"><button>Send</button></form>"""

api = Api("wishes")


@api.get("/form", PUBLIC)
def form_page(_request: Request) -> Raw:
    """The form, which no browser keeps, with a new key each time."""
    return Raw(_FORM.format(key=new_id()), "text/html; charset=utf-8", {"Cache-Control": "no-store"})


@api.post("/wishes", PUBLIC, body=Wish, key=True)
def make_wish(request: Request) -> Wish:
    """What was wished for."""
    wish: Wish = request.content
    return wish


@api.get("/assets/{name}", PUBLIC)
def asset(request: Request) -> Raw:
    """A page's style sheet, icon or script."""
    return Raw(*read_asset(request.params["name"]))


class Gateway(BaseHTTPRequestHandler):
    """HTTP as API Gateway's events."""

    def do_GET(self) -> None:
        """Answer a request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {**self.headers, "X-Forwarded-Proto": "http"}
        event = gateway_event(self.command, self.path.partition("?")[0], body=body or None, headers=headers)
        answer: dict[str, Any] = api.handle(event, CONTEXT)
        self.send_response(answer["statusCode"])
        for name, values in answer["multiValueHeaders"].items():
            for value in values:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer["body"].encode())

    def do_POST(self) -> None:
        """Answer a form."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(words, "_names_of_union", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_the_way_back_from_a_refusal_leads_to_the_form_and_keeps_its_entries(
    chromium: Browser, address: str, has_scripts: bool
) -> None:
    context = chromium.new_context(locale="zh-TW", java_script_enabled=has_scripts)
    page = context.new_page()
    page.goto(f"{address}/form")
    first_key = page.input_value("[name=idempotency_key]")
    page.fill("[name=text]", "many words")
    page.fill("[name=quantity]", "two")
    page.click("button")
    assert page.url == f"{address}/wishes"
    assert page.inner_text("h1") == "資料有誤"
    assert page.inner_text(".error li") == "數量: 此處需要整數"
    assert page.text_content("details dd >> nth=0") == "many words"
    page.click("text=返回")
    page.wait_for_url(f"{address}/form")
    kept = (page.input_value("[name=text]"), page.input_value("[name=quantity]"))
    assert kept == (("many words", "two") if has_scripts else ("", ""))
    assert page.input_value("[name=idempotency_key]") != first_key
    context.close()
