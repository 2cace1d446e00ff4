"""What operations ask of the database: requests, and units where it reports them. The README's costs rest on these numbers."""

from __future__ import annotations

from datetime import timedelta

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import get_purchase, get_purchase_with_orders, place_purchase, quote_cart
from mart_union.customers.service import change_cart, record_view, start_session
from mart_union.orders.model import Order
from mart_union.orders.service import get_order, take_step
from mart_union.settlement.completion import complete_order
from tests.services import cash
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market, save_listing


def buy(market: Market) -> Purchase:
    """Two listings of one store, paid from the account: k = 2, m = 1."""
    wanted = [Wanted(market.store, "TEA", 2), Wanted(market.store, "CUP", 1)]
    return place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=76_000,
        method="account",
        key="key-00000001",
        now=NOW,
    )


def market_with_cups(unique: str) -> Market:
    market = open_market(unique)
    save_listing(market.store, "CUP", price_minor=10_000, reserve=10)
    return market


def step(order: Order, name: str, **more: object) -> Order:
    store = f"store/{order.store}"
    return take_step(order.id, name, "packer", "store", f"{name}-0001", NOW, fulfiller=store, **more)  # type: ignore[arg-type]


def test_a_purchase_takes_one_batch_read_and_one_transaction(unique: str) -> None:
    market = market_with_cups(unique)
    with measured() as capacity:
        buy(market)
    assert capacity.requests == ["BatchGetItem", "TransactWriteItems"]
    # Two units a KB: purchase 1 KB, order 2 KB, two levels, transfer and account; and one for each of the two indexes of purchase and order.
    assert dict(capacity.written) == {"purchases": 4, "orders": 6, "stock": 4, "ledger": 4}


def test_a_purchase_or_an_order_is_looked_up_in_one_request(unique: str) -> None:
    purchase = buy(market_with_cups(unique))
    with measured() as capacity:
        get_purchase(purchase.id)
        get_order(purchase.orders[0])
    assert (capacity.requests, capacity.read) == (["GetItem", "GetItem"], 1)


def test_a_step_takes_one_read_and_one_write(unique: str) -> None:
    order = get_order(buy(market_with_cups(unique)).orders[0])
    with measured() as capacity:
        step(order, "accept")
    assert (capacity.requests, capacity.read) == (["GetItem", "PutItem"], 0.5)
    # The order, 3 KB; `by_store` and `clock`, whose keys change with its state, two each.
    assert dict(capacity.written) == {"orders": 7}


def test_cash_on_delivery_takes_one_read_and_one_transaction_at_the_purchase_and_at_the_hand_over(unique: str) -> None:
    market = cash.open_cash_market(unique)
    with measured() as bought:
        [order] = cash.buy(market).orders
    assert bought.requests == ["BatchGetItem", "TransactWriteItems"]
    cash.ship(order)
    with measured() as delivered:
        cash.deliver(order)
    assert delivered.requests.count("TransactWriteItems") == 1
    # Two units a KB: the order 2 KB, the transfer and the payable; two for `by_store` and for `clock`, which is moved, one for `due`, which is entered.
    assert dict(delivered.written) == {"orders": 8, "ledger": 5}


def test_completing_an_order_takes_one_read_and_one_transaction(unique: str) -> None:
    market = market_with_cups(unique)
    order = get_order(buy(market).orders[0])
    step(order, "accept")
    step(order, "ship", tracking=("hct", "HCT1"))
    with measured() as capacity:
        complete_order(order.id, actor=market.customer, role="customer", key="receive-01", now=NOW + timedelta(days=1))
    assert (capacity.requests, capacity.read) == (["GetItem", "TransactWriteItems"], 0.5)
    assert set(capacity.written) == {"orders", "ledger"}


def test_a_cancellation_takes_one_batch_read_and_one_transaction(unique: str) -> None:
    market = market_with_cups(unique)
    purchase = buy(market)
    with measured() as capacity:
        cancel_purchase(purchase.id, actor=market.customer, role="customer", key="cancel-0001", now=NOW)
    assert capacity.requests == ["BatchGetItem", "TransactWriteItems"]


def test_a_purchase_of_several_stores_is_read_with_all_its_orders_in_two_batch_reads(unique: str) -> None:
    market = market_with_cups(unique)
    wanted = [Wanted(market.store, "TEA", 1), Wanted(market.other_store, "TEA", 1)]
    made = place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=quote_cart(wanted, now=NOW).total_minor,
        method="account",
        key="key-00000002",
        now=NOW,
    )
    with measured() as capacity:
        purchase, orders = get_purchase_with_orders(made.id)
    assert capacity.requests == ["BatchGetItem", "BatchGetItem"]
    assert (purchase, tuple(order.id for order in orders)) == (made, made.orders)
    assert len(orders) == 2


def test_a_view_with_consent_takes_one_request_of_four_units_and_without_consent_none_is_written(unique: str) -> None:
    consenting, other = start_session(True, NOW).id, start_session(False, NOW).id
    with measured() as capacity:
        record_view(consenting, "store", f"/stores/{unique}", unique, "", NOW)
    assert (capacity.requests, dict(capacity.written)) == (["TransactWriteItems"], {"customers": 4})
    with measured() as capacity:
        record_view(other, "store", f"/stores/{unique}", unique, "", NOW)
    assert dict(capacity.written) == {}


def test_a_change_of_a_cart_takes_one_read_and_one_write(unique: str) -> None:
    session = start_session(False, NOW).id
    with measured() as capacity:
        change_cart(session, unique, "TEA", 1, now=NOW)
    assert len(capacity.requests) == 2
    assert capacity.written_units == 2
