"""The card processor's report against the ledger: each thing that one has and the other lacks is named."""

from __future__ import annotations

from mart_union.checkout.card_port import Movement
from mart_union.ledger.service import Entry
from mart_union.settlement.provider_report import check_balance, check_posted, check_reported, straddling


def movement(transfer: str, amount_minor: int, kind: str = "charge") -> Movement:
    return Movement(f"txn_{transfer}", kind, amount_minor, 0, transfer)


def entry(transfer: str, amount_minor: int, kind: str = "payment") -> Entry:
    return Entry(transfer, kind, "purchase/p", "2026-11-22T04:00:00.000Z", amount_minor)


def test_movements_that_the_ledger_has_agree() -> None:
    reported = [movement("card-1", 36_000), movement("refund-1", -6_000, "refund"), movement("", -9_000, "payout")]
    assert list(check_reported(reported, {"card-1": -36_000, "refund-1": 6_000})) == []
    assert list(check_posted([entry("card-1", -36_000), entry("refund-1", 6_000, "refund")], reported)) == []


def test_a_movement_without_its_transfer_or_of_another_amount_is_named() -> None:
    reported = [movement("card-1", 36_000), movement("card-2", 36_000)]
    found = list(check_reported(reported, {"card-1": None, "card-2": -30_000}))
    assert [each.detail for each in found] == [
        "the processor moved 36000 (charge), the ledger did not",
        "the processor moved 36000, the ledger 30000",
    ]


def test_a_posting_that_the_processor_does_not_know_is_named_unless_it_was_credited_instead() -> None:
    posted = [
        entry("card-1", -36_000),
        entry("refund-1", 6_000, "refund"),
        entry("refund-failed-refund-1", -6_000, "refund_failed"),
        entry("provider-fees-2026-11-22", 100, "provider_fees"),
    ]
    [found] = check_posted(posted, [])
    assert (found.subject, found.detail) == ("transfer/card-1", "the ledger moved 36000, the processor did not")


def test_money_that_comes_back_from_a_dispute_is_its_winning_or_its_reinstatement() -> None:
    reported = [
        movement("chargeback-dp_1", -36_000, "adjustment"),
        movement("chargeback-dp_1-closed", 36_000, "adjustment"),
    ]
    opened, reinstated = entry("chargeback-dp_1", 36_000), entry("chargeback-dp_1-reinstated", -36_000)
    assert list(check_posted([opened, reinstated], reported)) == []
    assert [each.subject for each in check_posted([opened, reinstated], reported[:1])] == [
        "transfer/chargeback-dp_1-reinstated"
    ]


def test_what_stood_at_the_processor_is_what_the_ledger_says_or_is_named() -> None:
    assert list(check_balance("2026-11-22", 33_700, 33_700)) == []
    [found] = check_balance("2026-11-22", 33_700, 36_000)
    assert (found.subject, found.detail) == (
        "provider/stripe",
        "when 2026-11-22 was over 33700 stood at the processor, 36000 by the ledger",
    )


def test_what_one_side_counts_before_midnight_and_the_other_after_it_is_no_difference() -> None:
    midnight = "2026-11-22T16:00:00.000Z"
    posted_at = {
        "late": "2026-11-22T16:00:01.000Z",
        "early": "2026-11-22T15:59:59.000Z",
        "in time": "2026-11-22T15:00:00.000Z",
    }
    before = [movement("late", 36_000), movement("in time", 1_000), movement("never", 500)]
    since = [movement("early", -6_000, "refund"), movement("after", 9_000)]
    assert straddling(before, since, posted_at, midnight) == 36_000 + 6_000
