"""News of parcels told by hand: by whoever sent them, of their own, in any order and again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from manage.app import lambda_handler as manage
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Forbidden, Invalid, MartUnionError, NotFound
from mart_union.orders.indicators import counted_order
from mart_union.orders.model import Order, TrackingEvent
from mart_union.orders.service import get_order, take_step
from mart_union.orders.tracking import ParcelNews, add_news_by_hand, add_tracking_event
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services import cash
from tests.services.market import NOW, Market, fill_pool, open_market, save_mediated

HOUR = timedelta(hours=1)


@pytest.fixture
def market(unique: str) -> Market:
    made = open_market(unique)
    fill_pool(made.supplier, 10, 10_000)
    save_mediated(made.store, "HERB", made.supplier, price_minor=30_000, supply_minor=10_000)
    return made


def sent(market: Market, key: str = "key-00000001") -> Order:
    """An order of which the store has sent its own line as parcel 1 and the supplier its line as parcel 2."""
    wanted = [Wanted(market.store, sku, 1) for sku in ("TEA", "HERB")]
    made = place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=quote_cart(wanted, now=NOW).total_minor,
        method="account",
        key=key,
        now=NOW,
    )
    order = made.orders[0]
    for party in (f"store/{market.store}", f"supplier/{market.supplier}"):
        role = party.partition("/")[0]
        for step in ("accept", "ship"):
            tracking = ("hct", f"T-{role}") if step == "ship" else None
            take_step(order, step, "staff", role, f"{step}-{role}", NOW, fulfiller=party, tracking=tracking)
    return get_order(order, consistent=True)


def tell(order: Order, party: str, shipment: str = "1", hours: int = 1, **more: Any) -> Order:
    news = ParcelNews(shipment, more.pop("event", "in_transit"), iso(NOW + hours * HOUR), **more)
    return add_news_by_hand(order.id, news, actor="staff", fulfiller=party, now=NOW + 9 * HOUR)


def test_news_come_in_any_order_and_twice_and_arrival_delivers_once(market: Market) -> None:
    order, store = sent(market), f"store/{market.store}"
    for event, hours in (("delivered", 3), ("picked_up", 1), ("delivered", 3), ("in_transit", 2), ("picked_up", 1)):
        after = tell(order, store, event=event, hours=hours, place=f"{event} here")
    assert after.shipments[0].events == tuple(
        TrackingEvent(iso(NOW + hours * HOUR), event, f"{event} here", by="store")
        for event, hours in (("picked_up", 1), ("in_transit", 2), ("delivered", 3))
    )
    own, supplied = sorted(after.lines, key=lambda line: line.fulfiller)
    assert (own.state, supplied.state, after.sequence) == ("delivered", "shipped", order.sequence + 3)
    assert [(taken.step, taken.role, taken.actor) for taken in after.history[-1:]] == [("deliver", "store", "staff")]


def test_what_the_carrier_has_told_already_is_no_news(market: Market) -> None:
    order, at = sent(market), iso(NOW + HOUR)
    told = add_tracking_event(order.id, "1", "in_transit", at, carrier="hct", now=NOW + 2 * HOUR)
    assert tell(told, f"store/{market.store}") == told


def test_a_carriers_own_word_takes_the_place_of_the_stores_and_only_that_counts_as_tracking(market: Market) -> None:
    order, at = sent(market), iso(NOW + HOUR)
    by_hand = tell(order, f"store/{market.store}")
    assert ([each.by for each in by_hand.shipments[0].events], counted_order(by_hand).tracked) == (["store"], 0)
    told = add_tracking_event(order.id, "1", "in_transit", at, carrier="hct", now=NOW + 2 * HOUR)
    assert ([each.by for each in told.shipments[0].events], counted_order(told).tracked) == ([""], 1)


def test_what_a_carrier_corrects_of_one_moment_is_kept_beside_it_in_whatever_order_it_comes(market: Market) -> None:
    at, late, early = (iso(NOW + hours * HOUR) for hours in (1, 50, 40))
    for estimates in ((early, late), (late, early)):
        order = sent(market, f"key-{estimates[0]}")
        for estimate in (*estimates, estimates[0]):
            told = add_tracking_event(
                order.id, "1", "in_transit", at, carrier="hct", now=NOW + 2 * HOUR, estimated_by=estimate
            )
        assert [each.estimated_by for each in told.shipments[0].events] == [early, late]
        assert (told.shipments[0].estimated_by, told.sequence) == (late, order.sequence + 2)


@pytest.mark.parametrize(
    ("party", "changes", "error"),
    [
        ("store", {"shipment": "2"}, Forbidden),
        ("supplier", {"shipment": "1"}, Forbidden),
        ("store", {"shipment": "3"}, NotFound),
        ("another", {}, NotFound),
        ("store", {"event": "eaten"}, Invalid),
        ("store", {"hours": 48}, Invalid),
        ("store", {"place": "x" * 81}, Invalid),
        ("store", {"estimated_by": "soon"}, Invalid),
        ("store", {"estimated_by": "9999-12-31T23:59:59-23:00"}, Invalid),
    ],
)
def test_what_is_anothers_or_cannot_be_is_refused_and_changes_nothing(
    market: Market, party: str, changes: dict[str, Any], error: type[MartUnionError]
) -> None:
    order = sent(market)
    names = {"store": f"store/{market.store}", "supplier": f"supplier/{market.supplier}"}
    with pytest.raises(error):
        tell(order, names.get(party, "store/another"), **changes)
    assert get_order(order.id, consistent=True) == order


def test_what_is_paid_on_delivery_does_not_arrive_by_word_alone(unique: str) -> None:
    market = cash.open_cash_market(unique)
    [name] = cash.buy(market).orders
    cash.ship(name)
    order = get_order(name, consistent=True)
    with pytest.raises(MartUnionError):
        tell(order, f"store/{market.store}", event="delivered")
    assert get_order(name, consistent=True) == order
    assert tell(order, f"store/{market.store}").state == "shipped"


def ask(handler: Any, path: str, **more: Any) -> tuple[int, str]:
    answer = handler(gateway_event("POST", path, headers={"Accept-Language": "en"}, **more), CONTEXT)
    return answer["statusCode"], answer["body"]


def test_store_and_supplier_tell_by_api_and_by_the_orders_page(market: Market) -> None:
    order, now = sent(market), iso(utc_now() - HOUR)
    orders = f"/manage/{market.store}/orders/{order.id}"
    supplied = f"/supply/{market.supplier}/orders/{order.id}"
    packer, member = {"subject": "packer-1", "role": "packer"}, {"subject": "member-1", "role": "member"}
    news = {"event": "in_transit", "at": now, "place": "Zhubei", "estimated_by": now}
    status, body = ask(manage, f"/api{orders}/events", body={"shipment": "1", **news}, **packer)
    assert (status, json.loads(body)["shipments"][0]["events"]) == (200, [[now, "in_transit", "Zhubei", now, "store"]])
    status, body = ask(supply, f"/api{supplied}/events", body={"shipment": "2", **news}, **member)
    assert (status, len(json.loads(body)["shipments"])) == (200, 1)
    assert ask(supply, f"/api{supplied}/events", body={"shipment": "1", **news}, **member)[0] == 403
    form = {"shipment": "1", "event": "picked_up", "at": "2026-11-20T10:00", "place": "Xinpu"}
    assert ask(manage, f"{orders}/events", form=form, **packer)[0] == 303
    assert ask(supply, f"{supplied}/events", form={**form, "shipment": "2"}, **member)[0] == 303
    told = get_order(order.id, consistent=True)
    assert [parcel.events[0] for parcel in told.shipments] == [
        TrackingEvent("2026-11-20T02:00:00.000Z", "picked_up", "Xinpu", by=by) for by in ("store", "supplier")
    ]
    for handler, path, who in ((manage, orders, packer), (supply, supplied, member)):
        shown = handler(gateway_event("GET", path, headers={"Accept-Language": "en"}, **who), CONTEXT)["body"]
        assert "Picked up" in shown
        assert shown.count("Tell what happened to it") == 1
