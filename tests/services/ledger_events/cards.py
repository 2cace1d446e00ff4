"""Cards: authorized, charged, refunded, disputed; and what stands at their processor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mart_union.checkout.card_port import CardRefund, Movement, card_provider
from mart_union.checkout.card_refunds import refund_card, settle_refund
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import RuleViolation
from mart_union.ledger.service import get_transfer
from mart_union.orders.service import get_order, take_step
from mart_union.settlement.provider_report import post_fees, post_payouts
from tests.services.ledger_events.scene import LATER, Scene, event, refund_part
from tests.services.market import NOW


@event("purchase by card: authorization")
def _(scene: Scene) -> Iterator[None]:
    yield
    assert scene.desk is not None
    scene.buy(method="card", card=scene.desk.card())


@event("capture of a card payment")
def _(scene: Scene) -> Iterator[None]:
    assert scene.desk is not None
    scene.buy(method="card", card=scene.desk.card())
    take_step(scene.order, "accept", "staff", "store", "a", NOW, fulfiller=f"store/{scene.market.store}")
    yield
    scene.capture()


@event("partial refund of a card payment")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    refund_part(scene)


@event("refund that the card processor could not carry out")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    refund_part(scene)
    yield
    refund = get_transfer(get_order(scene.order).refunds[0].id)
    settle_refund(CardRefund("re_1", "pi_1", refund.id, 30_000, failed=True), LATER)


@event("dispute of a card payment: opened")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    scene.dispute()


@event("dispute of a card payment: opened and won")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    scene.dispute("won")


@event("dispute of a card payment: opened and lost")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    scene.dispute("lost")


@event("dispute of a card payment: lost, and won after all")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    scene.dispute("lost", "won")


@event("dispute of a card payment: lost after a partial refund")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    refund_part(scene)
    yield
    scene.dispute("lost")


@event("dispute of a card payment: lost after a partial refund, and won after all")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    refund_part(scene)
    made = scene.dispute("lost")
    yield
    scene.decide_dispute(made, "won")


@event("dispute of a card payment: lost, and refunded in part after")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    scene.dispute("lost")
    yield
    refund_part(scene)
    refund_card(get_transfer(get_order(scene.order).refunds[0].id), LATER)


@event("dispute of a card payment: lost while a partial refund waits for it")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    made = scene.dispute()
    refund_part(scene)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(card_provider()), "refund", _refuse)
        refund_card(get_transfer(get_order(scene.order).refunds[0].id), LATER)
    yield
    scene.decide_dispute(made, "lost")


@event("dispute of a card payment: lost, refunded in part, and won after all")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    made = scene.dispute("lost")
    refund_part(scene)
    refund_card(get_transfer(get_order(scene.order).refunds[0].id), LATER)
    yield
    scene.decide_dispute(made, "won")


@event("dispute of a card payment: won in part")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    made = scene.dispute()
    yield
    scene.decide_dispute(made, "lost", returned=30_000)


@event("dispute of a card payment: lost, and a part of it came back later")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    made = scene.dispute("lost")
    yield
    scene.decide_dispute(made, "lost", returned=30_000)


@event("dispute of a card payment: lost in part, and another store's order refused after")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_of_two_by_card()
    scene.dispute("lost", amount=36_000)
    yield
    take_step(scene.order, "refuse", "staff", "store", "r", LATER, fulfiller=f"store/{scene.market.store}")
    refund_card(get_transfer(f"refund-{scene.order}-{get_order(scene.order).sequence}"), LATER)


@event("dispute of a card payment: lost in part, and both orders refused before the first refund was settled")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_of_two_by_card()
    scene.dispute("lost", amount=36_000)
    assert scene.purchase is not None
    stores = (scene.market.store, scene.market.other_store)
    for order, store in zip(scene.purchase.orders, stores, strict=True):
        take_step(order, "refuse", "staff", "store", f"r-{store}", LATER, fulfiller=f"store/{store}")
    yield
    refund_card(get_transfer(f"refund-{scene.order}-{get_order(scene.order).sequence}"), LATER)


def _refuse(*_: object) -> None:
    raise RuleViolation("the charge is disputed", reason="charge_disputed")


@event("what the card processor kept of a movement")
def _(scene: Scene) -> Iterator[None]:
    yield
    post_fees([Movement(scene.name, "charge", 96_000, 2_300, "card-1", iso(NOW))])


@event("fee that the card processor gave back")
def _(scene: Scene) -> Iterator[None]:
    yield
    post_fees([Movement(scene.name, "stripe_fee", 2_300, 0, "", iso(NOW))])


@event("payout of the card processor to the union's bank")
def _(scene: Scene) -> Iterator[None]:
    yield
    post_payouts([Movement("txn_1", "payout", -50_000, 0, f"bank-po_{scene.name}", iso(NOW))])


@event("payout of the card processor that the union's bank did not take")
def _(scene: Scene) -> Iterator[None]:
    post_payouts([Movement("txn_1", "payout", -50_000, 0, f"bank-po_{scene.name}", iso(NOW))])
    yield
    post_payouts([Movement("txn_2", "payout_failure", 50_000, 0, f"bank-po_{scene.name}-returned", iso(LATER))])
