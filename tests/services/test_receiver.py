"""A real shop beside the union: killed, slow, failing, told twice and out of order, it ends with what the union's links say."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import urllib3
from msgspec.structs import replace
from standardwebhooks import Webhook

from mart_union.kernel import secrets
from mart_union.kernel.clock import utc_now
from mart_union.kernel.events import Event
from mart_union.mediation import delivery, drift, syndication
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Link, Terms
from mart_union.mediation.shop_model import Shop
from mart_union.mediation.syndication import ShopsBehind
from mart_union.stock import counting as stock
from supply.app import lambda_handler
from tests.gateway import CONTEXT, gateway_event
from tests.receiver import LATE_SECONDS, Receiver, apply
from tests.services.test_mediation import link, make_offer, make_store, make_supplier

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SKUS = tuple(f"L-{number}" for number in range(6))


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})


class Scene:
    """A store with links of six offers, a shop of its own, and the union's bus and queue, played by hand."""

    def __init__(self, unique: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.supplier, self.receiver = make_store(unique + "s"), make_supplier(unique), receiver
        self.events: list[Event] = []
        for sku in SKUS:
            self.told(link(self.store, make_offer(unique, sku=sku), sku, Terms("tea")))
        self.shop: Shop = mediation.register_shop(self.store, receiver.url, "owner", "shop-00001", NOW)
        receiver.secret = mediation.secret_of(self.shop.id)
        self.published: list[Event] = []
        for module in (drift, syndication):
            monkeypatch.setattr(module, "publish", self.published.extend)

    def told(self, changed: Link) -> None:
        entity = f"link/{changed.store}/{changed.sku}"
        data = msgspec.to_builtins(changed)
        self.events.append(
            Event(f"e-{changed.sku}-{changed.sequence}", "LinkChanged", entity, changed.sequence, "", data)
        )

    def change(self, sku: str, number: int) -> None:
        """The supplier changes its price or stock, or the seller its words; the link follows, and its stream tells."""
        before = mediation.get_link(self.store, sku)
        offer = mediation.get_offer(self.supplier, sku)
        if number % 3 == 0:
            mediation.save_offer(replace(offer, suggested_minor=20000 + 100 * number), None, "owner", NOW)
            mediation.apply_offer_change(Event("e", "OfferChanged", f"offer/{self.supplier}/{sku}", 1, "", {}))
        elif number % 3 == 1:
            stock.count(offer.level, 0 if number % 2 else 50, actor="owner", reference="", now=NOW)
            mediation.apply_stock_change(Event("e", "StockOut", f"level/{offer.level}", 1, "", {}))
        else:
            mediation.make_link(
                self.store, sku, _reference(offer), Terms("tea", titles={"en": f"T {number}"}), "o", NOW
            )
        after = mediation.get_link(self.store, sku)
        if after != before:
            self.told(after)

    def linked(self) -> dict[str, tuple[Any, ...]]:
        """What the shop should show."""
        found = mediation.list_links(self.store).items
        return {
            each.sku: (
                each.sequence,
                each.state,
                each.price_minor,
                each.availability,
                json.dumps(each.titles, sort_keys=True),
            )
            for each in found
        }

    def deliver(self, event: Event) -> bool:
        """One delivery by the queue."""
        consumers: dict[str, Callable[[Event, datetime], None]] = {
            "LinkChanged": mediation.tell_shops,
            "LinkReplayed": mediation.tell_shop_again,
            "ShopCheckDue": mediation.check_shop,
        }
        try:
            consumers[event.name](event, utc_now())
        except ShopsBehind:
            return False
        return True

    def drain(self) -> int:
        """Deliver what was published, and what that publishes; how many could not be delivered and were given up."""
        lost = 0
        while self.published:
            lost += not self.deliver(self.published.pop(0))
        return lost

    def report(self) -> dict[str, Any]:
        """The shop reports all that it shows, and applies the answer."""
        names = ("sku", "sequence", "state", "price_minor", "availability")
        links = [dict(zip(names, (sku, *row), strict=False)) for sku, row in self.receiver.shown().items()]
        body, now = json.dumps({"links": links}), utc_now()
        headers = {
            "webhook-id": "state-1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.receiver.secret).sign("state-1", now, body),
            "content-type": "application/json",
        }
        event = gateway_event("POST", f"/api/shops/{self.shop.id}/state", body=body, headers=headers)
        answer = lambda_handler(event, CONTEXT)
        assert answer["statusCode"] == 200, answer
        drifted: dict[str, Any] = json.loads(answer["body"])
        reported = {each["sku"]: each["sequence"] for each in links}
        with self.receiver.database as database:
            for gone in drifted["gone"]:
                database.execute("delete from links where sku = ?", (gone,))
            for each in drifted["links"]:
                unchanged = (each["sku"], reported.get(each["sku"], 0))
                database.execute("delete from links where sku = ? and sequence = ?", unchanged)
                apply(database, each)
        return drifted


def _reference(offer: Any) -> Any:
    from mart_union.catalog.model import OfferReference

    return OfferReference(offer.supplier, offer.sku)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path / "shop.sqlite")
    yield made
    made.kill()
    made.database.close()


