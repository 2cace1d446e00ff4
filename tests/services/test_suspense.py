"""Money under an unknown reference on real tables: kept, listed, assigned once or sent back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from msgspec.structs import replace

from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.customers.model import Destination, DestinationFields
from mart_union.customers.service import find_destinations, save_profile
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    AmountOutOfRange,
    Conflict,
    InsufficientFunds,
    Invalid,
    KeyReused,
    NotFound,
    RuleViolation,
)
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import Currency
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import BankFile, PayoutTerms, Posting, Suspended
from mart_union.ledger.payouts import find_payouts, get_payout, list_ready
from mart_union.ledger.service import get_balance, get_transfer, post
from mart_union.ledger.suspense import get_suspended, list_suspended
from mart_union.settlement.bank_formats import Paid, unfit
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.suspense import check_suspense
from mart_union.settlement.payouts import return_payout, send_payouts
from mart_union.settlement.suspense import Assignment, decide_suspended, undo_assignment
from payments.webhooks import TransferReceived, record
from tests.services.buckets import own_bucket
from tests.services.cutting import CutOff, cut_off
from tests.services.market import NOW, Market, open_market
from tests.services.settling import settled_differences

SENDER = DestinationFields("Wang Xiaoming", "000999888777", "822")


@pytest.fixture(scope="module", autouse=True)
def bucket(tables: None) -> Iterator[None]:
    """Afterwards what stands in suspense is what waits, and payouts agree."""
    with own_bucket():
        yield
        assert list(check_suspense(Books(whole_ledger()))) == []
        assert settled_differences() == []


def name_of(notice: str, returned: int = 0) -> str:
    return derived_id("suspense", notice, str(returned))


def back_id(notice: str, returned: int = 0) -> str:
    return derived_id("back", name_of(notice, returned))


def waiting() -> list[Suspended]:
    found, cursor = [], ""
    while True:
        page = list_suspended(cursor)
        found += page.items
        cursor = page.next
        if not cursor:
            return found


def receive(unique: str, reference: str = "invoice 17, Wang", amount_minor: int = 50_000) -> str:
    return record(TransferReceived(f"n-{unique}", "TWD", amount_minor, reference), NOW)


def assign(unique: str, reference: str, actor: str = "operator") -> Suspended:
    return decide_suspended(f"n-{unique}", Assignment(reference), actor, NOW)


def customer(unique: str) -> str:
    save_profile(unique, name="王小明", email="wang@example.com", language="en", now=NOW)
    return f"customer/{unique}"


@pytest.mark.parametrize("reference", ["", "Wang", "customer/nobody", "deposit/no-store", "purchase/none", "x" * 300])
def test_money_under_an_unknown_reference_is_kept_and_listed_with_it(unique: str, reference: str) -> None:
    notice = f"n-{unique}"
    assert [receive(unique, reference), receive(unique, reference)] == ["suspended", "suspended"]
    transfer = get_transfer(f"bank-{notice}")
    assert (transfer.kind, transfer.reference) == ("suspense", f"suspense/{notice}")
    assert set(transfer.postings) == {Posting("bank/suspense", 50_000), Posting("provider/bank", -50_000)}
    [kept] = [each for each in waiting() if each.id == notice]
    assert (kept.amount_minor, kept.reference) == (50_000, reference[:140])
    with pytest.raises(KeyReused):
        receive(unique, reference, 60_000)


def test_kept_money_stays_kept_though_its_reference_comes_to_mean_something(unique: str) -> None:
    assert receive(unique, f"customer/{unique}") == "suspended"
    account = customer(unique)
    assert receive(unique, f"customer/{unique}") == "suspended"
    assert get_balance(account).balance_minor == 0


def test_what_is_assigned_to_an_account_is_there_once_whoever_says_it_how_often(unique: str) -> None:
    account = customer(unique)
    receive(unique)
    with ThreadPoolExecutor(4) as threads:
        decided = list(threads.map(lambda _: assign(unique, account), range(4)))
    assert {(each.state, each.decision) for each in decided} == {("assigned", account)}
    assert get_balance(account).balance_minor == 50_000
    assert f"n-{unique}" not in {each.id for each in waiting()}
    with pytest.raises(Conflict, match="decided on before"):
        decide_suspended(f"n-{unique}", Assignment(sender=SENDER), "operator", NOW)


def test_of_two_decisions_at_once_one_holds(unique: str) -> None:
    accounts = [customer(f"{unique}{number}") for number in range(4)]
    receive(unique)

    def decide(account: str) -> str:
        try:
            return assign(unique, account).decision
        except Conflict:
            return ""

    with ThreadPoolExecutor(4) as threads:
        won = [each for each in threads.map(decide, accounts) if each]
    assert len(won) == 1
    assert [get_balance(account).balance_minor for account in accounts if account == won[0]] == [50_000]
    assert sum(get_balance(account).balance_minor for account in accounts) == 50_000


def awaited(market: Market) -> Purchase:
    """A purchase that waits for the bank's money."""
    return place_purchase(
        market.customer,
        [Wanted(market.store, "TEA", 1)],
        recipient=market.recipient,
        total_seen=36_000,
        method="bank_transfer",
        key="key-00000001",
        now=NOW,
    )


