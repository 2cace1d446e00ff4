"""Deposits: the level required, the warning, the pause and the resuming, whatever comes twice, late or at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mart_union.catalog.fees import CommissionRule
from mart_union.catalog.model import DepositRule
from mart_union.catalog.procedures import Procedure
from mart_union.catalog.service import get_listing
from mart_union.checkout.model import Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Invalid, NotFound, RuleViolation, StepNotAllowed
from mart_union.kernel.events import Event
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import get_balance, post
from mart_union.mediation import service as mediation
from mart_union.mediation import standings
from mart_union.mediation.model import DepositStanding, TradeRecord, reviewed
from mart_union.orders.model import ENDED, Order, StepTaken
from mart_union.orders.procedures import deadline_of
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from mart_union.orders.shipped import PROCEDURES
from mart_union.settlement.completion import complete_order
from syndication.app import CONSUMERS
from tests.services.market import NOW, fill_pool, open_market, save_mediated, save_union
from tests.services.test_mediation import link, make_offer, make_store, make_supplier

LATER = NOW + timedelta(hours=73)


@pytest.fixture(autouse=True)
def union() -> None:
    save_union(fees=(CommissionRule("all", "union", rate_basis_points=600),), deposit=DepositRule(50_000, 72))


def move(store: str, amount_minor: int, key: str) -> None:
    """Money into the store's deposit, or out of it."""
    amounts = {f"store/{store}/deposit": amount_minor, "provider/bank": -amount_minor}
    post(Transfer(f"{store}-{key}", "topup", "TWD", postings_of(amounts), "test", iso(NOW)))


def told(store: str) -> None:
    """The event of the standing's last change reaches the links."""
    mediation.apply_standing(Event("e", "DepositStandingChanged", f"deposit/{store}", 1, "", {}))


def seller(unique: str) -> str:
    """A store with two links, one of which it paused itself."""
    store, offer = make_store(f"s{unique}"), make_offer(make_supplier(f"p{unique}"))
    link(store, offer)
    link(store, offer, sku="GX-OWN")
    mediation.set_link_state(store, "GX-OWN", "paused", "owner", NOW)
    return store


def states(store: str) -> dict[str, tuple[str, str]]:
    return {each.sku: (each.state, each.reason) for each in mediation.list_links(store).items}


def test_a_deposit_below_its_level_is_warned_then_paused_and_resumes_by_itself(unique: str) -> None:
    store = seller(unique)
    move(store, 60_000, "first")
    assert mediation.review_deposit(store, NOW) == DepositStanding(store, "met", None, 50_000, 60_000, sequence=1)
    move(store, -20_000, "used")
    warned = mediation.review_deposit(store, NOW)
    assert (warned.state, warned.pauses_at, warned.available_minor) == ("warned", "2026-11-25T04:00:00.000Z", 40_000)
    told(store)
    assert states(store)["GX-HERBTEA"] == ("linked", "")
    assert mediation.review_overdue(NOW + timedelta(hours=71)) == 0
    assert mediation.review_overdue(LATER) >= 1
    told(store)
    told(store)
    assert states(store) == {"GX-HERBTEA": ("paused", "deposit"), "GX-OWN": ("paused", "seller")}
    assert get_listing(store, "GX-HERBTEA").state == "paused"
    with pytest.raises(RuleViolation):
        mediation.set_link_state(store, "GX-HERBTEA", "linked", "owner", LATER)
    move(store, 10_000, "again")
    assert mediation.review_deposit(store, LATER).state == "met"
    told(store)
    assert states(store) == {"GX-HERBTEA": ("linked", ""), "GX-OWN": ("paused", "seller")}
    assert get_listing(store, "GX-HERBTEA").state == "on_sale"


