"""A seller's own shop takes its sales back: cancelled, or returned; the supply cost comes back to the deposit by whose fault it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from mart_union.catalog.model import offer_level
from mart_union.catalog.service import list_audit
from mart_union.checkout.model import Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.kernel.errors import Invalid, KeyReused, MartUnionError, NotFound, RuleViolation, StepNotAllowed
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.service import get_balance
from mart_union.orders.model import Order
from mart_union.orders.refunding import RefundWish
from mart_union.orders.returns import return_id
from mart_union.orders.service import get_order, take_step
from mart_union.settlement.completion import complete_order
from mart_union.settlement.refunding import refund_order
from mart_union.settlement.shop_sales import cancel_by_hand, cancel_sale, read_sale, return_by_hand, return_sale
from mart_union.stock.service import get_level
from tests.services.market import NOW, fill_pool, give_money, open_market, save_mediated, save_store
from tests.services.refunds import LATER, bought, decide, payables, take_back, wrong

SUPPLY, UNITS = 15_000, 3
COST = SUPPLY * UNITS


class Sold:
    """Three units of a supplier's goods that the shop `shop-<store>` sold as `S-1`, on a deposit of 1,000 dollars and a pool of ten."""

    def __init__(self, unique: str, *, accepts_returns: bool = True, **store: Any) -> None:
        self.market = open_market(unique, money=0)
        save_store(self.market.store, **store)
        give_money(f"store/{self.market.store}/deposit", 100_000)
        fill_pool(self.market.supplier, 10, SUPPLY)
        terms = {"price_minor": 23_000, "supply_minor": SUPPLY, "accepts_returns": accepts_returns}
        for sku in ("HERB", "OTHER"):
            save_mediated(self.market.store, sku, self.market.supplier, **terms)
        self.shop = f"shop-{self.market.store}"
        self.order = self.sell({"HERB": UNITS})

    def sell(self, goods: dict[str, int], sale: str = "S-1") -> str:
        wanted = [Wanted(self.market.store, sku, units) for sku, units in goods.items()]
        facts = {"recipient": self.market.recipient, "key": sale, "now": NOW}
        return place_shop_sale(self.market.store, self.shop, wanted, **facts).orders[0]  # type: ignore[arg-type]

    @property
    def supplier(self) -> str:
        return f"supplier/{self.market.supplier}"

    @property
    def money(self) -> tuple[int, int]:
        """What is available on the deposit, and held of it."""
        deposit, held = (get_balance(f"store/{self.market.store}/{name}") for name in ("deposit", "held"))
        return deposit.balance_minor, held.balance_minor

    @property
    def stock(self) -> tuple[int, int, int]:
        level = get_level(offer_level(self.market.supplier, "POOL"))
        assert level.balances()
        return level.reserve, level.sold, level.written_off

    def step(self, step: str, **facts: Any) -> Order:
        return take_step(self.order, step, "staff", "supplier", step, NOW, fulfiller=self.supplier, **facts)

    def deliver(self) -> None:
        self.step("accept")
        self.step("ship", tracking=("hct", "HCT1"))
        self.step("deliver")

    def complete(self) -> None:
        complete_order(self.order, actor="settlement", role="system", key="", now=LATER)

    def cancel(self, *skus: str, sale: str = "S-1") -> list[Order]:
        return cancel_sale(self.shop, sale, skus, NOW)

    def ask(self, units: int = 1, reason: str = "changed_mind", key: str = "R-1", **more: Any) -> Order:
        return return_sale(self.shop, "S-1", {"HERB": units}, reason=reason, key=key, now=LATER, **more)

    def asked(self, units: int = 1, reason: str = "changed_mind", key: str = "R-1") -> str:
        return return_id(self.ask(units, reason, key), key)


