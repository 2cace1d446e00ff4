"""Money that comes in, and purchases: from the account, by bank transfer, on delivery, in a seller's shop."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.checkout.paying import expire_purchase, pay_pending, receive_payment
from mart_union.customers.service import save_profile
from mart_union.ledger.suspense import back_id, get_suspended
from mart_union.orders.service import take_step
from mart_union.settlement.payouts import return_payout, send_payouts
from mart_union.settlement.suspense import undo_assignment
from payments.webhooks import TransferReceived, record
from tests.services.ledger_events.scene import LATER, Scene, event
from tests.services.market import NOW, give_money


@event("top-up of a customer's account")
def _(scene: Scene) -> Iterator[None]:
    save_profile(scene.market.customer, name="王小明", email="wang@example.com", language="en", now=NOW)
    yield
    record(TransferReceived(f"n-{scene.name}", "TWD", 50_000, f"customer/{scene.market.customer}"), NOW)


@event("top-up of a deposit")
def _(scene: Scene) -> Iterator[None]:
    yield
    record(TransferReceived(f"n-{scene.name}", "TWD", 50_000, f"deposit/{scene.market.store}"), NOW)


@event("money under an unknown reference")
def _(scene: Scene) -> Iterator[None]:
    yield
    scene.come_unknown()


@event("money under an unknown reference: assigned to a customer")
def _(scene: Scene) -> Iterator[None]:
    save_profile(scene.market.customer, name="王小明", email="wang@example.com", language="en", now=NOW)
    scene.come_unknown()
    yield
    scene.decide(f"customer/{scene.market.customer}")


@event("money under an unknown reference: assigned to a deposit")
def _(scene: Scene) -> Iterator[None]:
    scene.come_unknown()
    yield
    scene.decide(f"deposit/{scene.market.store}")


@event("money under an unknown reference: assigned to a purchase")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    scene.come_unknown(96_000)
    yield
    assert scene.purchase is not None
    scene.decide(f"purchase/{scene.purchase.id}")


@event("money under an unknown reference: for a purchase that no longer waits")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    scene.come_unknown(95_000)
    yield
    assert scene.purchase is not None
    scene.decide(f"purchase/{scene.purchase.id}")


@event("money under an unknown reference: an assignment undone")
def _(scene: Scene) -> Iterator[None]:
    save_profile(scene.market.customer, name="王小明", email="wang@example.com", language="en", now=NOW)
    scene.come_unknown()
    scene.decide(f"customer/{scene.market.customer}")
    yield
    undo_assignment(scene.notice, "another Wang", NOW)


@event("money under an unknown reference: an assignment to a deposit undone")
def _(scene: Scene) -> Iterator[None]:
    scene.come_unknown()
    scene.decide(f"deposit/{scene.market.store}")
    yield
    undo_assignment(scene.notice, "another store", NOW)


@event("money under an unknown reference: sent back")
def _(scene: Scene) -> Iterator[None]:
    scene.come_unknown()
    yield
    scene.decide("")


@event("money under an unknown reference: sent back, and the bank returns it")
def _(scene: Scene) -> Iterator[None]:
    scene.come_unknown()
    scene.decide("")
    payout = back_id(get_suspended(scene.notice))
    send_payouts(NOW)
    yield
    return_payout(payout, notice="n", amount_minor=50_000, reason="AC04", now=LATER)


@event("purchase from the account")
def _(scene: Scene) -> Iterator[None]:
    yield
    scene.buy()


@event("purchase that waits for a bank transfer")
def _(scene: Scene) -> Iterator[None]:
    yield
    scene.buy(method="bank_transfer")


@event("payment by the awaited bank transfer")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    yield
    assert scene.purchase is not None
    receive_payment(scene.purchase.id, 96_000, reference=scene.name, now=NOW)


@event("payment of a price that does not cover its cost")
def _(scene: Scene) -> Iterator[None]:
    scene.offer_at_a_loss()
    scene.buy("HERB", price=20_000, quantity=2, method="bank_transfer")
    yield
    assert scene.purchase is not None
    receive_payment(scene.purchase.id, 46_000, reference=scene.name, now=NOW)


@event("payment from the account instead")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    yield
    assert scene.purchase is not None
    pay_pending(scene.purchase.id, scene.market.customer, 96_000, key="payment-0001", now=NOW)


@event("bank transfer that fits no waiting purchase")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    yield
    assert scene.purchase is not None
    receive_payment(scene.purchase.id, 95_000, reference=scene.name, now=NOW)


@event("purchase that is not paid in time")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    yield
    assert scene.purchase is not None
    assert expire_purchase(scene.purchase.id, LATER)


@event("purchase whose price does not cover its cost")
def _(scene: Scene) -> Iterator[None]:
    scene.offer_at_a_loss()
    yield
    scene.buy("HERB", price=20_000, quantity=2)


@event("sale of the seller's own shop")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    scene.offer(price=23_000, supply=15_000)
    yield
    scene.sell_in_the_shop()


@event("purchase that is paid on delivery")
def _(scene: Scene) -> Iterator[None]:
    scene.take_cash()
    yield
    scene.buy(method="on_delivery")


@event("delivery that its carrier is paid for")
def _(scene: Scene) -> Iterator[None]:
    _ship_for_cash(scene)
    yield
    scene.collect("carrier")


@event("delivery that its store is paid for")
def _(scene: Scene) -> Iterator[None]:
    _ship_for_cash(scene)
    yield
    scene.collect("store")


@event("refusal at the door of what is paid on delivery")
def _(scene: Scene) -> Iterator[None]:
    _ship_for_cash(scene)
    yield
    take_step(scene.order, "turn_away", "staff", "store", "t", NOW, fulfiller=f"store/{scene.market.store}")


def _ship_for_cash(scene: Scene) -> None:
    scene.take_cash()
    scene.buy(method="on_delivery")
    scene.ship(f"store/{scene.market.store}")
