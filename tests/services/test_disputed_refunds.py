"""Refunds of a disputed charge: they wait, go on when the dispute is won, and relieve whoever bears it when it is lost. Nobody pays twice."""

from __future__ import annotations

from collections import Counter

import pytest

from mart_union.checkout.card_port import card_provider
from mart_union.checkout.card_refunds import refund_card
from mart_union.checkout.model import Purchase
from mart_union.kernel.errors import RuleViolation
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import Payable, Transfer
from mart_union.ledger.service import get_transfer
from mart_union.orders.refunding import RefundWish
from mart_union.orders.service import get_order
from mart_union.settlement.chargebacks import post_dispute
from mart_union.settlement.refunding import refund_order
from tests.card_desk import Desk
from tests.services.card_payments import LATER, TOTAL, answer, intent_of
from tests.services.market import Market, open_market
from tests.services.test_card_notices import paid
from tests.services.test_cards_at_once import at_once


@pytest.fixture(autouse=True)
def _disputed_charges_are_not_refunded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the processor does it (https://docs.stripe.com/error-codes#charge-disputed)."""
    kind = type(card_provider())
    as_ever = kind.refund

    refused: set[tuple[str, int]] = set()

    def refund(self: object, intent: str, amount_minor: int, transfer: str, attempt: int = 0) -> object:
        if (transfer, attempt) in refused or self.is_disputed(intent):  # type: ignore[attr-defined]
            refused.add((transfer, attempt))  # the same key gets the same answer
            raise RuleViolation("the card provider does not take this", reason="charge_disputed")
        return as_ever(self, intent, amount_minor, transfer, attempt)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "refund", refund)


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=0)


def stand(desk: Desk, dispute: str, state: str = "") -> str:
    """The dispute is told, as it stands or as its bank decides it now."""
    if state:
        desk.dispute(id=dispute, status=state)
    return post_dispute(card_provider().find_dispute(dispute), LATER)


def open_dispute(desk: Desk, purchase: Purchase, amount: int = TOTAL) -> str:
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=amount)
    assert stand(desk, dispute) == "opened"
    return dispute


def give_back(purchase: Purchase, amount: int, *, number: int = 0, key: str = "refund-0001") -> Transfer:
    """A store gives an amount back, and the card's queue hears of it."""
    order = get_order(purchase.orders[number])
    wishes = [RefundWish(1, amount_minor=amount)]
    after = refund_order(order.id, wishes, store=order.store, reason="r", actor="staff", key=key, now=LATER)
    refund = get_transfer(after.refunds[-1].id)
    refund_card(refund, LATER)
    return refund


def balances(purchase: Purchase) -> dict[str, int]:
    """What all transfers of a purchase and its orders have left on each account."""
    about = {f"purchase/{purchase.id}", *(f"order/{order}" for order in purchase.orders)}
    sums: Counter[str] = Counter()
    for transfer in whole_ledger().transfers:
        if transfer.reference in about and not transfer.pending:
            for posting in transfer.postings:
                sums[posting.account] += posting.amount_minor
    return {account: amount for account, amount in sums.items() if amount}


def payables(purchase: Purchase) -> list[Payable]:
    return [each for each in whole_ledger().payables if each.order in purchase.orders]


