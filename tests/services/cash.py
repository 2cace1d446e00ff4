"""Purchases that are paid on delivery, for tests: two stores that allow it, in a union that takes up to 1,000 dollars so."""

from __future__ import annotations

from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import place_purchase
from mart_union.kernel.clock import iso
from mart_union.orders.model import Order
from mart_union.orders.service import get_order, take_step
from mart_union.orders.tracking import add_tracking_event
from tests.services.market import NOW, Market, open_market, save_store, save_union

TOTAL = 36_000  # one TEA and its delivery
LIMIT = 100_000


def open_cash_market(name: str) -> Market:
    """A market whose first store ships and whose second one is collected at, both also for cash."""
    market = open_market(name, money=0)
    save_union(cash_limit_minor=LIMIT)
    save_store(market.store, procedure="carrier_cash", settlement_period="at_once")
    save_store(market.other_store, procedure="pickup_cash", settlement_period="at_once")
    return market


def buy(market: Market, *, stores: int = 1, quantity: int = 1, key: str = "key-00000001", total: int = 0) -> Purchase:
    wanted = [Wanted(store, "TEA", quantity) for store in (market.store, market.other_store)[:stores]]
    return place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=total or (quantity * 30_000 + 6_000) * stores,
        method="on_delivery",
        key=key,
        now=NOW,
    )


def step(order: str, name: str, *, lines: tuple[int, ...] | None = None, key: str = "", **more: object) -> Order:
    """A step of the store, with what it brings along."""
    given = {name: str(more.pop(name)) for name in ("pickup_code", "collected_by") if name in more}
    store = f"store/{get_order(order).store}"
    return take_step(
        order, name, "staff", "store", key or f"{name}-1", NOW, fulfiller=store, lines=lines, facts=given, **more
    )  # type: ignore[arg-type]


def ship(order: str) -> None:
    step(order, "accept")
    step(order, "ship", tracking=("hct", "HCT1"))


def deliver(order: str, *, collected_minor: int = TOTAL, **more: object) -> Order:
    """Handed over and paid: by the carrier's own report, or as the store says with `collected_by`."""
    if more:
        return step(order, "deliver", collected_minor=collected_minor, **more)  # type: ignore[arg-type]
    return add_tracking_event(
        order, "1", "delivered", iso(NOW), carrier="hct", now=NOW, collected_minor=collected_minor
    )
