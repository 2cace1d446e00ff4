"""Payouts on real tables: to verified accounts only, in one bank file each, returned once; and what the bank reports."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from mart_union.customers.destinations import decide_destination, get_destination, list_waiting, set_destination
from mart_union.customers.model import DestinationFields
from mart_union.customers.tables import DestinationItem
from mart_union.customers.withdrawals import withdraw
from mart_union.kernel.bucket import get_object
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    Conflict,
    InsufficientFunds,
    Invalid,
    KeyReused,
    NotChargeable,
    NotFound,
    RuleViolation,
)
from mart_union.kernel.money import Currency
from mart_union.ledger.bank_files import begin_bank_file, collect, get_bank_file, get_terms, pages_of
from mart_union.ledger.census import Ledger, whole_ledger
from mart_union.ledger.model import BankFile, Payout, PayoutTerms, ReportEntry, Transfer
from mart_union.ledger.payouts import get_payout, pay_out
from mart_union.ledger.service import get_balance
from mart_union.settlement.bank_formats import Paid, write_bank_file
from mart_union.settlement.books import keep_bank_report
from mart_union.settlement.channels import BankFiles, StripeTransfers
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.reports import check_reports
from mart_union.settlement.payouts import return_payout, send_payouts
from mart_union.settlement.statements import list_statements
from tests.services.buckets import own_bucket
from tests.services.cutting import CutOff, cut_off
from tests.services.market import give_money
from tests.services.settling import settle_day, settled_differences, verify_account
from tests.services.test_settlement import owe

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def bucket(tables: None) -> Iterator[None]:
    """A bucket; afterwards payouts, files, statements and transfers agree."""
    with own_bucket():
        yield
        assert settled_differences() == []


def take_out(unique: str, amount_minor: int, key: str = "w") -> Transfer:
    account = f"customer/{unique}"
    return withdraw(
        account, account, amount_minor, payout=f"{key}-{unique}", kind="withdrawal", reference=account, now=NOW
    )


def rows_of(file: BankFile) -> dict[str, dict[str, str]]:
    return {row["payout"]: row for row in csv.DictReader(io.StringIO(get_object(file.key)))}


def test_without_a_verified_account_a_withdrawal_is_refused_and_nothing_moves(unique: str) -> None:
    party = f"customer/{unique}"
    give_money(party, 10_000)
    with pytest.raises(RuleViolation, match="no verified bank account"):
        take_out(unique, 5_000)
    made = set_destination(party, DestinationFields("Lin", "0001234567", "822"), unique, NOW)
    with pytest.raises(RuleViolation, match="no verified bank account"):
        take_out(unique, 5_000)
    decide_destination(party, made.id, False, "operator", NOW)
    with pytest.raises(RuleViolation, match="no verified bank account"):
        take_out(unique, 5_000)
    assert get_balance(party).balance_minor == 10_000
    with pytest.raises(NotFound):
        get_payout(f"w-{unique}")


def test_a_withdrawal_is_a_line_of_the_next_bank_file_with_the_account_that_was_verified(unique: str) -> None:
    party = f"customer/{unique}"
    give_money(party, 10_000)
    destination = verify_account(party, NOW, "0001234567")
    first = take_out(unique, 5_050 - 50)
    assert take_out(unique, 5_000) == first
    with pytest.raises(KeyReused):
        take_out(unique, 4_000)
    with pytest.raises(InsufficientFunds):
        take_out(unique, 6_000, "w2")
    assert (get_payout(first.id).state, get_payout(first.id).destination) == ("ready", destination)
    set_destination(party, DestinationFields("Lin", "999999999", "822"), unique, NOW)
    assert take_out(unique, 5_000) == first  # the repeat still gives the first answer
    [file] = send_payouts(NOW)
    assert rows_of(file)[first.id] == {
        "payout": first.id,
        "party": party,
        "holder": f"Holder of {party}",
        "account": "0001234567",
        "bank": "822",
        "reference": party,
        "currency": "TWD",
        "amount": "50.00",
    }
    assert get_payout(first.id).state == "sent"
    assert send_payouts(NOW) == []


def test_a_change_of_the_account_is_verified_anew_and_the_old_decision_does_not_hold_for_it(unique: str) -> None:
    party = f"store/{unique}"
    old = set_destination(party, DestinationFields("Shop", "11112222", "004"), "owner", NOW)
    new = set_destination(party, DestinationFields("Shop", "33334444", "004"), "owner", NOW)
    assert set_destination(party, DestinationFields(" Shop", "3333-4444", "004"), "owner", NOW) == new
    with pytest.raises(Conflict):
        decide_destination(party, old.id, True, "operator", NOW)
    with pytest.raises(RuleViolation):
        decide_destination(party, new.id, True, "owner", NOW)
    assert party in {each.party for each in list_waiting().items}
    assert decide_destination(party, new.id, True, "operator", NOW).state == "verified"
    assert decide_destination(party, new.id, True, "operator", NOW).state == "verified"
    assert party not in {each.party for each in list_waiting().items}
    with pytest.raises(Conflict):
        decide_destination(party, new.id, False, "operator", NOW)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (DestinationFields("", "0001234567", "822"), ["holder"]),
        (DestinationFields("Lin", "12", "822"), ["account"]),
        (DestinationFields("Lin", "=HYPERLINK", "822"), ["account"]),
        (DestinationFields("Lin", "0001234567"), ["bank"]),
    ],
)
def test_an_account_that_no_money_can_be_sent_to_is_refused(
    unique: str, fields: DestinationFields, wrong: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        set_destination(f"store/{unique}", fields, "owner", NOW)
    assert [each["field"] for each in refused.value.facts["errors"]] == wrong  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        get_destination(f"store/{unique}")


def test_a_returned_withdrawal_is_credited_again_once_and_its_account_is_paid_no_more(unique: str) -> None:
    party = f"customer/{unique}"
    give_money(party, 10_000)
    verify_account(party, NOW)
    payout = take_out(unique, 5_000).id
    back = {"notice": f"n-{unique}", "amount_minor": 5_000, "reason": "AC04", "now": NOW}
    with pytest.raises(Conflict, match="has not been given it"):
        return_payout(payout, **back)  # type: ignore[arg-type]
    send_payouts(NOW)
    with pytest.raises(RuleViolation):
        return_payout(payout, **back | {"amount_minor": 4_000})  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        return_payout(payout, **back | {"reason": "Mr Lin has moved"})  # type: ignore[arg-type]
    assert get_balance(party).balance_minor == 5_000
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda _: return_payout(payout, **back), range(4)))  # type: ignore[arg-type]
    assert {each.state for each in told} == {"returned"}
    with pytest.raises(RuleViolation, match="returned before"):
        return_payout(payout, **back | {"notice": "another"})  # type: ignore[arg-type]
    assert get_balance(party).balance_minor == 10_000
    assert get_destination(party).state == "failed"
    with pytest.raises(RuleViolation, match="no verified bank account"):
        take_out(unique, 5_000, "w2")


def test_a_returned_statement_is_owed_again_and_paid_to_the_next_verified_account(unique: str) -> None:
    party, today = f"store/{unique}", "2026-11-22"
    owe(party, "2026-11-20", 27_000)
    settle_day("2026-11-20", NOW, unique)
    [paid] = list_statements(party)
    assert paid.state == "paid"
    return_payout(paid.payout, notice=f"n-{unique}", amount_minor=27_000, reason="AC01", now=NOW)
    assert list_statements(party)[0].state == "returned"
    from mart_union.ledger.due import mark_due

    mark_due([each for each in whole_ledger().payables if each.party == party], NOW)
    [carried] = settle_day(today, NOW, unique)
    assert (carried.total_minor, carried.state, carried.reason) == (27_000, "carried", "no_destination")
    verify_account(party, NOW, "55556666")
    [again] = settle_day(today, NOW, unique)
    assert (again.total_minor, again.state) == (27_000, "ready")
    assert get_payout(again.payout).state == "sent"
    postings = [p.amount_minor for t in whole_ledger().transfers for p in t.postings if p.account == party]
    assert sum(postings) == -27_000  # what the test owed was never posted; paid out, returned, paid out


@pytest.mark.parametrize("when", ["before", "after"])
def test_sending_that_is_cut_off_at_any_request_is_finished_by_the_next_with_the_same_file(
    unique: str, when: str
) -> None:
    send_payouts(NOW)
    for number in range(60):
        party = f"customer/{unique}{number}"
        give_money(party, 10_000)
        verify_account(party, NOW)
        payout = take_out(f"{unique}{number}", 5_000).id
        try:
            with cut_off(number, when):
                send_payouts(NOW)
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        send_payouts(NOW)
        made = get_payout(payout)
        assert (made.state, rows_of(get_bank_file(made.file))[payout]["amount"]) == ("sent", "50.00")
        if not was_cut_off:
            break
    assert number > 8
    assert not was_cut_off


class Unreachable(BankFiles):
    """A bucket that takes no file."""

    def deliver(self, file: BankFile, paid: object) -> None:
        raise CutOff


def test_a_file_cut_off_behind_one_of_the_next_day_is_finished_and_both_days_count_their_own(unique: str) -> None:
    party, tomorrow = f"customer/{unique}", NOW + timedelta(days=1)
    give_money(party, 10_000)
    verify_account(party, NOW)
    send_payouts(NOW)
    take_out(unique, 5_000, "tomorrow")
    [after_midnight] = send_payouts(tomorrow)
    take_out(unique, 1_000, "late")
    with pytest.raises(CutOff):
        send_payouts(NOW, Unreachable())
    left = get_payout(f"late-{unique}").file
    assert [file.id for file in send_payouts(tomorrow)] == [left]
    assert (left[:10], after_midnight.day, get_payout(f"late-{unique}").state) == ("2026-11-22", "2026-11-23", "sent")
    take_out(unique, 2_000, "again")
    [again] = send_payouts(NOW)
    assert int(again.id[-3:]) == int(left[-3:]) + 1


def test_four_runs_at_once_put_each_payout_into_one_file(unique: str) -> None:
    ids = []
    for number in range(50):
        party = f"customer/{unique}{number}"
        give_money(party, 10_000)
        verify_account(party, NOW)
        ids.append(take_out(f"{unique}{number}", 100).id)

    def run(_: int) -> None:
        with contextlib.suppress(Conflict):  # another run is at it
            send_payouts(NOW)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))
    send_payouts(NOW)
    files = {get_payout(each).file for each in ids}
    listed = [payout.id for file in files for page in pages_of(get_bank_file(file)) for payout in page]
    assert sorted(each for each in listed if each in ids) == sorted(ids)
    assert {get_payout(each).state for each in ids} == {"sent"}


def paid_in_euros() -> list[Paid]:
    destination = DestinationItem.document.of(
        "d1", "store/a", "Müller & Söhne", "DE89370400440532013000", "COBADEFFXXX", "verified", "o", "now"
    )
    payout = Payout("p1", "store/a", "store/a", 27_050, "EUR", "d1", "s1", "now")
    return [Paid(payout, destination), Paid(replace(payout, id="p2", amount_minor=1), destination)]


def test_euros_are_paid_by_a_valid_pain_001_that_is_the_same_whenever_it_is_written() -> None:
    euro, terms = Currency("EUR", 1), PayoutTerms(0, "Mart Union", "NL91ABNA0417164300", "ABNANL2A")
    file = BankFile("2026-11-22.001", "2026-11-22", "closed", "2026-11-22T04:00:00.000Z", terms, 1, 2, 27_051)
    written = write_bank_file(file, paid_in_euros(), euro)
    assert written == write_bank_file(file, paid_in_euros(), euro)
    root = ElementTree.fromstring(written.text)
    space = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"}
    assert [each.text for each in root.iterfind(".//p:EndToEndId", space)] == ["p1", "p2"]
    assert [each.text for each in root.iterfind(".//p:InstdAmt", space)] == ["270.50", "0.01"]
    assert root.findtext(".//p:GrpHdr/p:MsgId", namespaces=space) == "2026-11-22.001"
    assert root.findtext(".//p:GrpHdr/p:CtrlSum", namespaces=space) == "270.51"
    assert root.findtext(".//p:Cdtr/p:Nm", namespaces=space) == "Muller & Sohne"


def test_euros_are_not_paid_from_nowhere_nor_by_an_invalid_file() -> None:
    file = BankFile("2026-11-22.001", "2026-11-22", "closed", "2026-11-22T04:00:00.000Z", PayoutTerms())
    with pytest.raises(RuleViolation, match="the account that it pays from"):
        write_bank_file(file, paid_in_euros(), Currency("EUR", 1))
    bad = replace(file, terms=PayoutTerms(0, "Mart Union", "no iban"))
    with pytest.raises(Exception, match="validation errors"):
        write_bank_file(bad, paid_in_euros(), Currency("EUR", 1))


class Transfers:
    """Stripe's transfers, whose keys it has forgotten by the next call."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def create(self, **facts: Any) -> None:
        self.made.append(facts)

    def find(self, *, transfer_group: str, limit: int) -> list[dict[str, Any]]:
        return [each for each in self.made if each["transfer_group"] == transfer_group][:limit]


