"""The demo's last word on its supplier's list: whose the money of what was sold is adds up to what was paid and held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from infra.local import demo_supply
from infra.local.demo_supply import Sold, shared_out
from infra.local.people import Person, Refused
from infra.local.story import Story
from mart_union.catalog.tables import ListingItem, listing_key
from mart_union.checkout.model import Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase
from mart_union.kernel.clock import utc_now
from mart_union.kernel.settings import settings
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.periods import due_day
from mart_union.ledger.postings import record_postings
from mart_union.orders.service import get_order, take_step
from mart_union.settlement.completion import complete_order
from tests.services.buckets import own_bucket
from tests.services.market import Market, fill_pool, give_money, open_market, save_mediated, save_store
from tests.services.refunds import wrong
from tests.services.settling import mark_all, settle_day, verify_account
from tests.services.test_demo_returns import person


@pytest.fixture(scope="module", autouse=True)
def payout_bucket(tables: None) -> Iterator[None]:
    with own_bucket():
        yield


class PlayedStory(Story):
    """A story of a market, whose people call the functions themselves."""

    def __init__(self, market: Market) -> None:
        super().__init__({"unions": {"hsinchu": {}}})
        self.store, self.supplier = market.store, market.supplier

    def person(self, role: str) -> Person:
        return person("operator", "operator") if role == "operator" else person("staff", "owner")


def sell(market: Market, sku: str, price_minor: int, store: str) -> None:
    """A listing of the supplier's pool in a store, of which the supplier is paid at once."""
    made = save_mediated(store, sku, market.supplier, price_minor=price_minor, supply_minor=15_000)
    offer = replace(made.offer, settlement_period="at_once") if made.offer else None
    ListingItem(*listing_key(store, sku), document=replace(made, offer=offer)).save()


def sold_by_many(market: Market, now: datetime) -> Sold:
    """A lamp in each of two stores with something of the second one's own, and one in the first one's web shop, all delivered and complete."""
    fill_pool(market.supplier, 5, 15_000)
    save_store(market.store, settlement_period="at_once", return_window_days=0)
    sell(market, "LAMP", 23_000, market.store)
    sell(market, "LAMP", 24_000, market.other_store)
    give_money(f"store/{market.store}/deposit", 50_000)
    wanted = [
        Wanted(market.store, "LAMP", 1),
        Wanted(market.other_store, "LAMP", 1),
        Wanted(market.other_store, "TEA", 1),
    ]
    purchase = place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=89_000,
        method="account",
        key="key-00000001",
        now=now,
    )
    sale = place_shop_sale(market.store, market.store, wanted[:1], recipient=market.recipient, key="sale-001", now=now)
    for order in (*purchase.orders, *sale.orders):
        for fulfiller in sorted({line.fulfiller for line in get_order(order).lines}):
            role = fulfiller.partition("/")[0]
            for step in ("accept", "ship", "deliver"):
                key = f"{step}-{fulfiller}"
                take_step(order, step, "staff", role, key, now, fulfiller=fulfiller, tracking=("hct", "HCT1"))
    for order in purchase.orders:
        complete_order(order, actor=market.customer, role="customer", key="receive-0001", now=now)
    complete_order(sale.orders[0], actor="settlement", role="system", key="", now=now + timedelta(seconds=1))
    return Sold(purchase.id, (*purchase.orders, *sale.orders), purchase.total_minor, 15_000)


def test_the_table_of_the_demo_tells_what_each_party_is_owed_and_was_paid_of_what_was_sold(
    unique: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    market, now = open_market(unique), utc_now()
    monkeypatch.setattr(demo_supply, "OTHER_STORE", market.other_store)
    sold = sold_by_many(market, now)
    for party in (f"supplier/{market.supplier}", f"store/{market.store}"):
        verify_account(party, now)
    record_postings(each for each in whole_ledger().transfers if each.reference in sold.references)
    mark_all(now)
    settle_day(due_day(now, "at_once", settings().time_zone).isoformat(), now, unique)
    shared_out(PlayedStory(market), sold)
    rows = [line.rsplit(maxsplit=2) for line in capsys.readouterr().out.splitlines()[2:9]]
    assert [(label.strip(), owed, paid) for label, owed, paid in rows] == [
        (f"supplier {market.supplier}", "NT$537", "NT$537"),
        (f"seller {market.store}", "NT$55", "NT$55"),
        (f"seller {market.other_store}", "NT$333", "NT$0"),
        ("the union: commission", "NT$46", "NT$0"),
        ("the state: tax", "NT$36", "NT$0"),
        ("carrier hct", "NT$33", "NT$0"),
        ("together", "NT$1,040", "NT$592"),
    ]
    assert wrong(market) == []


def test_a_table_that_does_not_add_up_ends_the_story(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    market, now = open_market(unique), utc_now()
    monkeypatch.setattr(demo_supply, "OTHER_STORE", market.other_store)
    monkeypatch.setattr(demo_supply, "_SECONDS", 0)
    sold = sold_by_many(market, now)
    record_postings(each for each in whole_ledger().transfers if each.reference in sold.references)
    more = Sold(sold.purchase, sold.orders, sold.paid_minor + 100, sold.held_minor)
    with pytest.raises(Refused, match="who got the 104100 is not there"):
        shared_out(PlayedStory(market), more)
