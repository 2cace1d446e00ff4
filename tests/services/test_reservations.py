"""What an unpaid purchase reserves is freed on time, by the sweeper alone and once; of it and a payment, whoever is first wins."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from mart_union.checkout.cards import pay_by_card
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import pay_pending, receive_payment
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.checkout.tables import PurchaseItem, purchase_key
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.storage import client
from mart_union.ledger import jobs
from mart_union.ledger.service import get_balance
from mart_union.ledger.tables import TransferItem, transfer_key
from mart_union.orders.service import get_order
from mart_union.orders.tables import OrderItem, order_key
from mart_union.settlement import sweeping
from mart_union.settlement.rounds import Outcome
from mart_union.settlement.sweeping import expire_purchases, expire_unpaid
from mart_union.stock.service import get_level
from mart_union.stock.tables import LevelItem, level_key
from tests.card_desk import Desk
from tests.services.market import NOW, Market, open_market
from tests.services.weather import all_at_once
from tests.template.reading import UNION, read

MONEY, TOTAL = 1_000_000, 36_000
RESERVED = timedelta(seconds=600)
_hours = itertools.count(1)


@dataclass(frozen=True)
class Waiting:
    """A purchase of one unit that waits for its payment, made at a moment that no other test's was, and the moment when its time is up."""

    market: Market
    purchase: Purchase
    made: datetime
    card: str = ""

    @property
    def over(self) -> datetime:
        """When it expires."""
        return self.made + RESERVED

    def stands(self) -> tuple[str, str, tuple[int, int, int], int]:
        """How it is paid, its order's state, the level's reserve, reserved and sold, and the customer's money."""
        level = get_level(f"listing/{self.market.store}/TEA")
        assert level.balances()
        state = get_order(self.purchase.orders[0]).state
        money = get_balance(f"customer/{self.market.customer}").balance_minor
        return get_purchase(self.purchase.id).payment, state, (level.reserve, level.reserved, level.sold), money


def a_moment() -> datetime:
    """One at which no other test's purchase was made."""
    return NOW + timedelta(days=60, hours=next(_hours))


def wait(name: str, *, method: str = "bank_transfer", card: str = "", made: datetime | None = None) -> Waiting:
    market, made = open_market(name, money=MONEY), made or a_moment()
    purchase = place_purchase(
        market.customer,
        [Wanted(market.store, "TEA", 1)],
        recipient=market.recipient,
        total_seen=TOTAL,
        method=method,
        key="key-00000001",
        now=made,
    )
    jobs.set_checkpoint("expire_unpaid", iso(made + RESERVED - timedelta(minutes=2))[:16])
    return Waiting(market, purchase, made, card)


def by_bank(waiting: Waiting) -> str:
    reference = f"b-{waiting.purchase.id}"
    return receive_payment(waiting.purchase.id, TOTAL, reference=reference, now=waiting.over)


def from_account(waiting: Waiting) -> str:
    try:
        customer = waiting.market.customer
        return pay_pending(waiting.purchase.id, customer, TOTAL, key="pay-0001", now=waiting.over).payment
    except RuleViolation:
        return "refused"


def by_card(waiting: Waiting) -> str:
    try:
        customer, now = waiting.market.customer, waiting.over
        return pay_by_card(waiting.purchase.id, customer, TOTAL, payment_method=waiting.card, now=now).payment
    except RuleViolation:
        return "refused"


PAID: dict[Callable[[Waiting], str], tuple[tuple[str, str], tuple[str, int], tuple[str, int]]] = {
    by_bank: (("paid", "placed"), ("confirmed", MONEY), ("credited", MONEY + TOTAL)),
    from_account: (("paid", "placed"), ("paid", MONEY - TOTAL), ("refused", MONEY)),
    by_card: (("authorized", "placed"), ("authorized", MONEY), ("refused", MONEY)),
}
"""For each way of paying: how purchase and order stand once paid; what who pays first is told, and the customer's money then; and the same
of who comes too late."""
ALL_WAYS = pytest.mark.parametrize("pay", PAID, ids=lambda pay: pay.__name__)


@ALL_WAYS
def test_a_payment_before_the_sweeper_keeps_what_was_reserved(unique: str, desk: Desk, pay: Any) -> None:
    waiting = wait(unique, method="card" if pay is by_card else "bank_transfer", card=desk.card())
    (payment, state), (told, money), _ = PAID[pay]
    assert pay(waiting) == told
    for _ in range(2):
        expire_unpaid(waiting.over)
    assert waiting.stands() == (payment, state, (9, 0, 1), money)


