"""A reserve that falls to its mark, or to nothing: one event a crossing, and mail to the enterprise, the supplier and its sellers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict, replace

from mart_union.catalog.service import get_listing
from mart_union.customers.service import grant_membership, save_profile
from mart_union.kernel.events import Event
from mart_union.kernel.streams import changes_of
from mart_union.kernel.transaction import WriteTransaction
from mart_union.mediation import service as mediation
from mart_union.mediation.events import events_of as events_of_mediation
from mart_union.mediation.model import Link
from mart_union.stock.counting import count
from mart_union.stock.events import events_of
from mart_union.stock.journal import journal_entry
from mart_union.stock.model import take
from mart_union.stock.service import add_movement, get_level, stock_in, stock_out
from notifications.delivery import deliver
from tests.services.capacity import measured
from tests.services.market import NOW, save_listing, save_store, save_union
from tests.services.test_machine_room import image, record
from tests.services.test_manage_catalog import api, ask
from tests.services.test_mediation import link, make_offer, make_store, make_supplier
from tests.services.test_notifications import Outbox


@pytest.fixture
def store(unique: str) -> str:
    """A store of two people, an owner and a packer, with a listing of ten and a mark of three."""
    save_union()
    save_store(unique)
    employ("store", unique, "owner", "packer")
    listing = save_listing(unique, "OB", price_minor=30_000, reserve=10, low_stock=3)
    count(listing.level, 10, actor="import", reference="upload/1", now=NOW, low_stock=3)
    return unique


def employ(kind: str, party: str, *roles: str) -> None:
    for role in roles:
        subject = f"{role}-{kind}-{party}"
        grant_membership(subject, kind, party, role)
        save_profile(subject, name=role, email=f"{role}@{party}.example", language="en")


def streamed(level: str, *acts: Callable[[], object]) -> list[Event]:
    """The events of what these do to a level, one change after another."""
    records, before = [], image(level)
    for act in acts:
        act()
        after = image(level)
        records += record("stock", old=before, new=after)["Records"]
        before = after
    changes = changes_of({"Records": records})
    return [
        made for each in changes for made in events_of(each.pk, each.sk, each.old, each.new, each.event_id, each.at)
    ]


def sell(level: str, quantity: int) -> Callable[[], None]:
    def act() -> None:
        transaction = WriteTransaction()
        add_movement(transaction, level, take(quantity, "customer", "purchase/1"), NOW)
        transaction.commit()

    return act


def lay_in(level: str, quantity: int) -> Callable[[], int]:
    return lambda: stock_in(level, quantity, reason="received", actor="lin", reference="", key=f"in-{level}", now=NOW)


def mails(*events: Event) -> list[tuple[str, str]]:
    """To whom what is mailed of events that come twice, the last of them first."""
    outbox = Outbox()
    for event in (*reversed(events), *events):
        deliver(event, send=outbox)
    return sorted((address, mail.subject) for address, mail in outbox.sent)


def test_a_crossing_makes_one_event_and_not_one_a_sale(store: str) -> None:
    level = f"listing/{store}/OB"
    events = streamed(level, *(sell(level, 1) for _ in range(10)), lay_in(level, 9), sell(level, 6))
    assert [(event.name, event.sequence, event.data["reserve"]) for event in events] == [
        ("StockLow", 9, 3),
        ("StockOut", 12, 0),
        ("StockBack", 13, 9),
        ("StockLow", 14, 3),
    ]


def test_what_staff_wrote_of_a_movement_stands_on_the_level_and_not_in_its_event(store: str) -> None:
    level, wrote = f"listing/{store}/OB", "for Mrs Wang"
    facts = {"reason": "damaged", "actor": "lin", "key": f"out-{level}", "now": NOW}
    [low] = streamed(level, lambda: stock_out(level, 8, reference=wrote, **facts))  # type: ignore[arg-type]
    assert get_level(level).reference == wrote
    assert low.data == asdict(replace(get_level(level), reference=""))


def test_the_mail_names_the_title_what_is_left_the_mark_and_where_to_look(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    level, outbox = f"listing/{store}/OB", Outbox()
    [low] = streamed(level, sell(level, 8))
    monkeypatch.setattr("notifications.wording._url", lambda path: f"https://mart.example{path}")
    with measured() as capacity:
        deliver(low, send=outbox)
    [(_, mail)] = outbox.sent
    assert mail.text == (
        f"Of OB of {store} (OB) 2 are left. You are told from 3 on.\nhttps://mart.example/manage/{store}/stock/OB\n"
    )
    assert capacity.requests[0] == "GetItem"


def test_a_purchase_that_takes_all_at_once_is_told_to_the_enterprise_once_however_often_it_is_delivered(
    store: str,
) -> None:
    level = f"listing/{store}/OB"
    events = streamed(level, sell(level, 10))
    assert [event.name for event in events] == ["StockOut"]
    assert mails(*events) == [(f"owner@{store}.example", f"Sold out: OB of {store}")]


def test_a_mark_that_is_changed_by_hand_is_on_the_level_at_once_and_is_crossed_by_that(store: str) -> None:
    level, body = f"listing/{store}/OB", {"titles": {"en": "Tea"}, "price_minor": 30_000}
    path = f"/manage/{store}/listings/OB"
    before = get_level(level)
    low, back = streamed(
        level,
        lambda: api("PUT", path, body=body | {"low_stock": 10}),
        lambda: ask("POST", path, form={"title-en": "Tea", "price": "300", "low_stock": "2"}),
    )
    assert (low.name, back.name) == ("StockLow", "StockBack")
    after = get_level(level)
    assert (after.low_stock, get_listing(store, "OB").low_stock, after.reason) == (2, 2, "low-stock")
    assert journal_entry(before, after).moved == {}
    assert mails(low) == [(f"owner@{store}.example", "Stock is low: Tea")]


def test_a_mark_that_is_left_out_stays_and_one_that_is_none_is_refused(store: str) -> None:
    level, path = f"listing/{store}/OB", f"/manage/{store}/listings/OB"
    body = {"titles": {"en": "Tea"}, "price_minor": 31_000}
    assert api("PUT", path, body=body)[1]["low_stock"] == 3
    before = get_level(level)
    for mark in (-1, 1.5, "three", 10**10):
        status, problem = api("PUT", path, body=body | {"low_stock": mark})
        assert (status, problem["type"]) == (422, "urn:mart-union:problem:invalid")
        form: dict[str, Any] = {"title-en": "Tea", "price": "310", "low_stock": str(mark)}
        assert ask("POST", path, form=form)["statusCode"] == 422
    assert (get_level(level), get_listing(store, "OB").low_stock) == (before, 3)


def test_a_pool_that_runs_low_is_told_to_its_supplier_and_to_the_enterprises_that_sell_of_it(unique: str) -> None:
    offer = make_offer(make_supplier(unique), low_stock=5)
    employ("supplier", unique, "owner")
    level = f"offer/{unique}/HERB-TEA"
    linked = [link(make_store(f"{unique}{number}"), offer) for number in range(2)]
    for number in range(2):
        employ("store", f"{unique}{number}", "manager", "packer")
    for quantity, word in ((95, "low"), (5, "out")):
        [event] = streamed(level, sell(level, quantity))
        told = [of for each in linked for of in follow(each, event)]
        addresses = [address for address, _ in mails(event, *told)]
        assert addresses == [f"manager@{unique}0.example", f"manager@{unique}1.example", f"owner@{unique}.example"]
        assert event.name == {"low": "StockLow", "out": "StockOut"}[word]
        linked = [mediation.get_link(each.store, each.sku) for each in linked]
    [back] = streamed(level, lay_in(level, 50))
    assert [of.name for each in linked for of in follow(each, back)] == ["LinkChanged"] * 2
    assert mails(back) == []


def follow(before: Link, event: Event) -> list[Event]:
    """The events of a link after its pool's event has come twice."""
    for _ in range(2):
        mediation.apply_stock_change(event)
    after = mediation.get_link(before.store, before.sku)
    assert after.sequence == before.sequence + 1
    images = [{"sequence": each.sequence, "document": msgspec.to_builtins(each)} for each in (before, after)]
    key = (f"OFFER#{before.supplier}#{before.offer_sku}", f"LINK#{before.store}#{before.sku}")
    return events_of_mediation(*key, *images, f"id-{after.store}-{after.sequence}", "now")


def test_a_suppliers_new_mark_is_on_the_pool_with_the_offer_and_reaches_the_links(unique: str) -> None:
    offer = make_offer(make_supplier(unique), low_stock=5)
    level = f"offer/{unique}/HERB-TEA"
    linked = link(make_store(f"{unique}s"), offer)
    marked = replace(offer, low_stock=100)
    [low] = streamed(level, lambda: mediation.save_offer(marked, None, "owner", NOW))
    assert (low.name, get_level(level).low_stock, get_level(level).reserve) == ("StockLow", 100, 100)
    assert [of.name for of in follow(linked, low)] == ["LinkChanged", "LinkStockLow"]
    assert mediation.get_link(linked.store, linked.sku).availability == "low_stock"
    assert not mediation.save_offer(marked, None, "owner", NOW)
