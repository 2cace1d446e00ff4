"""Every way in which stock is written, by several threads at once and in rough weather: nothing is sold twice, lost or made up (invariants 3, 4,
5 and 10). Each command is given twice, and repeated until it is answered."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.listings import change_listing, set_listing_state
from mart_union.catalog.listings import save_listing as save_service
from mart_union.catalog.model import Listing, listing_level
from mart_union.catalog.slots import Times, open_slots
from mart_union.catalog.urgent import end_urgent_sale, end_urgent_sales, start_urgent_sale
from mart_union.catalog.urgent_terms import SaleTerms
from mart_union.checkout import terms as checkout_terms
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import expire_purchase, pay_pending, receive_payment
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import PriceChanged, RuleViolation, StepNotAllowed
from mart_union.kernel.ids import new_id
from mart_union.mediation import service as mediation
from mart_union.mediation.replenishment import Supplied, SupplierTerms
from mart_union.orders.model import ReturnedLine
from mart_union.orders.refunding import RefundWish
from mart_union.orders.return_decisions import Decision
from mart_union.orders.service import act_on_deadlines, take_step
from mart_union.settlement.books import load_books
from mart_union.settlement.reconciliation import differences
from mart_union.settlement.refunding import ask_return, refund_order, settle_return
from mart_union.stock.counting import count
from mart_union.stock.model import COUNTS, shard_of
from mart_union.stock.service import get_levels, stock_in, stock_out
from mart_union.stock.slotting import slot_level
from tests.card_desk import Desk
from tests.services.card_payments import buy as buy_by_card
from tests.services.market import NOW, Market, give_money, open_market, save_listing, save_store, save_union
from tests.services.test_mediation import link, make_offer, make_supplier, offer_changed
from tests.services.weather import all_at_once

UNITS, BUYERS = 6, 8
PRICES = {"TEA": 30_000, "HERB": 23_000, "SET": 50_000}
LATER = NOW + timedelta(days=1)
SLOT = "20261201T0200Z"
"""Ten o'clock in Hsinchu on the first of December."""

Buy = Callable[[Market, str], Purchase]
Then = Callable[[Market, Purchase], object]


@dataclass(frozen=True)
class Way:
    """How goods are bought, so many units at once, and in which count they stand then; what happens to one of them, if anything, and where that
    one stands in the end."""

    name: str
    buy: Buy
    held: str = "sold"
    then: Then | None = None
    ends: str = ""
    of: str = "TEA"
    units: int = 1

    def __str__(self) -> str:
        return self.name

    def levels(self, market: Market) -> list[str]:
        """The levels that its units are of."""
        if self.of == "TASTE":
            return [slot_level(f"t{market.store}", "TASTE", SLOT)]
        own = {"TEA": ["TEA"], "SET": ["TEA", "CAN"], "HERB": []}[self.of]
        return [f"listing/{market.store}/{sku}" for sku in own] or [f"offer/{market.supplier}/HERB-TEA"]


def buying(sku: str = "TEA", method: str = "account", quantity: int = 1) -> Buy:
    def buy(market: Market, key: str) -> Purchase:
        store = market.other_store if sku == "HERB" and key.endswith("1") else market.store
        return place_purchase(
            market.customer,
            [Wanted(store, sku, quantity)],
            recipient=market.recipient,
            total_seen=PRICES[sku] * quantity + 6_000,
            method=method,
            key=key,
            now=NOW,
        )

    return buy


def book(market: Market, key: str) -> Purchase:
    return place_purchase(
        market.customer,
        [Wanted(f"t{market.store}", "TASTE", 1, SLOT)],
        recipient=market.recipient,
        total_seen=50_000,
        method="account",
        key=key,
        now=NOW,
    )


def sell(market: Market, key: str) -> Purchase:
    wanted = [Wanted(market.store, "HERB", 1)]
    return place_shop_sale(market.store, "shop", wanted, recipient=market.recipient, key=key, now=NOW)