def test_a_cancelled_sale_gives_its_supply_cost_back_to_the_deposit_and_its_units_to_the_pool(unique: str) -> None:
    sold = Sold(unique)
    assert (sold.money, sold.stock) == ((100_000 - COST, COST), (7, 3, 0))
    sold.step("accept")
    [order] = sold.cancel()
    assert (order.state, order.lines[0].held_minor, order.lines[0].refunded_minor) == ("cancelled", 0, COST)
    assert [(taken.step, taken.role, taken.actor) for taken in order.history[-1:]] == [
        ("cancel", "customer", f"shop/{sold.shop}")
    ]
    assert (sold.money, sold.stock) == ((100_000, 0), (10, 0, 0))
    assert sold.cancel() == [order]
    assert (sold.money, sold.stock, wrong(sold.market)) == ((100_000, 0), (10, 0, 0), [])


def test_a_line_of_a_sale_is_cancelled_by_itself_and_the_rest_later(unique: str) -> None:
    sold = Sold(unique)
    sold.order = sold.sell({"HERB": 1, "OTHER": 2}, "S-2")
    for _ in range(2):
        [order] = sold.cancel("OTHER", sale="S-2")
        assert [(line.sku, line.state) for line in order.lines] == [("HERB", "placed"), ("OTHER", "cancelled")]
        assert (sold.money, sold.stock) == ((100_000 - COST - SUPPLY, COST + SUPPLY), (6, 4, 0))
    with pytest.raises(Invalid):
        sold.cancel("OTHER", "NONE", sale="S-2")
    assert [order.state for order in sold.cancel(sale="S-2")] == ["cancelled"]
    assert (sold.money, sold.stock, wrong(sold.market)) == ((100_000 - COST, COST), (7, 3, 0), [])


def trail(sold: Sold) -> list[tuple[str, str, str]]:
    found = list_audit(f"store/{sold.market.store}", f"{NOW:%Y-%m}").items
    return sorted((each.actor, each.action, each.subject) for each in found if each.action.startswith("shop's sale"))


def test_a_manager_cancels_by_hand_as_the_shop_does_and_either_finds_what_the_other_has_cancelled(unique: str) -> None:
    sold = Sold(unique)
    by_hand: dict[str, Any] = {"store": sold.market.store, "by": "manager", "now": NOW}
    order = cancel_by_hand(sold.order, (), **by_hand)
    assert (order.state, order.history[-1].actor) == ("cancelled", f"shop/{sold.shop}")
    noted = [("manager", "shop's sale cancelled", f"order/{sold.order}")]
    assert (sold.money, sold.stock, trail(sold)) == ((100_000, 0), (10, 0, 0), noted)
    assert cancel_by_hand(sold.order, (), **by_hand) == order
    assert sold.cancel() == [order]
    assert (sold.money, sold.stock, trail(sold), wrong(sold.market)) == ((100_000, 0), (10, 0, 0), noted, [])


def test_a_line_that_is_cancelled_by_hand_is_cancelled_once_whoever_repeats_it(unique: str) -> None:
    sold = Sold(unique)
    sold.order = sold.sell({"HERB": 1, "OTHER": 2}, "S-2")
    [told] = sold.cancel("OTHER", sale="S-2")
    by_hand: dict[str, Any] = {"store": sold.market.store, "by": "owner", "now": NOW}
    assert cancel_by_hand(sold.order, ("OTHER",), **by_hand) == told
    assert trail(sold) == []
    rest = cancel_by_hand(sold.order, ("HERB",), **by_hand)
    assert ([line.state for line in rest.lines], len(trail(sold))) == (["cancelled", "cancelled"], 1)
    assert (sold.money, sold.stock, wrong(sold.market)) == ((100_000 - COST, COST), (7, 3, 0), [])


def test_what_a_manager_gives_back_by_hand_is_decided_as_what_the_shop_does(unique: str) -> None:
    sold = Sold(unique)
    sold.deliver()
    facts: dict[str, Any] = {"store": sold.market.store, "by": "manager", "reason": "changed_mind", "now": LATER}
    order = return_by_hand(sold.order, {"HERB": 1}, key="by-hand", **facts)
    assert [(each.state, each.taker, each.lines[0].units) for each in order.returns] == [
        ("requested", sold.supplier, 1)
    ]
    assert return_by_hand(sold.order, {"HERB": 1}, key="by-hand", **facts) == order
    assert trail(sold) == [("manager", "shop's sale given back", f"order/{sold.order}")]
    with pytest.raises(KeyReused):
        return_by_hand(sold.order, {"HERB": 2}, key="by-hand", **facts)
    decide(sold.market, sold.order, order.returns[0].id, "accept", taker=sold.supplier)
    take_back(sold.market, sold.order, order.returns[0].id, taker=sold.supplier, stock="reserve")
    assert (sold.money, wrong(sold.market)) == ((100_000 - COST + SUPPLY, COST - SUPPLY), [])


