"""Trees of categories: where what is gone stands, and what may not be done to a tree."""

from __future__ import annotations

import random

import pytest

from mart_union.catalog.model import Category, Listing, OfferReference, Store, lineages
from mart_union.catalog.trees import (
    CategoryRecord,
    check_merge,
    check_place,
    described,
    parents_beside_ids,
    parents_of,
    placed,
    tree_of,
)
from mart_union.kernel.errors import Invalid, RuleViolation

NAMES = {"en": "x"}


def record(name: str, parent: str | None = None, **changes: object) -> CategoryRecord:
    return CategoryRecord(name, NAMES, parent, **changes)  # type: ignore[arg-type]


DRINKS, TEA, OOLONG, OLD, GONE = (
    record("drinks", union_category="beverages"),
    record("tea", "drinks"),
    record("tea.oolong", "old-tea"),
    record("old-tea", merged_into="tea"),
    record("tea.gone", "old-tea", removed=True),
)
TREE = tree_of([DRINKS, TEA, OOLONG, OLD, GONE])


def listing(category: str, union_category: str = "", **changes: object) -> Listing:
    return Listing("s", "A", {}, {}, category, union_category, "goods", 1, "on_sale", "listing/s/A", **changes)  # type: ignore[arg-type]


def test_what_names_a_category_that_is_gone_stands_where_that_was_merged_or_what_it_was_under() -> None:
    assert sorted(TREE.categories) == ["drinks", "tea", "tea.oolong"]
    assert {name: TREE.at(name) for name in ("tea", "old-tea", "tea.gone", "unknown")} == {
        "tea": "tea",
        "old-tea": "tea",
        "tea.gone": "tea",
        "unknown": "unknown",
    }
    assert TREE.categories["tea.oolong"].parent == "tea"


def test_a_merge_into_what_is_merged_later_leads_to_the_end_and_a_circle_to_nowhere() -> None:
    chain = tree_of([record("a", merged_into="b"), record("b", merged_into="c"), record("c")])
    assert (chain.at("a"), chain.at("b")) == ("c", "c")
    circle = tree_of([record("a", merged_into="b"), record("b", merged_into="a")])
    assert (circle.at("a"), circle.at("b")) == ("", "")
    assert tree_of([record("a", removed=True)]).at("a") == ""


def test_the_tree_in_short_has_what_stands_above_or_in_the_place_of_each() -> None:
    assert parents_of([DRINKS, TEA, OLD, GONE]) == {"tea": "drinks", "old-tea": "tea", "tea.gone": "old-tea"}


def test_a_listing_stands_in_the_unions_category_of_the_nearest_that_maps_or_in_its_own() -> None:
    union = tree_of([record("beverages"), record("leaves", merged_into="beverages")])
    there = placed(listing("old-tea", "elsewhere"), TREE, union)
    assert (there.category, there.union_category) == ("tea", "beverages")
    own = placed(listing("unknown", "leaves"), TREE, union)
    assert (own.category, own.union_category) == ("unknown", "beverages")
    mediated = listing("tea", "leaves", offer=OfferReference("guanxi", "HERB"))
    assert placed(mediated, TREE, union).union_category == "beverages"
    assert placed(listing("tea", "elsewhere", offer=OfferReference("guanxi", "HERB")), TREE, union).union_category == (
        "elsewhere"
    )


def test_an_upload_grows_what_is_new_or_was_removed_and_not_what_was_merged() -> None:
    grown = TREE.grown(
        [Category("old-tea", NAMES), Category("tea.gone", NAMES, "old-tea"), Category("new", NAMES, "old-tea")]
    )
    assert sorted(grown.categories.keys() - TREE.categories.keys()) == ["new", "tea.gone"]
    assert (grown.at("old-tea"), grown.at("tea.gone")) == ("tea", "tea.gone")
    assert (grown.categories["new"].parent, grown.categories["tea.gone"].parent) == ("tea", "tea")
    assert TREE.grown([Category("tea", NAMES)]) is TREE