def pay_by_bank(market: Market, bought: Purchase) -> object:
    return receive_payment(bought.id, bought.total_minor, reference=f"b-{bought.id}", now=NOW)


def pay_from_account(market: Market, bought: Purchase) -> object:
    return pay_pending(bought.id, market.customer, bought.total_minor, key=f"pay-{bought.id}", now=NOW)


def expire(market: Market, bought: Purchase) -> object:
    return expire_purchase(bought.id, from_iso(bought.expires_at))


def cancel(market: Market, bought: Purchase) -> object:
    return cancel_purchase(bought.id, actor=market.customer, role="customer", key=f"cancel-{bought.id}", now=NOW)


def step(name: str, bought: Purchase, **more: object) -> None:
    [order] = bought.orders
    store, key = f"store/{bought.lines[0].store}", f"{name}-{order}"
    take_step(order, name, "staff", "store", key, NOW, fulfiller=store, **more)  # type: ignore[arg-type]


def refuse(market: Market, bought: Purchase) -> object:
    return step("refuse", bought)


def forget_to_answer(market: Market, bought: Purchase) -> object:
    return act_on_deadlines(bought.orders[0], NOW + timedelta(hours=48))


def refund(*, written_off: bool) -> Then:
    def give_back(market: Market, bought: Purchase) -> object:
        return refund_order(
            bought.orders[0],
            [RefundWish(1, units=1)],
            store=market.store,
            reason="broken",
            actor="staff",
            key=f"refund-{bought.id}",
            now=NOW,
            written_off=written_off,
        )

    return give_back


def give_back(stock: str) -> Then:
    def return_it(market: Market, bought: Purchase) -> None:
        [order] = bought.orders
        step("accept", bought)
        step("ship", bought, tracking=("hct", "HCT1"))
        take_step(order, "deliver", "system", "system", f"deliver-{order}", NOW)
        asked = ask_return(
            order,
            [ReturnedLine(1, 1)],
            customer=market.customer,
            reason="changed_mind",
            key=f"return-{order}",
            now=LATER,
        )
        for decision in (Decision("accept"), Decision("receive"), Decision("refund", stock=stock)):
            with suppress(StepNotAllowed):  # who says the same later may find that it has gone further
                settle_return(
                    order,
                    asked.returns[-1].id,
                    decision,
                    taker=f"store/{market.store}",
                    actor="staff",
                    key=f"{decision.decision}-{order}",
                    now=LATER,
                )

    return return_it


TRANSFER, HERB, SET, PAIR = buying(method="bank_transfer"), buying("HERB"), buying("SET"), buying(quantity=2)

WAYS = (
    Way("bought from the account", buying()),
    Way("bought to be paid on delivery", buying(method="on_delivery")),
    Way("bought in a bundle", SET, of="SET"),
    Way("bought of a pool by two sellers", HERB, of="HERB"),
    Way("sold by a seller's own shop", sell, of="HERB"),
    Way("booked at a time", book, of="TASTE"),
    Way("booked at a time, and cancelled", book, "sold", cancel, "reserve", "TASTE"),
    Way("reserved for a bank transfer", TRANSFER, "reserved"),
    Way("reserved, and paid by the bank", TRANSFER, "reserved", pay_by_bank, "sold"),
    Way("reserved, and paid from the account", TRANSFER, "reserved", pay_from_account, "sold"),
    Way("reserved, and expired", TRANSFER, "reserved", expire, "reserve"),
    Way("reserved of a pool, and expired", buying("HERB", "bank_transfer"), "reserved", expire, "reserve", "HERB"),
    Way("reserved, and withdrawn by the shopper", TRANSFER, "reserved", cancel, "reserve"),
    Way("bought, and cancelled", buying(), "sold", cancel, "reserve"),
    Way("bought in a bundle, and cancelled", SET, "sold", cancel, "reserve", "SET"),
    Way("bought of a pool, and cancelled", HERB, "sold", cancel, "reserve", "HERB"),
    Way("bought, and refused by the store", buying(), "sold", refuse, "reserve"),
    Way("bought, and refused since nobody answered", buying(), "sold", forget_to_answer, "reserve"),
    Way("one of two refunded before it left", PAIR, "sold", refund(written_off=False), "reserve", units=2),
    Way("one of two refunded and written off", PAIR, "sold", refund(written_off=True), "written_off", units=2),
    Way("bought, returned and laid back", buying(), "sold", give_back("reserve"), "reserve"),
    Way("bought, returned and written off", buying(), "sold", give_back("written_off"), "written_off"),
)


