"""Disputes of card payments: opened, decided, reinstated, each once, however late, repeated or out of order the notices come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from mart_union.checkout.card_port import Dispute, card_provider
from mart_union.checkout.model import Disputed, Purchase
from mart_union.checkout.service import get_purchase
from mart_union.kernel.clock import local_date, utc_now
from mart_union.kernel.errors import NotFound
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.postings import record_postings
from mart_union.ledger.service import get_transfer
from mart_union.ledger.tables import PayableItem, payable_key
from mart_union.orders.refunding import RefundWish
from mart_union.orders.service import get_order
from mart_union.settlement.books import load_books
from mart_union.settlement.chargebacks import lost_shares, post_dispute
from mart_union.settlement.checks.disputes import check_disputes
from mart_union.settlement.provider_report import provider_differences
from mart_union.settlement.refunding import refund_order
from tests.card_desk import Desk
from tests.services.card_payments import LATER, TOTAL, amounts, answer, intent_of
from tests.services.market import Market, open_market
from tests.services.test_card_notices import notify, paid
from tests.services.test_cards_at_once import at_once

HOUR = timedelta(hours=1)


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


def test_an_open_dispute_is_borne_by_the_union_and_won_it_comes_back_once(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=TOTAL)
    for _ in range(2):
        assert post_dispute(card_provider().find_dispute(dispute), LATER) == "opened"
    assert amounts(f"chargeback-{dispute}") == {"provider/stripe": TOTAL, "union/chargebacks": -TOTAL}
    desk.dispute(id=dispute, status="won")
    for body, signed in reversed(desk.events_about(dispute)):  # the opening's notice comes last
        assert notify(body, signed)[1]["outcome"] == "won"
    assert amounts(f"chargeback-{dispute}-closed") == {"provider/stripe": -TOTAL, "union/chargebacks": TOTAL}


def test_a_lost_dispute_is_borne_by_its_stores_and_nets_against_what_they_are_owed(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk, stores=2)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=TOTAL)
    desk.dispute(id=dispute, status="lost")
    for _ in range(2):
        assert post_dispute(card_provider().find_dispute(dispute), LATER) == "lost"
    assert amounts(f"chargeback-{dispute}-closed") == {
        "union/chargebacks": TOTAL,
        f"store/{market.store}": -TOTAL // 2,
        f"store/{market.other_store}": -TOTAL // 2,
    }
    owed = [payable_of(f"chargeback-{dispute}-closed", order) for order in purchase.orders]
    assert [(each.kind, each.amount_minor) for each in owed] == [("chargeback", -TOTAL // 2)] * 2
    told = get_purchase(purchase.id).for_customer().card
    assert told is not None
    assert told.disputes == {dispute: Disputed(TOTAL, "lost")}


def payable_of(transfer: str, order: str) -> Any:
    from mart_union.kernel.ids import derived_id

    return PayableItem.get(*payable_key(derived_id("chargeback", transfer, order))).document


def lose(desk: Desk, purchase: Purchase, amount: int) -> str:
    """The customer's bank takes an amount back for good; the transfer that decides it."""
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=amount)
    desk.dispute(id=dispute, status="lost")
    assert post_dispute(card_provider().find_dispute(dispute), LATER) == "lost"
    return f"chargeback-{dispute}-closed"


def bearers(purchase: Purchase) -> list[dict[str, int]]:
    """What each order's store and the union bear of each dispute, as the purchase says."""
    card = get_purchase(purchase.id).card
    assert card is not None
    return [dispute.bears for dispute in card.disputes.values()]


def give_back(market: Market, purchase: Purchase, amount: int) -> None:
    wishes = [RefundWish(1, amount_minor=amount)]
    order = purchase.orders[0]
    refund_order(order, wishes, store=market.store, reason="r", actor="staff", key="refund-0001", now=LATER)


