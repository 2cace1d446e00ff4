"""Offers, grants and what follows from them, without a table."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import Store, Union
from mart_union.kernel.errors import Invalid, RuleViolation
from mart_union.kernel.money import Currency
from mart_union.mediation.events import events_of
from mart_union.mediation.linking import Supply, in_step, is_overruled, link_of
from mart_union.mediation.model import Link, Margin, Offer, OfferKey, Terms, checked_offer, margin_of
from mart_union.stock.model import availability_of

TWD = Currency("TWD", 100)
OFFER = Offer(
    supplier="guanxi-growers",
    sku="HERB-TEA",
    titles={"zh-TW": "仙草茶包", "en": "Grass Jelly Tea Bags"},
    texts={"en": "Hot or cold."},
    union_category="tea",
    kind="goods",
    supply_minor=11000,
    suggested_minor=22000,
    minimum_minor=16500,
    lead_days=2,
    granted_to=("classification:food-drink", "store:tea-classroom"),
)
OWN_PRICE = Terms("tea-bags", price_minor=23000)


def test_a_grant_is_for_everyone_for_a_classification_or_for_one_store() -> None:
    assert OFFER.is_granted_to("emei-tea", "food-drink")
    assert OFFER.is_granted_to("tea-classroom", "learning-tours")
    assert not OFFER.is_granted_to("jianshi-outdoor", "sports-outdoors")
    assert replace(OFFER, granted_to=("everyone",)).is_granted_to("jianshi-outdoor", "sports-outdoors")
    assert not replace(OFFER, granted_to=()).is_granted_to("emei-tea", "food-drink")


def test_a_paused_offer_is_for_sale_by_nobody() -> None:
    assert not replace(OFFER, state="paused").is_for_sale_by("emei-tea", "food-drink")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"supply_minor": 0}, "supply_minor"),
        ({"suggested_minor": 22050}, "suggested_minor"),
        ({"minimum_minor": -100}, "minimum_minor"),
        ({"lead_days": 400}, "lead_days"),
        ({"granted_to": ("anyone",)}, "granted_to"),
        ({"granted_to": ("store:Emei Tea",)}, "granted_to"),
        ({"state": "sold"}, "state"),
        ({"kind": "thing"}, "kind"),
        ({"titles": {"en": "  "}}, "titles"),
    ],
)
def test_a_malformed_offer_is_refused_by_the_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_offer(replace(OFFER, **change), TWD)  # type: ignore[arg-type]
    assert refused.value.facts["errors"][0]["field"] == field  # type: ignore[index]


def test_an_offer_may_not_suggest_less_than_its_minimum() -> None:
    with pytest.raises(RuleViolation) as refused:
        checked_offer(replace(OFFER, suggested_minor=16400), TWD)
    assert refused.value.facts == {"minimum_minor": 16500}


def linked(
    terms: Terms, offer: Offer = OFFER, backup: Offer | None = None, *, left: int = 100, behind: int = 100
) -> Link:
    """The link that terms make of an offer of which so many units are left, and of its backup with so many behind it."""
    supplied = None if backup is None else Supply(backup, behind)
    return link_of(Supply(offer, left), supplied, "emei-tea", "GX-HERBTEA", terms, "food-drink", step=100)


def follow(
    link: Link,
    offer: Offer = OFFER,
    backup: Offer | None = None,
    *,
    left: int = 100,
    behind: int = 100,
    standing: str = "met",
) -> Link:
    """The link when its offers and what is left of them are these."""
    supplied = None if backup is None else Supply(backup, behind)
    return in_step(link, Supply(offer, left), supplied, "food-drink", step=100, standing=standing)


def test_a_link_under_the_minimum_is_refused_and_at_the_minimum_is_made() -> None:
    with pytest.raises(RuleViolation):
        linked(replace(OWN_PRICE, price_minor=16400))
    link = linked(replace(OWN_PRICE, price_minor=16500))
    assert (link.price_minor, link.state, link.titles) == (16500, "linked", OFFER.titles)


def test_a_link_takes_over_what_it_follows_and_keeps_what_is_its_own() -> None:
    link = linked(Terms("tea-bags", price_minor=23000, titles={"en": "My tea"}))
    assert link.follows == {"titles": False, "texts": True, "glyph": True, "price": False}
    changed = replace(OFFER, titles={"en": "New"}, texts={"en": "New text"}, glyph="🌿", suggested_minor=30000)
    after = follow(link, changed)
    assert (after.titles, after.texts, after.price_minor) == ({"en": "My tea"}, {"en": "New text"}, 23000)
    own_sign = linked(Terms("tea-bags", glyph="🍵"))
    assert (after.glyph, follow(own_sign, changed).glyph) == ("🌿", "🍵")


def test_a_link_without_a_price_of_its_own_follows_the_suggested_price() -> None:
    link = linked(Terms("tea-bags"))
    assert link.price_minor == 22000
    assert follow(link, replace(OFFER, suggested_minor=24000)).price_minor == 24000


@pytest.mark.parametrize(
    ("supply_minor", "basis_points", "price_minor", "overruled"),
    [
        (11000, 10_000, 22000, False),
        (11000, 5_050, 16600, False),  # 165.55 dollars, up to a whole one
        (11000, 5_000, 16500, False),  # the supplier's minimum is just what the markup comes to
        (11000, 4_990, 16500, False),  # up to a whole dollar it is, too
        (11000, 4_900, 16500, True),  # the supplier's minimum
        (11000, 0, 16500, True),
        (20000, 2_500, 25000, False),
        (2**53 - 92, 100_000, 2**53 - 92, False),  # nothing is priced beyond what is exact
    ],
)
def test_a_marked_up_price_follows_the_supply_price_and_is_never_under_the_minimum(
    supply_minor: int, basis_points: int, price_minor: int, overruled: bool
) -> None:
    offer = replace(OFFER, supply_minor=supply_minor)
    link = follow(linked(Terms("tea-bags", markup_basis_points=basis_points)), offer)
    assert (link.price_minor, is_overruled(link, offer, step=100)) == (price_minor, overruled)


@pytest.mark.parametrize("terms", [Terms("tea-bags"), Terms("tea-bags", price_minor=16500)])
def test_a_minimum_overrules_nothing_but_a_markup(terms: Terms) -> None:
    assert not is_overruled(linked(terms), replace(OFFER, minimum_minor=30000), step=100)


@pytest.mark.parametrize(
    "terms",
    [
        Terms("tea", 23000, markup_basis_points=100),
        Terms("tea", markup_basis_points=-1),
        Terms("tea", markup_basis_points=100_001),
    ],
)
def test_a_link_has_a_price_or_a_markup_that_can_be(terms: Terms) -> None:
    with pytest.raises(Invalid) as refused:
        linked(terms)
    assert refused.value.facts["errors"][0]["field"] == "markup_basis_points"  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "withdrawn"}, "offer-withdrawn"),
        ({"state": "paused"}, "offer-paused"),
        ({"granted_to": ("store:tea-classroom",)}, "not-granted"),
        ({"minimum_minor": 23100, "suggested_minor": 24000}, "under-minimum"),
    ],
)
def test_a_link_pauses_while_its_offer_may_not_be_sold_and_resumes_after(
    change: dict[str, object], reason: str
) -> None:
    link = linked(OWN_PRICE)
    paused = follow(link, replace(OFFER, **change))  # type: ignore[arg-type]
    assert (paused.state, paused.reason) == ("paused", reason)
    assert follow(paused, OFFER) == link


@pytest.mark.parametrize(("state", "reason"), [("paused", "seller"), ("withdrawn", "")])
def test_what_the_seller_stopped_stays_stopped(state: str, reason: str) -> None:
    link = replace(linked(OWN_PRICE), state=state, reason=reason)
    assert follow(link, replace(OFFER, state="withdrawn")).state == state
    assert follow(link, OFFER) == link


BACKUP = replace(
    OFFER, supplier="beipu-teas", sku="HERB-2", supply_minor=12000, suggested_minor=24000, titles={"en": "Other"}
)
BACKED = Terms("tea-bags", markup_basis_points=10_000, backup=OfferKey("beipu-teas", "HERB-2"))


def test_the_backup_takes_over_while_the_first_has_run_out_or_may_not_be_sold_and_gives_back() -> None:
    link = linked(BACKED, backup=BACKUP)
    assert (link.on_backup, link.price_minor, link.sold) == (False, 22000, OFFER.key)
    for out in (follow(link, OFFER, BACKUP, left=0), follow(link, replace(OFFER, state="paused"), BACKUP)):
        assert (out.on_backup, out.price_minor, out.sold) == (True, 24000, BACKUP.key)
        assert (out.state, out.availability, out.titles) == ("linked", "in_stock", OFFER.titles)
        assert follow(out, OFFER, BACKUP) == link


@pytest.mark.parametrize(
    ("change", "behind"),
    [({}, 0), ({"state": "paused"}, 9), ({"granted_to": ()}, 9), ({"kind": "service"}, 9)],
)
def test_a_backup_that_cannot_be_had_takes_nothing_over(change: dict[str, object], behind: int) -> None:
    link = linked(BACKED, backup=BACKUP)
    out = follow(link, OFFER, replace(BACKUP, **change), left=0, behind=behind)  # type: ignore[arg-type]
    assert (out.on_backup, out.availability, out.state) == (False, "out_of_stock", "linked")


def test_a_price_of_ones_own_is_never_under_the_minimum_of_the_offer_that_is_sold() -> None:
    own = replace(BACKED, markup_basis_points=None, price_minor=23000)
    link = linked(own, backup=BACKUP)
    dear = replace(BACKUP, minimum_minor=23100)
    assert not follow(link, OFFER, dear, left=0).on_backup
    with pytest.raises(RuleViolation) as refused:
        linked(own, backup=dear)
    assert refused.value.facts == {"minimum_minor": 23100}


@pytest.mark.parametrize(("backup", "reason"), [(OFFER, "same-offer"), (replace(BACKUP, kind="service"), "kind")])
def test_a_backup_is_another_offer_of_the_same_kind(backup: Offer, reason: str) -> None:
    with pytest.raises(RuleViolation) as refused:
        linked(replace(BACKED, backup=backup.key), backup=backup)
    assert refused.value.facts == {"reason": reason}


def test_the_margin_is_the_price_less_supply_commission_and_tax() -> None:
    rules = (CommissionRule("all", "union", rate_basis_points=500),)
    taxes = (TaxRule("goods", "vat", 500), TaxRule("fee", "vat", 1000, on="fee", included=False))
    union = Union("hsinchu", {}, {}, (), ("en",), (), (), fees=rules, taxes=taxes)
    store = Store("emei-tea", "xu", {}, {}, "food-drink", "open", "")
    margin = margin_of(OFFER, 22000, union, store, step=100)
    assert margin == Margin(22000, 11000, 1100, 1000, 100)
    assert margin.left_minor == 8800


@pytest.mark.parametrize(("reserve", "shown"), [(0, "out_of_stock"), (3, "low_stock"), (4, "in_stock")])
def test_a_shop_shows_whether_the_pool_has_units_left(reserve: int, shown: str) -> None:
    assert availability_of(reserve, 3) == shown


def image(sequence: int, **document: object) -> dict[str, object]:
    return {"sequence": sequence, "document": document}


@pytest.mark.parametrize(
    ("pk", "sk", "name", "entity"),
    [
        ("SUPPLIER#g", "SUPPLIER", "SupplierChanged", "supplier/g"),
        ("SUPPLIER#g", "OFFER#HERB-TEA", "OfferChanged", "offer/g/HERB-TEA"),
        ("OFFER#g#HERB-TEA", "LINK#emei-tea#GX", "LinkChanged", "link/emei-tea/GX"),
        ("SHOP#s", "SHOP", "ShopChanged", "shop/s"),
    ],
)
def test_a_new_sequence_makes_one_event_with_the_whole_snapshot(pk: str, sk: str, name: str, entity: str) -> None:
    (event,) = events_of(pk, sk, image(1), image(2, a=1), "id-1", "2026-11-22T00:00:00.000Z")
    assert (event.id, event.name, event.entity, event.sequence, event.data) == ("id-1", name, entity, 2, {"a": 1})


@pytest.mark.parametrize(
    ("pk", "sk"),
    [("SHOPS#emei-tea", "s"), ("SHOP#s", "TOLD#GX"), ("SUPPLY#g", "ORDER#o"), ("DELIVERIES#s#2026-11-22", "x")],
)
def test_other_items_make_no_event(pk: str, sk: str) -> None:
    assert events_of(pk, sk, None, image(1), "id-1", "now") == []


@pytest.mark.parametrize(
    ("before", "after", "state", "names"),
    [
        ("in_stock", "low_stock", "linked", ["LinkChanged", "LinkStockLow"]),
        ("low_stock", "out_of_stock", "linked", ["LinkChanged", "LinkStockLow"]),
        ("out_of_stock", "low_stock", "linked", ["LinkChanged"]),
        ("low_stock", "low_stock", "linked", ["LinkChanged"]),
        ("in_stock", "out_of_stock", "paused", ["LinkChanged"]),
    ],
)
def test_a_link_of_which_less_is_left_makes_one_event_more(
    before: str, after: str, state: str, names: list[str]
) -> None:
    images = [image(1, availability=before, state=state), image(2, availability=after, state=state)]
    made = events_of("OFFER#g#HERB-TEA", "LINK#emei-tea#GX", images[0], images[1], "id-1", "now")
    assert [event.name for event in made] == names
    assert [event.id for event in made] == ["id-1", "id-1.low"][: len(made)]
    assert all((event.entity, event.sequence) == ("link/emei-tea/GX", 2) for event in made)


def test_a_removal_or_the_same_sequence_makes_no_event() -> None:
    assert events_of("SHOP#s", "SHOP", image(1), None, "id-1", "now") == []
    assert events_of("SHOP#s", "SHOP", image(1), image(1, a=2), "id-1", "now") == []