@pytest.fixture
def market(unique: str) -> Market:
    """Two stores with six teas each, also in a set with one of six cans, and six units of a supplier's pool, which both sell."""
    checkout_terms._short.clear()
    market = open_market(unique, money=10**10, stock=UNITS)
    save_union(cash_limit_minor=10**8)
    save_listing(market.store, "CAN", price_minor=25_000, reserve=UNITS)
    parts = {"TEA": 1, "CAN": 1}
    save_listing(market.store, "SET", price_minor=PRICES["SET"], reserve=0, parts=parts)
    tasting, sku = f"t{market.store}", "TASTE"
    save_store(tasting, procedure="appointment", carrier="", delivery_amount=0)
    level, texts = listing_level(tasting, sku), {"en": "A tasting"}
    service = Listing(tasting, sku, texts, {}, "tea", "food", "service", 50_000, "on_sale", level, slot_minutes=60)
    save_service(service, "owner", NOW)
    times = Times("2026-12-01", "2026-12-01", ("10:00",), UNITS)
    open_slots(tasting, sku, times, actor="owner", now=NOW)
    offer = make_offer(make_supplier(market.supplier), granted_to=("everyone",))
    mediation.save_offer(offer, UNITS, "owner", NOW)
    for store in (market.store, market.other_store):
        save_store(store, procedure="carrier_cash")
        link(store, offer, "HERB")
        give_money(f"store/{store}/deposit", 10**8)
    return market


def counted(*levels: str) -> dict[str, int]:
    """What levels count together; each of them agrees with itself."""
    found = get_levels(levels, consistent=True)
    assert all(level.balances() for level in found.values())
    return {name: sum(getattr(level, name) for level in found.values()) for name in COUNTS}


def buyers(way: Way, market: Market, numbers: range) -> list[Callable[[], object]]:
    """Each buyer twice, in any order."""
    asked = [lambda number=number: way.buy(market, f"key-{number:08}") for number in numbers for _ in range(2)]
    return random.Random(way.name).sample(asked, len(asked))


def purchases_in(answers: list[object]) -> dict[str, Purchase]:
    return {each.id: each for each in answers if isinstance(each, Purchase)}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_unit_goes_its_way_once(market: Market, way: Way) -> None:
    send_on_its_way(market, way)


CARD_WAYS = {
    "authorized": ("sold", None, ""),
    "authorized, and cancelled": ("sold", cancel, "reserve"),
    "authorized, and refused by the store": ("sold", refuse, "reserve"),
    "never paid": ("reserved", expire, "reserve"),
}


@pytest.mark.parametrize("name", CARD_WAYS)
def test_a_unit_bought_by_card_goes_its_way_once(market: Market, desk: Desk, name: str) -> None:
    cards = {f"key-{number:08}": desk.card() if name != "never paid" else "" for number in range(BUYERS + 2)}

    def buy(market: Market, key: str) -> Purchase:
        return buy_by_card(market, cards[key], key=key)

    send_on_its_way(market, Way(name, buy, *CARD_WAYS[name]))


