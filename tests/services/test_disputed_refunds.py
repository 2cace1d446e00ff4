"""Refunds of a disputed charge: they wait, go on when the dispute is won, and relieve whoever bears it when it is lost. Nobody pays twice."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from mart_union.checkout.card_port import card_provider
from mart_union.checkout.card_refunds import refund_card
from mart_union.checkout.model import Disputed, Purchase
from mart_union.checkout.service import get_purchase
from mart_union.kernel.errors import RuleViolation
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import Payable, Transfer, postings_of
from mart_union.ledger.service import get_transfer
from mart_union.orders.refunding import RefundWish
from mart_union.orders.service import get_order
from mart_union.settlement.books import load_books
from mart_union.settlement.chargebacks import post_dispute
from mart_union.settlement.check import check_union
from mart_union.settlement.checks.disputes import check_disputes
from mart_union.settlement.refunding import refund_order
from tests.card_desk import Desk
from tests.services.card_payments import LATER, TOTAL, amounts, answer, intent_of
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


def test_a_refund_that_a_partly_lost_charge_still_covers_is_the_customers(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk, stores=2)
    stand(desk, open_dispute(desk, purchase, 10_000), "lost")
    give_back(purchase, 30_000)
    assert balances(purchase) == {
        "provider/stripe": -2 * TOTAL + 10_000,
        f"customer/{market.customer}": 30_000,
        f"order/{purchase.orders[0]}": TOTAL - 30_000,
        f"order/{purchase.orders[1]}": TOTAL,
        f"store/{market.store}": -5_000,
        f"store/{market.other_store}": -5_000,
    }
    assert sum(each.amount_minor for each in payables(purchase)) == -10_000


def test_a_store_whose_order_was_refused_bears_nothing_and_the_store_of_the_other_order_the_loss(
    market: Market, desk: Desk
) -> None:
    purchase = paid(market, desk, stores=2)
    stand(desk, open_dispute(desk, purchase, TOTAL), "lost")
    refusal = refused(purchase, 0)
    assert balances(purchase) == {
        "provider/stripe": -TOTAL,
        f"customer/{market.customer}": TOTAL,
        f"order/{purchase.orders[1]}": TOTAL,
        f"store/{market.other_store}": -TOTAL,
    }
    moved = f"chargeback-moved-{refusal.id}"
    half = TOTAL // 2
    assert amounts(moved) == {f"store/{market.store}": half, f"store/{market.other_store}": -half}
    assert sorted(each.amount_minor for each in payables(purchase)) == [-half, -half, -half, half]
    assert no_difference(purchase)


def test_the_second_refusal_of_a_half_lost_charge_goes_to_who_bears_the_loss(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk, stores=2)
    stand(desk, open_dispute(desk, purchase, TOTAL), "lost")
    for number in range(2):
        refused(purchase, number)
    assert balances(purchase) == {"provider/stripe": -TOTAL, f"customer/{market.customer}": TOTAL}
    assert sum(each.amount_minor for each in payables(purchase)) == 0
    assert no_difference(purchase)


def test_two_refusals_that_are_carried_out_at_once_end_as_if_one_came_first(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk, stores=2)
    stand(desk, open_dispute(desk, purchase, TOTAL), "lost")
    for order in purchase.orders:
        answer(order, "refuse")
    refunds = [get_transfer(f"refund-{order}-{get_order(order).sequence}") for order in purchase.orders]
    at_once(*[lambda refund=refund: refund_card(refund, LATER) for refund in refunds] * 2)
    assert balances(purchase) == {"provider/stripe": -TOTAL, f"customer/{market.customer}": TOTAL}
    assert no_difference(purchase)


def test_what_was_given_back_by_hand_is_not_credited_beside_a_partly_lost_charge(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk, stores=2)
    desk.refund_by_hand(intent_of(purchase), 10_000)
    stand(desk, open_dispute(desk, purchase, TOTAL), "lost")
    refused(purchase, 0)
    assert balances(purchase)[f"customer/{market.customer}"] == TOTAL - 10_000
    assert no_difference(purchase)


def refused(purchase: Purchase, number: int) -> Transfer:
    """A store refuses its order, and the card's queue hears of it, twice."""
    order = purchase.orders[number]
    answer(order, "refuse")
    refund = get_transfer(f"refund-{order}-{get_order(order).sequence}")
    for _ in range(2):
        assert refund_card(refund, LATER) is True
    return refund


def no_difference(purchase: Purchase) -> bool:
    """Whether the checker finds nothing about a purchase, its orders, their stores, or a transfer about it."""
    orders = [get_order(order) for order in purchase.orders]
    names = {purchase.id, *purchase.orders, *(order.store for order in orders)}
    about = {f"purchase/{purchase.id}", *(f"order/{order}" for order in purchase.orders)}
    names |= {each.id for each in whole_ledger().transfers if each.reference in about}
    return not [each for each in check_union() if any(name in each.subject for name in names)]


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
        f"customer/{market.customer}": 6_000,
        f"order/{purchase.orders[0]}": TOTAL - 30_000,
        f"store/{market.store}": 30_000 - TOTAL,
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


def problems_of(purchase: Purchase, disputes: dict[str, Disputed], transfers: list[Transfer]) -> list[str]:
    """What the checker finds about a purchase if its disputes were borne so, by these transfers."""
    books = load_books()
    assert purchase.card is not None
    changed = replace(purchase, card=replace(purchase.card, disputes=disputes))
    purchases = [changed if each.id == purchase.id else each for each in books.purchases]
    books = replace(books, purchases=purchases, ledger=replace(books.ledger, transfers=transfers))
    return [each.detail for each in check_disputes(books) if each.subject == f"purchase/{purchase.id}"]


def test_the_checker_names_a_store_that_bears_more_than_is_left_of_its_order(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk, stores=2)
    dispute = open_dispute(desk, purchase, TOTAL)
    stand(desk, dispute, "lost")
    borne = get_purchase(purchase.id)
    assert borne.card is not None
    refusal = refused(purchase, 0)
    transfers = [each for each in whole_ledger().transfers if each.id != f"chargeback-moved-{refusal.id}"]
    after = get_purchase(purchase.id)
    assert problems_of(after, borne.card.disputes, transfers) == [
        f"{purchase.orders[0]} bears {TOTAL // 2} of its disputes, 0 is left of it"
    ]


def test_the_checker_names_a_refund_that_was_kept_from_its_customer(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk, stores=2)
    dispute = open_dispute(desk, purchase, TOTAL)
    stand(desk, dispute, "lost")
    refusal = refused(purchase, 0)
    kept = {f"refund-failed-{refusal.id}": {"provider/stripe": -TOTAL, f"store/{market.other_store}": TOTAL}}
    transfers = [
        replace(each, postings=postings_of(kept[each.id])) if each.id in kept else each
        for each in whole_ledger().transfers
    ]
    nobody = {dispute: Disputed(TOTAL, "lost")}
    assert problems_of(get_purchase(purchase.id), nobody, transfers) == [
        f"{TOTAL} of refunds went to who bears its disputes, 0 was paid twice"
    ]