def test_by_hand_nobody_takes_back_what_is_anothers_or_was_sold_in_the_union(unique: str) -> None:
    sold = Sold(unique)
    give_money(f"customer/{sold.market.customer}", 100_000)
    here = bought(sold.market, quantity=1, sku="HERB", price=23_000)
    before = get_order(sold.order), get_order(here), sold.money, sold.stock
    for order, store, refusal in ((sold.order, "another", NotFound), (here, sold.market.store, RuleViolation)):
        by_hand: dict[str, Any] = {"store": store, "by": "manager", "now": NOW}
        with pytest.raises(refusal):
            cancel_by_hand(order, (), **by_hand)
        with pytest.raises(refusal):
            return_by_hand(order, {"HERB": 1}, reason="changed_mind", key="k", **by_hand)
    assert (get_order(sold.order), get_order(here), sold.money, sold.stock) == before
    assert trail(sold) == []


def test_what_its_supplier_has_sent_or_refused_is_not_cancelled(unique: str) -> None:
    sold = Sold(unique)
    sold.step("accept")
    sold.step("ship", tracking=("hct", "HCT1"))
    before = get_order(sold.order), sold.money, sold.stock
    for skus in ((), ("HERB",)):
        with pytest.raises(StepNotAllowed):
            sold.cancel(*skus)
    assert (get_order(sold.order), sold.money, sold.stock) == before
    sold.order = sold.sell({"HERB": 1}, "S-2")
    sold.step("refuse")
    with pytest.raises(StepNotAllowed):
        sold.cancel(sale="S-2")
    assert wrong(sold.market) == []


def test_a_shop_finds_its_own_sales_only(unique: str) -> None:
    sold = Sold(unique)
    sold.deliver()
    before = get_order(sold.order), sold.money
    for shop, sale in (("shop-other", "S-1"), (sold.shop, "S-2")):
        with pytest.raises(NotFound, match=f"no sale {sale}"):
            cancel_sale(shop, sale, (), NOW)
        with pytest.raises(NotFound):
            cancel_sale(shop, sale, ("HERB",), NOW)
        with pytest.raises(NotFound):
            return_sale(shop, sale, {"HERB": 1}, reason="defective", key="R-1", now=LATER)
    assert (get_order(sold.order), sold.money) == before
    assert [order.id for order in read_sale(sold.shop, "S-1")] == [sold.order]


@pytest.mark.parametrize("reason", ["changed_mind", "defective"])
def test_a_return_that_the_supplier_takes_back_releases_its_part_of_what_is_held(unique: str, reason: str) -> None:
    sold = Sold(unique)
    sold.deliver()
    asked = sold.asked(2, reason)
    decide(sold.market, sold.order, asked, "accept", taker=sold.supplier)
    after = take_back(sold.market, sold.order, asked, taker=sold.supplier, stock="reserve")
    line = after.lines[0]
    assert (line.returned, line.refunded_minor, line.held_minor) == (2, 2 * SUPPLY, SUPPLY)
    assert (sold.money, sold.stock) == ((100_000 - SUPPLY, SUPPLY), (9, 1, 0))
    assert decide(sold.market, sold.order, asked, "refund", taker=sold.supplier, stock="reserve") == after
    sold.complete()
    assert payables(sold.order, "completion")[sold.supplier].amount_minor == SUPPLY
    assert (sold.money, wrong(sold.market)) == ((100_000 - SUPPLY, 0), [])


