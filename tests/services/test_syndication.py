"""Shops are told of every change of their store's links: at least once, signed, the newest winning."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook

from mart_union.catalog.model import offer_level
from mart_union.kernel import secrets
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid, KeyReused, NotFound
from mart_union.kernel.events import Event
from mart_union.mediation import service as mediation
from mart_union.mediation import syndication
from mart_union.mediation.delivery import NotDelivered
from mart_union.mediation.model import Link, Terms
from mart_union.mediation.shop_model import Shop
from mart_union.stock.counting import count
from tests.services.test_mediation import link, make_offer, make_store, make_supplier

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})


class Shopkeeper(BaseHTTPRequestHandler):
    """A seller's web shop: keeps the newest snapshot of each link, and may be told to fail."""

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        server.received.append((dict(self.headers.items()), body))
        status = server.answers.pop(0) if server.answers else 204
        self.send_response(status)
        if status in {301, 302, 307}:
            self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Any]:
    receiver: Any = HTTPServer(("127.0.0.1", 0), Shopkeeper)
    receiver.received, receiver.answers = [], []
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    yield receiver
    receiver.shutdown()
    thread.join(5)
    receiver.server_close()


@pytest.fixture
def linked(unique: str) -> Link:
    return link(make_store(unique + "s"), make_offer(make_supplier(unique)))


def register(store: str, server: Any, key: str = "key-00001") -> Shop:
    return mediation.register_shop(store, f"http://127.0.0.1:{server.server_port}/{key}", "owner", key, NOW)


def changed(told: Link) -> Event:
    entity = f"link/{told.store}/{told.sku}"
    return Event(f"event-{told.sequence}", "LinkChanged", entity, told.sequence, "now", msgspec.to_builtins(told))


def test_a_shop_is_told_the_whole_link_under_a_signature_that_verifies(linked: Link, server: Any) -> None:
    shop = register(linked.store, server)
    mediation.tell_shops(changed(linked), utc_now())
    ((headers, body),) = server.received
    payload = Webhook(mediation.secret_of(shop.id)).verify(body, headers)
    assert (headers["webhook-id"], payload["type"]) == ("event-1", "link.changed")
    assert payload["data"] == {
        "union": "hsinchu",
        "store": linked.store,
        "sku": "GX-HERBTEA",
        "sequence": 1,
        "state": "linked",
        "titles": {"en": "Grass Jelly Tea Bags"},
        "texts": {"en": "Hot or cold."},
        "category": "tea",
        "kind": "goods",
        "glyph": "",
        "price_minor": 23000,
        "currency": "TWD",
        "availability": "in_stock",
        "area": [],
    }
    assert "11000" not in body.decode()


def test_a_shop_that_fails_is_told_again_and_one_that_was_told_is_not(linked: Link, server: Any) -> None:
    shop = register(linked.store, server)
    server.answers = [503]
    with pytest.raises(syndication.ShopsBehind):
        mediation.tell_shops(changed(linked), NOW)
    assert mediation.list_told(shop.id) == {}
    mediation.tell_shops(changed(linked), utc_now())
    mediation.tell_shops(changed(linked), utc_now())
    assert len(server.received) == 2
    assert mediation.list_told(shop.id) == {"GX-HERBTEA": 1}
    attempts = [
        (attempt.status, attempt.problem)
        for day in ("2026-11-22", utc_now().date().isoformat())
        for attempt in mediation.list_deliveries(shop.id, day).items
    ]
    assert sorted(set(attempts)) == [(204, ""), (503, "answered 503")]


def test_a_late_event_does_not_take_a_shop_back(linked: Link, server: Any) -> None:
    register(linked.store, server)
    newer = replace(linked, price_minor=25000, sequence=2)
    for told in (newer, linked, newer):
        mediation.tell_shops(changed(told), NOW)
    assert [json.loads(body)["data"]["sequence"] for _, body in server.received] == [2]


def test_a_redirect_counts_as_not_delivered_and_is_not_followed(linked: Link, server: Any) -> None:
    register(linked.store, server)
    server.answers = [307]
    with pytest.raises(syndication.ShopsBehind):
        mediation.tell_shops(changed(linked), NOW)
    assert len(server.received) == 1


def test_one_shop_that_is_down_does_not_keep_the_others_waiting(linked: Link, server: Any) -> None:
    shops = [register(linked.store, server, key) for key in ("key-00001", "key-00002")]
    server.answers = [500]
    with pytest.raises(syndication.ShopsBehind):
        mediation.tell_shops(changed(linked), NOW)
    assert len(server.received) == 2
    assert sorted(len(mediation.list_told(shop.id)) for shop in shops) == [0, 1]


def test_all_shops_of_a_store_are_told_at_the_same_time(linked: Link, server: Any) -> None:
    shops = [register(linked.store, server, f"key-0000{number}") for number in range(3)]
    all_here = threading.Barrier(3, timeout=5)

    def meet(*_: object) -> int:
        all_here.wait()
        return 204

    mediation.tell_shops(changed(linked), NOW, send=meet)
    assert [mediation.list_told(shop.id) for shop in shops] == [{"GX-HERBTEA": 1}] * 3