def test_a_lost_dispute_falls_on_what_is_left_of_each_order_and_the_rest_on_the_union(
    market: Market, desk: Desk
) -> None:
    purchase = paid(market, desk, stores=2)
    give_back(market, purchase, 27_000)
    decided = lose(desk, purchase, 2 * TOTAL)
    left = TOTAL - 27_000
    assert amounts(decided) == {
        "union/chargebacks": left + TOTAL,
        f"store/{market.store}": -left,
        f"store/{market.other_store}": -TOTAL,
    }
    assert [payable_of(decided, order).amount_minor for order in purchase.orders] == [-left, -TOTAL]


def test_a_store_that_gave_all_back_bears_nothing_of_a_lost_dispute(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    answer(purchase.orders[0], "refuse")
    decided = lose(desk, purchase, TOTAL)
    with pytest.raises(NotFound):  # the union bears it already
        get_transfer(decided)
    assert bearers(purchase) == [{"union": TOTAL}]


@pytest.mark.parametrize(
    ("disputed", "refunded", "borne"),
    [
        (72_000, (0, 0), (36_000, 36_000)),
        (72_000, (36_000, 0), (0, 36_000)),
        (72_000, (36_000, 36_000), (0, 0)),
        (10_000, (0, 0), (5_000, 5_000)),
        (10_000, (27_000, 0), (2_000, 8_000)),
        (90_000, (0, 0), (36_000, 36_000)),
        (300, (35_900, 0), (0, 300)),
    ],
)
def test_stores_bear_what_is_left_in_steps_and_together_never_more_than_the_dispute(
    disputed: int, refunded: Sequence[int], borne: Sequence[int]
) -> None:
    left = {f"order-{number}": TOTAL - amount for number, amount in enumerate(refunded)}
    assert tuple(lost_shares(disputed, left, 100).values()) == tuple(borne)


def test_a_refund_and_the_loss_of_the_dispute_at_once_are_split_as_if_one_came_first(
    market: Market, desk: Desk
) -> None:
    purchase = paid(market, desk)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=TOTAL)
    desk.dispute(id=dispute, status="lost")
    lost = card_provider().find_dispute(dispute)
    at_once(lambda: post_dispute(lost, LATER), lambda: give_back(market, purchase, 20_000))
    post_dispute(lost, LATER)
    borne = -amounts(f"chargeback-{dispute}-closed").get(f"store/{market.store}", 0)
    assert (borne, get_order(purchase.orders[0]).refunded_minor) in {(TOTAL, 20_000), (TOTAL - 20_000, 20_000)}


def test_a_lost_dispute_that_is_won_after_all_gives_every_store_back_what_it_bore_once(
    market: Market, desk: Desk
) -> None:
    purchase = paid(market, desk, stores=2)
    give_back(market, purchase, 27_000)
    decided = lose(desk, purchase, 2 * TOTAL)
    dispute = decided.removeprefix("chargeback-").removesuffix("-closed")
    desk.dispute(id=dispute, status="won")
    for body, signed in [*desk.events_about(dispute), *reversed(desk.events_about(dispute))]:
        assert notify(body, signed)[1]["outcome"] == "won"
    reinstated = f"chargeback-{dispute}-reinstated"
    left = TOTAL - 27_000
    assert amounts(reinstated) == {
        "provider/stripe": -2 * TOTAL,
        "union/chargebacks": 2 * TOTAL - left - TOTAL,
        f"store/{market.store}": left,
        f"store/{market.other_store}": TOTAL,
    }
    assert [payable_of(reinstated, order).amount_minor for order in purchase.orders] == [left, TOTAL]
    sums: dict[str, int] = {}
    for name in (f"chargeback-{dispute}", decided, reinstated):
        for account, amount in amounts(name).items():
            sums[account] = sums.get(account, 0) + amount
    assert set(sums.values()) == {0}


def test_a_notice_of_the_loss_that_is_read_late_changes_nothing_of_a_reinstatement(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=TOTAL)
    states = {state: Dispute(dispute, intent_of(purchase), TOTAL, state) for state in ("open", "lost", "won")}
    for state in ("lost", "won", "lost", "open", "won", "lost"):
        post_dispute(states[state], LATER)
    assert amounts(f"chargeback-{dispute}-closed") == {f"store/{market.store}": -TOTAL, "union/chargebacks": TOTAL}
    assert amounts(f"chargeback-{dispute}-reinstated") == {f"store/{market.store}": TOTAL, "provider/stripe": -TOTAL}