@ALL_WAYS
def test_the_sweeper_before_a_payment_frees_it_once_and_the_payment_buys_nothing(
    unique: str, desk: Desk, pay: Any
) -> None:
    waiting = wait(unique, method="card" if pay is by_card else "bank_transfer", card=desk.card())
    _, _, (told, money) = PAID[pay]
    assert expire_unpaid(waiting.over).done == 1
    for _ in range(2):
        assert pay(waiting) == told
    assert expire_unpaid(waiting.over).done == 0
    assert waiting.stands() == ("expired", "expired", (10, 0, 0), money)
    if pay is by_card:
        assert get_purchase(waiting.purchase.id).card is None


@pytest.mark.parametrize("pay", [by_bank, from_account], ids=lambda pay: pay.__name__)
def test_two_sweepers_and_two_payments_at_the_same_moment_and_in_rough_weather_leave_one_winner(
    unique: str, pay: Any
) -> None:
    made = a_moment()
    many = [wait(f"{unique}-{number}", made=made) for number in range(8)]
    sweeps = [lambda: expire_unpaid(made + RESERVED) for _ in range(2)]
    pays = [lambda each=each: pay(each) for each in many for _ in range(2)]
    all_at_once([*pays[:4], *sweeps, *pays[4:]])
    won, kept, late = PAID[pay]
    for each in many:
        expire_unpaid(each.over)
        pay(each)
        assert each.stands() in {(*won, (9, 0, 1), kept[1]), ("expired", "expired", (10, 0, 0), late[1])}


def test_it_is_freed_by_the_first_sweep_after_its_end_and_the_sweeper_sweeps_each_minute(unique: str) -> None:
    assert read(UNION)["Parameters"]["SweeperSchedule"]["Default"] == "rate(1 minute)"
    waiting = wait(unique)
    before = waiting.stands()
    for seconds in (-90, -30, -1):
        expire_unpaid(waiting.over + timedelta(seconds=seconds))
        assert waiting.stands() == before == ("pending", "awaiting_payment", (9, 1, 0), MONEY)
    expire_unpaid(waiting.over + timedelta(seconds=59))
    assert waiting.stands() == ("expired", "expired", (10, 0, 0), MONEY)


def test_of_many_that_end_in_one_minute_other_runs_free_the_rest_and_whatever_becomes_of_them_the_next_sweep_looks(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[tuple[str, Any]]()
    monkeypatch.setattr(sweeping, "_AT_ONCE", 3)
    monkeypatch.setattr(sweeping, "invoke_later", lambda function, payload: asked.append((function, payload)))
    made = a_moment()
    many = [wait(f"{unique}-{number}", made=made) for number in range(8)]
    over = made + RESERVED
    assert expire_unpaid(over) == Outcome(3, 0, handed=5)
    first, second = [payload["unpaid"] for _, payload in asked]
    assert ({function for function, _ in asked}, len(first), len(second)) == ({"sweeper"}, 3, 2)
    assert freed(many) == 3
    assert expire_purchases(first, over).done == 3  # the other run was lost
    asked.clear()
    assert expire_unpaid(over + timedelta(minutes=1)) == Outcome(2, 0)
    assert expire_purchases(second, over).done == 0
    assert (asked, freed(many)) == ([], 8)


def freed(many: list[Waiting]) -> int:
    """How many expired; each of the others waits as before."""
    stands = [each.stands() for each in many]
    free, waits = ("expired", "expired", (10, 0, 0), MONEY), ("pending", "awaiting_payment", (9, 1, 0), MONEY)
    assert set(stands) <= {free, waits}
    return stands.count(free)


def test_nothing_that_a_reservation_holds_could_be_removed_by_the_tables_time_to_live(unique: str) -> None:
    waiting = wait(unique)
    [order] = waiting.purchase.orders
    items = [
        (PurchaseItem, purchase_key(waiting.purchase.id)),
        (OrderItem, order_key(order)),
        (TransferItem, transfer_key(waiting.purchase.transfer)),
        (LevelItem, level_key(f"listing/{waiting.market.store}/TEA")),
    ]
    for model, (pk, sk) in items:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        found = client().get_item(TableName=model.Meta.table_name, Key=key, ConsistentRead=True)["Item"]
        assert "expires_at" not in found
