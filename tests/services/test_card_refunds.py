"""Refunds to cards: carried out once, credited to the account where the card does not take them, and never more than was paid."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mart_union.checkout.card_port import CardRefund, card_provider
from mart_union.checkout.card_refunds import refund_card, settle_refund
from mart_union.checkout.model import Purchase
from mart_union.kernel.errors import (
    ProviderUnavailable,
    RuleViolation,
)
from mart_union.ledger.model import Posting, Transfer, postings_of
from mart_union.ledger.service import get_balance, get_transfer, post
from tests.card_desk import Desk
from tests.services.card_payments import (
    LATER,
    TOTAL,
    amounts,
    answer,
    intent_of,
    paid,
    refund_of,
)
from tests.services.market import Market, open_market
from tests.services.test_cards_at_once import at_once


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


def test_a_refusal_after_the_capture_is_refunded_to_the_card_once(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    assert amounts(refund.id) == {"provider/stripe": TOTAL, f"order/{purchase.orders[0]}": -TOTAL}
    desk.fail("lost", "/refunds", times=2)
    with pytest.raises(ProviderUnavailable):
        refund_card(refund, LATER)
    for _ in range(2):
        refund_card(refund, LATER)
    assert desk.refunds(intent_of(purchase)) == [TOTAL]
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000


def test_a_refund_that_was_credited_is_not_sent_to_the_card_as_well(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    with monkeypatch.context() as patch:
        patch.setattr(type(card_provider()), "refund", _refusing("balance_insufficient"))
        refund_card(refund, LATER)
    assert refund_card(refund, LATER) is True
    assert desk.refunds(intent_of(purchase)) == []
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000 + TOTAL


def test_a_refund_of_a_disputed_charge_waits_for_the_dispute_and_credits_nothing(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    monkeypatch.setattr(type(card_provider()), "refund", _refusing("charge_disputed"))
    assert refund_card(refund, LATER) is False
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000


def _refusing(reason: str, meanwhile: Callable[[], None] = lambda: None) -> Callable[..., object]:
    def refuse(*_: object) -> object:
        meanwhile()
        raise RuleViolation("the card provider does not take this", reason=reason)

    return refuse


def test_a_refund_that_fails_later_is_credited_once(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    refund = get_transfer(refund_of(purchase))
    made = card_provider().refund(intent_of(purchase), TOTAL, refund.id)
    assert settle_refund(made, LATER) is False
    for _ in range(2):
        assert settle_refund(replace(made, failed=True), LATER) is True
    assert get_balance(f"customer/{market.customer}").balance_minor == 100_000 + TOTAL


def refused(market: Market, desk: Desk) -> tuple[Purchase, Transfer]:
    """A purchase that was charged and then refused, and its refund, which the card has not got yet."""
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    return purchase, get_transfer(refund_of(purchase))


def credited(market: Market) -> int:
    return get_balance(f"customer/{market.customer}").balance_minor - 100_000


def test_what_was_given_back_by_hand_is_neither_refunded_nor_credited(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    desk.refund_by_hand(intent_of(purchase), TOTAL)
    answer(purchase.orders[0], "refuse")
    for _ in range(2):
        assert refund_card(get_transfer(refund_of(purchase)), LATER) is True
    assert (desk.refunds(intent_of(purchase)), credited(market)) == ([TOTAL], 0)


def test_of_what_was_given_back_in_part_by_hand_the_rest_is_refunded(market: Market, desk: Desk) -> None:
    purchase, refund = refused(market, desk)
    desk.refund_by_hand(intent_of(purchase), 10_000)
    for _ in range(2):
        refund_card(refund, LATER)
    assert (sorted(desk.refunds(intent_of(purchase))), credited(market)) == ([10_000, TOTAL - 10_000], 0)


@pytest.mark.parametrize("reason", ["charge_already_refunded", "balance_insufficient", ""])
def test_a_refund_that_the_card_refuses_is_credited_less_what_was_given_back_by_hand(
    market: Market, desk: Desk, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    purchase, refund = refused(market, desk)
    with monkeypatch.context() as patch:
        patch.setattr(type(card_provider()), "refund", _refusing(reason, lambda: by_hand_now(desk, purchase)))
        refund_card(refund, LATER)
    refund_card(refund, LATER)
    assert (desk.refunds(intent_of(purchase)), credited(market)) == ([10_000], TOTAL - 10_000)


def by_hand_now(desk: Desk, purchase: Purchase) -> None:
    desk.refund_by_hand(intent_of(purchase), 10_000)


def test_a_refund_that_fails_after_it_was_replaced_by_hand_is_not_credited_as_well(market: Market, desk: Desk) -> None:
    purchase, refund = refused(market, desk)
    with_part = replace(refund, id=f"{refund.id}-part", postings=part_of(refund, 10_000))
    refund_card(with_part, LATER)
    desk.refund_by_hand(intent_of(purchase), 10_000)
    post(with_part)
    failed = CardRefund("re_1", intent_of(purchase), with_part.id, 10_000, failed=True)
    for _ in range(2):
        assert settle_refund(failed, LATER) is True
    assert credited(market) == 0


def part_of(refund: Transfer, amount_minor: int) -> tuple[Posting, ...]:
    accounts = {posting.account: posting.amount_minor for posting in refund.postings}
    return postings_of({account: amount_minor * (1 if amount > 0 else -1) for account, amount in accounts.items()})


@pytest.mark.parametrize("turn", range(3))
def test_refunds_at_once_never_give_more_than_was_paid(market: Market, desk: Desk, turn: int) -> None:
    purchase = paid(market, desk)
    desk.refund_by_hand(intent_of(purchase), 10_000)
    answer(purchase.orders[0], "refuse")
    whole = get_transfer(refund_of(purchase))
    parts = [replace(whole, id=f"{whole.id}-{n}", postings=part_of(whole, 18_000)) for n in range(2)]
    at_once(*[lambda part=part: refund_card(part, LATER) for part in parts])
    for part in parts:
        refund_card(part, LATER)
    assert (sum(desk.refunds(intent_of(purchase))), credited(market)) == (TOTAL, 0)


@pytest.mark.parametrize("state", ["open", "lost"])
def test_a_refund_that_fails_while_its_charge_is_disputed_or_lost_is_not_credited_beside_it(
    market: Market, desk: Desk, state: str
) -> None:
    purchase, refund = refused(market, desk)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=TOTAL)
    if state == "lost":
        desk.dispute(id=dispute, status="lost")
    failed = CardRefund("re_1", intent_of(purchase), refund.id, TOTAL, failed=True)
    with pytest.raises(RuleViolation):
        settle_refund(failed, LATER)
    assert credited(market) == 0
    desk.dispute(id=dispute, status="won")
    for _ in range(2):
        assert settle_refund(failed, LATER) is True
    assert credited(market) == TOTAL