def test_a_store_that_cannot_be_reviewed_holds_up_no_other(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = [seller(f"{unique}{number}") for number in range(3)]
    for store in stores:
        move(store, 10_000, "low")
        mediation.review_deposit(store, NOW)
    review = standings.review_deposit

    def fail(store: str, now: datetime) -> DepositStanding:
        if store == stores[0]:
            raise ValueError("a standing that cannot be read")
        return review(store, now)

    monkeypatch.setattr(standings, "review_deposit", fail)
    mediation.review_overdue(LATER)
    assert [mediation.get_standing(store).state for store in stores] == ["warned", "paused", "paused"]


def test_a_change_of_the_offer_does_not_resume_a_link_that_waits_for_the_deposit(unique: str) -> None:
    store = seller(unique)
    move(store, 10_000, "low")
    mediation.review_deposit(store, NOW)
    mediation.review_deposit(store, LATER)
    told(store)
    supplier = f"p{unique}"
    mediation.apply_offer_change(Event("e", "OfferChanged", f"offer/{supplier}/HERB-TEA", 2, "", {}))
    assert states(store)["GX-HERBTEA"] == ("paused", "deposit")
    with pytest.raises(RuleViolation):
        link(store, mediation.get_offer(supplier, "HERB-TEA"), sku="GX-NEW")
    assert "GX-NEW" not in states(store)


def test_a_top_up_between_reading_and_pausing_wins(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = seller(unique)
    move(store, 10_000, "low")
    mediation.review_deposit(store, NOW)
    whole, tries = standings._as_it_is, []

    def topped_up_meanwhile(standing: DepositStanding, now: object) -> DepositStanding:
        found = whole(standing, LATER)
        if not tries:
            move(store, 90_000, "meanwhile")
        tries.append(found.state)
        return found

    monkeypatch.setattr(standings, "_as_it_is", topped_up_meanwhile)
    assert mediation.review_deposit(store, LATER).state == "met"
    assert tries == ["paused", "met"]


def test_reviews_and_a_top_up_at_once_end_with_what_is_there(unique: str) -> None:
    store = seller(unique)
    move(store, 10_000, "low")
    mediation.review_deposit(store, NOW)

    def one(number: int) -> None:
        if number == 3:
            move(store, 90_000, "meanwhile")
        mediation.review_deposit(store, LATER)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert mediation.get_standing(store).state == "met"


def test_a_level_of_a_stores_own_comes_before_the_unions(unique: str) -> None:
    store = seller(unique)
    move(store, 60_000, "first")
    set_to = mediation.set_deposit_level(store, 80_000, "operator", NOW)
    assert (set_to.state, set_to.required_minor) == ("warned", 80_000)
    assert mediation.set_deposit_level(store, 80_000, "operator", NOW) == set_to
    assert mediation.set_deposit_level(store, None, "operator", NOW).state == "met"
    with pytest.raises(Invalid):
        mediation.set_deposit_level(store, -100, "operator", NOW)
    with pytest.raises(NotFound):
        mediation.set_deposit_level(f"no{unique}", 100, "operator", NOW)


def test_a_change_of_the_unions_rule_is_a_change_for_every_store(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = seller(unique)
    move(store, 60_000, "first")
    mediation.review_deposit(store, NOW)
    other = seller(f"{unique}o")
    mediation.review_deposit(other, NOW)
    save_union(deposit=DepositRule(70_000, 24))
    due: list[Event] = []
    monkeypatch.setattr(standings, "publish", due.extend)
    mediation.ask_reviews(Event("e-1", "UnionChanged", "union/hsinchu", 7, "now", {}))
    assert {store, other} <= {event.data["store"] for event in due}
    assert len({event.id for event in due}) == len(due)
    [mine] = [event for event in due if event.data["store"] == store]
    for _ in range(2):
        CONSUMERS[mine.name](mine)
    assert (mediation.get_standing(store).state, mediation.get_standing(store).required_minor) == ("warned", 70_000)


def test_a_link_that_the_pause_has_missed_is_paused_within_the_hour(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = seller(unique)
    move(store, 40_000, "first")
    mediation.review_deposit(store, NOW - timedelta(hours=80))
    assert mediation.review_deposit(store, NOW).state == "paused"  # and nobody has told the links
    assert states(store)["GX-HERBTEA"] == ("linked", "")
    due: list[Event] = []
    monkeypatch.setattr(standings, "publish", due.extend)
    assert mediation.ask_paused(NOW) == len(due)
    [mine] = [event for event in due if event.data["store"] == store]
    CONSUMERS[mine.name](mine)
    assert states(store) == {"GX-HERBTEA": ("paused", "deposit"), "GX-OWN": ("paused", "seller")}


def test_a_standing_that_has_not_changed_is_the_same() -> None:
    met = DepositStanding("s", required_minor=100)
    assert reviewed(met, 100, 200, 72, NOW) is met
    warned = reviewed(met, 100, 50, 72, NOW)
    assert reviewed(warned, 100, 20, 72, NOW + timedelta(hours=71)) is warned


SUPPLY = 30_000  # two units of the pool, 150 dollars each


def sold(unique: str) -> tuple[str, Order]:
    """A sale of the seller's own shop: the store, and the order."""
    market = open_market(unique)
    save_mediated(market.store, "POT", market.supplier, price_minor=40_000, supply_minor=15_000)
    fill_pool(market.supplier, 10, 15_000)
    move(market.store, 100_000, "deposit")
    wanted = [Wanted(market.store, "POT", 2)]
    sale = place_shop_sale(market.store, f"shop-{unique}", wanted, recipient=market.recipient, key=unique, now=NOW)
    assert amounts(market.store) == (70_000, SUPPLY)
    return market.supplier, get_order(sale.orders[0])


def amounts(store: str) -> tuple[int, int]:
    """What is available on a store's deposit, and what is held."""
    deposit = get_balance(f"store/{store}/deposit")
    return deposit.available_minor, get_balance(f"store/{store}/held").balance_minor


def supplier_step(order: Order, supplier: str, name: str, **more: Any) -> Order:
    return take_step(order.id, name, supplier, "supplier", f"{name}-1", NOW, fulfiller=f"supplier/{supplier}", **more)


def test_a_hold_is_drawn_when_the_line_completes_and_by_nothing_after(unique: str) -> None:
    supplier, order = sold(unique)
    supplier_step(order, supplier, "accept")
    supplier_step(order, supplier, "ship", tracking=("hct", "HCT1"))
    supplier_step(order, supplier, "deliver")
    done = NOW + timedelta(days=30)
    complete_order(order.id, actor="settlement", role="system", key="", now=done)
    assert amounts(order.store) == (70_000, 0)
    with pytest.raises(StepNotAllowed):
        complete_order(order.id, actor="settlement", role="system", key="", now=done)
    act_on_deadlines(order.id, done + timedelta(days=90))
    assert amounts(order.store) == (70_000, 0)


def test_a_hold_is_released_when_the_supplier_refuses_and_by_nothing_after(unique: str) -> None:
    supplier, order = sold(unique)
    supplier_step(order, supplier, "refuse")
    act_on_deadlines(order.id, NOW + timedelta(days=90))
    assert amounts(order.store) == (100_000, 0)


@pytest.mark.parametrize("accepted", [False, True])
def test_a_hold_that_outlives_its_lines_deadline_expires_once(unique: str, accepted: bool) -> None:
    supplier, order = sold(unique)
    if accepted:
        order = supplier_step(order, supplier, "accept")
    deadline = from_iso((deadline_of(order, order.lines[0]) or ("", ""))[0])
    act_on_deadlines(order.id, deadline - timedelta(seconds=1))
    assert amounts(order.store) == (70_000, SUPPLY)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: act_on_deadlines(order.id, deadline), range(4)))
    assert amounts(order.store) == (100_000, 0)
    act_on_deadlines(order.id, deadline + timedelta(days=90))
    assert amounts(order.store) == (100_000, 0)


@pytest.mark.parametrize("procedure", PROCEDURES.values(), ids=lambda procedure: procedure.name)
def test_no_line_waits_without_a_deadline_so_no_hold_stays_forever(procedure: Procedure) -> None:
    waiting = {step.to_state for step in procedure.steps} - ENDED
    assert waiting == {deadline.state for deadline in procedure.deadlines}


def test_exposure_counts_each_open_order_once_however_its_events_come(unique: str) -> None:
    supplier, order = sold(unique)
    accepted = supplier_step(order, supplier, "accept")
    refused = supplier_step(order, supplier, "refuse")

    def tell(known: Order) -> None:
        event = Event("e", "OrderChanged", f"order/{known.id}", known.sequence, "", msgspec.to_builtins(known))
        mediation.record_supply_order(event)

    def exposure() -> list[tuple[str, int, int]]:
        return [(each.store, each.open_minor, each.held_minor) for each in mediation.list_sellers(supplier).items]

    for known in (accepted, order, accepted):
        tell(known)
    assert exposure() == [(order.store, SUPPLY, SUPPLY)]
    for known in (refused, accepted, refused, order):
        tell(known)
    assert exposure() == [(order.store, 0, 0)]


def test_each_order_counts_as_what_became_of_it_at_its_store_and_at_all_however_its_events_come(unique: str) -> None:
    supplier, order = sold(unique)

    def tell(known: Order) -> None:
        event = Event("e", "OrderChanged", f"order/{known.id}", known.sequence, "", msgspec.to_builtins(known))
        mediation.record_supply_order(event)

    def records() -> set[TradeRecord]:
        (seller,) = mediation.list_sellers(supplier).items
        return {seller.record, mediation.read_records([supplier])[supplier]}

    assert mediation.read_records([supplier]) == {supplier: TradeRecord()}
    supplied = [number for number, line in enumerate(order.lines) if line.fulfiller == f"supplier/{supplier}"]
    lines = [replace(line, state="shipped") if number in supplied else line for number, line in enumerate(order.lines)]
    moment = max(order.promised_by, order.placed_at)
    step = StepTaken("ship", "supplier", "s", f"{moment}Z", tuple(line.number for line in order.lines))
    shipped = replace(order, lines=tuple(lines), history=(*order.history, step), sequence=order.sequence + 1)
    done = tuple(replace(line, state="completed") for line in lines)
    completed = replace(shipped, lines=done, sequence=shipped.sequence + 1)
    in_time = replace(step, at=order.placed_at)
    other = replace(
        order, id=f"{order.id}-2", history=(in_time,), lines=tuple(replace(each, state="refused") for each in lines)
    )
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, (shipped, order, shipped, other)))
    assert records() == {TradeRecord(orders=2, refused=1, late=1)}
    for known in (completed, shipped, completed, other):
        tell(known)
    assert records() == {TradeRecord(orders=2, completed=1, refused=1, late=1)}
