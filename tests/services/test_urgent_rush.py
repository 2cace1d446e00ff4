"""Urgent purchases by many at once, in rough weather: shards, limits and tickets hold whatever is refused, lost or sent again (invariants 3, 4, 5)."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from mart_union.checkout.admission import get_in_line
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase
from mart_union.checkout.service import get_purchase_with_orders, list_purchases
from mart_union.checkout.tickets import read_ticket
from mart_union.checkout.turns import microseconds
from mart_union.kernel.errors import Busy, Conflict, LimitReached, OutOfStock, TicketUsed
from mart_union.kernel.storage import STORAGE_ERRORS
from mart_union.ledger.service import get_balance
from mart_union.orders.draws import units_left
from tests.services.market import NOW, Market, open_market
from tests.services.test_urgent_terms import assert_checked
from tests.services.urgent import Stock, buy, let_in, level, shopper, start
from tests.services.weather import rough

pytestmark = pytest.mark.usefixtures("ticket_key")
SHOPPERS, TICKETS, LIMIT, QUANTITY, MONEY = 18, 4, 3, 50, 1_000_000
REFUSALS = (OutOfStock, LimitReached, TicketUsed)
Wish = tuple[Market, str, list[str]]


def until_answered(market: Market, key: str, ticket: list[str]) -> str:
    """The purchase of a key, asked for again as long as nobody answers; the name of its refusal when it is refused."""
    for _ in range(40):
        try:
            return buy(market, 1, 20_000, key=key, admission=ticket)
        except REFUSALS as refusal:
            return type(refusal).__name__
        except (Busy, *STORAGE_ERRORS):
            continue
    pytest.fail("nobody answered")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rush_in_rough_weather_sells_every_unit_once_within_limits_by_tickets_used_once(
    unique: str, seed: int
) -> None:
    market = open_market(unique, stock=70)
    sale = start(market, quantity=QUANTITY, rate=500, per_customer=LIMIT)
    assert sale.urgent is not None
    people = [shopper(market, str(number), money=MONEY) for number in range(SHOPPERS)]
    wishes, answers, struck = list[Wish](), list[str](), set[str]()
    for number in range(TICKETS):
        tickets = [(person, let_in(person, sale)) for person in people]
        comes = [(person, f"key-{number:04}-{copy}", ticket) for person, ticket in tickets for copy in "ab"]
        random.Random(seed + number).shuffle(comes)
        with rough(seed + 10 * number) as met, ThreadPoolExecutor(8) as threads:
            answers += threads.map(lambda wish: until_answered(*wish), comes)
        wishes += comes
        struck |= met.keys()
    with rough(seed), ThreadPoolExecutor(8) as threads:
        again = list(threads.map(lambda wish: until_answered(*wish), wishes))
    assert {"conflict", "throttled", "lost"} <= struck
    made = {answer for answer in answers if answer not in {refusal.__name__ for refusal in REFUSALS}}
    assert [after for before, after in zip(answers, again, strict=True) if before in made] == [
        answer for answer in answers if answer in made
    ]
    assert (len(made), level(market)) == (QUANTITY, Stock(20, 0, QUANTITY))
    bought = {person.customer: list_purchases(person.customer).items for person in people}
    assert {purchase.id for purchases in bought.values() for purchase in purchases} == made
    for person in people:
        _check(person, sale.urgent.id, bought[person.customer])
    used = [read_ticket(ticket[0]).id for (_, _, ticket), answer in zip(wishes, answers, strict=True) if answer in made]
    assert len(used) == len(set(used)) == QUANTITY


def _check(person: Market, sale: str, purchases: tuple[Purchase, ...]) -> None:
    """What a shopper bought is in their orders, counted, within the limit, and paid for."""
    assert len(purchases) <= LIMIT
    assert_checked(person, sale, len(purchases))
    for purchase in purchases:
        [order] = get_purchase_with_orders(purchase.id)[1]
        assert (sum(units_left(order.lines[0]).values()), order.lines[0].sale) == (1, sale)
    paid = sum(purchase.total_minor for purchase in purchases)
    assert get_balance(f"customer/{person.customer}").balance_minor == MONEY - paid


def test_cancellations_in_rough_weather_give_every_unit_and_count_back_once(unique: str) -> None:
    market = open_market(unique, money=10_000_000, stock=70)
    sale = start(market, quantity=QUANTITY, rate=500, per_customer=8)
    assert sale.urgent is not None
    made = [buy(market, 1, 20_000, key=f"key-{number:08}", admission=let_in(market, sale)) for number in range(8)]

    def cancel(purchase: str) -> None:
        for _ in range(40):
            try:
                cancel_purchase(purchase, actor=market.customer, role="customer", key=f"cancel-{purchase}", now=NOW)
            except (Busy, Conflict, *STORAGE_ERRORS):  # another cancellation of it came first, or nobody answered
                continue
            return
        pytest.fail("nobody answered")

    with rough(3), ThreadPoolExecutor(8) as threads:
        list(threads.map(cancel, [*made, *made]))
    assert level(market) == Stock(20, 50, 0)
    assert_checked(market, sale.urgent.id, 0)
    assert get_balance(f"customer/{market.customer}").balance_minor == 10_000_000


def test_a_line_in_rough_weather_gives_no_turn_twice_and_none_before_its_time(unique: str) -> None:
    market = open_market(unique, stock=70)
    start(market, quantity=QUANTITY, rate=20)

    def line_up(number: int) -> int:
        for _ in range(40):
            try:
                turn = get_in_line(f"c{number}", market.store, "TEA", now=NOW + timedelta(milliseconds=number))
            except (Busy, *STORAGE_ERRORS):
                continue
            return read_ticket(turn.ticket).turn
        pytest.fail("nobody answered")

    with rough(4, 0.3), ThreadPoolExecutor(8) as threads:
        turns = sorted(threads.map(line_up, range(48)))
    assert turns[0] >= microseconds(NOW)
    most = microseconds(NOW) + 3 * 48 * 50_000
    assert turns[-1] <= most  # few turns are nobody's, whatever is refused or lost
    assert all(after - before >= 50_000 for before, after in itertools.pairwise(turns))
