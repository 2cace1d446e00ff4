"""A suspended enterprise's stores sell nothing, nor does anybody a suspended supplier's goods; open orders go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from mart_union.catalog import showing
from mart_union.catalog.enterprises import apply_enterprise, decide_enterprise, get_enterprise
from mart_union.catalog.model import OfferReference
from mart_union.catalog.service import get_listing, get_store
from mart_union.catalog.stores import card_of
from mart_union.catalog.tables import StoreCardItem, StoreItem, store_card_key, store_key
from mart_union.catalog.unions import get_union, mark_suspended
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.errors import Conflict, RuleViolation
from mart_union.kernel.events import Event
from mart_union.kernel.ids import new_id
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.payouts import get_payout
from mart_union.mediation import following, links
from mart_union.mediation.following import apply_supplier_change
from mart_union.mediation.links import get_link, list_links, make_link, set_link_state
from mart_union.mediation.model import Link, OfferKey, Terms
from mart_union.mediation.suppliers import apply_supplier, decide_supplier, get_supplier
from mart_union.orders.service import get_order, take_step
from mart_union.stock.service import get_level
from syndication.app import CONSUMERS
from tests.services.buckets import own_bucket
from tests.services.cutting import CutOff, cut_off
from tests.services.market import NOW, Market, fill_pool, give_money, open_market, save_mediated
from tests.services.settling import settle_day
from tests.services.test_mediation import link, make_offer, make_store, make_supplier, reference
from tests.services.test_settlement import owe


@pytest.fixture
def market(unique: str) -> Iterator[Market]:
    market = open_market(unique)
    enterprise = get_store(market.store).enterprise
    apply_enterprise(enterprise, {"en": "Xu"}, "12345678", "owner-1", NOW)
    apply_supplier(
        market.supplier, names={"en": "G"}, texts={}, registration="87654321", applicant="supplier-1", now=NOW
    )
    for decide in (decide_enterprise, decide_supplier):
        decide(enterprise if decide is decide_enterprise else market.supplier, True, "operator-1", NOW)
    fill_pool(market.supplier, 9, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    yield market
    for party in (f"enterprise/{enterprise}", f"supplier/{market.supplier}"):
        mark_suspended(party, False, "operator-1", NOW)


def suspend(market: Market, who: str, *, approve: bool = False) -> str:
    if who == "supplier":
        return decide_supplier(market.supplier, approve, "operator-1", NOW).state
    return decide_enterprise(get_store(market.store).enterprise, approve, "operator-1", NOW).state


def buy(market: Market, sku: str) -> Purchase:
    wanted = [Wanted(market.store, sku, 1)]
    total = quote_cart(wanted).total_minor or 1
    facts = {"recipient": market.recipient, "total_seen": total, "method": "account", "key": new_id(), "now": NOW}
    return place_purchase(market.customer, wanted, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(("who", "problem"), [("enterprise", "closed"), ("supplier", "withdrawn")])
def test_nothing_is_sold_of_whoever_is_suspended_until_the_operator_lets_them_again(
    market: Market, who: str, problem: str
) -> None:
    wanted = [Wanted(market.store, "HERB", 1)]
    before = buy(market, "HERB")
    assert suspend(market, who) == "suspended"
    assert suspend(market, who) == "suspended"
    known, level = len(whole_ledger().transfers), get_level(get_order(before.orders[0]).lines[0].level)
    [line] = quote_cart(wanted).stores[0].lines
    assert line.problem == problem
    give_money(f"store/{market.store}/deposit", 100_000)
    known += 1
    sell: Callable[[], object] = lambda: place_shop_sale(  # noqa: E731
        market.store, "shop-1", wanted, recipient=market.recipient, key=new_id(), now=NOW
    )
    for refused in (lambda: buy(market, "HERB"), sell):
        with pytest.raises(RuleViolation):
            refused()
    assert (len(whole_ledger().transfers), get_level(level.id)) == (known, level)
    take_step(before.orders[0], "accept", "s", "supplier", "a", NOW, fulfiller=f"supplier/{market.supplier}")
    assert get_order(before.orders[0]).state == "accepted"
    assert suspend(market, who, approve=True) == "approved"
    assert buy(market, "HERB").payment == "paid"
    assert get_union().suspended == ()


def test_a_suspended_suppliers_goods_only_are_not_sold(market: Market) -> None:
    suspend(market, "supplier")
    assert buy(market, "TEA").payment == "paid"


@pytest.mark.parametrize("who", ["enterprise", "supplier"])
def test_a_listings_page_says_that_it_cannot_be_bought(market: Market, who: str) -> None:
    showing._stores.clear()
    assert showing.show_listing(market.store, "HERB", now=NOW).available
    suspend(market, who)
    later = 10**9
    shown = showing.show_listing(market.store, "HERB", now=NOW, monotonic=lambda: later)
    assert (shown.available, shown.suspended) == (False, who)


def test_no_link_is_made_of_a_suspended_suppliers_offer(market: Market) -> None:
    offer = make_offer(market.supplier, granted_to=("everyone",))
    suspend(market, "supplier")
    with pytest.raises(RuleViolation, match="suspended"):
        make_link(market.store, "NEW", OfferReference(offer.supplier, offer.sku), Terms("tea"), "manager-1", NOW)
    assert list_links(market.store).items == ()


def told(supplier: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Deliver that a decision was made on a supplier, and what that publishes; how many messages that took."""
    waiting = [Event("e-1", "SupplierChanged", f"supplier/{supplier}", 3, "now", {"id": supplier})]
    monkeypatch.setattr(following, "publish", waiting.extend)
    taken = 0
    while waiting:
        apply_supplier_change(waiting.pop(0))
        taken += 1
    return taken


