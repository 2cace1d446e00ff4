"""The demo's story on a network with its sample data: from the service center to a supplier's cleared account."""

from __future__ import annotations

from typing import Any

from infra.local import people
from infra.local.demo import Story, play


def test_the_whole_story_ends_with_balanced_books(network: dict[str, Any]) -> None:
    left = play(Story(network))
    shopper = Story(network).person("customer")
    purchase = shopper.get(f"/api/purchases/{left['purchase']}")
    assert {order["state"] for order in purchase["orders"]} == {"completed"}
    stranger = people.visitor(network["unions"]["hsinchu"]["url"])
    stranger.get(f"/api/purchases/{left['purchase']}", status=401)
    views = shopper.get("/api/me/views")["views"]
    assert views == sorted(views, key=lambda view: view["at"])
