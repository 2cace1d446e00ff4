"""What tests of refunds and returns do: buy, deliver, give back, and look at what it left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mart_union.checkout.model import Wanted
from mart_union.checkout.service import place_purchase
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import Payable
from mart_union.ledger.service import get_balance
from mart_union.orders.model import Order, ReturnedLine
from mart_union.orders.refunding import RefundWish
from mart_union.orders.return_decisions import Decision
from mart_union.orders.service import take_step
from mart_union.settlement.check import check_union
from mart_union.settlement.completion import complete_order
from mart_union.settlement.reconciliation import Difference
from mart_union.settlement.refunding import ask_return, refund_order, settle_return
from mart_union.stock.service import get_level
from tests.services.market import NOW, Market

LATER = NOW + timedelta(days=1)
PAID = 3 * 30_000 + 6_000  # three teas at NT$300 with NT$60 of delivery
SPLIT = {"union/commission": 5_400, "tax/vat": 4_300, "carrier/hct": 6_000}  # 6 % of 90,000; 90,000 x 5/105; delivery


def bought(
    market: Market, *, quantity: int = 3, key: str = "key-00000001", sku: str = "TEA", price: int = 30_000
) -> str:
    """An order of some units of one listing, paid from the customer's account."""
    purchase = place_purchase(
        market.customer,
        [Wanted(market.store, sku, quantity)],
        recipient=market.recipient,
        total_seen=quantity * price + 6_000,
        method="account",
        key=key,
        now=NOW,
    )
    return purchase.orders[0]


def shipped(market: Market, order: str, fulfiller: str = "") -> str:
    party = fulfiller or f"store/{market.store}"
    role = party.partition("/")[0]
    take_step(order, "accept", "staff", role, "a", NOW, fulfiller=party)
    take_step(order, "ship", "staff", role, "s", NOW, fulfiller=party, tracking=("hct", "HCT1"))
    return order


def delivered(market: Market, order: str, fulfiller: str = "") -> str:
    shipped(market, order, fulfiller)
    take_step(order, "deliver", "system", "system", "d", NOW)
    return order


def completed(market: Market, order: str, fulfiller: str = "") -> str:
    shipped(market, order, fulfiller)
    complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=LATER)
    return order


def refund(market: Market, order: str, *wishes: RefundWish, key: str = "refund-0001", **changes: object) -> Order:
    request = {"store": market.store, "reason": "a broken lid", "actor": "staff", "key": key, "now": LATER} | changes
    return refund_order(order, wishes, **request)  # type: ignore[arg-type]


def ask(
    market: Market,
    order: str,
    units: int = 1,
    *,
    reason: str = "changed_mind",
    key: str = "return-0001",
    now: object = LATER,
) -> str:
    after = ask_return(
        order,
        [ReturnedLine(1, units)],
        customer=market.customer,
        reason=reason,
        note="too sweet",
        key=key,
        now=now,  # type: ignore[arg-type]
    )
    return after.returns[-1].id


def decide(market: Market, order: str, identity: str, decision: str, *, taker: str = "", **facts: Any) -> Order:
    party = taker or f"store/{market.store}"
    wish = Decision(decision, **facts)
    return settle_return(order, identity, wish, taker=party, actor="staff", key=f"{decision}-0001", now=LATER)


def take_back(market: Market, order: str, identity: str, *, taker: str = "", **facts: Any) -> Order:
    """The goods of a return have come, were looked at, and are refunded."""
    decide(market, order, identity, "receive", taker=taker)
    return decide(market, order, identity, "refund", taker=taker, **facts)


def balance(market: Market) -> int:
    return get_balance(f"customer/{market.customer}").balance_minor


def counts(market: Market) -> tuple[int, int, int]:
    level = get_level(f"listing/{market.store}/TEA")
    assert level.balances()
    return level.reserve, level.sold, level.written_off


def payables(order: str, kind: str) -> dict[str, Payable]:
    return {one.party: one for one in whole_ledger().payables if one.order == order and one.kind == kind}


def wrong(market: Market) -> list[Difference]:
    """What the invariant checker finds about this market."""
    mine = [order.id for order in refunding_orders(market)]
    names = (market.store, market.customer, market.supplier, *mine, *(one.rpartition("-")[0] for one in mine))
    return [found for found in check_union() if any(name in found.subject for name in names)]


def refunding_orders(market: Market) -> list[Order]:
    from mart_union.orders.census import all_orders

    return [order for order in all_orders().orders if order.store == market.store]