@pytest.mark.parametrize(
    ("parent", "reason"),
    [
        ("nothing", "there is no such category"),
        ("old-tea", "there is no such category"),
        ("tea", "it is the category itself, or below it"),
        ("tea.oolong", "it is the category itself, or below it"),
    ],
)
def test_a_parent_that_is_not_there_or_below_is_refused(parent: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_place(Category("tea", NAMES, parent), TREE)
    assert refused.value.facts["errors"] == [{"field": "parent", "reason": reason}]


def test_a_category_does_not_become_its_own_parent_before_it_is_there() -> None:
    with pytest.raises(Invalid, match="itself"):
        check_place(Category("new", NAMES, "new"), TREE)


@pytest.mark.parametrize(
    ("into", "reason"),
    [
        ("nothing", "there is no such category"),
        ("old-tea", "there is no such category"),
        ("drinks", "it is the category itself, or below it"),
        ("tea.oolong", "it is the category itself, or below it"),
    ],
)
def test_a_merge_into_nothing_itself_or_below_is_refused(into: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_merge("drinks", into, TREE)
    assert refused.value.facts["errors"] == [{"field": "into", "reason": reason}]


def test_a_tree_deeper_than_four_is_refused_by_a_move_and_by_a_merge() -> None:
    deep = tree_of([record("a"), record("b", "a"), record("c", "b"), record("d", "c"), record("x"), record("y", "x")])
    with pytest.raises(RuleViolation, match="at most 4 deep"):
        check_place(Category("x", NAMES, "c"), deep)
    check_place(Category("x", NAMES, "b"), deep)
    with pytest.raises(RuleViolation, match="'y' would be deeper"):
        check_merge("x", "d", deep)
    check_merge("x", "c", deep)


def test_a_form_changes_what_it_shows_and_leaves_the_rest() -> None:
    before = Category("tea", {"en": "Tea", "ko": "차"}, "drinks", 3, "beverages")
    assert described(before, {"name-en": " Teas "}, ("en", "ko")) == Category(
        "tea", {"en": "Teas"}, "drinks", 3, "beverages"
    )
    form = {"name-en": "Tea", "position": "5", "parent": "-", "union_category": "-"}
    assert described(before, form, ("en",)) == Category("tea", {"en": "Tea"}, None, 5, "")
    with pytest.raises(Invalid, match="position: write a whole number"):
        described(before, {"position": "first"}, ("en",))


@pytest.mark.parametrize("seed", range(200))
def test_by_ids_and_what_is_kept_beside_them_the_nearest_assignment_is_found_as_in_the_tree(seed: int) -> None:
    """Trees of any shape: categories made by paths, moved anywhere, merged and removed."""
    chance = random.Random(seed)
    ids = ["a", "b", "c", "a.x", "a.y", "b.x", "a.x.m", "a.x.n", "b.x.m", "d.lost", "a.y.k.z"]
    records: list[CategoryRecord] = []
    for name in chance.sample(ids, chance.randint(3, len(ids))):
        known = [each.id for each in records]
        by_id = name.rpartition(".")[0]
        parent = by_id if by_id in known and chance.random() < 0.5 else chance.choice([*known, None])
        fate = chance.random()
        merged = chance.choice(known) if known and fate < 0.2 else ""
        records.append(record(name, parent, merged_into=merged, removed=not merged and fate > 0.9))
    tree = tree_of(records)
    there = sorted(tree.categories)
    assigned = set(chance.sample(there, min(len(there), chance.randint(1, 2))))
    kept = parents_beside_ids(tree, assigned)
    names = {f"category/{name}": "pickup" for name in assigned}
    store = Store("s", "e", {}, {}, "c", "open", "", assigned=names, category_parents=kept)
    above = lineages(tree.categories.values())
    for name in [*there, *tree.gone, "a.new", "b.x.new"]:
        place = tree.at(name) if name in tree.gone else name
        line = above.get(place, ()) if name in above or name in tree.gone else above.get(name.rpartition(".")[0])
        if line is not None:
            nearest = next((f"category/{each}" for each in line if each in assigned), "")
            assert store.assignment_of(listing(name)) == nearest, (name, kept)


def test_a_tree_that_paths_have_made_needs_nothing_beside_its_ids() -> None:
    records = [record("tea"), record("tea.oolong", "tea"), record("tea.oolong.spring", "tea.oolong")]
    assert parents_beside_ids(tree_of(records), {"tea"}) == {}
    moved = [*records[:2], record("tea.oolong.spring", None)]
    assert parents_beside_ids(tree_of(moved), {"tea"}) == {"tea.oolong.spring": ""}
    assert parents_beside_ids(tree_of(moved), set()) == {}
