"""The demo's story on a network with its sample data: from the service center to a supplier's cleared account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local import people
from infra.local.demo import play
from infra.local.story import Story


def test_the_whole_story_ends_with_balanced_books(network: dict[str, Any]) -> None:
    left = play(Story(network))
    shopper = Story(network).person("customer")
    purchase = shopper.get(f"/api/purchases/{left['purchase']}")
    assert {order["state"] for order in purchase["orders"]} == {"completed"}
    stranger = people.visitor(network["unions"]["hsinchu"]["url"])
    stranger.get(f"/api/purchases/{left['purchase']}", status=401)
    views = shopper.get("/api/me/views")["views"]
    assert views == sorted(views, key=lambda view: view["at"])


def test_consent_is_given_kept_and_withdrawn(network: dict[str, Any]) -> None:
    visitor = people.visitor(network["unions"]["hsinchu"]["url"])
    assert visitor.http.post("/consent", data={"consent": "yes", "next": "/"}).status_code == 303
    assert visitor.http.get("/stores/emei-tea").status_code == 200
    assert visitor.http.post("/consent", data={"consent": "no", "next": "/"}).status_code == 303


def test_an_urgent_sale_is_begun_seen_and_ended(network: dict[str, Any]) -> None:
    owner = Story(network).person("store/emei-tea/owner")
    now = datetime.now(UTC)
    sale = {
        "sku": "BK-HONEY",
        "price_minor": 30_000,
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
        "quantity": 5,
    }
    kept = owner.get("/api/listings/emei-tea/BK-HONEY")["reserve"]
    begun = owner.post("/api/manage/emei-tea/urgent-sales", sale, key=f"sale-{now.timestamp()}", status=201)
    shown = owner.get("/api/listings/emei-tea/BK-HONEY")
    assert (shown["price_minor"], shown["reserve"]) == (30_000, 5)
    owner.post("/api/manage/emei-tea/urgent-sales/BK-HONEY/end", {"sale": begun["urgent"]["id"]})
    shown = owner.get("/api/listings/emei-tea/BK-HONEY")
    assert (shown["price_minor"], shown["reserve"]) == (45_000, kept)