def test_winning_and_losing_told_at_once_are_posted_as_if_one_came_first(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=TOTAL)
    lost, won = (Dispute(dispute, intent_of(purchase), TOTAL, state) for state in ("lost", "won"))
    at_once(*[lambda: post_dispute(lost, LATER), lambda: post_dispute(won, LATER)] * 2)
    post_dispute(won, LATER)
    names = [f"chargeback-{dispute}", f"chargeback-{dispute}-closed"]
    if f"store/{market.store}" in amounts(names[1]):
        names.append(f"chargeback-{dispute}-reinstated")
    assert sum(amounts(name).get("provider/stripe", 0) for name in names) == 0
    assert sum(amounts(name).get(f"store/{market.store}", 0) for name in names) == 0


@pytest.mark.parametrize("is_late", [False, True])
def test_of_a_dispute_that_was_won_in_part_the_stores_bear_the_rest_and_the_processors_report_agrees(
    market: Market, desk: Desk, is_late: bool
) -> None:
    now = utc_now()
    purchase = paid(market, desk, stores=2)
    dispute = desk.dispute(payment_intent=intent_of(purchase), amount=2 * TOTAL)
    told = [card_provider().find_dispute(dispute)]
    if is_late:
        desk.dispute(id=dispute, status="lost")
        told.append(card_provider().find_dispute(dispute))
    desk.dispute(id=dispute, status="lost", returned=20_000)
    told.append(card_provider().find_dispute(dispute))
    for each in [*told, *told]:
        post_dispute(each, now)
    lost = 2 * TOTAL - 20_000
    [borne] = bearers(purchase)
    assert {who: much for who, much in borne.items() if much} == dict.fromkeys(purchase.orders, lost // 2)
    names = [f"chargeback-{dispute}", f"chargeback-{dispute}-closed", *([f"chargeback-{dispute}-returned"] * is_late)]
    sums: Counter[str] = Counter()
    for name in names:
        sums.update(amounts(name))
    stores = (market.store, market.other_store)
    assert {account: amount for account, amount in sums.items() if amount} == {
        "provider/stripe": lost,
        **{f"store/{store}": -lost // 2 for store in stores},
    }
    payables = [each for each in whole_ledger().payables if each.order in purchase.orders]
    assert sum(each.amount_minor for each in payables) == -lost
    record_postings([get_transfer(name) for name in names])
    reported = [each for each in card_provider().movements(now - HOUR, now + HOUR) if dispute in each.transfer]
    assert [each.amount_minor for each in reported] == [-2 * TOTAL, 20_000]
    differences = provider_differences(local_date(now, "Asia/Taipei").isoformat())
    subjects = {f"provider/stripe/{each.id}" for each in reported} | {f"transfer/{name}" for name in names}
    assert [each for each in differences if each.subject in subjects] == []
    assert not [each for each in check_disputes(load_books()) if each.subject.endswith((purchase.id, *names))]


def test_what_was_won_in_part_and_then_as_a_whole_leaves_nobody_anything_to_bear(market: Market, desk: Desk) -> None:
    purchase = paid(market, desk)
    intent, names = intent_of(purchase), ("dp", "dp-closed", "dp-returned", "dp-reinstated")
    dispute = f"dp_{purchase.id}"
    for state, back in (("open", 0), ("lost", 0), ("lost", 10_000), ("won", TOTAL), ("lost", 10_000)):
        post_dispute(Dispute(dispute, intent, TOTAL, state, back), LATER)
    sums: Counter[str] = Counter()
    for name in names:
        sums.update(amounts(name.replace("dp", f"chargeback-{dispute}")))
    assert set(sums.values()) == {0}
    assert bearers(purchase) == [{}]
    assert not [each for each in check_disputes(load_books()) if purchase.id in each.subject]
