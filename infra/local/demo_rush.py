"""The demo's urgent sale: so many buyers a second are let in, each with a ticket, none has more than their share, and it sells out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local import people
from infra.local.bank import send_money
from infra.local.people import Person
from infra.local.story import UNION, Story, expect, wait_until

_SKU = "PERSIMMON"
_TERMS = {"price_minor": 20_000, "quantity": 3, "per_customer": 2, "rate": 2}
_FUNDS_MINOR = 100_000


def sold_out_in_a_rush(story: Story) -> None:
    """The farm sells three boxes at a bargain; three shoppers want two each, and whoever is beyond the limit or the quantity is told so by name."""
    owner, now = story.person("store/emei-tea/owner"), datetime.now(UTC)
    window = {"starts_at": (now - timedelta(minutes=1)).isoformat(), "ends_at": (now + timedelta(hours=1)).isoformat()}
    sale = {"sku": _SKU, **_TERMS, **window}
    sales = f"/api/manage/{story.store}/urgent-sales"
    owner.post(sales, sale, key=f"rush-{story.run}", status=201)
    again = owner.post(sales, sale, key=f"rush-again-{story.run}", status=422)
    expect(again["type"].endswith("sale-overlaps"), f"a second sale was answered {again}")
    first, second, third = shoppers = _shoppers(story)
    _refused(story, first, 2, "", "admission-needed", 409)
    tickets = [_ticket(story, shopper) for shopper in shoppers]
    _bought(story, first, 2, tickets[0])
    _refused(story, first, 1, tickets[0], "limit-reached", 422)
    _refused(story, second, 1, tickets[0], "ticket-of-another", 422)
    _bought(story, second, 1, tickets[1])
    _refused(story, third, 1, tickets[2], ("out-of-stock", "price-changed"), 409)  # the second, once it is put away
    left = third.get(f"/api/listings/{story.store}/{_SKU}")
    expect(left["reserve"] == 0 or left["urgent_sale"] is None, f"the sale has {left['reserve']} left")
    story.tell(
        "the farm's urgent sale lets two buyers a second in, and sells out: three boxes at a bargain, two a customer at most",
        f"without a ticket, beyond the limit, with another's ticket, after the last box: refused by name; {story.money(_TERMS['price_minor'])} a box",
    )


def _shoppers(story: Story) -> list[Person]:
    """Three customers of the union, with money."""
    accounts = [account for account in story.facts["accounts"] if "customer" in account["roles"]][:3]
    found = [people.signed_in(story.network, story.facts["url"], account["email"]) for account in accounts]
    for number, shopper in enumerate(found):
        reference = shopper.get("/api/me/account")["reference"]
        notice = f"demo-rush-{number}-{story.run}"
        send_money(story.network, UNION, notice=notice, reference=reference, amount_minor=_FUNDS_MINOR)
    return found


def _ticket(story: Story, shopper: Person) -> str:
    """A ticket of the shopper's, once their turn has come."""
    turn = shopper.post("/api/admissions", {"store": story.store, "sku": _SKU}, status=201)
    path = f"/api/admissions/{story.store}/{_SKU}"
    wait_until(lambda: shopper.get(path, ticket=turn["ticket"])["state"] == "admitted", 30, "the shopper's turn")
    return str(turn["ticket"])


def _bought(story: Story, shopper: Person, units: int, ticket: str) -> None:
    purchase = shopper.post(
        "/api/purchases", _wish(story, shopper, units, ticket), key=_key(story, f"bought-{ticket}"), status=201
    )
    expect(purchase["goods_minor"] == units * _TERMS["price_minor"], f"the goods cost {purchase['goods_minor']}")


def _refused(story: Story, shopper: Person, units: int, ticket: str, code: str | tuple[str, ...], status: int) -> None:
    wish = _wish(story, shopper, units, ticket)
    first = code if isinstance(code, str) else code[0]
    refusal = shopper.post("/api/purchases", wish, key=_key(story, f"{first}-{ticket}"), status=status)
    expect(refusal["type"].endswith(code), f"{code} was expected, {refusal} came")


def _wish(story: Story, shopper: Person, units: int, ticket: str) -> dict[str, Any]:
    store = shopper.get(f"/api/stores/{story.store}")
    return {
        "lines": [{"store": story.store, "sku": _SKU, "quantity": units}],
        "recipient": shopper.get("/api/me/recipients")["recipients"][0]["id"],
        "total_minor": units * _TERMS["price_minor"] + store["delivery_minor"],
        "admission": [ticket] if ticket else [],
    }


def _key(story: Story, what: str) -> str:
    return f"demo-rush-{story.run}-{what[:20]}-{what[-12:]}"
