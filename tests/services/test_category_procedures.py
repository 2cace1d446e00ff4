"""What is assigned to a category holds below it: the nearest decides, in the reads that a checkout makes anyway, wherever categories are moved or merged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mart_union.catalog import assignments, gardening
from mart_union.catalog.model import Category
from mart_union.catalog.service import (
    category_of_path,
    get_store,
    merge_category,
    read_tree,
    rebuild_store,
    save_category,
)
from mart_union.catalog.trees import parents_beside_ids
from mart_union.kernel.errors import Busy, Conflict
from mart_union.orders.own import assign_procedure
from mart_union.orders.service import get_orders
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market, save_listing
from tests.services.test_manage_catalog import ask
from tests.services.test_own_procedures import buy, describe_union


@pytest.fixture
def market(unique: str) -> Market:
    """A store with a leaf of oolong in `Tea > Oolong > Spring`, and a category of gifts."""
    market = open_market(unique, money=10_000_000, stock=100)
    describe_union()
    leaf = category_of_path(market.store, "Tea > Oolong > Spring")
    save_category(market.store, Category("gifts", {"en": "Gifts"}), "owner", NOW)
    save_listing(market.store, "LEAF", price_minor=5_000, reserve=99, category=leaf)
    return market


def sold_under(market: Market, key: str) -> str:
    (order,) = get_orders(buy(market, "LEAF", key=key).orders)
    return order.procedure


def assign(market: Market, category: str, name: str) -> None:
    assign_procedure(market.store, "category", category, name, actor="owner")


def move(market: Market, category: str, parent: str | None) -> None:
    save_category(market.store, Category(category, {"en": category}, parent), "owner", NOW)


def test_the_nearest_assignment_decides_and_costs_no_read_more(market: Market) -> None:
    with measured() as before:
        assert sold_under(market, "key-1") == "carrier"
    assign(market, "tea", "pickup")
    with measured() as after:
        assert sold_under(market, "key-2") == "pickup"
    assert after.requests == before.requests
    assert get_store(market.store).category_parents == {}
    assign(market, "tea.oolong", "digital")
    assert sold_under(market, "key-3") == "digital"
    assign(market, "tea.oolong.spring", "carrier")
    assert sold_under(market, "key-4") == "carrier"
    assign_procedure(market.store, "listing", "LEAF", "pickup", actor="owner")
    assert sold_under(market, "key-5") == "pickup"
    for category in ("tea.oolong.spring", "tea.oolong", "tea"):
        assign(market, category, "")
    assign_procedure(market.store, "listing", "LEAF", "", actor="owner")
    assert (sold_under(market, "key-6"), get_store(market.store).assigned) == ("carrier", {})


def test_categories_that_are_moved_and_merged_take_the_assignments_above_their_new_place(market: Market) -> None:
    assign(market, "gifts", "pickup")
    assert sold_under(market, "key-1") == "carrier"
    move(market, "tea.oolong", "gifts")
    assert (sold_under(market, "key-2"), get_store(market.store).category_parents) == (
        "pickup",
        {"tea.oolong": "gifts"},
    )
    move(market, "tea.oolong", "tea")
    assert (sold_under(market, "key-3"), get_store(market.store).category_parents) == ("carrier", {})
    merge_category(market.store, "tea", "gifts", "owner", NOW)
    assert sold_under(market, "key-4") == "pickup"
    assign(market, "gifts", "")
    assert (sold_under(market, "key-5"), get_store(market.store).category_parents) == ("carrier", {})


def test_a_change_of_the_tree_that_is_cut_off_is_made_good_by_the_next_build_of_the_shelves(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign(market, "gifts", "pickup")
    with monkeypatch.context() as patch:
        patch.setattr(gardening, "keep_parents", lambda _: None)
        move(market, "tea.oolong", "gifts")
    assert sold_under(market, "key-1") == "carrier"
    for _ in range(2):
        rebuild_store(market.store)
    store = get_store(market.store)
    assert (sold_under(market, "key-2"), store.category_parents) == ("pickup", {"tea.oolong": "gifts"})
    assignments.keep_parents(market.store)
    assert get_store(market.store) == store


def test_moves_and_assignments_at_once_leave_the_record_as_the_tree_is(market: Market) -> None:
    def insist(act: object, *arguments: object) -> None:
        for _ in range(40):
            try:
                act(market, *arguments)  # type: ignore[operator]
            except (Busy, Conflict):
                continue
            return
        pytest.fail("it never went through")

    with ThreadPoolExecutor(6) as threads:
        acts = [
            threads.submit(insist, move, "tea.oolong", "gifts"),
            threads.submit(insist, assign, "gifts", "pickup"),
            threads.submit(insist, move, "tea.oolong.spring", "tea"),
            threads.submit(insist, assign, "tea", "digital"),
            threads.submit(insist, move, "gifts", None),
            threads.submit(insist, move, "tea.oolong", "gifts"),
        ]
        for act in acts:
            act.result()
    store = get_store(market.store)
    assert set(store.assigned) == {"category/gifts", "category/tea"}
    assert store.category_parents == parents_beside_ids(read_tree(market.store), {"gifts", "tea"})
    assert sold_under(market, "key-1") == "digital"


def test_the_listing_s_page_says_under_what_it_is_sold_and_why(market: Market) -> None:
    def why() -> str:
        page = ask("GET", f"/manage/{market.store}/listings/LEAF", "packer", headers={"Accept-Language": "en"})["body"]
        line = next(line for line in page.splitlines() if "Sold under" in line)
        return line.split("</a>: ")[1].removesuffix("</p>")

    assert why() == "the store&#39;s own choice"
    assign(market, "tea", "pickup")
    assert why() == "assigned to the category Tea"
    assign_procedure(market.store, "listing", "LEAF", "digital", actor="owner")
    assert why() == "assigned to this listing"