@pytest.fixture
def scene(unique: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(unique, receiver, monkeypatch)
    receiver.start()
    return made


def test_killed_slowed_and_told_twice_and_out_of_order_the_shop_ends_equal(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_TIMEOUT", urllib3.Timeout(connect=1, read=LATE_SECONDS / 2))
    monkeypatch.setattr(
        "mart_union.mediation.told._LONGEST_REST", timedelta()
    )  # the next delivery of a message is minutes later
    chance = random.Random(1)
    for number in range(24):
        scene.change(chance.choice(SKUS), number)
    waiting = scene.events * 2
    chance.shuffle(waiting)
    scene.receiver.trouble(*(chance.choice(("", "", "", "late", "fail", "lost", "die")) for _ in range(20)))
    deliveries = 0
    while waiting:
        event = waiting.pop(0)
        deliveries += 1
        if not scene.deliver(event):
            waiting.insert(chance.randrange(len(waiting) + 1), event)
        if chance.random() < 0.05:
            scene.receiver.kill()
        if chance.random() < 0.5:
            scene.receiver.start()
    assert deliveries > len(scene.events) * 2
    assert scene.receiver.shown() == scene.linked()
    told = mediation.list_told(scene.shop.id)
    assert told == {sku: row[0] for sku, row in scene.linked().items()}


def test_what_was_given_up_while_the_shop_was_down_is_told_within_the_hour_in_which_it_is_back(scene: Scene) -> None:
    for event in scene.events:
        scene.deliver(event)
    scene.receiver.kill()
    for number in range(12):
        scene.change(SKUS[number % len(SKUS)], number)
    delivered = [scene.deliver(event) for event in scene.events[len(SKUS) :]]
    assert delivered
    assert not any(delivered)
    ask(scene, NOW)
    assert scene.drain() == 1  # one message tries the shop, whatever waits for it
    scene.receiver.start()
    assert scene.receiver.shown() != scene.linked()
    ask(scene, NOW + timedelta(hours=1))
    assert scene.drain() == 0
    assert scene.receiver.shown() == scene.linked()
    heard = scene.receiver.heard()
    ask(scene, NOW + timedelta(hours=2))
    assert (scene.drain(), scene.receiver.heard()) == (0, heard)


def ask(scene: Scene, at: datetime) -> None:
    """The hourly check; of the union's shops, this test's only."""
    assert mediation.ask_checks(at) >= 1
    scene.published[:] = [event for event in scene.published if event.data["shop"] == scene.shop.id]
    assert len(scene.published) == 1


def test_a_paused_shop_is_not_checked(scene: Scene) -> None:
    mediation.set_shop_state(scene.store, scene.shop.id, "paused", "owner", NOW)
    mediation.ask_checks(NOW)
    assert scene.shop.id not in {event.data["shop"] for event in scene.published}


def test_what_the_shop_shows_otherwise_is_found_and_repaired_when_it_reports(scene: Scene) -> None:
    for event in scene.events:
        scene.deliver(event)
    assert scene.report() == {"links": [], "gone": [], "next": ""}
    with scene.receiver.database as database:
        database.execute("update links set price_minor = 1 where sku = 'L-0'")
        database.execute("delete from links where sku = 'L-1'")
        database.execute("update links set sequence = 0, availability = 'gone' where sku = 'L-2'")
        database.execute("update links set sequence = 99 where sku = 'L-3'")
        database.execute("insert into links values ('L-9', 4, 'linked', 5, 'in_stock', '{}')")
    drifted = scene.report()
    assert ([each["sku"] for each in drifted["links"]], drifted["gone"]) == (["L-0", "L-1", "L-2", "L-3"], ["L-9"])
    assert scene.receiver.shown() == scene.linked()
    assert scene.report() == {"links": [], "gone": [], "next": ""}
    attempts = mediation.list_deliveries(scene.shop.id, utc_now().date().isoformat()).items
    assert sorted(each.sku for each in attempts if each.event == "check") == ["L-0", "L-1", "L-2", "L-3"]


def test_a_report_that_agrees_counts_as_confirmed(scene: Scene) -> None:
    with scene.receiver.database as database:
        for event in scene.events:
            apply(database, event.data)
    assert mediation.list_told(scene.shop.id) == {}
    scene.report()
    assert mediation.list_told(scene.shop.id) == {sku: row[0] for sku, row in scene.linked().items()}
