"""Sixteen sellers of one supplier's pool of a hundred, whose shoppers and whose own shops buy at once, as their requests come in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from standardwebhooks import Webhook

from checkout.app import lambda_handler as checkout
from mart_union.checkout import terms as checkout_terms
from mart_union.kernel import secrets
from mart_union.kernel.clock import utc_now
from mart_union.mediation import service as mediation
from mart_union.settlement.books import load_books
from mart_union.settlement.checks.levels import check_levels
from mart_union.settlement.checks.pools import check_pools
from mart_union.stock.model import shard_of
from mart_union.stock.service import get_level, get_levels
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import NOW, Market, give_money, open_market, save_store
from tests.services.test_mediation import link, make_offer, make_supplier, offer_changed
from tests.services.test_shop_sales import RECIPIENT

SELLERS, POOL, TRIES = 16, 100, 9
PRICE, DELIVERY = 23_000, 6_000
SKU = "GX-HERBTEA"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})
    checkout_terms._short.clear()
    yield
    checkout_terms._short.clear()


class Fair:
    """A market with sixteen sellers of one offer, each with a shop of its own; for some of them units are set aside."""

    def __init__(self, unique: str, allotted: int) -> None:
        self.market: Market = open_market(unique, money=100_000_000)
        offer = make_offer(make_supplier(self.market.supplier), granted_to=("everyone",))
        self.stores = [f"{unique}-{number:02d}" for number in range(SELLERS)]
        self.shops: dict[str, str] = {}
        for number, store in enumerate(self.stores):
            save_store(store)
            link(store, offer)
            give_money(f"store/{store}/deposit", 10_000_000)
            url = f"https://{store}.example/hook"
            self.shops[store] = mediation.register_shop(store, url, "owner", f"key-{store}", NOW).id
            if number < allotted:
                facts = {"actor": "lin", "key": f"allot-{store}", "now": NOW}
                mediation.set_allotment(self.market.supplier, offer.sku, store, 5, **facts)  # type: ignore[arg-type]
        now = mediation.get_offer(self.market.supplier, offer.sku)
        mediation.apply_offer_change(offer_changed(now, now.sequence))
        self.levels = [now.level, *(shard_of(now.level, store) for store in self.stores[:allotted])]

    def buy(self, store: str, key: str) -> int:
        """What the status is of a purchase of one of it in a store of the union."""
        body = {
            "lines": [{"store": store, "sku": SKU, "quantity": 1}],
            "recipient": self.market.recipient,
            "total_minor": PRICE + DELIVERY,
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        event = gateway_event(
            "POST", "/api/purchases", body=body, headers=headers, subject=self.market.customer, role=""
        )
        return status(checkout(event, CONTEXT))

    def report(self, store: str, key: str) -> int:
        """What the status is of a sale of one of it that a store's own shop reports."""
        shop = self.shops[store]
        body = json.dumps({"sale": key, "lines": [{"sku": SKU, "quantity": 1}], "recipient": RECIPIENT})
        now = utc_now()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(mediation.secret_of(shop)).sign(key, now, body),
        }
        return status(supply(gateway_event("POST", f"/api/shops/{shop}/sales", body=body, headers=headers), CONTEXT))

    def sell(self, store: str) -> Counter[str]:
        """What one seller sells, one after another, each third in its own shop, until it is sold out; who meets too many others asks again."""
        sold: Counter[str] = Counter()
        for number in range(TRIES):
            way, act = ("shop", self.report) if number % 3 == 0 else ("union", self.buy)
            answer = 503
            while answer == 503:
                answer = act(store, f"key-{store}-{number}")
            if answer == 409:
                return sold
            assert answer == 201
            sold[way] += 1
        return sold


def status(answer: dict[str, Any]) -> int:
    return int(answer["statusCode"])


@pytest.mark.parametrize("allotted", [0, 6])
def test_sixteen_sellers_in_parallel_on_one_pool_of_a_hundred_sell_exactly_a_hundred(
    unique: str, allotted: int
) -> None:
    fair = Fair(unique, allotted)
    with ThreadPoolExecutor(SELLERS) as threads:
        sold = dict(zip(fair.stores, threads.map(fair.sell, fair.stores), strict=True))
    told = sum(sold.values(), Counter[str]())
    levels = get_levels(fair.levels, consistent=True)
    assert (told.total(), sum(level.sold for level in levels.values())) == (POOL, POOL)
    assert [level.reserve for level in levels.values()] == [0] * len(levels)
    assert min(told["shop"], told["union"]) > 0
    assert [store for store in fair.stores[:allotted] if sold[store].total() < 5] == []
    assert get_level(fair.levels[0]).balances()
    books = load_books()
    supplier = fair.market.supplier
    wrong = [each for check in (check_levels, check_pools) for each in check(books) if supplier in str(each)]
    assert wrong == []