def send_on_its_way(market: Market, way: Way) -> None:
    """Let eight buyers at once buy six units, and what happens to them then happen; and look where the units stand."""
    before = set(differences(load_books()))
    bought = purchases_in(all_at_once(buyers(way, market, range(BUYERS))))
    assert len(bought) * way.units == UNITS
    late: dict[str, Purchase] = {}
    if way.then is not None:
        act = way.then
        twice = [lambda each=each: act(market, each) for each in bought.values() for _ in range(2)]
        answers = all_at_once([*twice, *buyers(way, market, range(BUYERS, BUYERS + 2))])
        late = {name: each for name, each in purchases_in(answers).items() if name not in bought}
    expected = dict.fromkeys(("reserve", "reserved", "sold", "written_off"), 0)
    expected[way.held] += UNITS + len(late) * way.units
    expected["reserve"] -= len(late) * way.units
    if way.then is not None:
        expected[way.held] -= len(bought)
        expected[way.ends] += len(bought)
    for level in way.levels(market):
        found = counted(level)
        assert {name: found[name] for name in expected} == expected
    assert set(differences(load_books())) - before == set()


Command = Callable[[], object]


def lay_in_and_take_out(market: Market) -> list[Command]:
    level = f"listing/{market.store}/TEA"
    facts = {"actor": "packer", "reference": "", "now": NOW}
    ins = [lambda n=n: stock_in(level, 2, reason="received", key=f"in-{n}", **facts) for n in range(3)]  # type: ignore[arg-type]
    outs = [lambda n=n: stock_out(level, 1, reason="damaged", key=f"out-{n}", **facts) for n in range(2)]  # type: ignore[arg-type]
    return [*ins, *outs]


def receive_what_was_ordered(market: Market) -> list[Command]:
    """Two deliveries of what was ordered of a supplier, and one of more than that."""
    terms = SupplierTerms(market.store, market.supplier, {"TEA": Supplied(10_000)}, lead_days=3, minimum_minor=0)
    mediation.save_terms(terms, None, "manager", NOW)
    facts = {"actor": "manager", "now": NOW}
    ordered = mediation.place_replenishment(market.store, market.supplier, {"TEA": 5}, key="order-0001", **facts)  # type: ignore[arg-type]

    def receive(units: int, key: str) -> Command:
        return lambda: mediation.receive(market.store, ordered.id, {"TEA": units}, key=key, more=False, **facts)  # type: ignore[arg-type]

    return [receive(2, "came-0001"), receive(3, "came-0002")]


def count_again(market: Market) -> list[Command]:
    level = f"listing/{market.store}/TEA"
    return [lambda n=n: count(level, n, actor="import", reference=f"upload/{n}", now=NOW) for n in (3, 9, 0, 5)]


def pause_and_mark(market: Market) -> list[Command]:
    def state(wanted: str) -> Command:
        return lambda: set_listing_state(market.store, "TEA", wanted, "manager", NOW)

    def mark(low_stock: int) -> Command:
        return lambda: change_listing(market.store, "TEA", {"low_stock": low_stock}, "manager", NOW)

    return [state("paused"), mark(3), state("on_sale"), mark(5), state("on_sale")]


def change_the_offer(market: Market) -> list[Command]:
    def save(**changes: int | str) -> Command:
        return lambda: mediation.save_offer(
            replace(mediation.get_offer(market.supplier, "HERB-TEA"), **changes), None, "owner", NOW
        )

    return [save(supply_minor=12_000), save(state="paused"), save(low_stock=4), save(state="on_offer")]


def set_aside(market: Market) -> list[Command]:
    def allot(store: str, quantity: int) -> Command:
        facts = {"actor": "owner", "key": new_id(), "now": NOW}
        return lambda: mediation.set_allotment(market.supplier, "HERB-TEA", store, quantity, **facts)  # type: ignore[arg-type]

    def hear() -> None:
        offer = mediation.get_offer(market.supplier, "HERB-TEA")
        mediation.apply_offer_change(offer_changed(offer, offer.sequence))

    first, second = market.store, market.other_store
    return [allot(first, 2), hear, allot(second, 1), hear, allot(first, 1), allot(second, 0), hear]