def test_what_is_assigned_to_a_purchase_pays_it(unique: str) -> None:
    market = open_market(unique)
    purchase = awaited(market)
    receive(unique, "tea", 36_000)
    assign(unique, f"purchase/{purchase.id}")
    assert get_purchase(purchase.id).payment == "paid"
    paid = get_transfer(f"assigned-{name_of(f'n-{unique}')}")
    assert set(paid.postings) == {Posting("bank/suspense", -36_000), Posting(f"order/{purchase.orders[0]}", 36_000)}
    with pytest.raises(RuleViolation):
        undo_assignment(f"n-{unique}", "another purchase", NOW)


@pytest.mark.parametrize("reference", ["customer/nobody", "purchase/none", "store/x", "deposit/"])
def test_an_assignment_to_nobody_is_refused_and_the_money_waits_for_another(unique: str, reference: str) -> None:
    receive(unique)
    with pytest.raises(NotFound):
        assign(unique, reference)
    kept = get_suspended(f"n-{unique}")
    assert (kept.state, kept.decision) == ("waiting", "")
    assert assign(unique, customer(unique)).state == "assigned"


def test_an_assignment_says_one_thing(unique: str) -> None:
    receive(unique)
    for wish in (Assignment(), Assignment("customer/a", SENDER)):
        with pytest.raises(Invalid):
            decide_suspended(f"n-{unique}", wish, "operator", NOW)
    with pytest.raises(Invalid):
        decide_suspended(f"n-{unique}", Assignment(sender=DestinationFields("", "1", "")), "operator", NOW)
    with pytest.raises(NotFound):
        decide_suspended(f"n-{unique}-none", Assignment("customer/a"), "operator", NOW)
    assert get_suspended(f"n-{unique}").decision == ""


def test_what_is_sent_back_goes_with_a_bank_file_and_waits_again_if_the_bank_returns_it(unique: str) -> None:
    notice = f"n-{unique}"
    receive(unique)
    assert decide_suspended(notice, Assignment(sender=SENDER), "operator", NOW).state == "sent_back"
    assert set(get_transfer(back_id(notice)).postings) == {
        Posting("bank/suspense", -50_000),
        Posting("bank/out", 50_000),
    }
    send_payouts(NOW)
    assert get_payout(back_id(notice)).state == "sent"
    return_payout(back_id(notice), notice=f"r-{unique}", amount_minor=50_000, reason="AC04", now=NOW)
    kept = get_suspended(notice)
    assert (kept.state, kept.decision, kept.reason) == ("waiting", "", "AC04")
    other = DestinationFields("Wang Xiaoming", "111222333444", "822")
    assert decide_suspended(notice, Assignment(sender=other), "operator", NOW).state == "sent_back"
    send_payouts(NOW)
    assert get_payout(back_id(notice, 1)).state == "sent"


