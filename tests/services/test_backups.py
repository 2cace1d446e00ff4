"""A link's backup offer takes over when the first runs out, and gives back; prices by a markup follow the supply price."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from mart_union.catalog.model import Listing, OfferReference, offer_level
from mart_union.catalog.service import get_listing
from mart_union.kernel.errors import Conflict, NotFound, OutOfStock, RuleViolation
from mart_union.kernel.events import Event
from mart_union.kernel.transaction import WriteTransaction
from mart_union.mediation import linked
from mart_union.mediation import service as mediation
from mart_union.mediation.linked import Facts
from mart_union.mediation.model import Link, Offer, OfferKey, Terms
from mart_union.stock import service as stock
from mart_union.stock.counting import count
from mart_union.stock.model import take
from tests.services.test_mediation import make_offer, make_store, make_supplier, reference

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SKU = "HOUSE-TEA"


class Scene:
    """A store with a link of one supplier's offer, and another supplier's as its backup, each with 100 units; cost and 40 %."""

    def __init__(self, unique: str) -> None:
        self.store = make_store(f"{unique}s")
        self.first = make_offer(make_supplier(f"{unique}a"), sku="FIRST", minimum_minor=0)
        self.backup = make_offer(make_supplier(f"{unique}b"), sku="BACKUP", supply_minor=12000, minimum_minor=0)
        self.link = self.make()

    def make(self, **changes: object) -> Link:
        terms = replace(Terms("tea", markup_basis_points=4_000, backup=self.backup.key), **changes)  # type: ignore[arg-type]
        return mediation.make_link(self.store, SKU, reference(self.first), terms, "owner", NOW)

    def counted(self, offer: Offer, quantity: int) -> None:
        """The pool is counted, and the stream tells of it."""
        count(offer.level, quantity, actor="owner", reference="", now=NOW)
        mediation.apply_stock_change(Event("e", "StockOut", f"level/{offer.level}", 1, "now", {}))

    def changed(self, offer: Offer, **changes: object) -> None:
        """The supplier changes its offer, and the stream tells of it."""
        mediation.save_offer(replace(offer, **changes), None, "owner", NOW)  # type: ignore[arg-type]
        mediation.apply_offer_change(Event("e", "OfferChanged", f"offer/{offer.supplier}/{offer.sku}", 1, "now", {}))

    @property
    def now(self) -> tuple[Link, Listing]:
        return mediation.get_link(self.store, SKU), get_listing(self.store, SKU)


@pytest.fixture
def scene(unique: str) -> Scene:
    return Scene(unique)


def test_the_backup_takes_over_with_its_pool_price_and_supplier_and_gives_back(scene: Scene) -> None:
    assert (scene.link.price_minor, scene.link.on_backup) == (15400, False)
    scene.counted(scene.first, 0)
    link, listing = scene.now
    assert (link.on_backup, link.price_minor, link.availability, link.state) == (True, 16800, "in_stock", "linked")
    assert (listing.level, listing.price_minor) == (scene.backup.level, 16800)
    assert listing.offer == OfferReference(scene.backup.supplier, "BACKUP", 12000, "weekly", lead_days=2)
    assert [each.store for each in mediation.list_sellers(scene.backup.supplier).items] == [scene.store]
    scene.counted(scene.first, 5)
    assert scene.now[0] == replace(scene.link, sequence=3, availability="low_stock")
    assert scene.now[1].level == scene.first.level


def test_a_backup_that_changes_reaches_the_link_by_its_own_events(scene: Scene) -> None:
    scene.counted(scene.first, 0)
    scene.changed(scene.backup, supply_minor=13000)
    assert (scene.now[0].price_minor, scene.now[1].offer) == (
        18200,
        OfferReference(scene.backup.supplier, "BACKUP", 13000, "weekly", lead_days=2),
    )
    scene.counted(scene.backup, 0)
    link, listing = scene.now
    assert (link.on_backup, link.availability, listing.level) == (False, "out_of_stock", scene.first.level)
    scene.counted(scene.backup, 9)
    scene.changed(mediation.get_offer(scene.backup.supplier, "BACKUP"), granted_to=())
    assert scene.now[0].on_backup is False


def test_a_paused_first_offer_is_replaced_and_a_link_that_its_seller_paused_stays_so(scene: Scene) -> None:
    mediation.set_link_state(scene.store, SKU, "paused", "owner", NOW)
    scene.changed(scene.first, state="paused")
    link, listing = scene.now
    assert (link.state, link.reason, link.on_backup, listing.state) == ("paused", "seller", True, "paused")
    resumed = mediation.set_link_state(scene.store, SKU, "linked", "owner", NOW)
    assert (resumed.state, scene.now[1].state, scene.now[1].level) == ("linked", "on_sale", scene.backup.level)


def test_a_link_without_its_backup_any_more_hears_nothing_of_it(scene: Scene) -> None:
    scene.counted(scene.first, 0)
    alone = scene.make(backup=None)
    assert (alone.on_backup, alone.availability, scene.now[1].level) == (False, "out_of_stock", scene.first.level)
    scene.changed(scene.backup, supply_minor=13000)
    assert scene.now[0] == alone


def test_a_backup_that_is_not_granted_or_too_dear_is_refused_and_nothing_changes(scene: Scene, unique: str) -> None:
    others = make_offer(scene.backup.supplier, sku="THEIRS", granted_to=("store:someone-else",))
    with pytest.raises(NotFound):
        scene.make(backup=others.key)
    with pytest.raises(NotFound):
        scene.make(backup=OfferKey(unique, "NOTHING"))
    dear = make_offer(scene.backup.supplier, sku="DEAR", minimum_minor=20000)
    with pytest.raises(RuleViolation, match="minimum"):
        scene.make(markup_basis_points=None, price_minor=19900, backup=dear.key)
    assert scene.now[0] == scene.link


def test_a_sku_whose_link_is_on_its_backup_is_not_linked_to_that_offer_again(scene: Scene) -> None:
    scene.counted(scene.first, 0)
    before = scene.now
    with pytest.raises(Conflict, match="used by another listing"):
        mediation.make_link(scene.store, SKU, reference(scene.backup), Terms("tea"), "owner", NOW)
    assert scene.now == before


def sell(level: str) -> bool:
    transaction = WriteTransaction()
    stock.add_movement(transaction, level, take(1, "customer", "purchase"), NOW)
    try:
        transaction.commit()
    except OutOfStock:
        return False
    return True


def test_buyers_at_once_empty_the_first_and_then_the_backup_and_no_more(scene: Scene) -> None:
    def buy(_: int) -> str:
        level = get_listing(scene.store, SKU).level
        if sell(level):
            return level
        mediation.apply_stock_change(Event("e", "StockOut", f"level/{level}", 1, "now", {}))
        return ""

    sold: list[str] = []
    with ThreadPoolExecutor(16) as threads:
        while (get_listing(scene.store, SKU).level, stock.get_level(scene.backup.level).reserve) != (
            scene.first.level,
            0,
        ):
            sold += threads.map(buy, range(40))
    taken = {offer.level: sold.count(offer.level) for offer in (scene.first, scene.backup)}
    assert taken == {scene.first.level: 100, scene.backup.level: 100}
    assert scene.now[0].availability == "out_of_stock"


@pytest.mark.parametrize("what", ["offer", "stock"])
def test_a_late_follower_that_overwrote_a_newer_state_finds_it_itself(
    scene: Scene, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read, was overtaken by a change whose own follower found nothing to write, and wrote what it had read."""
    whole: Callable[..., Facts] = linked.read_facts
    seen: list[int] = []

    def overtaken(links: tuple[Link, ...], **asked: bool) -> Facts:
        facts = whole(links, **asked)
        if not seen and links:
            seen.append(1)
            if what == "offer":
                scene.changed(replace(mediation.get_offer(scene.first.supplier, "FIRST")), supply_minor=11000)
            else:
                scene.counted(scene.first, 100)
        return facts

    monkeypatch.setattr(linked, "read_facts", overtaken)
    if what == "offer":
        scene.changed(scene.first, supply_minor=20000)
    else:
        scene.counted(scene.first, 0)
    link, listing = scene.now
    assert (link.price_minor, link.availability, link.on_backup) == (15400, "in_stock", False)
    assert (listing.level, listing.price_minor) == (offer_level(scene.first.supplier, "FIRST"), 15400)
