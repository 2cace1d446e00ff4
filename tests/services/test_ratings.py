"""Reviews make the rating on shelves, each once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from mart_union.catalog.cards import Card
from mart_union.catalog.rating_model import Rating
from mart_union.catalog.ratings import list_ratings
from mart_union.catalog.service import get_shelf, rebuild_store
from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.transaction import WriteTransaction
from mart_union.orders import storing
from mart_union.orders.model import Order, Response
from mart_union.orders.responses import add_response
from tests.orders_examples import line_of, order_of
from tests.services.market import NOW, Market, open_market


@pytest.fixture
def market(unique: str) -> Market:
    return open_market(unique)


def delivered(market: Market, number: int, state: str = "delivered") -> Order:
    """An order of the store's listing TEA that a customer has."""
    line = replace(line_of(1, level=f"listing/{market.store}/TEA"), fulfiller=f"store/{market.store}")
    order = replace(order_of(line, id=f"{market.store}{number}-1", state=state), store=market.store)
    transaction = WriteTransaction()
    storing.add_new_order(transaction, order)
    transaction.commit()
    return order


def review(order: Order, stars: int, key: str = "key-00001") -> Response:
    return add_response(order.id, "review", "", customer="customer-lin", key=key, now=NOW, line=1, stars=stars)


def card(market: Market) -> Card:
    rebuild_store(market.store)
    shelf = get_shelf(f"store/{market.store}")
    assert shelf is not None
    (shown,) = shelf.cards
    return shown


def test_reviews_stand_on_the_card_as_their_mean_and_number(market: Market) -> None:
    assert (card(market).stars_tenths, card(market).reviews) == (0, 0)
    for number, stars in enumerate((5, 4, 4)):
        review(delivered(market, number), stars)
    assert (card(market).stars_tenths, card(market).reviews) == (43, 3)
    assert list_ratings(market.other_store) == {}


def test_a_review_that_is_repeated_or_refused_and_what_is_no_review_add_nothing(market: Market) -> None:
    order, waiting = delivered(market, 1), delivered(market, 2, "placed")
    assert review(order, 5) == review(order, 5)
    with pytest.raises(RuleViolation):
        review(order, 1, "key-00002")
    with pytest.raises(RuleViolation):
        review(waiting, 1)
    add_response(order.id, "complaint", "Late", customer="customer-lin", key="key-00003", now=NOW, line=1)
    assert list_ratings(market.store) == {"TEA": Rating(5, 1)}


def test_eight_customers_and_their_repeats_at_once_are_eight_reviews(market: Market) -> None:
    orders = [delivered(market, number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: review(orders[number % 8], 1 + number % 8 % 5), range(16)))
    assert list_ratings(market.store) == {"TEA": Rating(1 + 2 + 3 + 4 + 5 + 1 + 2 + 3, 8)}
