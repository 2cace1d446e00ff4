"""What stands at the card processor, and what it pays out to the union's bank: from its own report, by the daily check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import Movement
from mart_union.kernel.clock import iso, local_date, utc_now
from mart_union.kernel.errors import KeyReused
from mart_union.ledger.postings import record_postings
from mart_union.ledger.service import get_transfer
from mart_union.settlement.provider_days import reported_differences
from mart_union.settlement.provider_report import post_payouts, provider_differences
from tests.card_desk import Desk, open_desk
from tests.services.card_payments import amounts, answer, buy, intent_of
from tests.services.market import Market, open_market

ZONE = "Asia/Taipei"
DETAIL = re.compile(r"when .* was over (-?\d+) stood at the processor, (-?\d+) by the ledger")


@pytest.fixture(scope="module")
def open_card_desk() -> Iterator[Desk]:
    """A processor of its own: what it moves in another currency would stand in everybody's report."""
    with open_desk() as desk:
        yield desk


@pytest.fixture
def market(unique: str, desk: Desk) -> Market:
    return open_market(unique, money=100_000)


def missing() -> int:
    """By how much what stands at the processor today is more than what the ledger says."""
    found = [DETAIL.match(each.detail) for each in provider_differences(local_date(utc_now(), ZONE).isoformat())]
    said = [(int(each[1]), int(each[2])) for each in found if each]
    return said[0][0] - said[0][1] if said else 0


def test_what_stands_at_the_processor_is_compared_with_the_ledger(market: Market, desk: Desk) -> None:
    before = missing()
    purchase = buy(market, desk.card())
    answer(purchase.orders[0], "accept")
    capture_purchase(purchase.id, utc_now())
    record_postings([get_transfer(f"card-{intent_of(purchase)}")])
    assert missing() == before
    desk.refund_by_hand(intent_of(purchase), 900)
    assert missing() == before - 900


def test_a_payout_to_the_unions_bank_is_posted_once_and_leaves_the_balance_agreeing(market: Market, desk: Desk) -> None:
    before = missing()
    payout = desk.pay_out(20_000)
    for _ in range(2):
        assert missing() == before
    posted = get_transfer(f"bank-{payout}")
    assert (posted.kind, amounts(posted.id)) == (
        "provider_payout",
        {"provider/stripe": 20_000, "provider/bank": -20_000},
    )
    desk.fail_payout(payout)
    assert missing() == before
    assert amounts(f"bank-{payout}-returned") == {"provider/stripe": -20_000, "provider/bank": 20_000}
    day = local_date(utc_now(), ZONE).isoformat()
    assert [each for each in provider_differences(day) if payout in each.subject + each.detail] == []


def test_a_payout_of_another_amount_under_its_id_is_refused(unique: str, desk: Desk) -> None:
    at = iso(utc_now())
    post_payouts([Movement("txn_1", "payout", -20_000, 0, f"bank-po_{unique}", at)])
    with pytest.raises(KeyReused):
        post_payouts([Movement("txn_1", "payout", -30_000, 0, f"bank-po_{unique}", at)])
    assert amounts(f"bank-po_{unique}") == {"provider/stripe": 20_000, "provider/bank": -20_000}


def test_a_movement_in_another_currency_is_named_and_the_rest_is_compared(market: Market, desk: Desk) -> None:
    before = missing()
    payout = desk.pay_out(1, "usd")
    try:
        desk.pay_out(20_000)
        assert missing() == before
        [found] = [
            each
            for each in reported_differences(local_date(utc_now(), ZONE), utc_now() + timedelta(days=2))
            if "USD" in each.detail
        ]
        assert found.subject.startswith("provider/stripe/")
        assert found.detail == "the processor moved -1 of USD (payout); this union's money is TWD"
    finally:
        desk.forget_payout(payout)
