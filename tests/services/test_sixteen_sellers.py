"""Sixteen sellers of one supplier's pool of a hundred, whose shoppers and whose own shops buy at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mart_union.checkout.model import Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase
from mart_union.kernel.errors import Busy, OutOfStock
from mart_union.settlement.books import load_books
from mart_union.settlement.checks.levels import check_levels
from mart_union.settlement.checks.pools import check_pools
from mart_union.stock.service import get_level
from tests.services.market import NOW, fill_pool, give_money, open_market, save_mediated, save_store

SELLERS, POOL, TRIES = 16, 100, 9
PRICE, SUPPLY, DELIVERY = 23_000, 15_000, 6_000


def test_sixteen_sellers_in_parallel_on_one_pool_of_a_hundred_sell_exactly_a_hundred(unique: str) -> None:
    market = open_market(unique, money=100_000_000)
    level = fill_pool(market.supplier, POOL, SUPPLY)
    stores = [f"{unique}-{number:02d}" for number in range(SELLERS)]
    for store in stores:
        save_store(store)
        save_mediated(store, "HERB", market.supplier, price_minor=PRICE, supply_minor=SUPPLY)
        give_money(f"store/{store}/deposit", 10_000_000)

    def buy(store: str, number: int) -> None:
        wanted, key = [Wanted(store, "HERB", 1)], f"key-{store}-{number}"
        if number % 3:
            place_purchase(
                market.customer,
                wanted,
                recipient=market.recipient,
                total_seen=PRICE + DELIVERY,
                method="account",
                key=key,
                now=NOW,
            )
        else:
            place_shop_sale(store, f"shop-{store}", wanted, recipient=market.recipient, key=key, now=NOW)

    def sell(store: str) -> int:
        """What one seller sells, one after another, until it is sold out; who meets too many others asks again."""
        sold = 0
        for number in range(TRIES):
            while True:
                try:
                    buy(store, number)
                    sold += 1
                except OutOfStock:
                    return sold
                except Busy:
                    continue
                break
        return sold

    with ThreadPoolExecutor(SELLERS) as threads:
        sold = list(threads.map(sell, stores))
    pool = get_level(level)
    assert (sum(sold), pool.reserve, pool.sold, pool.balances()) == (POOL, 0, POOL, True)
    books = load_books()
    wrong = [each for check in (check_levels, check_pools) for each in check(books) if market.supplier in str(each)]
    assert wrong == []
