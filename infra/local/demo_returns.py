"""The demo's returns: of a store's own goods, and of a supplier's, each at the cost of whose fault it is."""

from __future__ import annotations

from typing import Any

from infra.local.people import Person
from infra.local.story import Story, expect


def returned(story: Story, shopper: Person, staff: Person, order: dict[str, Any], sku: str) -> None:
    """One of two of the store's own goes back: it lays it back into the reserve, and the shopper has the money at once; for another it gives a little."""
    line, path = _line(order, sku), f"/api/manage/{order['store']}/orders/{order['id']}"
    given = _give_back(shopper, staff, path, order, line, {"reason": "changed_mind", "note": "too sweet for my mother"})
    expect(given == line["price_minor"], f"the return gave back {given}, not {line['price_minor']}")
    wish = {"lines": [{"number": line["number"], "amount_minor": 5_000}], "reason": "one of them was bruised"}
    after = staff.post(f"{path}/refunds", wish, key=f"refund-{order['id']}", status=201)
    expect(after["refunded_minor"] == given + 5_000, f"the order says that {after['refunded_minor']} went back")
    story.tell(
        "the shopper returns one and gets its price back at once; for a bruise the store gives back a little more",
        f"returned x 1: {story.money(given)}, back in the reserve; refunded: {story.money(5_000)}",
    )


def returned_to_its_supplier(
    story: Story, shopper: Person, maker: tuple[Person, str], order: dict[str, Any], sku: str
) -> None:
    """One of two of a supplier's is defective: the supplier (`maker`, with its path of the order) takes it back, and gives its own price back."""
    worker, path = maker
    line, before = _line(order, sku), worker.get(path)["owed_minor"]
    held = shopper.get(f"/api/orders/{order['id']}")["escrow_minor"]
    given = _give_back(shopper, worker, path, order, line, {"reason": "defective", "note": "a split in the weave"})
    owed = worker.get(path)["owed_minor"]
    left = shopper.get(f"/api/orders/{order['id']}")["escrow_minor"]
    expect(given == line["price_minor"], f"the return gave back {given}, not {line['price_minor']}")
    expect(held - left == given, f"the escrow fell by {held - left}, not by the {given} that went back")
    story.tell(
        "one of two trays is defective: its maker takes it back, and its cost falls on the maker, not on the store",
        f"the shopper got {story.money(given)} out of the order's escrow: {story.money(held)} before, {story.money(left)} after",
        f"the maker is owed {story.money(owed)}, no longer {story.money(before)}: less its price of {story.money(before - owed)}; "
        f"{story.money(given - before + owed)} is what store, union and tax give up",
    )


def _line(order: dict[str, Any], sku: str) -> dict[str, Any]:
    return next(line for line in order["lines"] if line["sku"] == sku)


def _give_back(
    shopper: Person, taker: Person, path: str, order: dict[str, Any], line: dict[str, Any], why: dict[str, str]
) -> int:
    """A unit of a line goes back, is accepted, sent, received and refunded as good; what the shopper got for it."""
    before = shopper.get("/api/me/account")["balance_minor"]
    own, key = f"/api/orders/{order['id']}/returns", f"{order['id']}-{line['number']}"
    wish = {"lines": [{"number": line["number"], "units": 1}], **why}
    identity = shopper.post(own, wish, key=f"return-{key}", status=201)["returns"][-1]["id"]
    taker.post(f"{path}/returns", {"id": identity, "decision": "accept"}, key=f"accept-{identity}")
    shopper.post(f"{own}/{identity}/sent", {"tracking_number": f"BACK{line['number']}"}, key=f"sent-{identity}")
    taker.post(f"{path}/returns", {"id": identity, "decision": "receive"}, key=f"receive-{identity}")
    refund = {"id": identity, "decision": "refund", "stock": "reserve"}
    taker.post(f"{path}/returns", refund, key=f"refund-{identity}")
    return int(shopper.get("/api/me/account")["balance_minor"]) - int(before)
