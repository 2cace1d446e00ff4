"""A link that is made while its pool or its offer turns ends as they are, though whoever followed the turn did not find it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.model import Category
from mart_union.catalog.service import get_listing
from mart_union.kernel.events import Event
from mart_union.mediation import link_jobs, links
from mart_union.mediation import service as mediation
from mart_union.mediation.job_model import LinkRule
from mart_union.mediation.model import Offer, OfferKey, Terms
from mart_union.stock.counting import count
from tests.services.capacity import measured
from tests.services.cutting import CutOff
from tests.services.market import NOW
from tests.services.test_mediation import link, make_offer, make_store, make_supplier


def runs_out(offer: Offer) -> None:
    """The pool is counted empty, and that is followed."""
    count(offer.level, 0, actor="owner", reference="", now=NOW)
    mediation.apply_stock_change(Event("e", "StockOut", f"level/{offer.level}", 2, "", {}))


def meanwhile(monkeypatch: pytest.MonkeyPatch, module: Any, offer: Offer) -> None:
    """Between reading what a link goes by, and writing it, the pool runs out."""
    before_writing(monkeypatch, module, lambda: runs_out(offer))


def before_writing(monkeypatch: pytest.MonkeyPatch, module: Any, happens: Callable[[], None]) -> None:
    """Something happens once, between reading what a link goes by, and writing it."""
    written, turns = module._write, [happens]

    def write(*arguments: Any) -> None:
        for each in [turns.pop()] if turns else []:
            each()
        written(*arguments)

    monkeypatch.setattr(module, "_write", write)


def test_a_link_made_while_its_pool_runs_out_says_so(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    meanwhile(monkeypatch, links, offer)
    made = link(store, offer)
    assert (made.availability, made.sequence) == ("out_of_stock", 2)
    assert mediation.get_link(store, made.sku) == made


def test_a_link_made_while_its_first_offer_runs_out_sells_its_backup(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    backup = make_offer(unique, sku="BACKUP")
    meanwhile(monkeypatch, links, offer)
    made = link(store, offer, terms=Terms("tea", 23000, backup=OfferKey(unique, backup.sku)))
    assert (made.on_backup, made.availability) == (True, "in_stock")
    assert get_listing(store, made.sku).level == backup.level


def test_links_made_by_a_rule_while_a_pool_runs_out_say_so(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    make_offer(unique, sku="OTHER")
    job = mediation.start_link_job(store, LinkRule("tea", supplier=unique), "owner", "key-00001", NOW)
    meanwhile(monkeypatch, link_jobs, offer)
    event = Event("e", "LinkJobChanged", f"link-job/{store}/{job.id}", job.sequence, "", {})
    mediation.work_link_job(event, NOW)
    done = mediation.get_link_job(store, job.id)
    assert (done.state, done.linked) == ("done", 2)
    found = {each.sku: each.availability for each in mediation.list_links(store).items}
    assert found == {offer.sku: "out_of_stock", "OTHER": "in_stock"}


def test_links_that_a_cut_off_part_made_are_looked_at_by_its_repeat(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    job = mediation.start_link_job(store, LinkRule("tea", supplier=unique), "owner", "key-00001", NOW)
    event = Event("e", "LinkJobChanged", f"link-job/{store}/{job.id}", job.sequence, "", {})

    def end(*_: object, **__: object) -> None:
        raise CutOff("the link is written, and not yet looked at")

    with monkeypatch.context() as broken:
        meanwhile(broken, link_jobs, offer)
        broken.setattr(link_jobs, "bring_in_step", end)
        with pytest.raises(CutOff):
            mediation.work_link_job(event, NOW)
    assert mediation.get_link(store, offer.sku).availability == "in_stock"
    mediation.work_link_job(event, NOW)
    made, done = mediation.get_link(store, offer.sku), mediation.get_link_job(store, job.id)
    assert (made.availability, made.sequence, done.linked, done.looked) == ("out_of_stock", 2, 1, 1)


def category_goes(store: str, into: str) -> None:
    """The store's category `teas` is removed, or merged, and that is followed."""
    if into:
        catalog.merge_category(store, "teas", into, "owner", NOW)
    else:
        catalog.remove_category(store, "teas", "owner", NOW)
    mediation.apply_category_change(Event("e", "CategoryChanged", f"category/{store}/teas", 2, "", {}))


@pytest.fixture
def store(unique: str) -> str:
    """A store with a category `teas` below `drinks`, and another, `leaves`."""
    made = make_store(f"{unique}s")
    for name, parent in (("drinks", None), ("leaves", None), ("teas", "drinks")):
        catalog.save_category(made, Category(name, {"en": name}, parent), "owner", NOW)
    return made


@pytest.mark.parametrize(("into", "place"), [("", "drinks"), ("leaves", "leaves")])
def test_a_link_that_is_made_while_its_category_goes_stands_where_that_stands_now(
    unique: str, store: str, monkeypatch: pytest.MonkeyPatch, into: str, place: str
) -> None:
    offer = make_offer(make_supplier(unique))
    before_writing(monkeypatch, links, lambda: category_goes(store, into))
    made = link(store, offer, terms=Terms("teas", 23000))
    assert (made.category, made.sequence) == (place, 2)
    assert (mediation.get_link(store, made.sku), get_listing(store, made.sku).category) == (made, place)


@pytest.mark.parametrize(("into", "place"), [("", "drinks"), ("leaves", "leaves")])
def test_links_that_a_rule_makes_while_their_category_goes_stand_where_that_stands_now(
    unique: str, store: str, monkeypatch: pytest.MonkeyPatch, into: str, place: str
) -> None:
    make_offer(make_supplier(unique))
    for sku in ("OTHER", "THIRD"):
        make_offer(unique, sku=sku)
    monkeypatch.setattr(link_jobs, "_OFFERS_A_PART", 2)
    before_writing(monkeypatch, link_jobs, lambda: category_goes(store, into))
    job = mediation.start_link_job(store, LinkRule("teas", supplier=unique), "owner", "key-00001", NOW)
    for sequence in (1, 2):
        mediation.work_link_job(Event("e", "LinkJobChanged", f"link-job/{store}/{job.id}", sequence, "", {}), NOW)
    done, made = mediation.get_link_job(store, job.id), mediation.list_links(store).items
    assert (done.state, done.looked, done.linked, done.rule.category) == ("done", 3, 3, "teas")
    assert [(each.category, get_listing(store, each.sku).category) for each in made] == [(place, place)] * 3
    assert sorted(each.sequence for each in made) == [1, 2, 2]  # the second part begins with where the category stands


def test_what_a_repeat_of_a_rule_leaves_unchanged_does_not_count_as_repriced_for_its_category(
    unique: str, store: str
) -> None:
    made = link(store, make_offer(make_supplier(unique)), terms=Terms("teas"))
    catalog.remove_category(store, "teas", "owner", NOW)
    wanted = LinkRule("drinks", supplier=unique, reprice=True)
    job = mediation.start_link_job(store, wanted, "owner", "key-00001", NOW)
    mediation.work_link_job(Event("e", "LinkJobChanged", f"link-job/{store}/{job.id}", 1, "", {}), NOW)
    done = mediation.get_link_job(store, job.id)
    assert (done.repriced, done.unchanged, mediation.get_link(store, made.sku)) == (0, 1, made)


def test_where_nothing_turned_it_costs_two_batch_reads_and_no_write(unique: str) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    with measured() as capacity:
        made = link(store, replace(offer))
    assert capacity.requests[-3:] == ["TransactWriteItems", "BatchGetItem", "BatchGetItem"]
    assert made.sequence == 1
