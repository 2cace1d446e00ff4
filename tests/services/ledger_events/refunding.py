"""What goes back: refusals, refunds, returns."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.orders.model import ReturnedLine
from mart_union.orders.refunding import RefundWish
from mart_union.orders.return_decisions import Decision
from mart_union.orders.service import take_step
from mart_union.settlement.refunding import ask_return, settle_return
from mart_union.settlement.shop_sales import cancel_sale
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


@event("cancelling of a shop's sale")
def _(scene: Scene) -> Iterator[None]:
    scene.sell_supplied()
    yield
    cancel_sale(f"shop-{scene.name}", "sale-0001", (), NOW)


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
    scene.complete()
    yield from give_back(scene, f"supplier/{scene.market.supplier}", "defective", "reserve")


@event("return that the supplier does not take back")
def _(scene: Scene) -> Iterator[None]:
    scene.offer(price=23_000, supply=15_000, accepts_returns=False)
    scene.deliver_supplied(23_000)
    yield from give_back(scene, f"store/{scene.market.store}", "changed_mind", "written_off")


@event("return that the supplier does not take back, after completion")
def _(scene: Scene) -> Iterator[None]:
    scene.offer(price=23_000, supply=15_000, accepts_returns=False)
    scene.deliver_supplied(23_000)
    scene.complete()
    yield from give_back(scene, f"store/{scene.market.store}", "wrong_advice", "written_off")


@event("return that the supplier does not take back, at a price that does not cover its cost")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_at_a_loss(accepts_returns=False)
    yield from give_back(scene, f"store/{scene.market.store}", "changed_mind", "written_off")


@event("return of a shop's sale")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_from_the_shop()
    yield from give_back(scene, f"supplier/{scene.market.supplier}", "changed_mind", "reserve")


@event("return of a shop's sale after completion")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_from_the_shop()
    scene.complete()
    yield from give_back(scene, f"supplier/{scene.market.supplier}", "defective", "reserve")


@event("return of a shop's sale that the supplier does not take back")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_from_the_shop(accepts_returns=False)
    yield from give_back(scene, f"store/{scene.market.store}", "changed_mind", "written_off")


def give_back(scene: Scene, taker: str, reason: str, stock: str) -> Iterator[None]:
    """The buyer returns one, and whoever takes it back has accepted that; what is posted when it is refunded."""
    assert scene.purchase is not None
    lines, customer = [ReturnedLine(1, 1)], scene.purchase.buyer
    after = ask_return(scene.order, lines, customer=customer, reason=reason, key="return-0001", now=LATER)
    asked, facts = after.returns[0].id, {"taker": taker, "actor": "staff", "now": LATER}
    settle_return(scene.order, asked, Decision("accept"), key="accept-0001", **facts)  # type: ignore[arg-type]
    settle_return(scene.order, asked, Decision("receive"), key="receive-0001", **facts)  # type: ignore[arg-type]
    yield
    settle_return(scene.order, asked, Decision("refund", stock=stock), key="refund-0001", **facts)  # type: ignore[arg-type]
