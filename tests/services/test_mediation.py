"""Suppliers, offers, links and their pools on real tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from mart_union.catalog.model import Listing, OfferReference, Store, listing_level, offer_level
from mart_union.catalog.service import get_listing
from mart_union.catalog.tables import ListingItem, StoreItem, listing_key, store_key
from mart_union.customers.service import find_role
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, OutOfStock, RuleViolation
from mart_union.kernel.events import Event
from mart_union.kernel.transaction import WriteTransaction
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Link, Offer, Terms
from mart_union.stock import service as stock
from mart_union.stock.model import take

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def make_store(name: str, classification: str = "food-drink") -> str:
    store = Store(name, "xu", {"en": name}, {}, classification, "open", "2026-11-01T00:00:00.000Z")
    StoreItem(*store_key(name), document=store, sequence=1).save()
    return name


def make_supplier(name: str) -> str:
    mediation.apply_supplier(
        name, names={"en": name}, texts={}, registration="HS-1", applicant=f"owner-{name}", now=NOW
    )
    mediation.decide_supplier(name, True, "operator", NOW)
    return name


def make_offer(supplier: str, **changes: object) -> Offer:
    offer = Offer(
        supplier=supplier,
        sku="HERB-TEA",
        titles={"en": "Grass Jelly Tea Bags"},
        texts={"en": "Hot or cold."},
        union_category="tea",
        kind="goods",
        supply_minor=11000,
        suggested_minor=22000,
        minimum_minor=16500,
        lead_days=2,
        granted_to=("classification:food-drink",),
        low_stock=5,
    )
    made = replace(offer, **changes)  # type: ignore[arg-type]
    mediation.save_offer(made, 100, "owner", NOW)
    return made


def reference(offer: Offer) -> OfferReference:
    return OfferReference(offer.supplier, offer.sku)


def link(store: str, offer: Offer, sku: str = "GX-HERBTEA", terms: Terms | None = None) -> Link:
    return mediation.make_link(store, sku, reference(offer), terms or Terms("tea", 23000), "owner", NOW)


def offer_changed(offer: Offer, sequence: int) -> Event:
    data = msgspec.to_builtins(replace(offer, sequence=sequence))
    return Event("event", "OfferChanged", f"offer/{offer.supplier}/{offer.sku}", sequence, "2026-11-22", data)


def test_an_approved_suppliers_applicant_becomes_its_owner_and_a_decision_stands(unique: str) -> None:
    applied = mediation.apply_supplier(
        unique, names={"en": "Growers"}, texts={}, registration="HS-1", applicant="luo", now=NOW
    )
    assert (applied.state, find_role("luo", "supplier", unique)) == ("applied", "")
    mediation.decide_supplier(unique, True, "operator", NOW)
    again = mediation.decide_supplier(unique, True, "operator", NOW)
    assert (again.state, again.sequence, again.decided_by) == ("approved", 2, "operator")
    assert find_role("luo", "supplier", unique) == "owner"
    assert is_approved(unique)
    assert mediation.decide_supplier(unique, False, "operator", NOW).state == "suspended"
    assert mediation.decide_supplier(unique, True, "operator", NOW).state == "approved"


def is_approved(supplier: str) -> bool:
    page = mediation.list_suppliers("approved")
    while page.next and supplier not in {each.id for each in page.items}:
        page = mediation.list_suppliers("approved", page.next)
    return supplier in {each.id for each in page.items}


def test_a_refused_supplier_owns_nothing_and_its_id_stays_taken(unique: str) -> None:
    fields = {"names": {"en": "Growers"}, "texts": {}, "registration": "HS-1"}
    mediation.apply_supplier(unique, **fields, applicant="luo", now=NOW)  # type: ignore[arg-type]
    assert mediation.apply_supplier(unique, **fields, applicant="luo", now=NOW).sequence == 1  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        mediation.apply_supplier(unique, **fields, applicant="qiu", now=NOW)  # type: ignore[arg-type]
    mediation.decide_supplier(unique, False, "operator", NOW)
    assert find_role("luo", "supplier", unique) == ""
    with pytest.raises(RuleViolation):
        mediation.decide_supplier(unique, True, "operator", NOW)


def test_an_offer_and_its_pool_are_made_together_and_the_same_again_writes_nothing(unique: str) -> None:
    offer = make_offer(make_supplier(unique))
    level = stock.get_level(offer_level(unique, "HERB-TEA"))
    assert (level.reserve, level.corrected, level.supply_minor, level.low_stock) == (100, 100, 11000, 5)
    assert not mediation.save_offer(offer, 100, "owner", NOW)
    assert not mediation.save_offer(offer, None, "owner", NOW)
    assert stock.get_level(level.id) == level
    assert mediation.get_offer(unique, "HERB-TEA").sequence == 1


@pytest.mark.parametrize("quantity", [260, 100])
def test_an_upload_that_was_cut_off_changes_an_offer_and_counts_its_pool_at_once(unique: str, quantity: int) -> None:
    """Were they two writes, the second would find a pool that has moved since the upload began, by the upload itself."""
    offer, later = make_offer(make_supplier(unique)), NOW + timedelta(hours=1)
    went_on = {"key": "2026-11-22T09/u1/e", "cut_off_since": iso(NOW + timedelta(minutes=30))}
    dearer = replace(offer, supply_minor=12000, minimum_minor=17000)
    assert mediation.save_offer(dearer, quantity, "owner", later, **went_on)
    level = stock.get_level(offer_level(unique, "HERB-TEA"))
    assert (level.reserve, level.supply_minor, level.sequence) == (quantity, 12000, 2)
    with_stock_out(level.id)
    assert not mediation.save_offer(dearer, quantity, "owner", later, **went_on)
    assert stock.get_level(level.id).reserve == quantity - 3


def test_of_an_upload_that_was_cut_off_nothing_is_changed_of_an_offer_whose_pool_has_moved_since(unique: str) -> None:
    offer = make_offer(make_supplier(unique))
    level = offer_level(unique, "HERB-TEA")
    with_stock_out(level)
    went_on = {"key": "2026-11-22T09/u1/e", "cut_off_since": iso(NOW)}
    with pytest.raises(Conflict, match="moved since"):
        mediation.save_offer(replace(offer, supply_minor=12000), 260, "owner", NOW, **went_on)
    assert (stock.get_level(level).reserve, stock.get_level(level).supply_minor) == (97, 11000)
    assert mediation.get_offer(unique, "HERB-TEA").supply_minor == 11000


def with_stock_out(level: str) -> None:
    later = NOW + timedelta(hours=2)
    stock.stock_out(level, 3, reason="damaged", actor="packer", reference="", key="key-12345678", now=later)


def test_a_new_supply_price_stands_on_the_pool_with_the_offer(unique: str) -> None:
    offer = make_offer(make_supplier(unique))
    assert mediation.save_offer(replace(offer, supply_minor=12000), None, "owner", NOW)
    assert mediation.get_offer(unique, "HERB-TEA").supply_minor == 12000
    assert stock.get_level(offer_level(unique, "HERB-TEA")).supply_minor == 12000


def test_a_paused_offers_pool_sells_nothing_whoever_asks(unique: str) -> None:
    offer = make_offer(make_supplier(unique))
    mediation.save_offer(replace(offer, state="paused"), None, "owner", NOW)
    with pytest.raises(OutOfStock):
        sell(offer_level(unique, "HERB-TEA"))
    mediation.save_offer(offer, None, "owner", NOW)
    sell(offer_level(unique, "HERB-TEA"))


def test_a_malformed_offer_or_one_without_a_quantity_makes_nothing(unique: str) -> None:
    supplier = make_supplier(unique)
    with pytest.raises(Invalid):
        make_offer(supplier, sku="herb tea")
    offer = make_offer(supplier, sku="OTHER")
    with pytest.raises(Invalid):
        mediation.save_offer(replace(offer, sku="NEW"), None, "owner", NOW)
    with pytest.raises(NotFound):
        mediation.get_offer(supplier, "NEW")
    assert [found.sku for found in mediation.list_offers(supplier).items] == ["OTHER"]


def test_a_link_makes_a_listing_that_draws_on_the_offers_pool(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    made = link(store, offer)
    listing = get_listing(store, "GX-HERBTEA")
    assert (listing.level, listing.price_minor, listing.state) == (offer_level(unique, "HERB-TEA"), 23000, "on_sale")
    assert listing.offer == OfferReference(unique, "HERB-TEA", 11000, "weekly", lead_days=2)
    assert link(store, offer) == made
    assert mediation.list_links(store).items == (made,)
    assert [seller.store for seller in mediation.list_sellers(unique).items] == [store]


def test_new_terms_change_link_and_listing_together(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer)
    changed = link(store, offer, terms=Terms("gifts", 25000, titles={"en": "House tea"}))
    assert (changed.sequence, changed.follows) == (2, {"titles": False, "texts": True, "glyph": True, "price": False})
    listing = get_listing(store, "GX-HERBTEA")
    assert (listing.price_minor, listing.category, listing.titles) == (25000, "gifts", {"en": "House tea"})


def test_a_late_repeat_of_a_command_undoes_no_later_change_and_its_key_serves_nothing_else(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))

    def command(price_minor: int, key: str = "") -> Link:
        terms = Terms("tea", price_minor)
        return mediation.make_link(store, "GX-HERBTEA", reference(offer), terms, "owner", NOW, key=key)

    command(23000, "key-00001")
    changed = command(25000)
    assert command(23000, "key-00001") == changed
    with pytest.raises(KeyReused):
        command(24000, "key-00001")
    assert get_listing(store, "GX-HERBTEA").price_minor == 25000
    assert command(25000, "key-00002") == changed  # changes nothing, and is known all the same
    newest = command(26000, "key-00003")
    for price_minor, key in ((23000, "key-00001"), (25000, "key-00002"), (26000, "key-00003")):
        assert command(price_minor, key) == newest
    assert get_listing(store, "GX-HERBTEA").price_minor == 26000


@pytest.mark.parametrize("quantity", [100, 90])
def test_an_older_list_that_goes_on_undoes_nothing_that_a_newer_one_has_changed(unique: str, quantity: int) -> None:
    offer = make_offer(make_supplier(unique))
    older, newer = "2026-11-22T09:00/u1/e", "2026-11-22T09:05/u2/e"
    granted = replace(offer, granted_to=("store:someone",))
    assert mediation.save_offer(granted, 100, "owner", NOW, key=newer)
    level = stock.get_level(offer.level)
    assert (level.counted, level.reserve, level.reason) == (newer, 100, "counted")
    with pytest.raises(Conflict, match="a later upload"):
        mediation.save_offer(replace(offer, supply_minor=12000), quantity, "owner", NOW, key=older)
    assert (mediation.get_offer(unique, offer.sku).granted_to, stock.get_level(offer.level)) == (
        ("store:someone",),
        level,
    )


def test_a_list_that_goes_on_undoes_nothing_that_was_changed_by_hand_since_it_came_by(unique: str) -> None:
    offer, key = make_offer(make_supplier(unique)), "2026-11-22T09:00/u1/e"
    titled = replace(offer, titles={"en": "By the list"})
    assert mediation.save_offer(titled, 100, "owner", NOW, key=key)
    mediation.save_offer(replace(offer, titles={"en": "By hand"}), None, "owner", NOW)
    before = mediation.get_offer(unique, offer.sku), stock.get_level(offer.level)
    assert not mediation.save_offer(titled, 100, "owner", NOW, key=key)
    assert (mediation.get_offer(unique, offer.sku), stock.get_level(offer.level)) == before


def test_a_link_under_the_minimum_or_not_granted_is_refused_and_makes_nothing(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    other = make_store(unique + "t", "sports-outdoors")
    with pytest.raises(RuleViolation, match="minimum"):
        link(store, offer, terms=Terms("tea", 16400))
    with pytest.raises(NotFound) as refused:
        link(other, offer)
    with pytest.raises(NotFound) as unknown:
        link(other, replace(offer, sku="NEVER-MADE"))
    assert refused.value.detail.replace(offer.sku, "NEVER-MADE") == unknown.value.detail
    for each in (store, other):
        assert mediation.list_links(each).items == ()
        with pytest.raises(NotFound):
            get_listing(each, "GX-HERBTEA")


def test_a_sku_that_another_listing_uses_is_refused_and_the_listing_stays(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    own = Listing(
        store, "OB-TOP", {"en": "Tea"}, {}, "tea", "tea", "goods", 50000, "on_sale", listing_level(store, "OB-TOP")
    )
    ListingItem(*listing_key(store, "OB-TOP"), document=own, sequence=1).save()
    with pytest.raises(Conflict, match="used by another listing"):
        link(store, offer, sku="OB-TOP")
    assert get_listing(store, "OB-TOP") == own
    second = make_offer(unique, sku="HERB-DRY")
    link(store, offer)
    with pytest.raises(Conflict, match="used by another listing"):
        link(store, second)
    assert mediation.get_link(store, "GX-HERBTEA").offer_sku == "HERB-TEA"


def test_a_seller_pauses_resumes_and_withdraws_its_listing(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer)
    states = []
    for state in ("paused", "paused", "linked", "withdrawn"):
        changed = mediation.set_link_state(store, "GX-HERBTEA", state, "owner", NOW)
        states.append((changed.state, changed.sequence, get_listing(store, "GX-HERBTEA").state))
    assert states == [
        ("paused", 2, "paused"),
        ("paused", 2, "paused"),
        ("linked", 3, "on_sale"),
        ("withdrawn", 4, "withdrawn"),
    ]


@pytest.mark.parametrize(("state", "reason"), [("paused", "seller"), ("withdrawn", "")])
def test_other_terms_put_nothing_on_sale_that_its_seller_has_taken_off(unique: str, state: str, reason: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer)
    mediation.set_link_state(store, "GX-HERBTEA", state, "owner", NOW)
    changed = link(store, offer, terms=Terms("gifts", 25000))
    assert (changed.state, changed.reason, changed.price_minor, changed.sequence) == (state, reason, 25000, 3)
    listing = get_listing(store, "GX-HERBTEA")
    assert (listing.state, listing.price_minor, listing.category) == (state, 25000, "gifts")
    mediation.apply_offer_change(offer_changed(offer, 1))
    assert mediation.get_link(store, "GX-HERBTEA") == changed
    assert mediation.set_link_state(store, "GX-HERBTEA", "linked", "owner", NOW).state == "linked"


def test_a_link_cannot_be_resumed_while_its_offer_is_withdrawn(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer)
    mediation.set_link_state(store, "GX-HERBTEA", "paused", "owner", NOW)
    mediation.save_offer(replace(offer, state="withdrawn"), None, "owner", NOW)
    with pytest.raises(RuleViolation) as refused:
        mediation.set_link_state(store, "GX-HERBTEA", "linked", "owner", NOW)
    assert refused.value.facts == {"reason": "offer-withdrawn"}
    assert get_listing(store, "GX-HERBTEA").state == "paused"


def test_changes_of_an_offer_reach_its_listings_twice_late_or_out_of_order(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer, terms=Terms("tea"))
    newer = replace(offer, suggested_minor=26000, supply_minor=12000, titles={"en": "New"})
    older = replace(offer, suggested_minor=24000)
    mediation.save_offer(older, None, "owner", NOW)
    mediation.save_offer(newer, None, "owner", NOW)
    for event in (offer_changed(newer, 3), offer_changed(older, 2), offer_changed(newer, 3)):
        mediation.apply_offer_change(event)
    listing = get_listing(store, "GX-HERBTEA")
    assert (listing.price_minor, listing.titles, listing.sequence) == (26000, {"en": "New"}, 2)
    assert listing.offer == OfferReference(unique, "HERB-TEA", 12000, "weekly", lead_days=2)
    assert mediation.get_link(store, "GX-HERBTEA").sequence == 2


def test_whether_an_offer_accepts_returns_is_said_by_its_listings_and_kept_by_an_upload_that_says_nothing(
    unique: str,
) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer)
    refuses = replace(offer, accepts_returns=False)
    mediation.save_offer(refuses, None, "owner", NOW)
    mediation.apply_offer_change(offer_changed(refuses, 2))
    reference = get_listing(store, "GX-HERBTEA").offer
    assert reference is not None
    assert not reference.accepts_returns
    mediation.save_offer(offer, None, "owner", NOW, kept=("accepts_returns",))
    assert not mediation.get_offer(unique, "HERB-TEA").accepts_returns


def test_a_revoked_grant_pauses_the_listing_and_a_new_one_resumes_it(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer)
    states = []
    for sequence, granted_to in ((2, ("store:someone-else",)), (3, ("everyone",))):
        changed = replace(offer, granted_to=granted_to)
        mediation.save_offer(changed, None, "owner", NOW)
        mediation.apply_offer_change(offer_changed(changed, sequence))
        states.append((get_listing(store, "GX-HERBTEA").state, mediation.get_link(store, "GX-HERBTEA").reason))
    assert states == [("paused", "not-granted"), ("on_sale", "")]


def test_a_store_finds_the_offers_granted_to_it_and_no_others(unique: str) -> None:
    supplier, classification = make_supplier(unique), f"class-{unique}"
    for number in range(30):
        make_offer(supplier, sku=f"OURS-{number:02d}", granted_to=(f"classification:{classification}",))
    make_offer(supplier, sku="THEIRS", granted_to=("store:someone-else",))
    make_offer(supplier, sku="GONE", granted_to=(f"classification:{classification}",), state="withdrawn")
    found: list[str] = []
    cursor, pages = "", 0
    while not pages or cursor:
        page = mediation.search_offers_for(unique + "s", classification, supplier=supplier, cursor=cursor)
        found += [offer.sku for offer in page.offers]
        cursor, pages = page.next, pages + 1
    assert found == [f"OURS-{number:02d}" for number in range(30)]
    named = mediation.search_offers_for(unique + "s", classification, words="ours-07 tea", supplier=supplier)
    assert [offer.sku for offer in named.offers] == ["OURS-07"]


def sell(level: str) -> None:
    transaction = WriteTransaction()
    stock.add_movement(transaction, level, take(1, "customer", "purchase"), NOW)
    transaction.commit()


def test_sixteen_threads_through_several_sellers_sell_exactly_what_the_supplier_has(unique: str) -> None:
    offer = make_offer(make_supplier(unique))
    levels = []
    for seller in "abcd":
        store = make_store(unique + seller)
        link(store, offer)
        levels.append(get_listing(store, "GX-HERBTEA").level)

    def buy(number: int) -> bool:
        try:
            sell(levels[number % len(levels)])
        except OutOfStock:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        sold = sum(threads.map(buy, range(160)))
    level = stock.get_level(offer_level(unique, "HERB-TEA"))
    assert (sold, level.reserve, level.sold, level.balances()) == (100, 0, 100, True)


def test_sellers_and_suppliers_changing_at_once_end_with_link_and_listing_in_step(unique: str) -> None:
    store, offer = make_store(unique + "s"), make_offer(make_supplier(unique))
    link(store, offer, terms=Terms("tea"))

    def change(number: int) -> None:
        changed = replace(offer, suggested_minor=22000 + 100 * number)
        try:
            if number % 2:
                mediation.save_offer(changed, None, "owner", NOW)
            else:
                mediation.set_link_state(store, "GX-HERBTEA", "paused" if number % 4 else "linked", "owner", NOW)
        except Conflict:
            return
        mediation.apply_offer_change(offer_changed(changed, number))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(change, range(1, 17)))
    mediation.apply_offer_change(offer_changed(offer, 99))
    now, listing = mediation.get_link(store, "GX-HERBTEA"), get_listing(store, "GX-HERBTEA")
    assert now.price_minor == listing.price_minor == mediation.get_offer(unique, "HERB-TEA").suggested_minor
    assert {"linked": "on_sale", "paused": "paused"}[now.state] == listing.state