def sell_urgently(market: Market) -> list[Command]:
    """A sale of four begins, is sold from at its price, and ends by hand and by the sweeper at once."""
    terms = SaleTerms(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), 4)

    def end() -> None:
        assert sale is not None
        end_urgent_sale(market.store, "TEA", sale.id, actor="owner", now=NOW)

    def buy(number: int) -> Command:
        return lambda: _buy_cheap(market, f"key-9999{number:04}")

    sale = start_urgent_sale(market.store, "TEA", terms, actor="owner", key="sale-00001", now=NOW).urgent
    over = NOW + timedelta(hours=2)
    return [*map(buy, range(6)), end, lambda: end_urgent_sales(over), *map(buy, range(6, 8))]


def _buy_cheap(market: Market, key: str) -> Purchase:
    wanted = [Wanted(market.store, "TEA", 1)]
    return place_purchase(
        market.customer, wanted, recipient=market.recipient, total_seen=26_000, method="account", key=key, now=NOW
    )


def edit_what_is_sold_urgently(market: Market) -> list[Command]:
    """A sale of four begins, and ends when its window is over, while the listing is paused, marked and put on sale by hand."""
    terms = SaleTerms(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), 4)

    def begin() -> object:
        return start_urgent_sale(market.store, "TEA", terms, actor="owner", key="sale-00001", now=NOW)

    def sweep() -> object:
        return end_urgent_sales(NOW + timedelta(hours=2))

    cheap = [lambda n=n: _buy_cheap(market, f"key-9999{n:04}") for n in range(4)]
    return [begin, *cheap, *pause_and_mark(market), sweep]


COMMANDS: dict[str, tuple[Way, Callable[[Market], list[Command]]]] = {
    "stock in and stock out": (WAYS[0], lay_in_and_take_out),
    "receipts of what was ordered": (WAYS[0], receive_what_was_ordered),
    "counts": (WAYS[0], count_again),
    "pauses and marks": (WAYS[0], pause_and_mark),
    "supply prices and pauses of an offer": (Way("", HERB, of="HERB"), change_the_offer),
    "allotments": (Way("", HERB, of="HERB"), set_aside),
    "an urgent sale and its end": (WAYS[0], sell_urgently),
    "an urgent sale and edits": (WAYS[0], edit_what_is_sold_urgently),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_on_a_level_and_sales_of_it_lose_nothing(market: Market, name: str) -> None:
    before = set(differences(load_books()))
    way, commands = COMMANDS[name]
    wanted = [patient(act) for act in (*buyers(way, market, range(BUYERS)), *commands(market) * 2)]
    answers = all_at_once(random.Random(name).sample(wanted, len(wanted)))
    sold = purchases_in(answers)
    [home] = way.levels(market)
    shards = [shard_of(home, part) for part in (1, market.store, market.other_store)]
    found = counted(home, *shards)
    assert (found["sold"], found["reserved"], found["moved"]) == (len(sold), 0, 0)
    assert found["reserve"] == found["received"] + found["corrected"] - found["sold"] - found["written_off"] >= 0
    if commands is lay_in_and_take_out:
        assert (found["received"], found["corrected"]) == (6, UNITS)
    if commands is receive_what_was_ordered:
        assert (found["received"], found["corrected"]) == (5, UNITS)
    if commands not in (lay_in_and_take_out, receive_what_was_ordered, count_again):
        assert (found["received"] + found["corrected"], found["written_off"]) == (UNITS, 0)
    assert set(differences(load_books())) - before == set()


def patient(act: Command) -> Command:
    """What is done, where it is an answer, too, that the price has just changed or that it is not on sale."""

    def done() -> object:
        try:
            return act()
        except (PriceChanged, RuleViolation) as error:
            return error

    return done
