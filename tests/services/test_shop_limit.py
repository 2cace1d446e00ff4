"""A store's own web shops are few, each at an address of its own: every change of a link is a call of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from mart_union.kernel.errors import Busy, Conflict, RuleViolation
from mart_union.mediation import service as mediation
from mart_union.mediation.shop_model import Shop
from mart_union.mediation.shops import MOST_ACTIVE

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def register(store: str, number: int) -> Shop:
    url, key = f"https://shop-{number}.example/hook", f"key-{number:05}"
    return mediation.register_shop(store, url, "owner", key, NOW)


def test_the_eleventh_shop_is_refused_until_one_is_paused_which_then_stays_so(unique: str) -> None:
    shops = [register(unique, number) for number in range(MOST_ACTIVE)]
    with pytest.raises(RuleViolation) as refused:
        register(unique, 10)
    assert refused.value.facts["most"] == 10
    assert len(mediation.list_shops(unique)) == 10
    assert register(unique, 3) == shops[3]  # a repeat is no other shop
    mediation.set_shop_state(unique, shops[0].id, "paused", "owner", NOW)
    register(unique, 10)
    with pytest.raises(RuleViolation):
        mediation.set_shop_state(unique, shops[0].id, "active", "owner", NOW)
    assert mediation.get_shop(shops[0].id).state == "paused"


def test_an_address_that_is_registered_is_refused_also_while_its_shop_is_paused(unique: str) -> None:
    shop = register(unique, 1)
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            mediation.register_shop(unique, shop.url, "owner", "key-other", NOW)
        assert refused.value.facts == {"shop": shop.id}
        mediation.set_shop_state(unique, shop.id, "paused", "owner", NOW)
    assert [each.id for each in mediation.list_shops(unique)] == [shop.id]


def test_of_many_shops_registered_and_resumed_at_once_no_more_are_told_than_may_be(unique: str) -> None:
    paused = register(unique, 0)
    mediation.set_shop_state(unique, paused.id, "paused", "owner", NOW)
    for number in range(1, MOST_ACTIVE - 1):
        register(unique, number)

    def attempt(number: int) -> bool:
        try:
            if number % 2:
                mediation.set_shop_state(unique, paused.id, "active", "owner", NOW)
            else:
                register(unique, 100 + number)
        except (RuleViolation, Conflict, Busy):
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attempt, range(8)))
    assert sum(each.state == "active" for each in mediation.list_shops(unique)) == MOST_ACTIVE
