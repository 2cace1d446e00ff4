"""Payouts that no bank file can hold: refused where they begin, and never in the way of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from mart_union.customers.destinations import get_destination
from mart_union.customers.model import DestinationFields, checked_destination
from mart_union.customers.tables import DestinationItem, destination_key
from mart_union.kernel.bucket import get_object, put_object
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import Currency
from mart_union.ledger.bank_files import list_bank_files
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import BankFile, PayoutTerms
from mart_union.ledger.payouts import get_payout, list_ready
from mart_union.ledger.service import get_balance
from mart_union.settlement.bank_formats import Paid, unfit, write_bank_file
from mart_union.settlement.channels import BankFiles
from mart_union.settlement.payouts import send_payouts
from mart_union.settlement.statements import list_statements, settle_party
from tests.services.buckets import own_bucket
from tests.services.market import give_money
from tests.services.settling import due_on, settled_differences, verify_account
from tests.services.test_payouts import take_out
from tests.services.test_settlement import owe, terms

NOW = datetime(2027, 5, 3, 4, 0, tzinfo=UTC)
EURO = Currency("EUR", 1)
IBAN = "DE89370400440532013000"
PAYS = PayoutTerms(0, "Mart Union", "NL91ABNA0417164300", "ABNANL2A")
SPACE = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"}


@pytest.fixture(scope="module", autouse=True)
def bucket(tables: None) -> Iterator[None]:
    with own_bucket():
        send_payouts(NOW)  # what other modules left
        yield
        assert settled_differences() == []


class EuroFiles(BankFiles):
    """Bank files as a union of the euro writes them; deliveries of some files fail."""

    def __init__(self, *broken: str) -> None:
        self.broken = broken

    def unfit(self, file: BankFile, paid: Sequence[Paid]) -> list[Paid]:
        return unfit(file, paid, EURO)

    def deliver(self, file: BankFile, paid: Sequence[Paid]) -> None:
        if file.id in self.broken:
            raise OSError("the bucket does not answer")
        written = write_bank_file(file, paid, EURO)
        put_object(file.key, written.text, written.media_type)


def store_holder(party: str, holder: str) -> None:
    """A verified account as an older release let it in."""
    item = DestinationItem.get(*destination_key(party))
    old = item.document
    for key in (destination_key(party), destination_key(party, old.id)):
        stored = DestinationItem.get(*key)
        stored.update([DestinationItem.document.set(replace(old, holder=holder))])


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (DestinationFields("☃", IBAN), ["holder"]),
        (DestinationFields("Lin\u0001", IBAN), ["holder"]),
        (DestinationFields("Lin", IBAN, "822"), ["bank"]),
        (DestinationFields("Lin", IBAN, "COBADE0OXXX"), ["bank"]),
        (DestinationFields("\u0007", "DE00", "x"), ["holder", "account", "bank"]),
    ],
)
def test_what_the_schema_of_euro_payments_refuses_is_refused_by_its_field_when_it_is_set(
    fields: DestinationFields, wrong: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        checked_destination(fields, "EUR")
    errors: list[dict[str, str]] = refused.value.facts["errors"]  # type: ignore[assignment]
    assert [each["field"] for each in errors] == wrong


def test_a_holder_in_another_script_and_a_bic_are_taken() -> None:
    fields = DestinationFields("林小姐", IBAN, "cobadeffxxx")
    assert checked_destination(fields, "EUR") == DestinationFields("林小姐", IBAN, "COBADEFFXXX")


def test_a_payout_that_no_file_can_hold_goes_back_to_its_party_and_the_others_are_paid(unique: str) -> None:
    """Both of a statement and of a withdrawal; the account is paid no more until another is verified."""
    good, bad, customer = f"store/{unique}-good", f"store/{unique}-bad", f"customer/{unique}"
    for party in (good, bad):
        owe(party, "2027-05-03", 1_000)
        verify_account(party, NOW, IBAN)
    give_money(customer, 5_000)
    verify_account(customer, NOW, IBAN)
    withdrawal = take_out(unique, 2_000).id
    for party in (bad, customer):
        store_holder(party, "☃")
    settled = {found.party: settle_party(found, NOW).statement for found in due_on("2027-05-03")}
    with terms(PAYS):
        [file] = send_payouts(NOW, EuroFiles())
        assert send_payouts(NOW, EuroFiles()) == []
    assert (file.payouts, file.total_minor) == (1, 1_000)
    root = ElementTree.fromstring(get_object(file.key))
    made = settled[good]
    assert made is not None
    assert [each.text for each in root.iterfind(".//p:EndToEndId", SPACE)] == [made.payout]
    [paid], [returned] = list_statements(good), list_statements(bad)
    assert (paid.state, returned.state) == ("paid", "returned")
    for payout in (withdrawal, returned.payout):
        assert (get_payout(payout).state, get_payout(payout).reason, get_payout(payout).file) == (
            "rejected",
            "FORMAT",
            "",
        )
    assert get_balance(customer).balance_minor == 5_000
    assert {get_destination(party).state for party in (bad, customer)} == {"failed"}
    assert [payout.id for payout in list_ready()] == []
    owed = [each for each in whole_ledger().payables if each.party == bad and not each.statement]
    assert [(each.kind, each.amount_minor) for each in owed] == [("returned_payout", 1_000)]


def test_a_file_that_cannot_be_finished_holds_up_no_other(unique: str) -> None:
    customer = f"customer/{unique}"
    give_money(customer, 5_000)
    verify_account(customer, NOW, IBAN)
    day = NOW + timedelta(days=3)
    with terms(PAYS):
        take_out(unique, 1_000, "first")
        broken = f"{day.date()}.001"
        with pytest.raises(OSError, match="does not answer"):
            send_payouts(day, EuroFiles(broken))
        take_out(unique, 500, "second")
        with pytest.raises(OSError, match="does not answer"):
            send_payouts(day, EuroFiles(broken))
        states = {file.id: file.state for file in list_bank_files("2027-05") if file.day == f"{day.date()}"}
        assert states == {broken: "closed", f"{day.date()}.002": "sent"}
        assert get_payout(f"second-{unique}").state == "sent"
        [finished] = send_payouts(day, EuroFiles())
    assert (finished.id, finished.state) == (broken, "sent")
    assert get_payout(f"first-{unique}").state == "sent"
