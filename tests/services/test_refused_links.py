"""A link that a shop refuses holds up no other, and the shop's page names it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from mart_union.kernel import secrets
from mart_union.kernel.clock import iso
from mart_union.kernel.events import Event
from mart_union.mediation import drift
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Terms
from mart_union.mediation.shop_model import Shop
from mart_union.mediation.syndication import ShopsBehind
from mart_union.mediation.told import Refused
from tests.services.test_manage_catalog import ask as manage_page
from tests.services.test_mediation import link, make_offer, make_store, make_supplier

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SKUS = ("L-0", "L-1", "L-2")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})


class Scene:
    """A shop that was told nothing of three links, answers as `answers` says, and is checked each hour."""

    def __init__(self, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
        store, supplier = make_store(f"{unique}s"), make_supplier(unique)
        for sku in SKUS:
            link(store, make_offer(supplier, sku=sku), sku, Terms("tea"))
        self.shop: Shop = mediation.register_shop(store, "https://shop.example/hook", "owner", "shop-00001", NOW)
        self.answers: dict[str, int] = {}
        self.told: list[str] = []
        self.published: list[Event] = []
        monkeypatch.setattr(drift, "publish", self.published.extend)

    def send(self, _url: str, _headers: object, body: bytes) -> int:
        sku = msgspec.json.decode(body)["data"]["sku"]
        self.told.append(sku)
        return self.answers.get(sku, 204)

    def check(self, at: datetime) -> int:
        """An hourly check and all that follows of it; how many messages have to come again."""
        due = {"shop": self.shop.id, "cursor": "", "tried": False}
        self.published.append(Event(f"check-{iso(at)}", "ShopCheckDue", f"shop/{self.shop.id}", 0, iso(at), due))
        failed = 0
        while self.published:
            event = self.published.pop(0)
            try:
                if event.name == "ShopCheckDue":
                    mediation.check_shop(event, at)
                else:
                    mediation.tell_shop_again(event, at, self.send)
            except ShopsBehind:
                failed += 1
        return failed


@pytest.fixture
def scene(unique: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(unique, monkeypatch)


@pytest.mark.parametrize("refused", SKUS)
def test_a_link_that_a_shop_refuses_for_good_keeps_no_other_from_it(scene: Scene, refused: str) -> None:
    scene.answers[refused] = 422
    assert scene.check(NOW) == 0  # and no message of it ends as a dead letter
    others = {sku: 1 for sku in SKUS if sku != refused}
    assert mediation.list_told(scene.shop.id) == others
    assert mediation.list_refused(scene.shop.id).items == (Refused(refused, 1, "answered 422"),)


def test_a_shop_in_trouble_over_one_link_is_told_of_the_others_within_hours(scene: Scene) -> None:
    scene.answers["L-1"] = 500
    for hour in range(3):
        scene.check(NOW + timedelta(hours=hour))
    assert mediation.list_told(scene.shop.id) == {"L-0": 1, "L-2": 1}
    assert mediation.list_refused(scene.shop.id).items == ()


def test_a_shop_that_is_down_is_told_of_one_link_an_hour(scene: Scene) -> None:
    scene.answers = dict.fromkeys(SKUS, 503)
    assert [scene.check(NOW + timedelta(hours=hour)) for hour in range(3)] == [1, 1, 1]
    assert sorted(scene.told) == list(SKUS)


def test_a_refusal_stands_on_the_shops_page_until_the_shop_takes_the_link(scene: Scene) -> None:
    def page() -> str:
        path = f"/manage/{scene.shop.store}/shops/{scene.shop.id}"
        return str(manage_page("GET", path, headers={"Accept-Language": "en"})["body"])

    assert "Refused by the shop" not in page()
    scene.answers["L-1"] = 422
    scene.check(NOW)
    shown = page()
    assert "Refused by the shop" in shown
    assert "<li><code>L-1</code> 1 · answered 422</li>" in shown
    del scene.answers["L-1"]
    assert scene.check(NOW + timedelta(hours=1)) == 0
    assert "Refused by the shop" not in page()
    assert mediation.list_told(scene.shop.id) == dict.fromkeys(SKUS, 1)