def test_a_suspension_reaches_every_link_of_the_suppliers_offers_page_by_page_and_so_does_its_end(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_OFFERS_AT_ONCE", 2)
    supplier, stores = make_supplier(unique), [make_store(f"{unique}-{number}") for number in range(2)]
    made = [
        link(store, make_offer(supplier, sku=f"OFFER-{number}"), f"SKU-{number}")
        for number in range(5)
        for store in stores
    ]
    own = set_link_state(stores[0], "SKU-3", "paused", "owner", NOW)
    decide_supplier(supplier, False, "operator-1", NOW)
    assert told(supplier, monkeypatch) == 3
    others = [each for each in made if (each.store, each.sku) != (own.store, own.sku)]

    def states() -> set[tuple[str, str, str, int]]:
        now = [get_link(each.store, each.sku) for each in others]
        return {(each.state, each.reason, get_listing(each.store, each.sku).state, each.sequence) for each in now}

    assert states() == {("paused", "supplier-suspended", "paused", 2)}
    assert told(supplier, monkeypatch) == 3
    assert states() == {("paused", "supplier-suspended", "paused", 2)}
    with pytest.raises(RuleViolation) as refused:
        set_link_state(stores[1], "SKU-3", "linked", "owner", NOW)
    assert refused.value.facts["reason"] == "supplier-suspended"
    decide_supplier(supplier, True, "operator-1", NOW)
    told(supplier, monkeypatch)
    assert states() == {("linked", "", "on_sale", 3)}
    assert get_link(own.store, own.sku) == own


def test_a_backup_takes_over_from_a_suspended_supplier(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(f"{unique}s")
    first, backup = (make_offer(make_supplier(f"{unique}{name}"), sku=name.upper()) for name in ("a", "b"))
    terms = Terms("tea", 23_000, backup=OfferKey(backup.supplier, backup.sku))
    make_link(store, "TEA", reference(first), terms, "owner", NOW)
    decide_supplier(first.supplier, False, "operator-1", NOW)
    told(first.supplier, monkeypatch)
    now = get_link(store, "TEA")
    assert (now.state, now.on_backup, get_listing(store, "TEA").level) == ("linked", True, backup.level)
    decide_supplier(backup.supplier, False, "operator-1", NOW)
    told(backup.supplier, monkeypatch)
    assert (get_link(store, "TEA").state, get_link(store, "TEA").reason) == ("paused", "supplier-suspended")


def test_a_link_that_is_made_while_its_supplier_is_suspended_is_not_made(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    wanted = links.wanted_link

    def suspended_meanwhile(*facts: object) -> Link:
        made = wanted(*facts)  # type: ignore[arg-type]
        decide_supplier(offer.supplier, False, "operator-1", NOW)
        return made

    monkeypatch.setattr(links, "wanted_link", suspended_meanwhile)
    with pytest.raises(Conflict):
        link(store, offer)
    assert list_links(store).items == ()


@pytest.mark.parametrize("who", ["enterprise", "supplier"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_suspension_cut_off_at_any_request_is_completed_by_its_repeat(market: Market, who: str, when: str) -> None:
    for number in range(20):
        try:
            with cut_off(number, when):
                suspend(market, who)
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        assert suspend(market, who) == "suspended"
        name = (
            f"supplier/{market.supplier}" if who == "supplier" else f"enterprise/{get_store(market.store).enterprise}"
        )
        assert get_union().suspended == (name,)
        state = get_supplier(market.supplier).state if who == "supplier" else get_enterprise(name.split("/")[1]).state
        assert state == "suspended"
        suspend(market, who, approve=True)
        if not was_cut_off:
            break
    assert number > 2
    assert not was_cut_off


def test_a_suspended_party_is_paid_what_it_has_earned(market: Market) -> None:
    suspend(market, "supplier")
    party, day = f"supplier/{market.supplier}", "2026-11-30"
    owe(party, day, 8_000)
    with own_bucket():
        [paid] = settle_day(day, NOW, market.supplier)
    assert (paid.total_minor, get_payout(paid.payout).state) == (8_000, "sent")


def followed(event: Event, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Deliver an event of a store or an enterprise, and what that publishes; the names of all that were worked."""
    waiting, worked = [event], list[str]()
    monkeypatch.setattr(following, "publish", waiting.extend)
    while waiting:
        worked.append(waiting[0].name)
        CONSUMERS[waiting[0].name](waiting.pop(0))
    return worked


def opened(name: str, enterprise: str) -> str:
    """An open store of an enterprise, on the union's front."""
    store = replace(get_store(make_store(name)), enterprise=enterprise)
    StoreItem(*store_key(name), document=store, sequence=1).save()
    StoreCardItem(*store_card_key(name), card=card_of(store, get_union())).save()
    return name


def test_a_suspended_enterprises_links_are_paused_page_by_page_and_sold_again_when_it_is_let(
    market: Market, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_AT_ONCE", 2)
    enterprise = get_store(market.store).enterprise
    stores = [opened(f"{unique}-{number}", enterprise) for number in range(2)]
    other = opened(f"{unique}-other", f"{unique}-other-co")
    offers = [make_offer(market.supplier, sku=f"OFFER-{number}") for number in range(3)]
    made = [link(store, offer, offer.sku) for store in (*stores, other) for offer in offers]
    own = set_link_state(stores[1], "OFFER-2", "paused", "owner", NOW)
    told_of = Event("e-1", "EnterpriseChanged", f"enterprise/{enterprise}", 3, "now", {})
    followers = [each for each in made if each.store != other and (each.store, each.sku) != (own.store, own.sku)]

    def states() -> set[tuple[str, str, str, int]]:
        now = [get_link(each.store, each.sku) for each in followers]
        return {(each.state, each.reason, get_listing(each.store, each.sku).state, each.sequence) for each in now}

    suspend(market, "enterprise")
    for _ in range(2):
        worked = followed(told_of, monkeypatch)
        assert worked.count("StoreFollowDue") >= 4  # two pages of each store
        assert states() == {("paused", "enterprise-suspended", "paused", 2)}
    with pytest.raises(RuleViolation) as refused:
        set_link_state(stores[1], "OFFER-2", "linked", "owner", NOW)
    assert refused.value.facts["reason"] == "enterprise-suspended"
    assert link(stores[0], make_offer(market.supplier, sku="NEW"), "NEW").reason == "enterprise-suspended"
    assert {get_link(other, offer.sku).sequence for offer in offers} == {1}
    suspend(market, "enterprise", approve=True)
    followed(told_of, monkeypatch)
    assert states() == {("linked", "", "on_sale", 3)}
    assert get_link(own.store, own.sku) == own


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_the_links_of_a_store_that_is_not_open_are_paused_until_it_is(
    unique: str, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    link(store, offer)
    before = get_store(store)
    for now_is, expected in ((state, ("paused", f"store-{state}", "paused")), ("open", ("linked", "", "on_sale"))):
        StoreItem(*store_key(store), document=replace(before, state=now_is), sequence=2).save()
        followed(Event("e-1", "StoreChanged", f"store/{store}", 2, "now", {}), monkeypatch)
        now = get_link(store, "GX-HERBTEA")
        assert (now.state, now.reason, get_listing(store, "GX-HERBTEA").state) == expected


def test_a_store_that_leaves_a_classification_keeps_no_link_on_sale_that_was_granted_to_that(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    link(store, offer)  # granted to classification:food-drink
    before = get_store(store)
    StoreItem(*store_key(store), document=replace(before, classification="books", sequence=2), sequence=2).save()
    followed(Event("e-1", "StoreChanged", f"store/{store}", 2, "now", {}), monkeypatch)
    now = get_link(store, "GX-HERBTEA")
    assert (now.state, now.reason, get_listing(store, "GX-HERBTEA").state) == ("paused", "not-granted", "paused")


@pytest.mark.parametrize("what", ["store", "enterprise"])
def test_a_link_that_is_made_while_its_store_is_shut_is_not_made_as_if_it_were_open(
    market: Market, unique: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    store, offer = opened(f"{unique}-s", get_store(market.store).enterprise), make_offer(market.supplier)
    wanted = links.wanted_link

    def shut_meanwhile(*facts: object) -> Link:
        made = wanted(*facts)  # type: ignore[arg-type]
        if what == "enterprise":
            suspend(market, "enterprise")
        else:
            now = replace(get_store(store), state="paused", sequence=2)
            StoreItem(*store_key(store), document=now, sequence=2).save()
        return made

    monkeypatch.setattr(links, "wanted_link", shut_meanwhile)
    with pytest.raises(Conflict):
        link(store, offer)
    assert list_links(store).items == ()
