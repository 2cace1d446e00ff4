"""Where a shop may be, and how it is called."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from mart_union.kernel.errors import Invalid
from mart_union.mediation.addresses import checked_url
from mart_union.mediation.delivery import NotDelivered, is_callable, post


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "2002:a00:1::",
        "64:ff9b::a00:1",
        "2001::1",
        "fec0::1",
        "::7f00:1",
        "64:ff9b:1::1",
    ],
)
def test_an_address_off_the_public_internet_is_never_called(address: str) -> None:
    assert not is_callable(ipaddress.ip_address(address), loopback_allowed=True)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_called(address: str) -> None:
    assert is_callable(ipaddress.ip_address(address), loopback_allowed=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_called_only_where_that_is_allowed(address: str) -> None:
    assert is_callable(ipaddress.ip_address(address), loopback_allowed=True)
    assert not is_callable(ipaddress.ip_address(address), loopback_allowed=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hook",
        "ftp://shop.example/",
        "https://user:password@shop.example/",
        "https://shop.example/#part",
        "https:///hook",
        "https://shop.example:99999/",
        "javascript:alert(1)",
        "https://[::1",
        "https://a..example/hook",
        f"https://{'a' * 64}.example/hook",
        "https://竹店.example/hook",
        "https://shop.example/" + "x" * 500,
    ],
)
def test_a_shops_address_is_plain_https(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_url(url, loopback_allowed=True)
    assert refused.value.facts["errors"][0]["field"] == "url"  # type: ignore[index]


def test_plain_http_is_for_this_machine_only() -> None:
    assert checked_url("http://127.0.0.1:8000/hook", loopback_allowed=True) == "http://127.0.0.1:8000/hook"
    with pytest.raises(Invalid):
        checked_url("http://127.0.0.1:8000/hook", loopback_allowed=False)


def test_a_public_name_that_resolves_to_a_private_address_is_not_called() -> None:
    with pytest.raises(NotDelivered, match="not on the public Internet"):
        post("https://shop.example/", {}, b"{}", loopback_allowed=True, resolve=lambda _host, _port: ["10.0.0.7"])


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(NotDelivered, match="not on the public Internet"):
        post(
            "https://shop.example/",
            {},
            b"{}",
            loopback_allowed=False,
            resolve=lambda _host, _port: ["93.184.215.14", "169.254.169.254"],
        )


class Receiver(BaseHTTPRequestHandler):
    seen: list[tuple[str, str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, self.headers["host"], body))
        redirected = self.path == "/redirect"
        self.send_response(302 if redirected else 204)
        if redirected:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    Receiver.seen = []
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_the_address_that_was_checked_is_the_one_called_with_the_hosts_name(receiver: HTTPServer) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    url = f"http://shop.localhost:{receiver.server_port}/hook?store=emei-tea"
    assert post(url, {"webhook-id": "1"}, b"{}", loopback_allowed=True, resolve=resolve) == 204
    assert asked == [("shop.localhost", receiver.server_port)]
    assert Receiver.seen == [("/hook?store=emei-tea", f"shop.localhost:{receiver.server_port}", b"{}")]


def test_a_redirect_is_answered_and_not_followed(receiver: HTTPServer) -> None:
    url = f"http://127.0.0.1:{receiver.server_port}/redirect"
    assert post(url, {}, b"{}", loopback_allowed=True) == 302
    assert [path for path, _, _ in Receiver.seen] == ["/redirect"]


def test_nobody_there_is_not_delivered(receiver: HTTPServer) -> None:
    port = receiver.server_port
    receiver.shutdown()
    receiver.server_close()
    with pytest.raises(NotDelivered, match="no answer"):
        post(f"http://127.0.0.1:{port}/", {}, b"{}", loopback_allowed=True)


class Dripping(BaseHTTPRequestHandler):
    """Answers byte by byte, so that no single read takes long, and notes when whoever called has hung up."""

    def do_POST(self) -> None:
        server: Any = self.server
        with contextlib.suppress(OSError):
            self.connection.settimeout(5)
            for _ in range(200):
                self.connection.sendall(b"H")
                time.sleep(0.05)
        server.hung_up.set()

    def log_message(self, *_: object) -> None:
        return


def test_an_answer_that_comes_drop_by_drop_is_ended_at_the_deadline_of_the_whole_call() -> None:
    server: Any = HTTPServer(("127.0.0.1", 0), Dripping)
    server.hung_up = threading.Event()
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    began = time.monotonic()
    with pytest.raises(NotDelivered, match=r"no answer within 0\.3 seconds"):
        post(f"http://127.0.0.1:{server.server_port}/", {}, b"{}", loopback_allowed=True, seconds=0.3)
    assert time.monotonic() - began < 2
    assert server.hung_up.wait(4)  # the connection is closed, and not left to whoever drips
    thread.join(5)
    server.server_close()


def test_a_name_that_takes_long_to_resolve_is_not_waited_for() -> None:
    resolved = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        resolved.wait(5)
        return ["10.0.0.7"]

    with pytest.raises(NotDelivered, match=r"no answer within 0\.1 seconds"):
        post("https://shop.example/", {}, b"{}", loopback_allowed=True, resolve=resolve, seconds=0.1)
    resolved.set()


def test_a_connection_that_is_made_after_the_deadline_is_closed_at_once() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    resolved = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        resolved.wait(5)
        return ["127.0.0.1"]

    url = f"http://shop.localhost:{listening.getsockname()[1]}/"
    with pytest.raises(NotDelivered, match=r"no answer within 0\.1 seconds"):
        post(url, {}, b"{}", loopback_allowed=True, resolve=resolve, seconds=0.1)
    resolved.set()
    listening.settimeout(5)
    connection, _ = listening.accept()
    connection.settimeout(3)
    assert connection.recv(100) == b""
    connection.close()
    listening.close()
