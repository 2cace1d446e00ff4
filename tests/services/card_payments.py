"""Purchases by card for tests: one TEA of each store, paid at the desk, answered, charged."""

from __future__ import annotations

from datetime import datetime, timedelta

from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.cards import pay_by_card
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.ledger.service import get_transfer
from mart_union.orders.service import get_order, take_step
from mart_union.stock.service import get_level
from tests.card_desk import Desk
from tests.services.market import NOW, Market

TOTAL = 36_000  # one TEA and its delivery
LATER = NOW + timedelta(hours=1)


def buy(market: Market, card: str = "", *, stores: int = 1, key: str = "key-00000001") -> Purchase:
    wanted = [Wanted(store, "TEA", 1) for store in (market.store, market.other_store)[:stores]]
    return place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=TOTAL * stores,
        method="card",
        payment_method=card,
        key=key,
        now=NOW,
    )


def buy_id(market: Market) -> str:
    from mart_union.kernel.ids import derived_id

    return derived_id("purchase", market.customer, "key-00000001")


def pay(market: Market, purchase: Purchase, card: str) -> Purchase:
    return pay_by_card(purchase.id, market.customer, purchase.total_minor, payment_method=card, now=NOW)


def answer(order: str, step: str, now: datetime = NOW, **details: tuple[str, str]) -> None:
    store = f"store/{get_order(order).store}"
    take_step(order, step, "manager", "store", f"{step}-{order}", now, fulfiller=store, **details)


def intent_of(purchase: Purchase) -> str:
    card = get_purchase(purchase.id).card
    assert card is not None
    return card.intent


def stock(store: str) -> tuple[int, int, int]:
    level = get_level(f"listing/{store}/TEA")
    return level.reserve, level.reserved, level.sold


def amounts(transfer: str) -> dict[str, int]:
    return {posting.account: posting.amount_minor for posting in get_transfer(transfer).postings}


def paid(market: Market, desk: Desk) -> Purchase:
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    capture_purchase(purchase.id, LATER)
    return get_purchase(purchase.id)


def refund_of(purchase: Purchase) -> str:
    return f"refund-{purchase.orders[0]}-{get_order(purchase.orders[0]).sequence}"
