"""The catalog's rules that need no table: opening hours, trees, packing of shelves, events."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from mart_union.catalog.cards import Card, ShelfHead, StoreCard
from mart_union.catalog.categories import path_categories
from mart_union.catalog.events import events_of
from mart_union.catalog.hours import DAYS, Hours, hours_include, read_hours, told_hours
from mart_union.catalog.model import Category, Classification, in_order, lineages
from mart_union.catalog.packing import PAGE_BYTES, front_order, pack
from mart_union.kernel.errors import Invalid

FRIDAY_11 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # in Taipei
HEAD = ShelfHead({"en": "Emei Lakeside Tea"}, {"en": "Three generations of growers."})


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [
        ({}, True),
        ({"fri": ("09:00", "18:00")}, True),
        ({"fri": ("11:00", "18:00")}, True),
        ({"fri": ("09:00", "11:00")}, False),
        ({"fri": None}, False),
        ({"sat": ("09:00", "18:00")}, False),
        ({"thu": ("18:00", "11:30")}, True),
        ({"thu": ("18:00", "11:00")}, False),
        ({"fri": ("22:00", "02:00")}, False),
    ],
)
def test_opening_hours_are_those_of_the_unions_time_zone(
    hours: dict[str, tuple[str, str] | None], is_open: bool
) -> None:
    assert hours_include(hours, FRIDAY_11, "Asia/Taipei") is is_open


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ({}, ""),
        (dict.fromkeys(DAYS), "never"),
        ({"mon": ("09:00", "18:00"), "tue": None, "wed": ("09:00", "18:00")}, "mon,wed 09:00-18:00"),
        ({"sat": ("22:00", "02:00"), "fri": ("09:00", "18:00")}, "fri 09:00-18:00; sat 22:00-02:00"),
    ],
)
def test_hours_are_told_shortly_and_read_again(hours: Hours, told: str) -> None:
    assert told_hours(hours) == told
    again = read_hours(told)
    assert {day: again.get(day) for day in DAYS} == {day: hours.get(day) for day in DAYS}
    assert bool(again) == bool(hours)


def test_a_tree_is_read_parents_first_by_position_and_id() -> None:
    tree = [
        Category("tea.green", {}, "tea", 1),
        Category("ware", {}, None),
        Category("tea.black", {}, "tea", 1),
        Category("tea", {}, None, -1),
        Category("lost", {}, "gone"),
    ]
    assert [(link.id, link.depth) for link in in_order(tree)] == [
        ("tea", 0),
        ("tea.black", 1),
        ("tea.green", 1),
        ("lost", 0),
        ("ware", 0),
    ]


def test_a_circle_of_parents_ends() -> None:
    circle = [Category("a", {}, "b"), Category("b", {}, "a")]
    assert lineages(circle) == {"a": ("a", "b"), "b": ("b", "a")}
    assert in_order(circle) == []


def card(number: int) -> Card:
    return Card("emei-tea", f"OB-{number:03}", {"zh-TW": "東方美人茶" * 4, "en": "Oriental Beauty"}, 180000, "🍵", True)


def test_pages_fit_a_read_unit_and_keep_the_order() -> None:
    cards = [card(number) for number in range(100)]
    pages = pack("store/emei-tea", HEAD, cards)
    assert [each for page in pages for each in page.cards] == cards
    assert {(page.pages, page.total) for page in pages} == {(len(pages), 100)}
    sizes = [len(msgspec.json.encode(page.cards)) + len(msgspec.json.encode(page.head)) for page in pages]
    assert max(sizes) <= PAGE_BYTES - 200
    assert min(sizes[:-1]) > PAGE_BYTES / 2


def test_a_shelf_with_nothing_on_it_has_one_empty_page() -> None:
    (page,) = pack("store/emei-tea", HEAD)
    assert (page.cards, page.page, page.pages, page.total, page.head) == ((), 1, 1, 0, HEAD)


def test_only_the_first_page_carries_the_whole_head() -> None:
    first, *later = pack("store/emei-tea", HEAD, [card(number) for number in range(40)])
    assert first.head == HEAD
    assert {page.head.texts == {} and page.head.names == HEAD.names for page in later} == {True}


def test_stores_stand_under_their_classifications_in_the_unions_order() -> None:
    cards = [
        StoreCard(store, {}, kind, "", {}, "")
        for store, kind in (("b", "craft"), ("c", "gone"), ("z", "food"), ("a", "craft"))
    ]
    ordered = front_order(cards, [Classification("food", {}), Classification("craft", {})])
    assert [each.store for each in ordered] == ["z", "a", "b", "c"]


def test_paths_that_are_none_are_refused() -> None:
    for path in ("", " > ", "a > b > c > d > e", "x" * 81):
        with pytest.raises(Invalid):
            path_categories(path, "en")


def test_a_changed_document_is_one_event_with_its_whole_snapshot() -> None:
    old = {"document": {"sku": "OB-TOP", "price_minor": 1}, "sequence": 1}
    new = {"document": {"sku": "OB-TOP", "price_minor": 2}, "sequence": 2}
    (event,) = events_of("STORE#emei-tea", "LISTING#OB-TOP", old, new, "e1", "2026-11-20T03:00:00.000Z")
    assert (event.name, event.entity, event.sequence, event.data) == (
        "ListingChanged",
        "listing/emei-tea/OB-TOP",
        2,
        {"sku": "OB-TOP", "price_minor": 2},
    )
    assert events_of("STORE#emei-tea", "LISTING#OB-TOP", new, new, "e2", "") == []
    assert events_of("STORE#emei-tea", "LISTING#OB-TOP", new, None, "e3", "") == []


def test_each_kind_of_item_has_its_event_and_shelves_have_none() -> None:
    new = {"document": {}, "sequence": 1}
    names = {
        ("UNION", "UNION"): ("UnionChanged", "union"),
        ("STORE#a", "STORE"): ("StoreChanged", "store/a"),
        ("ENTERPRISE#a", "ENTERPRISE"): ("EnterpriseChanged", "enterprise/a"),
        ("CATEGORIES#", "tea"): ("CategoryChanged", "category//tea"),
        ("CATEGORIES#a", "tea"): ("CategoryChanged", "category/a/tea"),
    }
    for key, expected in names.items():
        (event,) = events_of(*key, None, new, "e", "")
        assert (event.name, event.entity) == expected
    for key in (
        ("SHELF#front", "0001"),
        ("STORES", "a"),
        ("PARTS#tea", "a"),
        ("UPLOAD#store/a", "u"),
        ("AUDIT#union#2026-11", "x"),
    ):
        assert events_of(*key, None, new, "e", "") == []