def test_a_refund_that_waited_for_a_dispute_is_carried_out_when_that_is_won(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    dispute = open_dispute(desk, purchase)
    give_back(purchase, 10_000)
    assert (desk.refunds(intent_of(purchase)), balances(purchase)["provider/stripe"]) == ([], 10_000)
    for _ in range(2):
        assert stand(desk, dispute, "won") == "won"
    assert desk.refunds(intent_of(purchase)) == [10_000]
    assert balances(purchase) == {
        "provider/stripe": 10_000 - TOTAL,
        f"order/{purchase.orders[0]}": TOTAL - 10_000,
    }


def test_a_refund_that_was_refused_before_its_dispute_was_told_is_asked_for_anew(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=TOTAL)
    give_back(purchase, 10_000)
    assert stand(desk, dispute) == "opened"
    assert stand(desk, dispute, "won") == "won"
    assert desk.refunds(intent_of(purchase)) == [10_000]


def test_a_refund_after_the_loss_gives_the_store_back_what_it_bore(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    stand(desk, open_dispute(desk, purchase), "lost")
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(f"refund-{purchase.orders[0]}-{get_order(purchase.orders[0]).sequence}")
    for _ in range(2):
        assert refund_card(refund, LATER) is True
    assert balances(purchase) == {}
    assert sorted(each.amount_minor for each in payables(purchase)) == [-TOTAL, TOTAL]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_partial_refund_before_or_after_the_loss_ends_alike(market: Market, desk: Desk, is_first: bool) -> None:
    purchase = paid(market, desk)
    dispute = open_dispute(desk, purchase)
    if not is_first:
        stand(desk, dispute, "lost")
    give_back(purchase, 10_000)
    for _ in range(2):
        stand(desk, dispute, "lost")
    left = TOTAL - 10_000
    assert balances(purchase) == {f"order/{purchase.orders[0]}": left, f"store/{market.store}": -left}
    assert sum(each.amount_minor for each in payables(purchase)) == -left
    assert desk.refunds(intent_of(purchase)) == []


def test_of_a_partly_lost_charge_the_customer_gets_what_the_bank_has_not_given(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk, stores=2)
    stand(desk, open_dispute(desk, purchase, 10_000), "lost")
    give_back(purchase, 30_000)
    assert balances(purchase) == {
        "provider/stripe": -2 * TOTAL + 10_000,
        f"customer/{market.customer}": 20_000,
        f"order/{purchase.orders[0]}": TOTAL - 30_000,
        f"order/{purchase.orders[1]}": TOTAL,
    }
    assert sum(each.amount_minor for each in payables(purchase)) == 0


def test_a_store_bears_no_more_of_two_disputes_than_what_is_left_of_its_order(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    give_back(purchase, 10_000)
    for amount in (20_000, 16_000):
        stand(desk, open_dispute(desk, purchase, amount), "lost")
    assert balances(purchase) == {
        "provider/stripe": 10_000,  # the card was refunded, and its bank took all of it besides
        "union/chargebacks": -10_000,
        f"store/{market.store}": -26_000,
        f"order/{purchase.orders[0]}": 26_000,
    }


def test_two_disputes_of_one_charge_that_are_lost_at_once_are_borne_one_after_the_other(
    market: Market, desk: Desk
) -> None:
    purchase = paid(market, desk)
    give_back(purchase, 10_000)
    disputes = [open_dispute(desk, purchase, amount) for amount in (20_000, 16_000)]
    at_once(*[lambda dispute=dispute: stand(desk, dispute, "lost") for dispute in disputes])
    assert balances(purchase)[f"store/{market.store}"] == -26_000


def test_a_refund_waits_as_long_as_another_dispute_is_open(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    first, second = (open_dispute(desk, purchase, amount) for amount in (20_000, 10_000))
    stand(desk, first, "lost")
    refund = give_back(purchase, 30_000)
    assert refund_card(refund, LATER) is False
    assert f"customer/{market.customer}" not in balances(purchase)
    stand(desk, second, "lost")
    assert balances(purchase) == {
        "provider/stripe": -TOTAL + 30_000,
        f"order/{purchase.orders[0]}": TOTAL - 30_000,
    }


def test_what_was_settled_with_a_loss_is_the_customers_when_it_is_won_after_all(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    dispute = open_dispute(desk, purchase)
    stand(desk, dispute, "lost")
    give_back(purchase, 10_000)
    for _ in range(2):
        stand(desk, dispute, "won")
    assert balances(purchase) == {
        "provider/stripe": -TOTAL,
        f"customer/{market.customer}": 10_000,
        f"order/{purchase.orders[0]}": TOTAL - 10_000,
    }
    assert sum(each.amount_minor for each in payables(purchase)) == 0


def test_the_loss_and_a_refund_at_once_end_as_if_one_came_first(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    dispute = open_dispute(desk, purchase)
    at_once(lambda: stand(desk, dispute, "lost"), lambda: give_back(purchase, 10_000))
    left = TOTAL - 10_000
    assert balances(purchase) == {f"order/{purchase.orders[0]}": left, f"store/{market.store}": -left}