def test_an_assignment_to_the_wrong_account_is_undone_by_a_reversal_while_the_money_is_there(unique: str) -> None:
    wrong, right = customer(f"{unique}a"), customer(f"{unique}b")
    receive(unique)
    assign(unique, wrong)
    with pytest.raises(Invalid):
        undo_assignment(f"n-{unique}", " ", NOW)
    undone = [undo_assignment(f"n-{unique}", "the other Wang", NOW) for _ in range(2)]
    assert {(each.state, each.reason) for each in undone} == {("waiting", "the other Wang")}
    assert get_balance(wrong).balance_minor == 0
    assign(unique, right)
    assert get_balance(right).balance_minor == 50_000
    spent = get_transfer(f"assigned-{name_of(f'n-{unique}', 1)}")
    post(type(spent)(f"spend-{unique}", "test", "TWD", (Posting(right, -1), Posting("order/x", 1)), "x", iso(NOW)))
    with pytest.raises(InsufficientFunds):
        undo_assignment(f"n-{unique}", "again", NOW)
    assert get_suspended(f"n-{unique}").state == "assigned"
    post(type(spent)(f"unspend-{unique}", "test", "TWD", (Posting(right, 1), Posting("order/x", -1)), "x", iso(NOW)))


def test_notices_of_the_bank_that_look_like_one_that_waited_before_are_money_of_their_own(unique: str) -> None:
    one, other = customer(f"{unique}a"), customer(f"{unique}b")
    for name in (unique, f"{unique}.1"):
        receive(name)
    assign(unique, one)
    undo_assignment(f"n-{unique}", "the other Wang", NOW)
    assign(unique, one)
    assign(f"{unique}.1", other)
    assert [get_suspended(f"n-{name}").state for name in (unique, f"{unique}.1")] == ["assigned"] * 2
    assert [get_balance(account).balance_minor for account in (one, other)] == [50_000, 50_000]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_decision_cut_off_at_any_request_and_repeated_is_made_once(unique: str, when: str) -> None:
    for number in range(40):
        name = f"{unique}{number}"
        account = customer(name)
        receive(name)
        back = f"{name}b"
        receive(back)
        try:
            with cut_off(number, when):
                assign(name, account)
                decide_suspended(f"n-{back}", Assignment(sender=SENDER), "operator", NOW)
                undo_assignment(f"n-{name}", "a mistake", NOW)
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        assign(name, account) if get_suspended(f"n-{name}").returned == 0 else None
        undo_assignment(f"n-{name}", "a mistake", NOW)
        decide_suspended(f"n-{back}", Assignment(sender=SENDER), "operator", NOW)
        assert get_balance(account).balance_minor == 0
        assert get_suspended(f"n-{name}").is_open
        assert get_payout(back_id(f"n-{back}")).amount_minor == 50_000
        if not was_cut_off:
            break
    assert number > 10
    assert not was_cut_off


OTHER_SENDER = DestinationFields("Wang Xiaoming", "111222333444", "822")


@pytest.mark.parametrize("when", ["before", "after"])
def test_money_sent_back_and_cut_off_is_not_sent_or_assigned_again_by_a_corrected_decision(
    unique: str, when: str
) -> None:
    for number in range(20):
        notice = f"n-{unique}{number}"
        receive(f"{unique}{number}")
        account = customer(f"{unique}{number}")
        was_cut_off = False
        try:
            with cut_off(number, when):
                decide_suspended(notice, Assignment(sender=SENDER), "operator", NOW)
        except CutOff:
            was_cut_off = True
        for wish in (Assignment(sender=OTHER_SENDER), Assignment(account)):
            with suppress(Conflict):
                decide_suspended(notice, wish, "another", NOW)
        paid_out = [each.amount_minor for each in find_payouts([back_id(notice)]).values()]
        assert sum(paid_out) + get_balance(account).balance_minor == 50_000
        if not was_cut_off:
            break
    assert number > 1
    assert not was_cut_off


