"""The line before an urgent sale that lets its buyers in one after another: turns, tickets, and what a ticket is good for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from msgspec.structs import replace as changed

from mart_union.checkout import admission
from mart_union.checkout.admission import Turn, get_in_line, look_at_turn
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import get_purchase, place_purchase, quote_cart
from mart_union.checkout.tickets import read_ticket, write_ticket
from mart_union.checkout.turns import VALID_SECONDS, microseconds
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    AdmissionNeeded,
    KeyReused,
    MartUnionError,
    NotFound,
    OutOfStock,
    TicketExpired,
    TicketForged,
    TicketOfAnother,
    TicketUsed,
    TurnNotCome,
)
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market
from tests.services.urgent import LATER, Stock, buy, level, shopper, start

OVER = NOW + timedelta(seconds=VALID_SECONDS)


pytestmark = pytest.mark.usefixtures("ticket_key")


def rushed(unique: str, **terms: Any) -> Market:
    """A market with a sale of 4 that lets two buyers a second in."""
    market = open_market(unique, money=10_000_000, stock=40)
    start(market, **{"rate": 2, **terms})
    return market


def line_up(market: Market, now: datetime = NOW) -> Turn:
    return get_in_line(market.customer, market.store, "TEA", now=now)


def others_line_up(market: Market, count: int) -> list[Turn]:
    """So many others get in line, one after another."""
    return [line_up(replace(market, customer=f"other-{number}")) for number in range(count)]


def test_where_nobody_waits_a_ticket_admits_at_once_and_after_that_one_by_one(unique: str) -> None:
    market = rushed(unique)
    with measured() as capacity:
        first = line_up(market)
    assert (first.state, first.place, first.wait_seconds) == ("admitted", 0, 0)
    assert capacity.requests.count("UpdateItem") == 4
    with measured() as capacity:
        second = others_line_up(market, 1)[0]
    assert (capacity.requests, dict(capacity.written)) == (["GetItem", *3 * ["UpdateItem"]], {"purchases": 3})
    third = line_up(replace(market, customer="a third"))
    assert [(turn.state, turn.place, turn.wait_seconds) for turn in (second, third)] == [
        ("waiting", 1, 1),
        ("waiting", 2, 1),
    ]
    later = line_up(replace(market, customer="a late one"), NOW + timedelta(seconds=30))
    assert (later.state, later.place) == ("admitted", 0)


def test_whoever_is_in_line_keeps_the_place_until_its_time_is_over(unique: str) -> None:
    market = rushed(unique)
    others_line_up(market, 4)
    first = line_up(market)
    with measured() as capacity:
        again = line_up(market, NOW + timedelta(seconds=1))
    assert (again.ticket, again.turn_at, again.place) == (first.ticket, first.turn_at, 2)
    assert (capacity.requests, capacity.writes) == (["GetItem"], [])
    late = NOW + timedelta(seconds=2 + VALID_SECONDS)
    anew = line_up(market, late)
    assert (anew.state, anew.turn_at) == ("admitted", iso(late))
    with pytest.raises(TicketUsed):
        buy(market, 1, 20_000, admission=[first.ticket], now=late - timedelta(seconds=1))
    buy(market, 1, 20_000, admission=[anew.ticket], now=late)


def test_a_customer_who_gets_in_line_eight_times_at_once_has_one_place_and_takes_one_turn(unique: str) -> None:
    market = rushed(unique)
    with ThreadPoolExecutor(8) as threads:
        tickets = set(threads.map(lambda _: line_up(market).ticket, range(8)))
    assert len(tickets) == 1
    [stranger] = others_line_up(market, 1)
    assert stranger.turn_at == iso(NOW + timedelta(milliseconds=500))


def test_a_place_whose_turn_was_never_kept_is_claimed_again_after_some_tries(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = rushed(unique)
    with monkeypatch.context() as patch:
        patch.setattr(admission, "_turn_of", lambda *_: pytest.fail("the process died"))
        with pytest.raises(pytest.fail.Exception):
            line_up(market)
    with measured() as capacity:
        assert line_up(market).state == "admitted"
    assert capacity.requests.count("GetItem") == 6


def test_looking_at_ones_turn_asks_the_database_for_nothing_until_it_has_come(unique: str) -> None:
    market = rushed(unique)
    others_line_up(market, 19)
    turn = line_up(market)
    with measured() as capacity:
        places = [look(market, turn, NOW + timedelta(seconds=seconds)).place for seconds in (0, 5, 9)]
    assert (places, capacity.requests) == ([19, 9, 1], [])
    with measured() as capacity:
        assert look(market, turn, NOW + timedelta(seconds=10)).state == "admitted"
    assert capacity.requests == ["GetItem"]  # whether something was bought by it
    assert look(market, turn, NOW + timedelta(seconds=9.5 + VALID_SECONDS)).state == "over"
    assert look_at_turn(market.customer, market.store, "TEA", "", now=NOW).state == "newcomer"


def look(market: Market, turn: Turn, now: datetime) -> Turn:
    return look_at_turn(market.customer, market.store, "TEA", turn.ticket, now=now)


def test_thirty_two_at_once_get_turns_one_step_apart(unique: str) -> None:
    market = rushed(unique, rate=20)
    with ThreadPoolExecutor(32) as threads:
        customers = [replace(market, customer=f"c{number}") for number in range(32)]
        turns = list(threads.map(line_up, customers))
    at = sorted(read_ticket(turn.ticket).turn - microseconds(NOW) for turn in turns)
    assert at == [number * 50_000 for number in range(32)]


def test_a_line_is_split_over_gates_that_together_keep_the_rate(unique: str) -> None:
    market = rushed(unique, rate=200)
    turns = [line_up(replace(market, customer=f"c{number}")) for number in range(60)]
    at = sorted(read_ticket(turn.ticket).turn - microseconds(NOW) for turn in turns)
    assert len({moment for moment in at if moment == 0}) == 1
    assert all(moment % 10_000 == 0 for moment in at)  # two gates, each lets 100 a second in
    assert max(at) >= (60 // 2 - 1) * 10_000


def test_a_purchase_with_ticket_and_limit_takes_one_more_read_and_two_items_more(unique: str) -> None:
    market = rushed(unique, per_customer=3)
    ticket = line_up(market).ticket
    with measured() as capacity:
        buy(market, 1, 20_000, admission=[ticket])
    assert capacity.requests == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]
    # Beside the 4, 6, 2 and 4 of a purchase of one listing: a used ticket, and a count of the customer's.
    assert dict(capacity.written) == {"purchases": 6, "orders": 8, "stock": 2, "ledger": 4}


def test_a_ticket_buys_once_and_a_repeat_gets_the_first_answer(unique: str) -> None:
    market = rushed(unique)
    ticket = line_up(market).ticket
    purchase = buy(market, 1, 20_000, admission=[ticket])
    assert buy(market, 1, 20_000, admission=[ticket]) == purchase
    assert buy(market, 1, 20_000, admission=[ticket], now=OVER) == purchase
    before = level(market)
    with pytest.raises(TicketUsed):
        buy(market, 1, 20_000, key="key-00000002", admission=[ticket])
    with pytest.raises(KeyReused):
        buy(market, 2, 20_000, admission=[ticket])
    assert level(market) == before == Stock(36, 3, 1)


def forged(ticket: str) -> str:
    """The same claims under another key."""
    claims = jwt.decode(ticket, options={"verify_signature": False})
    return jwt.encode(claims, b"another key of another union or thief", algorithm="HS256")


def unsigned(ticket: str) -> str:
    claims = jwt.decode(ticket, options={"verify_signature": False})
    return jwt.encode(claims, None, algorithm="none")


def earlier(ticket: str) -> str:
    """Somebody has changed the time in it."""
    head, _, tail = ticket.split(".")
    other = write_ticket(changed(read_ticket(ticket), turn=microseconds(NOW) - 10**9))
    return ".".join((head, other.split(".")[1], tail))


@pytest.mark.parametrize(
    ("tickets_of", "now", "refusal"),
    [
        (lambda ticket: [], NOW, AdmissionNeeded),
        (lambda ticket: [""], NOW, TicketForged),
        (lambda ticket: ["no ticket"], NOW, TicketForged),
        (lambda ticket: [forged(ticket)], NOW, TicketForged),
        (lambda ticket: [unsigned(ticket)], NOW, TicketForged),
        (lambda ticket: [earlier(ticket)], NOW, TicketForged),
        (lambda ticket: [ticket[:-1]], NOW, TicketForged),
        (lambda ticket: [ticket], OVER, TicketExpired),
        (lambda ticket: [ticket], NOW - timedelta(seconds=3), TurnNotCome),
    ],
)
def test_a_ticket_that_is_not_good_is_refused_by_name(
    unique: str, tickets_of: Any, now: datetime, refusal: type[MartUnionError]
) -> None:
    market = rushed(unique, starts_at="2026-11-22T03:00:00Z")
    ticket = line_up(market).ticket
    with measured() as capacity, pytest.raises(refusal) as refused:
        buy(market, 1, 20_000, admission=tickets_of(ticket), now=now)
    assert type(refused.value) is refusal
    assert (capacity.writes, level(market)) == ([], Stock(36, 4, 0))
    buy(market, 1, 20_000, admission=[*tickets_of(ticket), ticket])


def test_who_comes_too_early_is_told_how_long_to_wait(unique: str) -> None:
    market = rushed(unique)
    others_line_up(market, 7)
    ticket = line_up(market).ticket
    with pytest.raises(TurnNotCome) as refused:
        buy(market, 1, 20_000, admission=[ticket])
    assert (refused.value.facts["wait_seconds"], refused.value.facts["place"]) == (4, 7)
    buy(market, 1, 20_000, admission=[ticket], now=NOW + timedelta(seconds=3.5))


def test_a_ticket_of_another_sale_or_customer_is_none(unique: str) -> None:
    market = rushed(unique)
    other = replace(market, store=market.other_store)
    start(other, rate=2)
    of_another_sale, of_another_customer = line_up(other).ticket, line_up(shopper(market, "b")).ticket
    for ticket in (of_another_sale, of_another_customer):
        with pytest.raises(TicketOfAnother):
            buy(market, 1, 20_000, admission=[ticket])
        with pytest.raises(TicketOfAnother):
            look_at_turn(market.customer, market.store, "TEA", ticket, now=NOW)
    assert level(market) == Stock(36, 4, 0)


def test_a_purchase_in_two_such_sales_needs_and_uses_a_ticket_of_each(unique: str) -> None:
    market = rushed(unique)
    other = replace(market, store=market.other_store)
    start(other, rate=2)
    own = [line_up(market).ticket, line_up(other).ticket]
    wanted = [Wanted(market.store, "TEA", 1), Wanted(market.other_store, "TEA", 1)]

    def both(key: str, admission: list[str]) -> str:
        facts = {"recipient": market.recipient, "total_seen": 52_000, "method": "account"}
        return place_purchase(market.customer, wanted, key=key, now=NOW, admission=admission, **facts).id  # type: ignore[arg-type]

    with pytest.raises(TicketOfAnother):
        both("key-00000001", own[:1])
    assert get_purchase(both("key-00000002", own)).payment == "paid"
    with pytest.raises(TicketUsed):
        both("key-00000003", own)
    assert level(market) == Stock(36, 3, 1)


def test_whoever_has_bought_is_a_newcomer_again_and_may_buy_more_by_a_new_ticket(unique: str) -> None:
    market = rushed(unique)
    first = line_up(market)
    buy(market, 1, 20_000, key="key-00000001", admission=[first.ticket])
    with pytest.raises(TicketUsed):
        look(market, first, NOW)
    then = NOW + timedelta(seconds=30)
    again = line_up(market, then)
    for number, tickets in enumerate(([first.ticket, again.ticket], [again.ticket, first.ticket])):
        with pytest.raises(TicketUsed) if number else nullcontext():
            buy(market, 1, 20_000, key=f"key-1000000{number}", admission=tickets, now=then)
    assert level(market) == Stock(36, 2, 2)


def test_of_several_tickets_what_is_wrong_with_that_of_the_sale_is_told(unique: str) -> None:
    market = rushed(unique)
    other = replace(market, store=market.other_store)
    start(other, rate=2)
    own, of_another = line_up(market).ticket, line_up(other).ticket
    for tickets in ([own, of_another, "x"], ["x", of_another, own]):
        with pytest.raises(TicketExpired):
            buy(market, 1, 20_000, admission=tickets, now=OVER)
    assert level(market) == Stock(36, 4, 0)


def test_a_ticket_that_is_used_eight_times_at_once_buys_once(unique: str) -> None:
    market = rushed(unique)
    ticket = line_up(market).ticket

    def try_to_buy(number: int) -> bool:
        try:
            return bool(buy(market, 1, 20_000, key=f"key-{number:08}", admission=[ticket]))
        except TicketUsed:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(try_to_buy, range(8))) == 1
    assert level(market) == Stock(36, 3, 1)


def test_a_cart_says_that_its_customer_has_to_wait(unique: str) -> None:
    market = rushed(unique)
    wanted = [Wanted(market.store, "TEA", 1)]

    def problem(admission: list[str], customer: str = market.customer) -> str:
        quote = quote_cart(wanted, customer=customer, admission=admission, now=NOW)
        line = quote.stores[0].lines[0]
        assert quote.ready is (line.problem == "")
        return line.problem

    own, of_another = line_up(market).ticket, others_line_up(market, 1)[0].ticket
    assert [problem([]), problem(["x"]), problem([of_another]), problem([own], "stranger")] == ["waiting"] * 4
    assert [problem([own]), problem([of_another, own])] == ["", ""]
    assert [problem([own], ""), problem([of_another], ""), problem([], "")] == [
        "",
        "waiting",
        "waiting",
    ]  # carts are for everybody


def test_a_sold_out_sale_says_so_after_a_read_and_takes_nobody_into_its_line(unique: str) -> None:
    market = rushed(unique)
    turn = line_up(market)
    buy(market, 4, 20_000, admission=[turn.ticket])
    admission._seen.clear()
    with measured() as capacity, pytest.raises(OutOfStock):
        line_up(market)
    assert capacity.writes == []
    assert look(market, turn, NOW).sold_out
    with measured() as capacity, pytest.raises(OutOfStock):
        buy(market, 1, 20_000, key="key-00000002")
    assert capacity.writes == []


def test_nobody_waits_for_what_is_in_no_such_sale(unique: str) -> None:
    market = open_market(unique)
    start(market)
    for place in (lambda: line_up(market), lambda: line_up(replace(market, store=market.other_store))):
        with pytest.raises(NotFound):
            place()
    buy(market, 1, 20_000)
    assert level(market) == Stock(6, 3, 1)


def test_after_the_sale_nobody_waits_any_more(unique: str) -> None:
    market = rushed(unique)
    line_up(market)
    with pytest.raises(NotFound):
        line_up(market, LATER)
    buy(market, 1, 30_000, now=LATER)
