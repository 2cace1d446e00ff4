"""What goes back: refusals, refunds, returns."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.orders.model import ReturnedLine
from mart_union.orders.refunding import RefundWish
from mart_union.orders.returns import Decision
from mart_union.orders.service import take_step
from mart_union.settlement.refunding import ask_return, settle_return
from tests.services.ledger_events.scene import LATER, Scene, event, refund_part
from tests.services.market import NOW


@event("refusal, or cancelling of an order")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    yield
    take_step(scene.order, "refuse", "staff", "store", "r", NOW, fulfiller=f"store/{scene.market.store}")


@event("cancelling of a purchase")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    yield
    assert scene.purchase is not None
    cancel_purchase(scene.purchase.id, actor=scene.market.customer, role="customer", key="cancel-0001", now=NOW)


@event("cancelling of a purchase that was charged to a card")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    assert scene.purchase is not None
    cancel_purchase(scene.purchase.id, actor=scene.market.customer, role="customer", key="cancel-0001", now=NOW)


@event("refusal of a shop's sale")
def _(scene: Scene) -> Iterator[None]:
    scene.sell_supplied()
    yield
    supplier = f"supplier/{scene.market.supplier}"
    take_step(scene.order, "refuse", "staff", "supplier", "r", NOW, fulfiller=supplier)


@event("partial refund before completion")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    yield
    refund_part(scene)


@event("partial refund after completion")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_own()
    scene.complete()
    yield
    refund_part(scene)


@event("refund beyond the goods after they have left")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    scene.ship(f"store/{scene.market.store}")
    yield
    refund_part(scene, RefundWish(1, amount_minor=94_000))


@event("refusal at the door after a refund beyond the goods")
def _(scene: Scene) -> Iterator[None]:
    scene.take_cash()
    scene.buy()
    scene.ship(f"store/{scene.market.store}")
    refund_part(scene, RefundWish(1, amount_minor=94_000))
    yield
    take_step(scene.order, "turn_away", "staff", "store", "t", LATER, fulfiller=f"store/{scene.market.store}")


@event("refund of a delivery for its carrier's fault")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_own()
    scene.complete()
    yield
    refund_part(scene, RefundWish(1, amount_minor=2_500, carrier_gives=True))


@event("return of a supplier's goods after completion")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_at_a_loss()
    supplier = f"supplier/{scene.market.supplier}"
    scene.complete()
    lines = [ReturnedLine(1, 1)]
    asked = ask_return(
        scene.order, lines, customer=scene.market.customer, reason="r", key="return-0001", now=LATER
    ).returns[0]
    facts = {"fulfiller": supplier, "actor": "staff", "now": LATER}
    settle_return(scene.order, asked.id, Decision("accept"), key="accept-0001", **facts)  # type: ignore[arg-type]
    yield
    received = Decision("receive", stock="reserve")
    settle_return(scene.order, asked.id, received, key="receive-0001", **facts)  # type: ignore[arg-type]