def test_a_shop_that_does_not_answer_is_left_alone_for_a_while_and_the_others_are_told(linked: Link) -> None:
    for name in ("silent", "other"):
        mediation.register_shop(linked.store, f"http://127.0.0.1/{name}", "owner", f"key-{name}", NOW)
    called: list[str] = []
    answers = {"http://127.0.0.1/other": 204}

    def call(url: str, *_: object) -> int:
        called.append(url.rpartition("/")[2])
        if url not in answers:
            raise NotDelivered("no answer")
        return answers[url]

    def tell(sequence: int, minutes: int) -> bool:
        try:
            mediation.tell_shops(changed(replace(linked, sequence=sequence)), NOW + timedelta(minutes=minutes), call)
        except syndication.ShopsBehind:
            return False
        return True

    assert [tell(sequence, 0) for sequence in range(1, 6)] == [False] * 5
    assert (called.count("silent"), called.count("other")) == (5, 5)
    assert not tell(6, 4)
    assert (called.count("silent"), called.count("other")) == (5, 6)  # told later: its event comes again
    assert not tell(6, 5)  # five minutes after the fifth of five calls it is tried again
    assert called.count("silent") == 6
    assert not tell(6, 10)
    assert called.count("silent") == 6  # and now after six
    answers["http://127.0.0.1/silent"] = 204
    assert [tell(sequence, 11) for sequence in (6, 7)] == [True, True]
    assert (called.count("silent"), called.count("other")) == (8, 7)


def test_an_address_that_turned_private_is_recorded_as_not_called(linked: Link, server: Any) -> None:
    shop = register(linked.store, server)

    def refuse(*_: object) -> int:
        raise NotDelivered("the host is not on the public Internet")

    with pytest.raises(syndication.ShopsBehind):
        mediation.tell_shops(changed(linked), NOW, send=refuse)
    (attempt,) = mediation.list_deliveries(shop.id, "2026-11-22").items
    assert (attempt.status, attempt.problem) == (0, "the host is not on the public Internet")


def test_a_paused_shop_is_told_nothing(linked: Link, server: Any) -> None:
    shop = register(linked.store, server)
    mediation.set_shop_state(linked.store, shop.id, "paused", "owner", NOW)
    mediation.tell_shops(changed(linked), NOW)
    assert server.received == []


def test_a_replay_tells_one_shop_of_every_link_again(
    linked: Link, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = register(linked.store, server)
    link(linked.store, make_offer(linked.supplier, sku="HERB-DRY"), sku="GX-HERBDRY", terms=Terms("dry"))
    mediation.tell_shops(changed(linked), NOW)
    asked = mediation.ask_replay(linked.store, shop.id, "owner", "replay-01", NOW)
    assert mediation.ask_replay(linked.store, shop.id, "owner", "replay-01", NOW) == asked
    published: list[Event] = []
    monkeypatch.setattr(syndication, "publish", published.extend)
    mediation.replay_links(Event("replay", "ShopChanged", f"shop/{shop.id}", 2, "now", msgspec.to_builtins(asked)))
    assert [(event.id, event.name) for event in published] == [
        ("replay.GX-HERBDRY", "LinkReplayed"),
        ("replay.GX-HERBTEA", "LinkReplayed"),
    ]
    for event in published:
        mediation.tell_shop_again(event, NOW)
    assert [headers["webhook-id"] for headers, _ in server.received] == ["event-1", *[event.id for event in published]]


def test_a_shop_is_registered_once_and_only_at_an_address_we_may_call(unique: str, server: Any) -> None:
    shop = register(unique, server)
    assert register(unique, server) == shop
    assert mediation.list_shops(unique) == [shop]
    with pytest.raises(KeyReused):
        mediation.register_shop(unique, "https://shop.example/", "owner", "key-00001", NOW)
    with pytest.raises(Invalid):
        mediation.register_shop(unique, "http://shop.example/", "owner", "key-00003", NOW)
    with pytest.raises(NotFound):
        mediation.get_shop_of("another", shop.id)
    assert mediation.list_shops(unique) == [shop]


def test_a_pool_that_runs_out_reaches_its_links_whenever_the_event_comes(linked: Link) -> None:
    level = offer_level(linked.supplier, linked.offer_sku)
    event = Event("stock", "StockOut", f"level/{level}", 2, "now", {})
    count(level, 0, actor="owner", reference="", now=NOW)
    mediation.apply_stock_change(event)
    mediation.apply_stock_change(event)
    out = mediation.get_link(linked.store, linked.sku)
    assert (out.availability, out.sequence) == ("out_of_stock", 2)
    count(level, 50, actor="owner", reference="", now=NOW)
    mediation.apply_stock_change(event)
    assert mediation.get_link(linked.store, linked.sku).availability == "in_stock"


def test_a_shops_secret_is_its_own() -> None:
    assert mediation.secret_of("a") == mediation.secret_of("a")
    assert mediation.secret_of("a") != mediation.secret_of("b")
