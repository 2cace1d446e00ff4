"""The demo's purchase by card: authorized, charged when the store has accepted, refunded when it cannot deliver after all."""

from __future__ import annotations

from typing import Any

import httpx

from infra.local.cards import PUBLISHABLE_KEY, SECRET_KEY
from infra.local.people import Person
from infra.local.story import Story, expect, wait_until

_STORE = "emei-tea"
_SHIPPING = {"step": "ship", "carrier": "windcity-express", "tracking_number": "1"}
_VISA = {"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2030", "card[cvc]": "123"}


def paid_by_card(story: Story) -> None:
    """A shopper pays one listing with a test card; its store accepts, then has to refuse, and the card gets its money back."""
    shopper, staff = story.person("customer"), story.person("store/emei-tea/owner")
    purchase = _buy(story, shopper)
    order = purchase["orders"][0]
    path = f"/api/manage/{_STORE}/orders/{order}/steps"
    refused = staff.post(path, _SHIPPING, key=f"s-{order}", status=409)
    expect(refused["type"].endswith(("payment-outstanding", "step-not-allowed")), f"shipping was answered {refused}")
    staff.post(path, {"step": "accept"}, key=f"a-{order}")
    wait_until(lambda: _charged(shopper, purchase["id"]), 60, "the capture")
    charged = _charged(shopper, purchase["id"])
    staff.post(path, {"step": "refuse"}, key=f"r-{order}")
    wait_until(lambda: _refunded(story, purchase["card"]["intent"]) == charged, 60, "the refund to the card")
    story.tell(
        "another purchase is paid by card: authorized at once, charged when the store has accepted, refunded when it must refuse after all",
        f"charged and given back: {story.money(charged)}",
    )


def _buy(story: Story, shopper: Person) -> dict[str, Any]:
    cards = shopper.get(f"/api/stores/{_STORE}/listings")["listings"]
    sku = next(card["sku"] for card in cards if shopper.get(f"/api/listings/{_STORE}/{card['sku']}")["reserve"] > 0)
    lines = [{"store": _STORE, "sku": sku, "quantity": 1}]
    wish = {
        "lines": lines,
        "recipient": shopper.get("/api/me/recipients")["recipients"][0]["id"],
        "total_minor": shopper.post("/api/quotes", {"lines": lines})["total_minor"],
        "method": "card",
        "payment_method": _payment_method(story),
    }
    purchase: dict[str, Any] = shopper.post("/api/purchases", wish, key=f"demo-card-{story.run}", status=201)
    expect(purchase["payment"] == "authorized", f"the card's purchase is {purchase['payment']}")
    return purchase


def _payment_method(story: Story) -> str:
    """The processor's name of a card, as the checkout page gets it."""
    fields = {"type": "card", "key": PUBLISHABLE_KEY, **_VISA}
    made = httpx.post(f"{story.network['card_processor']}/v1/payment_methods", data=fields).raise_for_status()
    return str(made.json()["id"])


def _charged(shopper: Person, purchase: str) -> int:
    found = shopper.get(f"/api/purchases/{purchase}")
    seen = found.get("purchase", found)
    return int(seen["card"]["captured_minor"]) if seen["payment"] == "paid" else 0


def _refunded(story: Story, intent: str) -> int:
    url = f"{story.network['card_processor']}/v1/refunds"
    listed = httpx.get(url, params={"payment_intent": intent}, auth=(SECRET_KEY, ""))
    return sum(int(each["amount"]) for each in listed.json()["data"])