def test_a_return_after_completion_is_given_back_by_the_supplier(unique: str) -> None:
    sold = Sold(unique)
    sold.deliver()
    sold.complete()
    assert sold.money == (100_000 - COST, 0)
    asked = sold.asked(1)
    decide(sold.market, sold.order, asked, "accept", taker=sold.supplier)
    take_back(sold.market, sold.order, asked, taker=sold.supplier, stock="written_off")
    given = payables(sold.order, "refund")
    assert {party: payable.amount_minor for party, payable in given.items()} == {sold.supplier: -SUPPLY}
    assert (sold.money, sold.stock, wrong(sold.market)) == ((100_000 - COST + SUPPLY, 0), (7, 2, 1), [])


@pytest.mark.parametrize("is_completed", [False, True])
def test_what_a_supplier_does_not_take_back_stays_its_own_and_its_other_units_are_worth_what_they_cost(
    unique: str, *, is_completed: bool
) -> None:
    sold = Sold(unique, accepts_returns=False)
    sold.deliver()
    if is_completed:
        sold.complete()
    before = sold.money
    own = f"store/{sold.market.store}"
    kept = sold.asked(1, "changed_mind")
    decide(sold.market, sold.order, kept, "accept", taker=own)
    decide(sold.market, sold.order, kept, "receive", taker=own)
    with pytest.raises(Invalid):
        decide(
            sold.market, sold.order, kept, "refund", taker=own, stock="written_off", amount_minor=1_000, answer="torn"
        )
    after = decide(sold.market, sold.order, kept, "refund", taker=own, stock="written_off")
    assert (after.returns[0].state, after.lines[0].refunded_minor, after.lines[0].withheld_minor) == (
        "refunded",
        0,
        SUPPLY,
    )
    assert (sold.money, sold.stock) == (before, (7, 2, 1))
    broken = sold.asked(2, "defective", "R-2")
    decide(sold.market, sold.order, broken, "accept", taker=sold.supplier)
    settled = take_back(sold.market, sold.order, broken, taker=sold.supplier, stock="written_off")
    assert (settled.lines[0].refunded_minor, settled.lines[0].left_units) == (2 * SUPPLY, 0)
    if not is_completed:
        sold.complete()
    assert sold.money == (100_000 - SUPPLY, 0)
    owed = [one.amount_minor for one in whole_ledger().payables if one.party == sold.supplier]
    assert (sum(owed), wrong(sold.market)) == (SUPPLY, [])


def test_of_damaged_goods_a_part_of_the_cost_comes_back(unique: str) -> None:
    sold = Sold(unique)
    sold.deliver()
    asked = sold.asked(2, "changed_mind")
    decide(sold.market, sold.order, asked, "accept", taker=sold.supplier)
    part = {"stock": "written_off", "amount_minor": 10_000, "answer": "worn"}
    after = take_back(sold.market, sold.order, asked, taker=sold.supplier, **part)
    assert (after.lines[0].refunded_minor, after.lines[0].withheld_minor) == (10_000, 2 * SUPPLY - 10_000)
    assert (sold.money, sold.stock) == ((100_000 - COST + 10_000, COST - 10_000), (7, 1, 2))
    sold.complete()
    assert (sold.money, wrong(sold.market)) == ((100_000 - COST + 10_000, 0), [])


def test_a_return_asked_for_again_is_the_same_and_its_id_serves_no_other(unique: str) -> None:
    sold = Sold(unique)
    with pytest.raises(RuleViolation, match="not been delivered"):
        sold.ask()
    sold.deliver()
    before = sold.ask(2)
    assert sold.ask(2) == before
    refusals: list[tuple[Callable[[], object], type[MartUnionError]]] = [
        (lambda: sold.ask(1), KeyReused),
        (lambda: sold.ask(2, key="R-2"), RuleViolation),
        (lambda: sold.ask(1, "because", "R-2"), Invalid),
        (lambda: return_sale(sold.shop, "S-1", {"NONE": 1}, reason="defective", key="R-2", now=LATER), Invalid),
        (lambda: sold.ask(0, key="R-2"), Invalid),
        (lambda: refund(sold), RuleViolation),
    ]
    for act, refusal in refusals:
        with pytest.raises(refusal):
            act()
    assert (get_order(sold.order), sold.money) == (before, (100_000 - COST, COST))


