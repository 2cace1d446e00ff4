"""Refunds and settlement: what parties give back is netted, whichever of the two comes first."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from mart_union.ledger.census import whole_ledger
from mart_union.ledger.due import mark_due
from mart_union.ledger.model import Statement
from mart_union.orders.census import all_orders
from mart_union.orders.refunding import RefundWish
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.payables import check_payables
from mart_union.settlement.checks.statements import check_statements
from tests.services.buckets import own_bucket
from tests.services.market import NOW, Market, open_market
from tests.services.refunds import LATER, ask, bought, completed, decide, refund
from tests.services.settling import settle_day, verify_account

DUE = "2026-11-30"  # the Monday after
STORES_SHARE = 90_000 - 5_400 - 4_300
GIVEN_BACK = 26_800
SETTLED_AT = NOW + timedelta(days=9)


@pytest.fixture(autouse=True)
def payout_bucket() -> Iterator[None]:
    with own_bucket():
        yield


def open_settled_market(unique: str) -> tuple[Market, str]:
    """A market whose store has a verified account, and its completed order."""
    market = open_market(unique)
    verify_account(f"store/{market.store}", NOW)
    return market, completed(market, bought(market))


def mark(market: Market) -> None:
    """Mark the store as due, as the stream does a moment after its payables were made."""
    mark_due([one for one in whole_ledger().payables if one.party == f"store/{market.store}"], LATER)


def settle(market: Market) -> list[Statement]:
    mark(market)
    return settle_day(DUE, SETTLED_AT, market.store)


def give_back(market: Market, order: str) -> None:
    refund(market, order, RefundWish(1, amount_minor=30_000))


def statements(market: Market) -> list[Statement]:
    return [one for one in whole_ledger().statements if one.party == f"store/{market.store}"]


def check_books(market: Market) -> None:
    """Invariant 7 of this store's payables and statements."""
    ledger = whole_ledger()
    found = [
        *check_payables(Books(ledger, all_orders().orders)),
        *check_statements(Books(ledger)),
    ]
    mine = {one.id for one in [*ledger.payables, *ledger.statements] if one.party == f"store/{market.store}"}
    mine |= {one.transfer for one in ledger.payables if one.party == f"store/{market.store}"}
    assert [each for each in found if each.subject.partition("/")[2] in mine] == []


def test_a_refund_before_the_settlement_is_netted_by_it(unique: str) -> None:
    market, order = open_settled_market(unique)
    give_back(market, order)
    [made] = settle(market)
    assert (made.total_minor, made.state != "carried") == (STORES_SHARE - GIVEN_BACK, True)
    assert sorted(line.kind for line in whole_ledger().lines[made.id]) == ["completion", "refund"]
    check_books(market)


def test_a_refund_after_the_settlement_is_owed_and_carried_into_the_next(unique: str) -> None:
    market, order = open_settled_market(unique)
    [paid] = settle(market)
    give_back(market, order)
    [owed] = settle(market)
    assert (paid.total_minor, owed.total_minor, owed.state, owed.reason) == (
        STORES_SHARE,
        -GIVEN_BACK,
        "carried",
        "negative",
    )
    check_books(market)


def receive(market: Market, order: str) -> str:
    """A tea has come back, and is not refunded yet."""
    identity = ask(market, order)
    for decision in ("accept", "receive"):
        decide(market, order, identity, decision)
    return identity


@pytest.mark.parametrize("way", ["refund", "return"])
def test_a_refund_and_the_settlement_at_once_count_it_once(unique: str, way: str) -> None:
    market, order = open_settled_market(unique)
    identity = receive(market, order) if way == "return" else ""
    mark(market)

    def give() -> None:
        if identity:
            decide(market, order, identity, "refund", stock="reserve")
        else:
            give_back(market, order)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(give), threads.submit(settle, market)]:
            done.result()
    settle(market)
    settle(market)
    assert sum(one.total_minor for one in statements(market)) == STORES_SHARE - GIVEN_BACK
    check_books(market)