def test_two_operators_who_send_back_to_different_accounts_do_not_agree(unique: str) -> None:
    receive(unique)
    first = decide_suspended(f"n-{unique}", Assignment(sender=SENDER), "operator", NOW)
    assert decide_suspended(f"n-{unique}", Assignment(sender=SENDER), "another", NOW) == first
    with pytest.raises(Conflict, match="decided on before"):
        decide_suspended(f"n-{unique}", Assignment(sender=OTHER_SENDER), "another", NOW)
    assert SENDER.account not in first.decision


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_account_that_nothing_was_sent_to_does_not_stay_for_ever(unique: str, when: str) -> None:
    receive(unique)
    with pytest.raises(CutOff), cut_off(1 if when == "before" else 0, when):
        decide_suspended(f"n-{unique}", Assignment(sender=SENDER), "operator", NOW)
    assert get_suspended(f"n-{unique}").is_open
    assert decide_suspended(f"n-{unique}", Assignment(sender=OTHER_SENDER), "operator", NOW).state == "sent_back"
    [sent] = [each for each in list_ready() if each.id == back_id(f"n-{unique}")]
    [destination] = find_destinations([(sent.party, sent.destination)])
    assert destination.fields == OTHER_SENDER


def test_of_two_senders_and_an_account_at_once_one_gets_the_money(unique: str) -> None:
    account = customer(unique)
    receive(unique)
    wishes = [Assignment(sender=SENDER), Assignment(sender=OTHER_SENDER), Assignment(account), Assignment(account)]

    def decide(wish: Assignment) -> str:
        try:
            return decide_suspended(f"n-{unique}", wish, "operator", NOW).decision
        except Conflict:
            return ""

    with ThreadPoolExecutor(4) as threads:
        won = {each for each in threads.map(decide, wishes) if each}
    assert len(won) == 1
    paid_out = [each.amount_minor for each in find_payouts([back_id(f"n-{unique}")]).values()]
    assert sum(paid_out) + get_balance(account).balance_minor == 50_000


def test_a_payout_of_the_longest_notice_fits_the_banks_format(unique: str) -> None:
    notice = f"n-{unique}".ljust(64, "x")
    record(TransferReceived(notice, "TWD", 50_000, "who knows"), NOW)
    decide_suspended(notice, Assignment(sender=SENDER), "operator", NOW)
    [payout] = [each for each in list_ready() if each.reference == f"suspense/{notice}"]
    iban = Destination("d", payout.party, "Wang Xiaoming", "DE89370400440532013000", "", "verified", "o", iso(NOW))
    terms = PayoutTerms(holder="Union", account="DE89370400440532013000")
    file = BankFile("2026-11-02.001", "2026-11-02", "collecting", iso(NOW), terms)
    paid = [Paid(replace(payout, currency="EUR"), iban)]
    assert unfit(file, paid, Currency("EUR", 1)) == []


def test_money_that_is_not_in_whole_steps_is_kept_and_assigned_to_the_last_unit(unique: str) -> None:
    account = customer(unique)
    assert receive(unique, account, 95_050) == "suspended"
    assert receive(unique, account, 95_050) == "suspended"
    assert assign(unique, account).state == "assigned"
    assert get_balance(account).balance_minor == 95_050
    undo_assignment(f"n-{unique}", "a mistake", NOW)
    assert get_balance(account).balance_minor == 0


def test_money_beside_a_purchases_price_is_credited_to_its_customer_to_the_last_unit(unique: str) -> None:
    market = open_market(unique)
    purchase = awaited(market)
    before = get_balance(f"customer/{market.customer}").balance_minor
    assert receive(unique, f"purchase/{purchase.id}", 36_050) == "suspended"
    assign(unique, f"purchase/{purchase.id}")
    assert get_purchase(purchase.id).payment == "pending"
    assert get_balance(f"customer/{market.customer}").balance_minor == before + 36_050


@pytest.mark.parametrize("amount_minor", [0, -100, 2**53])
def test_what_is_no_amount_of_money_is_refused(unique: str, amount_minor: int) -> None:
    with pytest.raises(AmountOutOfRange):
        receive(unique, "who knows", amount_minor)
    with pytest.raises(NotFound):
        get_suspended(f"n-{unique}")