def test_a_replacement_of_what_a_shop_sold_moves_no_money(unique: str) -> None:
    sold = Sold(unique)
    sold.deliver()
    order = sold.ask(1, "defective", wants="replacement")
    for decision, more in (
        ("accept", {}),
        ("receive", {}),
        ("replace", {"stock": "written_off"}),
        ("ship", {"carrier": "hct", "tracking_number": "HCT2"}),
    ):
        after = decide(sold.market, order.id, order.returns[0].id, decision, taker=sold.supplier, **more)
    assert (after.returns[0].state, sold.money, sold.stock) == ("replaced", (100_000 - COST, COST), (6, 3, 1))
    assert wrong(sold.market) == []


def test_of_a_cancelling_shop_and_a_refusing_or_sending_supplier_at_once_one_wins(unique: str) -> None:
    sold = Sold(unique)
    sold.step("accept")

    def act(number: int) -> str:
        acts: list[Callable[[], object]] = [
            sold.cancel,
            lambda: sold.step("refuse"),
            lambda: sold.step("ship", tracking=("hct", "HCT1")),
            lambda: sold.cancel("HERB"),
        ]
        try:
            acts[number % 4]()
        except MartUnionError as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(act, range(8)))
    state = get_order(sold.order).state
    back = state in {"cancelled", "refused"}
    assert state in {"cancelled", "refused", "shipped"}
    assert sold.money == ((100_000, 0) if back else (100_000 - COST, COST))
    assert sold.stock == ((10, 0, 0) if back else (7, 3, 0))
    assert wrong(sold.market) == []


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_shop_its_supplier_and_its_store_do_with_a_sale_the_books_agree(unique: str, seed: int) -> None:
    chance = random.Random(seed)
    sold = Sold(unique, accepts_returns=bool(seed % 2))
    own = f"store/{sold.market.store}"

    def decided(number: int) -> object:
        asked = chance.choice(get_order(sold.order).returns)
        stock, amount = chance.choice(("reserve", "written_off")), chance.choice((0, 0, 1_000))
        facts = {
            "accept": {},
            "receive": {},
            "refuse": {"answer": "as agreed"},
            "refund": {"stock": stock, "amount_minor": amount, "answer": "worn"},
            "replace": {"stock": stock},
            "ship": {"carrier": "hct", "tracking_number": f"HCT{number}"},
        }
        step = chance.choice(
            ("accept", "accept", "receive", "receive", "refuse", "refund", "refund", "replace", "ship")
        )
        return decide(
            sold.market, sold.order, asked.id, step, taker=chance.choice((asked.taker, asked.taker, own)), **facts[step]
        )

    acts: list[Callable[[int], object]] = [
        *[decided] * 8,
        *[lambda number: sold.ask(chance.randint(1, 2), chance.choice(REASONS), f"R-{number % 4}")] * 3,
        lambda _: sold.complete(),
        lambda _: sold.cancel(),
        lambda _: sold.cancel("HERB"),
        lambda _: sold.step("refuse"),
    ]
    if seed % 4:
        sold.deliver()
    done = 0
    for number in range(60):
        with suppress(MartUnionError, IndexError):
            chance.choice(acts)(number)
            done += 1
    assert done > 1
    assert wrong(sold.market) == []
    order = get_order(sold.order)
    supplier = sum(one.amount_minor for one in whole_ledger().payables if one.party == sold.supplier)
    available, held = sold.money
    assert available + held + supplier == 100_000
    assert held == sum(line.held_minor for line in order.lines)


REASONS = ("changed_mind", "defective", "wrong_advice", "damaged_on_the_way")


def refund(sold: Sold) -> object:
    wish = RefundWish(1, amount_minor=1_000)
    facts = {"store": sold.market.store, "reason": "kindness", "actor": "staff", "key": "refund-01", "now": LATER}
    return refund_order(sold.order, [wish], **facts)  # type: ignore[arg-type]
