"""Trees of categories on real tables: what is merged, moved, mapped or removed takes its listings along."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.fees import CommissionRule
from mart_union.catalog.model import Category, Union
from mart_union.kernel.errors import Conflict, Invalid, NotFound, RuleViolation
from mart_union.kernel.events import Event
from mart_union.kernel.retry import retried
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Terms
from tests.services.test_catalog import NOW, laid_in, listing, opened, union
from tests.services.test_mediation import link, make_offer, make_supplier

__all__ = ["union"]


def category(name: str, parent: str | None = None, **changes: object) -> Category:
    return replace(Category(name, {"en": name}, parent), **changes)


def save(store: str, *categories: Category) -> None:
    for each in categories:
        catalog.save_category(store, each, "staff", NOW)


def merge(store: str, name: str, into: str) -> Category:
    return catalog.merge_category(store, name, into, "staff", NOW)


def skus(shelf: str) -> list[str] | None:
    found = catalog.get_shelf(shelf)
    return None if found is None else [card.sku for card in found.cards]


@pytest.fixture
def store(union: Union, unique: str) -> str:
    opened(unique)
    save(unique, category("tea"), category("teas"), category("teas.green", "teas"))
    laid_in(listing(unique, "T-1", category="tea"), 1)
    laid_in(listing(unique, "T-2", category="teas"), 1)
    laid_in(listing(unique, "T-3", category="teas.green"), 1)
    catalog.rebuild_store(unique)
    return unique


def test_a_merge_is_one_write_and_listings_and_children_follow(store: str) -> None:
    assert merge(store, "teas", "tea") == category("tea")
    assert catalog.list_categories(store) == [category("tea"), category("teas.green", "tea")]
    catalog.rebuild_store(store)
    assert skus(f"store/{store}/tea") == ["T-1", "T-2", "T-3"]
    assert skus(f"store/{store}/teas") is None
    assert catalog.get_listing(store, "T-2").category == "tea"
    assert catalog.get_listing(store, "T-2").sequence == 2
    assert catalog.get_listing(store, "T-3").category == "teas.green"
    with pytest.raises(NotFound):
        catalog.get_category(store, "teas")


def test_a_merge_that_comes_again_changes_nothing_and_another_is_refused(store: str) -> None:
    save(store, category("gifts"))
    merge(store, "teas", "tea")
    before = catalog.list_audit(f"store/{store}", "2026-11").items
    assert merge(store, "teas", "tea") == category("tea")
    with pytest.raises(RuleViolation, match="'teas' was merged into 'tea'"):
        merge(store, "teas", "gifts")
    with pytest.raises(RuleViolation, match="'teas' was merged into 'tea'"):
        save(store, category("teas"))
    assert catalog.list_audit(f"store/{store}", "2026-11").items == before


@pytest.mark.parametrize(
    ("name", "into"), [("teas", "teas"), ("teas", "teas.green"), ("teas", "nothing"), ("teas", "")]
)
def test_a_merge_into_itself_below_or_nothing_changes_nothing(store: str, name: str, into: str) -> None:
    before = catalog.list_categories(store)
    with pytest.raises(Invalid):
        merge(store, name, into)
    with pytest.raises(NotFound):
        merge(store, "nothing", "tea")
    assert catalog.list_categories(store) == before


def test_thousands_of_listings_are_shown_at_once_and_brought_in_step_some_at_a_time(store: str) -> None:
    for number in range(5):
        catalog.save_listing(listing(store, f"X-{number}", category="teas"), "staff", NOW)
    merge(store, "teas", "tea")
    with patch("mart_union.catalog.listings._MOST_IN_STEP", 2):
        catalog.rebuild_store(store)
        assert skus(f"store/{store}/tea") == ["T-1", "T-2", "X-0", "X-1", "X-2", "X-3", "X-4", "T-3"]
        behind = [each.sku for each in catalog.list_listings(store) if each.category == "teas"]
        assert behind == ["X-1", "X-2", "X-3", "X-4"]
        catalog.rebuild_store(store)
        catalog.rebuild_store(store)
    assert [each.sku for each in catalog.list_listings(store) if each.category == "teas"] == []


def test_a_listing_that_changed_meanwhile_is_not_written_over(store: str) -> None:
    merge(store, "teas", "tea")
    read = catalog.list_listings(store)
    changed = catalog.change_listing(store, "T-2", {"price_minor": 99900}, "staff", NOW)
    with patch("mart_union.catalog.shelves.list_listings", lambda _: read):
        catalog.rebuild_store(store)
    assert catalog.get_listing(store, "T-2") == changed
    catalog.rebuild_store(store)
    assert catalog.get_listing(store, "T-2") == replace(changed, category="tea", sequence=changed.sequence + 1)


def test_what_an_upload_names_after_a_merge_stands_in_the_other(store: str) -> None:
    merge(store, "teas", "tea")
    assert catalog.category_of_path(store, "Teas") == "tea"
    assert catalog.category_of_path(store, "Teas > Black") == "teas.black"
    assert catalog.get_category(store, "teas.black").parent == "tea"


def test_listings_follow_their_category_to_the_unions_it_maps_to(store: str) -> None:
    drinks, leaves = f"drinks-{store}", f"leaves-{store}"
    save("", category(drinks), category(leaves))
    save(store, category("teas", union_category=drinks))
    catalog.rebuild_store(store)
    assert skus(f"category/{drinks}") == ["T-2", "T-3"]
    assert [catalog.get_listing(store, sku).union_category for sku in ("T-1", "T-2", "T-3")] == ["", drinks, drinks]
    save(store, category("teas", union_category=leaves))
    catalog.rebuild_store(store)
    assert skus(f"category/{drinks}") == []
    assert skus(f"category/{leaves}") == ["T-2", "T-3"]
    with pytest.raises(Invalid, match="there is no such category of the union"):
        save(store, category("teas", union_category="nowhere"))
    assert catalog.get_category(store, "teas").union_category == leaves


def test_a_name_in_a_language_that_the_union_does_not_have_is_refused_in_every_tree(store: str, unique: str) -> None:
    before = catalog.list_categories(store), catalog.list_categories("")
    for tree in (store, ""):
        named = category(f"{unique}-fr", names={"fr": "Thé"})
        for change in (
            lambda tree=tree, named=named: catalog.save_category(tree, named, "staff", NOW),
            lambda tree=tree, named=named: catalog.save_categories(tree, [named], "staff"),
        ):
            with pytest.raises(Invalid) as refused:
                change()
            reason = "'fr' is not a language of this union: zh-TW, en"
            assert refused.value.facts == {"errors": [{"field": "names", "reason": reason}]}
    assert (catalog.list_categories(store), catalog.list_categories("")) == before


def test_a_category_that_moves_takes_what_is_below_it_along(store: str) -> None:
    save(store, category("drinks"), category("teas", "drinks"))
    catalog.rebuild_store(store)
    assert skus(f"store/{store}/drinks") == ["T-2", "T-3"]
    with pytest.raises(Invalid, match="it is the category itself, or below it"):
        save(store, category("drinks", "teas.green"))


def test_an_empty_category_is_removed_and_a_used_one_is_not(store: str) -> None:
    save(store, category("gifts"))
    catalog.set_listing_state(store, "T-1", "paused", "staff", NOW)
    catalog.rebuild_store(store)
    assert catalog.used_categories(store) == {"tea", "teas", "teas.green"}
    for name, reason in (("teas", "children"), ("tea", "listings")):
        with pytest.raises(RuleViolation) as refused:
            catalog.remove_category(store, name, "staff", NOW)
        assert refused.value.facts["reason"] == reason
    catalog.remove_category(store, "gifts", "staff", NOW)
    catalog.remove_category(store, "gifts", "staff", NOW)
    assert [each.id for each in catalog.list_categories(store)] == ["tea", "teas", "teas.green"]
    assert catalog.category_of_path(store, "Gifts") == "gifts"
    assert catalog.get_category(store, "gifts").names == {"zh-TW": "Gifts"}


def test_of_two_moves_that_would_make_a_circle_together_one_is_refused(store: str) -> None:
    for _ in range(5):
        save(store, category("tea"), category("teas"))

        def move(pair: tuple[str, str]) -> str:
            try:
                save(store, category(*pair))
            except (Conflict, Invalid):
                return "refused"
            return "moved"

        with ThreadPoolExecutor(2) as threads:
            ends = sorted(threads.map(move, [("tea", "teas"), ("teas", "tea")]))
        assert ends == ["moved", "refused"]
        assert {each.parent for each in catalog.list_categories(store) if each.id in {"tea", "teas"}} & {None}
        for name in ("tea", "teas"):
            if catalog.get_category(store, name).parent:
                save(store, category(name))


def test_of_two_merges_into_each_other_one_is_refused_and_nothing_is_lost(store: str) -> None:
    def attempt(pair: tuple[str, str]) -> str:
        try:
            retried(lambda: merge(store, *pair), on=Conflict, what="the tree")
        except (RuleViolation, Invalid):
            return "refused"
        return "merged"

    with ThreadPoolExecutor(2) as threads:
        ends = sorted(threads.map(attempt, [("tea", "teas"), ("teas", "tea")]))
    assert ends == ["merged", "refused"]
    catalog.rebuild_store(store)
    [kept] = [each.id for each in catalog.list_categories(store) if each.id != "teas.green"]
    assert sorted(skus(f"store/{store}/{kept}") or ()) == ["T-1", "T-2", "T-3"]


def test_a_merge_in_the_unions_tree_is_shown_at_once_with_stores_mappings_and_offers(store: str) -> None:
    drinks, leaves = f"drinks-{store}", f"leaves-{store}"
    save("", category(drinks), category(leaves))
    save(store, category("tea", union_category=leaves))
    laid_in(listing(store, "U-1", union_category=leaves), 1)
    offer = make_offer(make_supplier(f"{store}-s"), union_category=leaves)
    link(store, offer, "L-1")
    catalog.rebuild_store(store)
    assert sorted(skus(f"category/{leaves}") or ()) == ["L-1", "T-1", "U-1"]
    merge("", leaves, drinks)
    assert catalog.get_union().category_parents[leaves] == drinks
    catalog.rebuild_categories()
    assert sorted(skus(f"category/{drinks}") or ()) == ["L-1", "T-1", "U-1"]
    assert catalog.get_shelf(f"category/{leaves}") is None
    catalog.rebuild_store(store)
    assert sorted(skus(f"category/{drinks}") or ()) == ["L-1", "T-1", "U-1"]
    assert {catalog.get_listing(store, sku).union_category for sku in ("T-1", "U-1")} == {drinks}


def test_a_category_that_a_rule_names_is_neither_merged_nor_removed(union: Union, unique: str) -> None:
    save("", category(unique), category(f"{unique}-b"))
    described = catalog.get_union()
    ruled = replace(catalog.rules_of(described), fees=(*described.fees, CommissionRule("r", "category", unique, 100)))
    catalog.save_rules(ruled, "operator", NOW)
    try:
        for change in (lambda: merge("", unique, f"{unique}-b"), lambda: catalog.remove_category("", unique, "o", NOW)):
            with pytest.raises(RuleViolation, match=f"the rule 'r' names '{unique}'"):
                change()
        assert catalog.get_category("", unique) == category(unique)
    finally:
        catalog.save_rules(catalog.rules_of(described), "operator", NOW)
    catalog.remove_category("", unique, "operator", NOW)
    assert catalog.read_tree().at(unique) == ""


def test_a_category_of_the_union_in_which_a_store_shows_something_is_not_removed(store: str) -> None:
    leaf, old = f"leaf-{store}", f"old-{store}"
    save("", category(leaf), category(old))
    laid_in(listing(store, "U-1", union_category=old), 1)
    catalog.rebuild_store(store)
    merge("", old, leaf)
    with pytest.raises(RuleViolation) as refused:
        catalog.remove_category("", leaf, "operator", NOW)
    assert refused.value.facts["reason"] == "listings"


def test_links_follow_their_category_with_their_listings(store: str) -> None:
    offer = make_offer(make_supplier(f"{store}-s"))
    made = link(store, offer, "L-1", Terms("teas", 23000))
    merge(store, "teas", "tea")
    event = Event("1", "CategoryChanged", f"category/{store}/teas", 2, "2026-11-22T09:00:00.000Z", {})
    for _ in range(2):
        mediation.apply_category_change(event)
    assert mediation.get_link(store, "L-1") == replace(made, category="tea", sequence=made.sequence + 1)
    assert catalog.get_listing(store, "L-1").category == "tea"
    mediation.apply_category_change(Event("2", "CategoryChanged", "category//tea", 1, "2026-11-22T09:00:00.000Z", {}))