def test_stripe_transfers_are_made_once_though_keys_are_forgotten_and_none_when_an_account_is_missing() -> None:
    stripe = Transfers()
    file = BankFile("f", "2026-11-22", "closed", "now", PayoutTerms())
    channel = StripeTransfers(stripe.create, stripe.find, {"d1": "acct_1"})
    channel.deliver(file, paid_in_euros()[:1])
    channel.deliver(file, paid_in_euros())
    channel.deliver(file, paid_in_euros())
    assert [(each["idempotency_key"], each["amount"], each["destination"]) for each in stripe.made] == [
        ("p1", 27_050, "acct_1"),
        ("p2", 1, "acct_1"),
    ]
    with pytest.raises(RuleViolation):
        StripeTransfers(stripe.create, stripe.find, {}).deliver(file, paid_in_euros())
    assert len(stripe.made) == 2


@pytest.mark.parametrize(("currency", "minor", "amount"), [("ISK", 500, 50_000), ("UGX", 7, 700), ("KRW", 9, 9)])
def test_stripe_transfers_are_in_stripes_units(currency: str, minor: int, amount: int) -> None:
    stripe = Transfers()
    file = BankFile("f", "2026-11-22", "closed", "now", PayoutTerms())
    [first, _] = paid_in_euros()
    paid = [replace(first, payout=replace(first.payout, currency=currency, amount_minor=minor))]
    StripeTransfers(stripe.create, stripe.find, {"d1": "acct_1"}).deliver(file, paid)
    assert [each["amount"] for each in stripe.made] == [amount]


