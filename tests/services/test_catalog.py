"""The catalog on real tables: enterprises, stores, listings, shelves, uploads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from mart_union.catalog import service as catalog
from mart_union.catalog.carriers import Carrier
from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import (
    Category,
    Classification,
    Listing,
    OfferReference,
    Place,
    Store,
    Union,
    listing_level,
)
from mart_union.catalog.tables import CatalogItem, ShelfItem, StoreItem, store_key
from mart_union.customers.service import find_role
from mart_union.kernel.errors import Busy, Conflict, Forbidden, Invalid, NotFound, RuleViolation
from mart_union.kernel.storage import find
from mart_union.stock.counting import count
from mart_union.stock.service import get_level, get_levels

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # a Friday, 11:00 in Taipei


@pytest.fixture
def union() -> Union:
    described = Union(
        id="hsinchu",
        names={"zh-TW": "新竹市集聯盟", "en": "Hsinchu Mart Union"},
        texts={"zh-TW": "從漁港到山裡", "en": "From the harbour to the hills"},
        places=(Place({"zh-TW": "新竹市", "en": "Hsinchu City"}, ("300",)),),
        languages=("zh-TW", "en"),
        classifications=(
            Classification("food-drink", {"en": "Food and drink"}),
            Classification("craft", {"en": "Craft and wares"}),
        ),
        carriers=(Carrier("windcity-express", {"en": "Windcity Express"}),),
        fees=(CommissionRule("everything", "union", rate_basis_points=600),),
        taxes=(TaxRule("goods", "vat", 500),),
    )
    return catalog.save_union(described, "operator", NOW)


def enterprise(name: str) -> str:
    catalog.apply_enterprise(name, {"en": "Xu Family Tea"}, "HS-1", f"{name}-owner", NOW)
    catalog.decide_enterprise(name, True, "operator", NOW)
    return name


def terms(store: str, **changes: object) -> Store:
    fields: dict[str, object] = {
        "id": store,
        "enterprise": "",
        "names": {"en": "Emei Lakeside Tea"},
        "texts": {"en": "Three generations of growers."},
        "classification": "food-drink",
        "state": "open",
        "opened_at": "",
        "carrier": "windcity-express",
        "glyph": "🍵",
        "place": "Hsinchu City",
        "delivery_amount": 8000,
    }
    return Store(**fields | changes)  # type: ignore[arg-type]


def opened(name: str, **changes: object) -> Store:
    return catalog.open_store(enterprise(name), terms(name, **changes), f"{name}-owner", NOW)


def listing(store: str, sku: str, **changes: object) -> Listing:
    fields: dict[str, object] = {
        "store": store,
        "sku": sku,
        "titles": {"en": f"Tea {sku}"},
        "texts": {"en": "It tastes of honey."},
        "category": "",
        "union_category": "",
        "kind": "goods",
        "price_minor": 38000,
        "state": "on_sale",
        "level": listing_level(store, sku),
    }
    return Listing(**fields | changes)  # type: ignore[arg-type]


def laid_in(made: Listing, reserve: int) -> Listing:
    saved = catalog.save_listing(made, "staff", NOW)
    count(made.level, reserve, actor="staff", reference="", now=NOW)
    return saved


def test_the_same_application_again_gives_the_first_back(unique: str) -> None:
    first = catalog.apply_enterprise(unique, {"en": "Tea"}, "HS-1", "someone", NOW)
    again = catalog.apply_enterprise(unique, {"en": "Tea"}, "HS-1", "someone", NOW + timedelta(days=1))
    assert (again, first.state) == (first, "applied")


def test_an_id_that_is_taken_is_refused_and_the_first_application_stays(unique: str) -> None:
    first = catalog.apply_enterprise(unique, {"en": "Tea"}, "HS-1", "someone", NOW)
    with pytest.raises(Conflict):
        catalog.apply_enterprise(unique, {"en": "Coffee"}, "HS-2", "another", NOW)
    assert catalog.get_enterprise(unique) == first


def test_a_decision_moves_an_enterprise_between_the_registers_of_its_states(unique: str) -> None:
    catalog.apply_enterprise(unique, {"en": "Tea"}, "HS-1", "someone", NOW)
    assert unique in {each.id for each in catalog.list_enterprises("applied", limit=1000).items}
    decided = catalog.decide_enterprise(unique, True, "operator", NOW)
    assert (decided.state, decided.sequence) == ("approved", 2)
    assert catalog.decide_enterprise(unique, True, "operator", NOW) == decided
    assert unique not in {each.id for each in catalog.list_enterprises("applied", limit=1000).items}
    assert unique in {each.id for each in catalog.list_enterprises("approved", limit=1000).items}


def test_only_an_approved_enterprise_opens_stores(union: Union, unique: str) -> None:
    catalog.apply_enterprise(unique, {"en": "Tea"}, "HS-1", "someone", NOW)
    with pytest.raises(RuleViolation):
        catalog.open_store(unique, terms(unique), "someone", NOW)
    with pytest.raises(NotFound):
        catalog.get_store(unique)
    assert find_role("someone", "store", unique) == ""


def test_only_the_applicant_opens_stores(union: Union, unique: str) -> None:
    enterprise(unique)
    with pytest.raises(Forbidden):
        catalog.open_store(unique, terms(unique), "a stranger", NOW)
    with pytest.raises(NotFound):
        catalog.get_store(unique)


def test_a_store_opens_once_with_its_applicant_as_owner(union: Union, unique: str) -> None:
    store = opened(unique)
    again = catalog.open_store(unique, terms(unique), f"{unique}-owner", NOW + timedelta(minutes=1))
    assert (again, store.enterprise, store.sequence) == (store, unique, 1)
    assert find_role(f"{unique}-owner", "store", unique) == "owner"
    assert unique in {card.store for card in catalog.list_stores()}


def test_a_stores_id_belongs_to_the_enterprise_that_took_it_first(union: Union, unique: str) -> None:
    store = opened(unique)
    other = enterprise(unique + "b")
    with pytest.raises(Conflict):
        catalog.open_store(other, terms(unique), f"{other}-owner", NOW)
    assert catalog.get_store(unique) == store
    assert find_role(f"{other}-owner", "store", unique) == ""


def test_terms_that_the_union_does_not_know_are_refused(union: Union, unique: str) -> None:
    enterprise(unique)
    for wrong in (
        {"classification": "spaceships"},
        {"carrier": "pigeon"},
        {"place": "Atlantis"},
        {"delivery_amount": 50},
    ):
        with pytest.raises(Invalid):
            catalog.open_store(unique, terms(unique, **wrong), f"{unique}-owner", NOW)
    assert find(StoreItem, *store_key(unique)) is None


def test_a_paused_store_leaves_the_front_and_counts_no_more(union: Union, unique: str) -> None:
    opened(unique, hours={"fri": ("10:00", "18:00")})
    assert unique in {card.store for card in catalog.list_stores()}
    before = catalog.count_open_stores(NOW)
    paused = catalog.set_store_state(unique, "paused", "staff", NOW)
    assert (paused.state, paused.sequence) == ("paused", 2)
    assert unique not in {card.store for card in catalog.list_stores()}
    assert catalog.count_open_stores(NOW) == before - 1


def test_what_staff_change_is_in_the_audit_trail_newest_first(union: Union, unique: str) -> None:
    opened(unique)
    catalog.set_store_state(unique, "paused", "manager", NOW + timedelta(hours=1))
    entries = catalog.list_audit(f"store/{unique}", "2026-11").items
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("manager", "store paused"),
        (f"{unique}-owner", "store opened"),
    ]


def test_a_new_listing_gets_a_level_and_the_same_again_writes_nothing(union: Union, unique: str) -> None:
    opened(unique)
    first = catalog.save_listing(listing(unique, "A-1"), "staff", NOW)
    assert get_level(first.level).reserve == 0
    assert catalog.edit_listing(unique, "A-1", lambda _: first, "staff", NOW) == first
    assert len(catalog.list_audit(f"store/{unique}", "2026-11").items) == 2


def test_a_paused_listing_is_refused_by_its_level(union: Union, unique: str) -> None:
    opened(unique)
    made = laid_in(listing(unique, "A-1"), 5)
    paused = catalog.set_listing_state(unique, "A-1", "paused", "staff", NOW)
    assert (paused.state, get_level(made.level).on_sale) == ("paused", False)
    catalog.set_listing_state(unique, "A-1", "on_sale", "staff", NOW)
    assert (get_level(made.level).on_sale, get_level(made.level).reserve) == (True, 5)


def test_a_listing_made_from_an_offer_is_not_changed_here(union: Union, unique: str) -> None:
    opened(unique)
    made = listing(unique, "GX-1", level="offer/guanxi/HERB", offer=OfferReference("guanxi", "HERB"))
    saved = catalog.save_listing(made, "staff", NOW)
    with pytest.raises(RuleViolation):
        catalog.set_listing_state(unique, "GX-1", "paused", "staff", NOW)
    assert catalog.get_listing(unique, "GX-1") == saved
    assert get_levels([listing_level(unique, "GX-1")]) == {}


def test_two_changes_of_one_listing_at_once_do_not_lose_one(union: Union, unique: str) -> None:
    opened(unique)
    made = catalog.save_listing(listing(unique, "A-1"), "staff", NOW)
    from mart_union.kernel.transaction import WriteTransaction

    first, second = WriteTransaction(), WriteTransaction()
    catalog.add_listing(first, made, made)
    catalog.add_listing(second, made, made)
    first.commit()
    with pytest.raises(Conflict):
        second.commit()
    assert catalog.get_listing(unique, "A-1").sequence == 2


def test_a_store_page_shows_its_cards_in_the_order_of_categories(union: Union, unique: str) -> None:
    opened(unique)
    tea = catalog.category_of_path(unique, "Tea > Oolong")
    gifts = catalog.category_of_path(unique, "Gifts")
    laid_in(listing(unique, "T-1", category=tea), 5)
    laid_in(listing(unique, "G-1", category=gifts), 0)
    catalog.rebuild_store(unique)
    shelf = catalog.get_shelf(f"store/{unique}")
    assert shelf is not None
    assert [(card.sku, card.available) for card in shelf.cards] == [("G-1", False), ("T-1", True)]
    assert [(link.id, link.depth) for link in shelf.head.categories] == [("gifts", 0), ("tea", 0), ("tea.oolong", 1)]
    parent = catalog.get_shelf(f"store/{unique}/tea")
    assert parent is not None
    assert [card.sku for card in parent.cards] == ["T-1"]


def test_a_long_shelf_has_pages_of_at_most_four_kilobytes_and_loses_those_no_longer_needed(
    union: Union, unique: str
) -> None:
    opened(unique)
    made = [catalog.save_listing(listing(unique, f"A-{number:02}"), "staff", NOW) for number in range(40)]
    catalog.rebuild_store(unique)
    items = list(ShelfItem.query(f"SHELF#store/{unique}"))
    sizes = [
        sum(len(name) + len(str(next(iter(value.values())))) for name, value in item.serialize().items())
        for item in items
    ]
    assert max(sizes) <= 4096
    assert len(items) >= 2
    assert [card.sku for item in items for card in item.cards] == [each.sku for each in made]
    for each in made[1:]:
        catalog.set_listing_state(unique, each.sku, "withdrawn", "staff", NOW)
    catalog.rebuild_store(unique)
    left = list(ShelfItem.query(f"SHELF#store/{unique}"))
    assert [(item.sk, [card.sku for card in item.cards]) for item in left] == [("0001", ["A-00"])]


def test_building_a_shelf_again_writes_no_page(union: Union, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(unique)
    laid_in(listing(unique, "A-1"), 1)
    catalog.rebuild_store(unique)
    monkeypatch.setattr(ShelfItem, "save", lambda self: pytest.fail("a page was written"))
    catalog.rebuild_store(unique)


def test_a_category_of_the_union_shows_every_stores_goods_and_those_below_it(union: Union, unique: str) -> None:
    root, leaf = f"food-{unique}", f"tea-{unique}"
    catalog.save_category("", Category(root, {"en": "Food"}), "operator", NOW)
    catalog.save_category("", Category(leaf, {"en": "Tea"}, root), "operator", NOW)
    for store in (unique, unique + "b"):
        opened(store)
        laid_in(listing(store, "A-1", union_category=leaf), 1)
        laid_in(listing(store, "A-2", union_category=leaf), 1)
        catalog.rebuild_store(store)
    for category in (root, leaf):
        shelf = catalog.get_shelf(f"category/{category}")
        assert shelf is not None
        assert [(card.store, card.sku) for card in shelf.cards] == [
            (unique, "A-1"),
            (unique + "b", "A-1"),
            (unique, "A-2"),
            (unique + "b", "A-2"),
        ]
    catalog.set_store_state(unique, "paused", "staff", NOW)
    catalog.rebuild_store(unique)
    shelf = catalog.get_shelf(f"category/{leaf}")
    assert shelf is not None
    assert {card.store for card in shelf.cards} == {unique + "b"}
    assert catalog.get_shelf(f"store/{unique}") is None


def test_a_build_cut_off_before_the_unions_shelves_is_made_good_by_its_repeat(
    union: Union, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = f"tea-{unique}"
    catalog.save_category("", Category(leaf, {"en": "Tea"}), "operator", NOW)
    opened(unique)
    laid_in(listing(unique, "A-1", union_category=leaf), 1)

    def die(_: object) -> None:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr("mart_union.catalog.shelves.rebuild_categories", die)
        with pytest.raises(RuntimeError):
            catalog.rebuild_store(unique)
    assert catalog.get_shelf(f"category/{leaf}") is None
    catalog.rebuild_store(unique)
    shelf = catalog.get_shelf(f"category/{leaf}")
    assert shelf is not None
    assert [card.sku for card in shelf.cards] == ["A-1"]


def test_the_front_groups_stores_by_classification(union: Union, unique: str) -> None:
    opened(unique + "z", classification="food-drink")
    opened(unique + "a", classification="craft")
    catalog.rebuild_front()
    shelf = catalog.get_front()
    assert shelf is not None
    pages = [catalog.get_front(number) for number in range(1, shelf.pages + 1)]
    stores = [card for page in pages if page for card in page.stores if card.store.startswith(unique)]
    assert [(card.classification, card.store) for card in stores] == [
        ("food-drink", unique + "z"),
        ("craft", unique + "a"),
    ]
    assert shelf.head.names == union.names


def test_builds_at_once_end_with_the_catalog_as_it_is(union: Union, unique: str) -> None:
    opened(unique)

    def add_and_build(number: int) -> None:
        laid_in(listing(unique, f"A-{number}"), 1)
        catalog.rebuild_store(unique)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add_and_build, range(8)))
    shelf = catalog.get_shelf(f"store/{unique}")
    assert shelf is not None
    assert [(card.sku, card.available) for card in shelf.cards] == [(f"A-{number}", True) for number in range(8)]


def test_a_page_of_a_shelf_is_one_request_of_half_a_read_unit(union: Union, unique: str) -> None:
    opened(unique)
    for number in range(30):
        catalog.save_listing(listing(unique, f"A-{number:02}"), "staff", NOW)
    catalog.rebuild_store(unique)
    from mart_union.kernel.storage import client

    answer = client().get_item(
        TableName=CatalogItem.Meta.table_name,
        Key={"pk": {"S": f"SHELF#store/{unique}"}, "sk": {"S": "0001"}},
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 0.5


def test_the_same_key_announces_one_upload(unique: str) -> None:
    first = catalog.announce_upload(f"store/{unique}", "staff", "key-12345678", NOW)
    again = catalog.announce_upload(f"store/{unique}", "staff", "key-12345678", NOW + timedelta(days=2))
    other = catalog.announce_upload(f"store/{unique}", "staff", "key-87654321", NOW + timedelta(days=2))
    assert again == first
    assert [each.id for each in catalog.list_uploads(f"store/{unique}").items] == [other.id, first.id]


def test_an_upload_is_worked_on_by_one_at_a_time_and_its_content_once(unique: str) -> None:
    owner = f"store/{unique}"
    claimed = catalog.claim_upload(owner, "u1", "etag-1", NOW)
    assert claimed is not None
    with pytest.raises(Busy):
        catalog.claim_upload(owner, "u1", "etag-1", NOW + timedelta(seconds=30))
    from msgspec.structs import replace

    reached = catalog.save_progress(replace(claimed, line=101, applied=100), NOW + timedelta(seconds=60))
    taken_over = catalog.claim_upload(owner, "u1", "etag-1", NOW + timedelta(seconds=600))
    assert taken_over is not None
    assert (taken_over.line, taken_over.applied) == (101, 100)
    with pytest.raises(Busy):
        catalog.save_progress(reached, NOW + timedelta(seconds=601))
    catalog.finish_upload(taken_over, "DONE", "", NOW + timedelta(seconds=700))
    assert catalog.claim_upload(owner, "u1", "etag-1", NOW + timedelta(seconds=800)) is None
    replaced = catalog.claim_upload(owner, "u1", "etag-2", NOW + timedelta(seconds=900))
    assert replaced is not None
    assert (replaced.line, replaced.applied) == (0, 0)