def test_what_stripe_cannot_transfer_exactly_is_rejected_before_a_file_takes_it() -> None:
    file = BankFile("f", "2026-11-22", "closed", "now", PayoutTerms())
    [first, second] = paid_in_euros()
    odd = replace(first, payout=replace(first.payout, currency="KWD", amount_minor=5))
    stripe = Transfers()
    channel = StripeTransfers(stripe.create, stripe.find, {"d1": "acct_1"})
    assert channel.unfit(file, [odd, second]) == [odd]
    with pytest.raises(NotChargeable):
        channel.deliver(file, [second, odd])
    assert stripe.made == []


def test_a_file_that_was_cut_off_long_ago_is_brought_to_its_end(unique: str) -> None:
    party = f"store/{unique}"
    long_ago = NOW - timedelta(days=150)
    payout = Payout(f"old-{unique}", party, party, 700, "TWD", verify_account(party, long_ago), party, iso(long_ago))
    pay_out(payout, "test", long_ago, lambda _: None)
    file = begin_bank_file(f"{long_ago:%Y-%m-%d}", get_terms(), long_ago)
    collect(file, [payout])
    sent = send_payouts(NOW)
    assert file.id in {each.id for each in sent}
    assert get_payout(payout.id).state == "sent"
    assert file.id not in {each.id for each in send_payouts(NOW)}


def test_what_the_bank_reports_is_compared_with_what_was_posted(unique: str) -> None:
    day, yesterday = "2026-11-22", (NOW - timedelta(days=1)).date().isoformat()
    entries = [ReportEntry(f"{unique}-1", "received", 500), ReportEntry("nobody", "sent", 700)]
    keep_bank_report(f"r-{unique}", day, entries, NOW)
    keep_bank_report(f"r-{unique}", day, entries, NOW)
    with pytest.raises(KeyReused):
        keep_bank_report(f"r-{unique}", day, entries[:1], NOW)
    for day_named, wrong in (
        ("2026-13-01", entries),
        ("2027-01-01", entries),
        (yesterday, [ReportEntry("a", "lost", 1)]),
    ):
        with pytest.raises(Invalid):
            keep_bank_report("r-wrong", day_named, wrong, NOW)
    books = Books(Ledger(reports=whole_ledger().reports))
    found = {each.subject: each.detail for each in check_reports(books)}
    assert found == {
        f"report/bank/{day}/{unique}-1": "the provider has received 500, 0 were posted",
        f"report/bank/{day}/nobody": "the provider has sent 700, 0 were posted",
    }
